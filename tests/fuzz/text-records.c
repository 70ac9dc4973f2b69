/*
 * Compares the record reader, on COPY's text format, with the naive reading of the same bytes.
 *
 * Input: two bytes that say how it is read, then the file. Every record that the reader takes has the
 * fields of the naive reading, and survives being encoded and decoded again; what the reader rejects
 * the naive reading rejects, too, and comes out byte for byte; together they are all the lines.
 */
#include "lib/copytext.h"
#include "lib/model.h"
#include "naive.h"
#include "system.h"
#include "lib/reader.h"
#include "lib/text.h"

const char program_name[] = "fuzz";

/* Of the first byte. */
enum { CHUNK = 0x0f, KIND = 0x70, KIND_SHIFT = 4, OUR_HEADER = 0x80 };
/* Of the second: --null "" --null NULL. */
enum { NULLS = 0x01 };

static const char null_words[] = "\0NULL";

static const struct {
	enum kind kind;
	const char *header;
} files[8] = {
	{ ROWS, "model\tid\tcohort_id\tsyllabus_id\n" },
	{ ROWS_OF_ONE_MODEL, "id\tcohort_id\tsyllabus_id\n" },
	{ COHORT_DUMP, "cohort_id\tcohort\tsyllabus_id\tsyllabus\n" },
	{ CANDIDATES, "model\tid\tcohort_id\n" },
	{ PLAN, "model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus\n" },
	{ RECEIPTS, "status\tmodel\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus\tdetail\n" },
	{ PLAN, "note\tsyllabus\tcohort\tid\tx\tmodel\tcohort_id\tsyllabus_id\t\n" },
	{ RECEIPTS, "detail\tstatus\tmodel\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus\tx\n" },
};

static const char *const names[COLUMNS] = {
	"status", "model", "id", "cohort_id", "cohort", "syllabus_id", "syllabus", "detail", "rows"
};

struct header {
	size_t place[COLUMNS];	/* from 1; 0: missing */
	size_t times[COLUMNS];
	size_t width;
	bool crlf;		/* its line ends with CRLF */
};

struct run {
	const char *file;	/* its bytes */
	size_t len;
	size_t at;		/* how far the naive reading has come */
	size_t which;		/* of files */
	bool nulls;		/* as of the option */
	struct header header;
	struct models models;
	struct fuzz_bytes rejects;
	unsigned long rejected;
	unsigned long accepted;
};

/* Takes the next line off the file, without its newline. False at the end. */
static bool
next_line(struct run *run, const char **line, size_t *len, bool *whole)
{
	const char *newline;

	if (run->at == run->len)
		return false;
	*line = run->file + run->at;
	newline = memchr(*line, '\n', run->len - run->at);
	*whole = newline != NULL;
	*len = *whole ? (size_t)(newline - *line) : run->len - run->at;
	run->at += *len + *whole;
	return true;
}

/* Finds the columns in a header line. */
static void
find_columns(const char *line, size_t len, struct header *header)
{
	const char *name = line, *end = line + len;

	for (;;) {
		const char *tab = memchr(name, '\t', (size_t)(end - name));
		size_t name_len = (size_t)((tab != NULL ? tab : end) - name);

		header->width++;
		for (int i = 0; i < COLUMNS; i++) {
			if (strlen(names[i]) != name_len || memcmp(names[i], name, name_len) != 0)
				continue;
			header->times[i]++;
			header->place[i] = header->width;
		}
		if (tab == NULL)
			return;
		name = tab + 1;
	}
}

/* Reads the header naively. False if it must be refused. */
static bool
read_header(struct run *run)
{
	static struct naive_record record;
	const char *line, *ours = files[run->which].header;
	struct header needed = { 0 };
	size_t len;
	bool whole;

	if (!next_line(run, &line, &len, &whole) || !whole)
		return false;
	run->header.crlf = len > 0 && line[len - 1] == '\r';
	len -= run->header.crlf;
	if (!naive_read(&record, line, len))
		return false;
	find_columns(line, len, &run->header);
	find_columns(ours, strlen(ours) - 1, &needed);
	for (int i = 0; i < COLUMNS; i++) {
		if (needed.place[i] > 0 && run->header.times[i] != 1)
			return false;
		if (run->header.times[i] > 1)	/* a column that is not used may appear twice, and then counts as missing */
			run->header.place[i] = 0;
	}
	return true;
}

