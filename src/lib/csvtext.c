#include <inttypes.h>
#include <stdio.h>

#include "csvtext.h"
#include "error.h"

enum { FIELD_STEP = 1024 * 1024 };

/* What libcsv's callbacks need for one record. */
struct record {
	csv_field_function *field;
	void *context;
	size_t index;
	bool ended;
	bool more_after_end;	/* a carriage return without newline ended the record inside the line */
};

static int
not_a_space(unsigned char c)
{
	(void)c;
	return 0;
}

static void
begin_parser(struct csv *csv)
{
	if (csv_init(&csv->parser, CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL) != 0)
		die("could not initialize libcsv");
	csv_set_space_func(&csv->parser, not_a_space);	/* by default libcsv strips blanks */
	csv_set_blk_size(&csv->parser, FIELD_STEP);	/* by default 128 bytes: minutes for an unclosed quote */
	csv_set_delim(&csv->parser, (unsigned char)csv->delimiter);
}

void
csv_separate(struct csv *csv, char delimiter)
{
	csv->delimiter = delimiter;
	csv_set_delim(&csv->parser, (unsigned char)delimiter);
}

void
csv_open(struct csv *csv)
{
	csv->escape_told = false;
	csv->delimiter = ',';
	begin_parser(csv);
}

static void
end_field(void *value, size_t len, void *arg)
{
	struct record *record = arg;

	if (record->ended) {
		record->more_after_end = true;
		return;
	}
	record->field(record->context, record->index++, (struct slice){ value, len });
}

static void
end_record(int terminator, void *arg)
{
	struct record *record = arg;

	(void)terminator;
	record->ended = true;
}

/* After a fault, the parser is in the middle of something. */
static void
begin_again(struct csv *csv)
{
	csv_free(&csv->parser);
	begin_parser(csv);
}

/* Appends "; N lines are not used" if there are several. */
static void
put_lines_lost(struct csv *csv, const struct lines *lines, size_t len)
{
	const uint64_t count = lines->next - lines->number;

	if (count > 1)
		snprintf(csv->message + len, sizeof csv->message - len, "; %" PRIu64 " lines are not used", count);
}

/*
 * Describes why libcsv stopped `at` bytes into the record: a quote inside an unquoted field, or something after the quote
 * that ends a field. The field began on line `began`.
 */
static const char *
describe_quote(struct csv *csv, const struct lines *lines, struct slice record, size_t at, uint64_t began)
{
	const bool is_quote = record.ptr[at] == '"';
	const size_t quote = is_quote ? at : at - 1;	/* not the first byte, or it would be valid */
	size_t len = 0;

	len += (size_t)snprintf(csv->message, sizeof csv->message, "unexpected quote");
	if (lines->next - 1 > lines->number)
		len += (size_t)snprintf(csv->message + len, sizeof csv->message - len, " on line %" PRIu64
		    ", in a field that begins on line %" PRIu64 ", before '%.*s'", lines->next - 1, began,
		    (int)(record.len - quote - 1 < 10 ? record.len - quote - 1 : 10), record.ptr + quote + 1);
	if (!csv->escape_told && record.ptr[quote - 1] == '\\') {
		csv->escape_told = true;
		len += (size_t)snprintf(csv->message + len, sizeof csv->message - len,
		    " (escaped by a backslash; CSV doubles a quote instead, so change how the file is written)");
	}
	put_lines_lost(csv, lines, len);
	return csv->message;
}

/* Describes what is wrong when the file ends inside quotes. */
static const char *
describe_open_quote(struct csv *csv, const struct lines *lines, uint64_t began)
{
	size_t len = (size_t)snprintf(csv->message, sizeof csv->message, "unterminated quoted field");

	if (began > lines->number)
		len += (size_t)snprintf(csv->message + len, sizeof csv->message - len, "; it begins on line %" PRIu64, began);
	put_lines_lost(csv, lines, len);
	return csv->message;
}

const char *
csv_record(struct csv *csv, struct lines *lines, struct slice *line, csv_field_function *field, void *context)
{
	static const char lone_return[] = "carriage return without newline outside quotes";
	struct record record = { .field = field, .context = context };
	const char *fault = NULL;
	uint64_t began = lines->number;	/* the line on which the current field began */
	size_t parsed = 0;

	while (!record.ended) {
		const size_t left = line->len - parsed, fields = record.index;
		const size_t taken = csv_parse(&csv->parser, line->ptr + parsed, left, end_field, end_record, &record);

		if (taken != left) {
			if (csv->parser.status != CSV_EPARSE)
				die("out of memory");
			fault = describe_quote(csv, lines, *line, parsed + taken, began);
			break;
		}
		if (record.index > fields)
			began = lines->next - 1;
		parsed = line->len;
		if (!record.ended && !lines_extend(lines, line))
			break;
	}
	/* Ends a last record without newline, and a field that began after a lone carriage return. */
	if (fault == NULL) {
		if (csv_fini(&csv->parser, end_field, end_record, &record) != 0)
			fault = record.ended ? lone_return : describe_open_quote(csv, lines, began);
		else if (record.more_after_end)
			fault = lone_return;
	}
	if (fault != NULL)
		begin_again(csv);
	return fault;
}

void
csv_close(struct csv *csv)
{
	csv_free(&csv->parser);
}
