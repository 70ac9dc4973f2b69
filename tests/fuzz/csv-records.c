/*
 * Compares the record reader, on CSV, with a plain reading of the same bytes by libcsv.
 *
 * Input: two bytes that say how it is read, then the file. The readings are the same record by record
 * up to the first fault, and there is one for the reader if there is one for libcsv. Faults are:
 *
 *   - libcsv in strict mode stops: an unexpected quote, or an unterminated one;
 *   - a carriage return ends a record, but its line continues. libcsv would continue with the next
 *     record; the reader rejects the line.
 *
 * The reader also rejects records of libcsv that are not text (NUL, invalid UTF-8), or whose number of
 * fields differs from the header's. libcsv ignores a last line that has only carriage returns; the reader
 * rejects it. After a fault the reader continues with the next line, while libcsv stops, so there is nothing
 * to compare. But every byte of the file is in an accepted record, a rejected record, or a blank line.
 */
#include "naive.h"
#include "system.h"
#include "lib/reader.h"

const char program_name[] = "fuzz";

/* Of the first byte. */
enum { CHUNK = 0x0f, KIND = 0x30, KIND_SHIFT = 4, MARK = 0x40, OUR_HEADER = 0x80 };
/* Of the second, the options: --delimiter, and --null "" --null NULL. */
enum { DELIMITER = 0x03, NULLS = 0x04 };

static const char delimiters[] = { ',', ';', '|', '\t' };
static const char null_words[] = "\0NULL";

static const struct {
	enum kind kind;
	const char *header;
} files[4] = {
	{ ROWS, "model,id,cohort_id,syllabus_id\n" },
	{ ROWS_OF_ONE_MODEL, "id,note,cohort_id,,syllabus_id\r\n" },
	{ COHORT_DUMP, "cohort_id,cohort,syllabus_id,syllabus\n" },
	{ COHORT_DUMP, "\"a\nb\",syllabus_id,\"cohort\",cohort_id,syllabus\r\n" },
};

static const char *const names[COLUMNS] = {
	"status", "model", "id", "cohort_id", "cohort", "syllabus_id", "syllabus", "detail", "rows"
};

/* ---- libcsv's reading ---- */

enum { MAX = NAIVE_MAX };

struct parsed {
	struct {
		bool is_null;
		size_t begin, len;	/* in bytes */
	} field[MAX + 2];
	size_t fields;
	struct {
		size_t field;		/* its first */
		size_t count;
		size_t end;		/* offset in the file after its last byte, but before the newline of a CRLF */
	} record[MAX + 1];
	size_t records;
	char bytes[MAX];
	size_t used;
	size_t at;			/* the byte of the file that is read */
	bool stopped;			/* at a fault */
};

static void
take_field(void *value, size_t len, void *context)
{
	struct parsed *reading = context;

	CHECK(reading->fields < MAX + 2 && reading->used + len <= MAX);
	reading->field[reading->fields].is_null = value == NULL;
	reading->field[reading->fields].begin = reading->used;
	reading->field[reading->fields++].len = len;
	if (len > 0)
		memcpy(reading->bytes + reading->used, value, len);
	reading->used += len;
	reading->record[reading->records].count++;
}

static void
take_record(int terminator, void *context)
{
	struct parsed *reading = context;

	(void)terminator;
	reading->record[reading->records].end = reading->at;
	reading->records++;
	reading->record[reading->records].field = reading->fields;
	reading->record[reading->records].count = 0;
}

static int
no_space(unsigned char c)
{
	(void)c;
	return 0;
}

/* Reads the file in steps of this many bytes. The ends of records are known only with steps of one. */
static void
read_by_libcsv(struct parsed *reading, const char *file, size_t len, char delimiter, size_t step)
{
	struct csv_parser parser;
	size_t n;

	reading->fields = reading->records = reading->used = reading->at = 0;
	reading->record[0].field = reading->record[0].count = 0;
	reading->stopped = false;
	CHECK(csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL) == 0);
	csv_set_delim(&parser, (unsigned char)delimiter);
	csv_set_space_func(&parser, no_space);
	for (size_t at = 0; at < len && !reading->stopped; at += n) {
		n = len - at < step ? len - at : step;
		reading->at = at + n;
		reading->stopped = csv_parse(&parser, file + at, n, take_field, take_record, reading) != n;
	}
	if (!reading->stopped)
		reading->stopped = csv_fini(&parser, take_field, take_record, reading) != 0;
	csv_free(&parser);
}

static bool
same_reading(const struct parsed *a, const struct parsed *b)
{
	if (a->stopped != b->stopped || a->records != b->records || a->fields != b->fields || a->used != b->used
	    || memcmp(a->bytes, b->bytes, a->used) != 0 || memcmp(a->field, b->field, a->fields * sizeof *a->field) != 0)
		return false;
	for (size_t i = 0; i < a->records; i++)
		if (a->record[i].count != b->record[i].count)
			return false;
	return true;
}

/* ---- what the reader must do ---- */