/* The next record that the naive reading accepts; keeps those before it as rejects. */
static bool
next_record(struct run *run, struct naive_record *record)
{
	const char *line;
	size_t len;
	bool whole;

	while (next_line(run, &line, &len, &whole)) {
		const bool ended = whole && (!run->header.crlf || (len > 0 && line[len - 1] == '\r'));

		if (ended && naive_read(record, line, len - run->header.crlf) && record->count == run->header.width)
			return true;
		fuzz_append(&run->rejects, line, len + whole);
		run->rejected++;
	}
	return false;
}

static void
check_round_trip(struct slice value)
{
	struct buffer encoded = { 0 }, decoded = { 0 };
	struct slice whole, again;

	copytext_append(&encoded, value);
	whole = (struct slice){ encoded.len > 0 ? encoded.ptr : "", encoded.len };
	CHECK(memchr(whole.ptr, '\t', whole.len) == NULL && memchr(whole.ptr, '\n', whole.len) == NULL);
	CHECK(copytext_fault(whole) == NULL);
	buffer_reserve(&decoded, whole.len);
	again = copytext_decode(whole, &decoded);
	CHECK(slice_equal(value, again));
	buffer_free(&encoded);
	buffer_free(&decoded);
}

static void
check_field(struct slice field, const struct naive_field *naive, const struct run *run)
{
	const struct models *models = &run->models;
	const bool is_null = naive->is_null || (run->nulls && (naive->len == 0 || (naive->len == 4 && memcmp(naive->bytes, "NULL", 4) == 0)));
	int64_t number = 0, naive_number = 0;
	bool is_number;

	CHECK((field.ptr == NULL) == is_null);
	check_round_trip(field);
	if (is_null)
		return;
	CHECK(field.len == naive->len && memcmp(field.ptr, naive->bytes, field.len) == 0);
	is_number = text_bigint(field, &number);
	CHECK(is_number == naive_is_bigint(naive->bytes, naive->len, &naive_number));
	CHECK(number == naive_number);
	CHECK((models_find(models, field) == -1) == !(slice_is(field, "answer") || slice_is(field, "review")));
}

static void
read_file(void *context)
{
	static struct naive_record record;
	struct reading how = { .format = TEXT_FORMAT };
	struct run *run = context;
	struct problems problems = { 0 };
	static struct out rejects;
	struct reader reader;

	models_begin(&run->models);
	if (run->nulls)
		buffer_append(&how.nulls, null_words, sizeof null_words);
	rejects = (struct out){ .fd = FUZZ_REJECTS, .name = "rejects" };
	reader_open(&reader, "file", files[run->which].kind, &how, &problems, &rejects);
	CHECK(read_header(run));
	while (reader_next(&reader)) {
		CHECK(next_record(run, &record));
		for (int i = 0; i < COLUMNS; i++)
			if (run->header.place[i] > 0)
				check_field(reader.field[i], &record.field[run->header.place[i] - 1], run);
		run->accepted++;
	}
	CHECK(!next_record(run, &record));
	CHECK(problems.count == run->rejected);
	out_flush(&rejects);
	CHECK(problems_status(&problems) == (run->rejected > 0 ? STATUS_SOME : STATUS_OK));
	reader_close(&reader);
	buffer_free(&how.nulls);
	models_free(&run->models);
}

void
fuzz_one(const char *input, size_t len)
{
	static struct fuzz_bytes file, rejects;
	struct run run = { 0 };
	unsigned char how = len > 0 ? (unsigned char)input[0] : 0;
	bool returned;

	if (len < 2 || len > NAIVE_MAX / 2)
		return;
	run.nulls = ((unsigned char)input[1] & NULLS) != 0;
	file.len = rejects.len = 0;
	run.which = (how & KIND) >> KIND_SHIFT;
	if (how & OUR_HEADER)
		fuzz_append(&file, files[run.which].header, strlen(files[run.which].header));
	fuzz_append(&file, input + 2, len - 2);
	run.file = file.ptr;
	run.len = file.len;
	run.rejects = rejects;
	fuzz_begin(file.ptr, file.len, how & CHUNK);
	returned = fuzz_run(read_file, &run);
	rejects = run.rejects;
	CHECK(returned || !(how & OUR_HEADER) || naive_has_another_header(file.ptr, file.len));
	if (returned) {
		const struct fuzz_bytes *written = fuzz_written(FUZZ_REJECTS);

		CHECK(written->len == rejects.len && (written->len == 0 || memcmp(written->ptr, rejects.ptr, rejects.len) == 0));
	}
	fuzz_end();
}
