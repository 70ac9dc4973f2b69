#include "csvtext.h"
#include "error.h"

enum { FIELD_STEP = 1024 * 1024 };

/* What libcsv's callbacks see of one record. */
struct record {
	csv_field_function *field;
	void *context;
	size_t index;
	bool ended;
	bool more_after_end;	/* a carriage return without newline ended the record within the line */
};

static int
not_a_space(unsigned char c)
{
	(void)c;
	return 0;
}

void
csv_open(struct csv *csv)
{
	if (csv_init(&csv->parser, CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL) != 0)
		die("libcsv cannot be initialised");
	csv_set_space_func(&csv->parser, not_a_space);	/* libcsv would strip blanks */
	csv_set_blk_size(&csv->parser, FIELD_STEP);	/* and grow by 128 bytes: minutes for a quote never closed */
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

const char *
csv_record(struct csv *csv, struct lines *lines, struct slice *line, csv_field_function *field, void *context)
{
	static const char lone_return[] = "carriage return without newline outside quotes";
	struct record record = { .field = field, .context = context };
	const char *fault = NULL;
	size_t parsed = 0;

	while (fault == NULL && !record.ended) {
		size_t left = line->len - parsed;

		if (csv_parse(&csv->parser, line->ptr + parsed, left, end_field, end_record, &record) != left) {
			if (csv->parser.status != CSV_EPARSE)
				die("out of memory");
			fault = "a quote where none may stand";
		}
		parsed = line->len;
		if (fault == NULL && !record.ended && !lines_extend(lines, line))
			break;
	}
	/* Ends a last record without newline, and a field that began behind a lone carriage return. */
	if (fault == NULL && csv_fini(&csv->parser, end_field, end_record, &record) != 0)
		fault = record.ended ? lone_return : "cut off: a quoted field never ends";
	if (fault == NULL && record.more_after_end)
		fault = lone_return;
	if (fault != NULL) {	/* then the parser stands in the middle of something */
		csv_close(csv);
		csv_open(csv);
	}
	return fault;
}

void
csv_close(struct csv *csv)
{
	csv_free(&csv->parser);
}