struct expected {
	const char *file;
	size_t len;
	const struct parsed *reading;
	size_t next;		/* record of the reading */
	size_t at;		/* where its lines begin */
	size_t place[COLUMNS];	/* in the header, from 1; 0: missing */
	size_t width;
	bool nulls;		/* as of the option */
	bool fault;		/* came to one */
	struct fuzz_bytes rejects;
	unsigned long rejected;
};

static bool
is_line_end(char c)
{
	return c == '\r' || c == '\n';
}

static void
skip_blank_lines(const struct expected *expected, size_t *at)
{
	for (;;) {
		if (*at < expected->len && expected->file[*at] == '\n')
			*at += 1;
		else if (*at + 1 < expected->len && memcmp(expected->file + *at, "\r\n", 2) == 0)
			*at += 2;
		else
			return;
	}
}

/* The lines of the next record. False at the end, or at a fault. */
static bool
next_lines(struct expected *expected, struct slice *lines)
{
	const struct parsed *reading = expected->reading;
	size_t begin, end;

	skip_blank_lines(expected, &expected->at);
	if (expected->next == reading->records) {
		expected->fault = reading->stopped;
		return false;
	}
	begin = expected->at;
	end = reading->record[expected->next].end;
	while (end < expected->len && expected->file[end - 1] != '\n') {
		if (!is_line_end(expected->file[end])) {
			expected->fault = true;
			return false;
		}
		end++;
	}
	*lines = (struct slice){ expected->file + begin, end - begin };
	expected->at = end;
	expected->next++;
	return true;
}

static bool
is_used(enum kind kind, int column)
{
	if (column == COHORT_ID || column == SYLLABUS_ID)
		return true;
	if (kind == COHORT_DUMP)
		return column == COHORT || column == SYLLABUS;
	return column == ID || (kind == ROWS && column == MODEL);
}

/* Reads the header. False if it must be refused. */
static bool
expect_header(struct expected *expected, enum kind kind)
{
	const struct parsed *reading = expected->reading;
	size_t times[COLUMNS] = { 0 };
	struct slice lines;

	if (!next_lines(expected, &lines) || !naive_is_text(lines.ptr, lines.len))
		return false;
	expected->width = reading->record[0].count;
	for (size_t i = 0; i < expected->width; i++) {
		for (int column = 0; column < COLUMNS; column++) {
			if (reading->field[i].is_null || reading->field[i].len != strlen(names[column])
			    || memcmp(reading->bytes + reading->field[i].begin, names[column], reading->field[i].len) != 0)
				continue;
			times[column]++;
			expected->place[column] = i + 1;
		}
	}
	/* A column that is not used may appear twice, and then counts as missing. */
	for (int column = 0; column < COLUMNS; column++) {
		if (times[column] > 1 && is_used(kind, column))
			return false;
		if (times[column] > 1)
			expected->place[column] = 0;
	}
	if (expected->place[COHORT_ID] == 0 || expected->place[SYLLABUS_ID] == 0)
		return false;
	if (kind == COHORT_DUMP)
		return expected->place[COHORT] > 0 && expected->place[SYLLABUS] > 0;
	return expected->place[ID] > 0 && (kind == ROWS_OF_ONE_MODEL || expected->place[MODEL] > 0);
}

/* Whether a last record without newline may be incomplete: its last field is unquoted, and is used. */
static bool
may_be_cut_off(const struct expected *expected, struct slice lines)
{
	const char last = lines.ptr[lines.len - 1];
	const size_t count = expected->reading->record[expected->next - 1].count;

	if (last == '\n' || last == '"')
		return false;
	for (int column = 0; column < COLUMNS; column++)
		if (expected->place[column] == count)
			return true;
	return false;
}

/* The next record to be accepted; keeps those before it as rejects. False at the end, or at a fault. */
static bool
expect_record(struct expected *expected, struct slice *lines)
{
	while (next_lines(expected, lines)) {
		if (naive_is_text(lines->ptr, lines->len)
		    && expected->reading->record[expected->next - 1].count == expected->width && !may_be_cut_off(expected, *lines))
			return true;
		fuzz_append(&expected->rejects, lines->ptr, lines->len);
		expected->rejected++;
	}
	if (!expected->fault && expected->at < expected->len) {	/* carriage returns alone */
		fuzz_append(&expected->rejects, expected->file + expected->at, expected->len - expected->at);
		expected->rejected++;
		expected->at = expected->len;
	}
	return false;
}

static bool
is_null_word(const char *bytes, size_t len)
{
	return len == 0 || (len == 4 && memcmp(bytes, "NULL", len) == 0);
}

static void
check_fields(const struct expected *expected, const struct reader *reader)
{
	const struct parsed *reading = expected->reading;
	size_t first = reading->record[expected->next - 1].field;

	for (int column = 0; column < COLUMNS; column++) {
		struct slice value = reader->field[column];
		size_t i = first + expected->place[column] - 1;

		if (expected->place[column] == 0)
			continue;
		if (reading->field[i].is_null || (expected->nulls && is_null_word(reading->bytes + reading->field[i].begin, reading->field[i].len))) {
			CHECK(value.ptr == NULL);
			continue;
		}
		CHECK(value.ptr != NULL && value.len == reading->field[i].len);
		CHECK(value.len == 0 || memcmp(value.ptr, reading->bytes + reading->field[i].begin, value.len) == 0);
	}
}

