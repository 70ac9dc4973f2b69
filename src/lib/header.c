#include <stdlib.h>

#include "copytext.h"
#include "header.h"

static const char *const column_names[COLUMNS] = {
	"status", "model", "id", "cohort_id", "cohort", "syllabus_id", "syllabus", "detail", "rows"
};

/* What each kind is called, its columns in the order in which we write them, and whether it may be CSV. */
static const struct {
	const char *name;
	size_t count;
	enum column columns[COLUMNS];
	bool csv;
} kinds[KINDS] = {
	[ROWS] = { "rows", 4, { MODEL, ID, COHORT_ID, SYLLABUS_ID }, true },
	[ROWS_OF_ONE_MODEL] = { "rows", 3, { ID, COHORT_ID, SYLLABUS_ID }, true },
	[COHORT_DUMP] = { "a cohort dump", 4, { COHORT_ID, COHORT, SYLLABUS_ID, SYLLABUS }, true },
	[CANDIDATES] = { "candidates", 3, { MODEL, ID, COHORT_ID }, false },
	[PLAN] = { "a plan", 6, { MODEL, ID, COHORT_ID, COHORT, SYLLABUS_ID, SYLLABUS }, false },
	[RECEIPTS] = { "receipts", 8, { STATUS, MODEL, ID, COHORT_ID, COHORT, SYLLABUS_ID, SYLLABUS, DETAIL }, false },
	[WAITING] = { "a count", 6, { MODEL, COHORT_ID, COHORT, SYLLABUS_ID, SYLLABUS, ROWS_WAITING }, false },
	[TO_REPORT] = { "a plan or receipts", 0, { 0 }, false },
};

const char *
header_kind(enum kind kind)
{
	return kinds[kind].name;
}

const char *
header_column(enum column column)
{
	return column_names[column];
}

void
header_put(struct out *out, enum kind kind)
{
	for (size_t i = 0; i < kinds[kind].count; i++) {
		out_string(out, i > 0 ? "\t" : "");
		out_string(out, column_names[kinds[kind].columns[i]]);
	}
	out_string(out, "\n");
}

static void
header_field(void *context, size_t index, struct slice name)
{
	struct reader *reader = context;

	reader->width = index + 1;
	for (enum column column = 0; column < COLUMNS; column++) {
		if (!slice_is(name, column_names[column]))
			continue;
		if (reader->has[column])
			die("%s:1: column %s stands twice in the header", reader->lines.name, column_names[column]);
		reader->has[column] = true;
		reader->wanted[reader->wanted_count].index = index;
		reader->wanted[reader->wanted_count++].column = column;
	}
}

/* Whether the header is the one that we write for a kind: nothing more or less, in this order. */
static bool
is_header_of(const struct reader *reader, enum kind kind)
{
	if (reader->width == 0 || reader->width != kinds[kind].count || reader->wanted_count != kinds[kind].count)
		return false;
	for (size_t i = 0; i < reader->wanted_count; i++)
		if (reader->wanted[i].column != kinds[kind].columns[i])
			return false;
	return true;
}

static bool
same_kind(enum kind a, enum kind b)
{
	return strcmp(kinds[a].name, kinds[b].name) == 0;
}

static void
check_kind(const struct reader *reader)
{
	const char *file = reader->lines.name, *wanted = kinds[reader->kind].name;

	for (enum kind kind = 0; kind < KINDS; kind++)
		if (!same_kind(kind, reader->kind) && is_header_of(reader, kind))
			die("%s:1: this is the header of %s, not of %s", file, kinds[kind].name, wanted);
	if (reader->kind == PLAN && reader->has[STATUS])
		die("%s:1: it has a column status, so this is no plan, but receipts", file);
	for (size_t i = 0; i < kinds[reader->kind].count; i++) {
		enum column column = kinds[reader->kind].columns[i];

		if (reader->has[column])
			continue;
		if (reader->kind == ROWS && column == MODEL)
			die("%s:1: column model is missing: name it with --model NAME", file);
		die("%s:1: column %s is missing, so this is not %s", file, column_names[column], wanted);
	}
}

static enum format
guess_format(struct slice line, const char *file)
{
	if (memchr(line.ptr, '\t', line.len) != NULL)
		return TEXT_FORMAT;
	if (memchr(line.ptr, ',', line.len) != NULL)
		return CSV_FORMAT;
	die("%s:1: no header: a line of column names, separated by TABs or commas, must come first", file);
}

static const char byte_order_mark[] = { '\xef', '\xbb', '\xbf' };

static bool
has_byte_order_mark(struct slice line)
{
	return line.len >= sizeof byte_order_mark && memcmp(line.ptr, byte_order_mark, sizeof byte_order_mark) == 0;
}

static void
read_text_header(struct reader *reader, struct slice line)
{
	const char *file = reader->lines.name, *fault;
	struct slice field;
	size_t index = 0;

	if (line.ptr[line.len - 1] != '\n')
		die("%s:1: the header is cut off: no newline at its end", file);
	line.len--;
	fault = copytext_fault(line);
	if (fault == NULL && has_byte_order_mark(line))
		fault = "a byte-order mark, which only CSV may have";
	if (fault != NULL)
		die("%s:1: the header is malformed: %s", file, fault);
	while (copytext_field(&line, &field))
		header_field(reader, index++, field);
}

static void
read_csv_header(struct reader *reader, struct slice line)
{
	const char *fault = csv_record(&reader->csv, &reader->lines, &line, header_field, reader);

	if (fault == NULL)
		fault = text_fault(line);
	if (fault != NULL)
		die("%s:1: the header is malformed: %s", reader->lines.name, fault);
}

void
header_read(struct reader *reader, struct slice line)
{
	const enum kind kind = reader->kind;

	if (reader->format == ANY_FORMAT)
		reader->format = guess_format(line, reader->lines.name);
	if (reader->format == CSV_FORMAT && !kinds[kind].csv)
		die("%s:1: %s must be in the text format, with TABs", reader->lines.name, kinds[kind].name);
	if (reader->format == CSV_FORMAT) {
		if (has_byte_order_mark(line))
			lines_skip(&reader->lines, &line, sizeof byte_order_mark);
		read_csv_header(reader, line);
	} else {
		read_text_header(reader, line);
	}
	if (kind == TO_REPORT)
		reader->kind = reader->has[STATUS] ? RECEIPTS : reader->has[ROWS_WAITING] && !reader->has[ID] ? WAITING : PLAN;
	check_kind(reader);
	reader->ours = is_header_of(reader, reader->kind);
}