/*
 * Moves *at past the bytes of records, and past blank lines before them; checks that they are there. A record
 * that begins with a carriage return cannot be distinguished from a blank line here.
 */
static void
pass_over(const struct expected *expected, size_t *at, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_line_end(bytes[i]))
			skip_blank_lines(expected, at);
		CHECK(*at < expected->len && expected->file[*at] == bytes[i]);
		++*at;
	}
}

/* Whether a line begins with a carriage return and is not blank. */
static bool
begins_with_return(const struct expected *expected)
{
	for (size_t i = 0; i + 1 < expected->len; i++)
		if (expected->file[i] == '\r' && expected->file[i + 1] != '\n' && (i == 0 || expected->file[i - 1] == '\n'))
			return true;
	return expected->len > 0 && expected->file[expected->len - 1] == '\r';
}

struct run {
	struct expected expected;
	size_t which;		/* of files */
	char delimiter;
};

static void
read_file(void *context)
{
	struct run *run = context;
	struct expected *expected = &run->expected;
	struct reading how = { .delimiter = run->delimiter };
	struct problems problems = { 0 };
	static struct out rejects;
	struct reader reader;
	struct slice lines;
	size_t at, seen = 0;
	bool comparing = true, passing = !begins_with_return(expected);

	if (expected->nulls)
		buffer_append(&how.nulls, null_words, sizeof null_words);
	rejects = (struct out){ .fd = FUZZ_REJECTS, .name = "rejects" };
	reader_open(&reader, "file", files[run->which].kind, &how, &problems, &rejects);
	CHECK(expect_header(expected, files[run->which].kind));
	at = expected->at;
	while (reader_next(&reader)) {
		if (passing) {
			pass_over(expected, &at, rejects.bytes + seen, rejects.len - seen);
			pass_over(expected, &at, reader.raw.ptr, reader.raw.len);
			seen = rejects.len;
		}
		comparing = comparing && expect_record(expected, &lines);
		CHECK(comparing || expected->fault);
		if (!comparing)
			continue;
		CHECK(reader.raw.len == lines.len && memcmp(reader.raw.ptr, lines.ptr, lines.len) == 0);
		check_fields(expected, &reader);
	}
	if (passing) {
		pass_over(expected, &at, rejects.bytes + seen, rejects.len - seen);
		skip_blank_lines(expected, &at);
		CHECK(at == expected->len);
	}
	CHECK(!comparing || !expect_record(expected, &lines));
	CHECK(expected->fault ? problems.count > expected->rejected : problems.count == expected->rejected);
	CHECK(rejects.len >= expected->rejects.len);
	CHECK(expected->rejects.len == 0 || memcmp(rejects.bytes, expected->rejects.ptr, expected->rejects.len) == 0);
	CHECK(expected->fault || rejects.len == expected->rejects.len);
	reader_close(&reader);
	buffer_free(&how.nulls);
}

void
fuzz_one(const char *input, size_t len)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	static struct parsed reading, at_once;
	static struct fuzz_bytes file, rejects;
	struct run run = { 0 };
	unsigned char how, options;
	size_t skipped;
	bool returned, quotes;

	if (len < 2 || len > NAIVE_MAX / 2)
		return;
	how = (unsigned char)input[0];
	options = (unsigned char)input[1];
	run.delimiter = delimiters[options & DELIMITER];
	run.which = (how & KIND) >> KIND_SHIFT;
	file.len = rejects.len = 0;
	if (how & MARK)
		fuzz_append(&file, byte_order_mark, 3);
	if (how & OUR_HEADER)
		for (const char *c = files[run.which].header; *c != '\0'; c++)
			fuzz_append(&file, *c == ',' ? &run.delimiter : c, 1);
	fuzz_append(&file, input + 2, len - 2);
	skipped = file.len >= 3 && memcmp(file.ptr, byte_order_mark, 3) == 0 ? 3 : 0;

	read_by_libcsv(&reading, file.ptr + skipped, file.len - skipped, run.delimiter, 1);
	read_by_libcsv(&at_once, file.ptr + skipped, file.len - skipped, run.delimiter, MAX);
	CHECK(same_reading(&reading, &at_once));

	run.expected = (struct expected){ .file = file.ptr + skipped, .len = file.len - skipped, .reading = &reading, .rejects = rejects,
	    .nulls = (options & NULLS) != 0 };
	fuzz_begin(file.ptr, file.len, how & CHUNK);
	returned = fuzz_run(read_file, &run);
	rejects = run.expected.rejects;
	/* A quote at the wrong place in a dump. A carriage return alone may put libcsv, which goes on, and us at different places. */
	quotes = files[run.which].kind == COHORT_DUMP && (reading.stopped || memchr(file.ptr, '\r', file.len) != NULL);
	CHECK(returned || !(how & OUR_HEADER) || quotes || naive_has_another_header(file.ptr, file.len));
	fuzz_end();
}
