#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "copytext.h"
#include "marks.h"
#include "table.h"

static const char *const column_names[COLUMNS] = {
	"status", "model", "id", "cohort_id", "cohort", "syllabus_id", "syllabus", "detail"
};

/* What each kind is called, whether it may be CSV, and its columns in the order in which we write them. */
static const struct {
	const char *name;
	bool csv;
	size_t count;
	enum column columns[COLUMNS];
} kinds[KINDS] = {
	[ROWS] = { "rows", true, 4, { MODEL, ID, COHORT_ID, SYLLABUS_ID } },
	[ROWS_OF_ONE_MODEL] = { "rows", true, 3, { ID, COHORT_ID, SYLLABUS_ID } },
	[COHORT_DUMP] = { "a cohort dump", true, 4, { COHORT_ID, COHORT, SYLLABUS_ID, SYLLABUS } },
	[CANDIDATES] = { "candidates", false, 3, { MODEL, ID, COHORT_ID } },
	[PLAN] = { "a plan", false, 6, { MODEL, ID, COHORT_ID, COHORT, SYLLABUS_ID, SYLLABUS } },
	[RECEIPTS] = { "receipts", false, 8, { STATUS, MODEL, ID, COHORT_ID, COHORT, SYLLABUS_ID, SYLLABUS, DETAIL } },
	[PLAN_OR_RECEIPTS] = { "a plan or receipts", false, 0, { 0 } },
};

enum format
table_format(const char *argument)
{
	if (strcmp(argument, "text") == 0)
		return TEXT_FORMAT;
	if (strcmp(argument, "csv") == 0)
		return CSV_FORMAT;
	die_usage("--format: '%s' is neither text nor csv", argument);
}

void
table_put_header(struct out *out, enum kind kind)
{
	for (size_t i = 0; i < kinds[kind].count; i++) {
		out_string(out, i > 0 ? "\t" : "");
		out_string(out, column_names[kinds[kind].columns[i]]);
	}
	out_string(out, "\n");
}

/* ---- the header ---- */

static void
header_field(void *context, size_t index, struct slice name)
{
	struct table *table = context;

	table->width = index + 1;
	for (enum column column = 0; column < COLUMNS; column++) {
		if (!slice_is(name, column_names[column]))
			continue;
		if (table->has[column])
			die("%s:1: column %s stands twice in the header", table->lines.name, column_names[column]);
		table->has[column] = true;
		table->wanted[table->wanted_count].index = index;
		table->wanted[table->wanted_count++].column = column;
	}
}

/* Whether the header is the one that we write for a kind: nothing more or less, in this order. */
static bool
is_header_of(const struct table *table, enum kind kind)
{
	if (table->width == 0 || table->width != kinds[kind].count || table->wanted_count != kinds[kind].count)
		return false;
	for (size_t i = 0; i < table->wanted_count; i++)
		if (table->wanted[i].column != kinds[kind].columns[i])
			return false;
	return true;
}

static bool
same_kind(enum kind a, enum kind b)
{
	return strcmp(kinds[a].name, kinds[b].name) == 0;
}

static void
check_kind(const struct table *table)
{
	const char *file = table->lines.name, *wanted = kinds[table->kind].name;

	for (enum kind kind = 0; kind < KINDS; kind++)
		if (!same_kind(kind, table->kind) && is_header_of(table, kind))
			die("%s:1: this is the header of %s, not of %s", file, kinds[kind].name, wanted);
	if (table->kind == PLAN && table->has[STATUS])
		die("%s:1: it has a column status, so this is no plan, but receipts", file);
	for (size_t i = 0; i < kinds[table->kind].count; i++) {
		enum column column = kinds[table->kind].columns[i];

		if (table->has[column])
			continue;
		if (table->kind == ROWS && column == MODEL)
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
read_text_header(struct table *table, struct slice line)
{
	const char *file = table->lines.name, *fault;
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
		header_field(table, index++, field);
}

static void
read_csv_header(struct table *table, struct slice line)
{
	const char *fault = csv_record(&table->csv, &table->lines, &line, header_field, table);

	if (fault == NULL)
		fault = text_fault(line);
	if (fault != NULL)
		die("%s:1: the header is malformed: %s", table->lines.name, fault);
}

void
table_open(struct table *table, const char *path, enum kind kind, enum format format,
    struct problems *problems, struct out *rejects)
{
	struct slice line;

	*table = (struct table){ .kind = kind, .format = format, .problems = problems, .rejects = rejects };
	lines_open(&table->lines, path);
	csv_open(&table->csv);
	if (!lines_next(&table->lines, &line))
		die("%s: empty: not even a header, so this is not %s", table->lines.name, kinds[kind].name);
	if (format == ANY_FORMAT)
		table->format = guess_format(line, table->lines.name);
	if (table->format == CSV_FORMAT && !kinds[kind].csv)
		die("%s:1: %s must be in the text format, with TABs", table->lines.name, kinds[kind].name);
	if (table->format == CSV_FORMAT) {
		if (has_byte_order_mark(line))
			lines_skip(&table->lines, &line, sizeof byte_order_mark);
		read_csv_header(table, line);
	} else {
		read_text_header(table, line);
	}
	if (kind == PLAN_OR_RECEIPTS)
		table->kind = table->has[STATUS] ? RECEIPTS : PLAN;
	check_kind(table);
	table->ours = is_header_of(table, table->kind);
}

struct table *
tables_open(char *const *paths, int *count, enum kind kind, enum format format,
    struct problems *problems, struct out *rejects)
{
	static char *const standard_input[] = { "-" };
	struct table *tables;

	if (*count == 0) {
		paths = standard_input;
		*count = 1;
	}
	tables = new_array((size_t)*count, sizeof *tables);
	for (int i = 0; i < *count; i++)
		table_open(&tables[i], paths[i], kind, format, problems, rejects);
	return tables;
}

void
tables_refuse_output(const struct table *tables, int count, const char *path)
{
	struct stat output, input;

	if (path == NULL || stat(path, &output) == -1 || !S_ISREG(output.st_mode))
		return;
	for (int i = 0; i < count; i++)
		if (fstat(tables[i].lines.fd, &input) == 0 && input.st_dev == output.st_dev && input.st_ino == output.st_ino)
			die("%s: is read, so nothing can be written to it", path);
}

/* ---- the records ---- */

void
table_reject(struct table *table, const char *format, ...)
{
	char reason[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof reason, format, args);
	va_end(args);
	if (table->problems != NULL)
		problem(table->problems, "%s:%" PRIu64 ": %s", table->lines.name, table->lines.number, reason);
	if (table->rejects != NULL)
		out_slice(table->rejects, table->raw);
}

/* How many bytes of a value a message quotes. */
static int
shown(struct slice value)
{
	return value.len < 100 ? (int)value.len : 100;
}

void
table_reject_bigint(struct table *table, enum column column)
{
	struct slice value = table->field[column];

	if (value.ptr == NULL)
		table_reject(table, "%s is NULL", column_names[column]);
	else
		table_reject(table, "%s is no decimal integer in bigint range: '%.*s'",
		    column_names[column], shown(value), value.ptr);
}

int
table_find_model(struct table *table, const struct models *models)
{
	struct slice name = table->field[MODEL];
	int model = models_find(models, name);

	if (model == -1) {
		table_reject(table, "unknown model: %.*s", shown(name), name.ptr != NULL ? name.ptr : "");
		return -1;
	}
	table->last_model = model;
	table->last_name = models->model[model].name;
	return model;
}

static bool
is_wanted(const struct table *table, size_t index)
{
	return table->seen < table->wanted_count && table->wanted[table->seen].index == index;
}

/* Whether the backslash at an offset of a text record is that of \N, and this is all of its field. */
static bool
is_null_field(struct slice record, size_t offset)
{
	const char *s = record.ptr + offset, *end = record.ptr + record.len;

	return (offset == 0 || s[-1] == '\t') && end - s >= 2 && s[1] == 'N' && (end - s == 2 || s[2] == '\t');
}

/* Whether nothing in the record needs decoding: CSV without quotes, or text without escapes but \N. */
static bool
stands_as_it_is(struct slice record, const struct marks *marks, bool csv)
{
	if (csv)
		return marks->specials == 0;
	for (size_t i = 0; i < marks->specials; i++)
		if (!is_null_field(record, marks->special[i]))
			return false;
	return true;
}

/*
 * Splits a record in which nothing needs decoding but NULL, as most are; the fields are where they stand in
 * the file. False, and nothing done, if it is no such record, or malformed: then the format's own
 * reader, which knows everything, has it.
 */
static bool
read_plain_record(struct table *table, struct marks *marks)
{
	const bool csv = table->format == CSV_FORMAT;
	struct slice record = table->raw;

	record.len -= csv && record.len > 1 && record.ptr[record.len - 2] == '\r' ? 2 : 1;
	if (!stands_as_it_is(record, marks, csv))
		return false;
	if (marks->odd < record.len && (text_fault(record) != NULL || memchr(record.ptr, '\r', record.len) != NULL))
		return false;
	table->count = marks->separators + 1;
	if (table->count != table->width)
		return true;
	marks->separator[marks->separators] = record.len;
	for (size_t i = 0; i < table->wanted_count; i++) {
		size_t index = table->wanted[i].index;
		size_t begin = index > 0 ? marks->separator[index - 1] + 1 : 0;
		struct slice field = { record.ptr + begin, marks->separator[index] - begin };

		if (csv ? field.len == 0 : field.len == 2 && *field.ptr == '\\')
			field = (struct slice){ NULL, 0 };
		table->field[table->wanted[i].column] = field;
	}
	return true;
}

/* Splits and decodes a text record. Returns what is wrong with it, or NULL. */
static const char *
read_text_record(struct table *table)
{
	struct slice rest = table->raw, field;
	const char *fault;

	if (rest.ptr[rest.len - 1] != '\n')
		return "cut off: no newline at its end";
	rest.len--;
	fault = copytext_fault(rest);
	if (fault != NULL)
		return fault;
	table->scratch.len = 0;
	buffer_reserve(&table->scratch, rest.len);
	for (; copytext_field(&rest, &field); table->count++)
		if (is_wanted(table, table->count))
			table->field[table->wanted[table->seen++].column] = copytext_decode(field, &table->scratch);
	return NULL;
}

static void
csv_field(void *context, size_t index, struct slice value)
{
	struct table *table = context;
	enum column column;

	table->count = index + 1;
	if (!is_wanted(table, index))
		return;
	column = table->wanted[table->seen++].column;
	table->offset[column] = table->scratch.len;
	table->field[column] = value;
	buffer_append(&table->scratch, value.ptr, value.len);
}

/* As read_text_record. The record may go on over several lines. */
static const char *
read_csv_record(struct table *table)
{
	const char *fault;

	table->scratch.len = 0;
	buffer_reserve(&table->scratch, table->raw.len);	/* an empty field must not point to NULL */
	fault = csv_record(&table->csv, &table->lines, &table->raw, csv_field, table);
	if (fault == NULL)
		fault = text_fault(table->raw);
	/* Only now does scratch stand still. */
	for (size_t i = 0; i < table->seen; i++) {
		enum column column = table->wanted[i].column;

		if (table->field[column].ptr != NULL)
			table->field[column].ptr = table->scratch.ptr + table->offset[column];
	}
	return fault;
}

static bool
is_blank(struct slice line)
{
	return slice_is(line, "\n") || slice_is(line, "\r\n");
}

_Static_assert((int)MARKS_STEP <= (int)LINES_SLACK, "marks_find looks at bytes behind what was read");

/* Reads the next line, and finds its marks if it can; then *marked is true. False at the end. */
static bool
next_line(struct table *table, struct marks *marks, bool *marked)
{
	const bool csv = table->format == CSV_FORMAT;
	const char separator = csv ? ',' : '\t', special = csv ? '"' : '\\';
	size_t len = marks_find(marks, lines_ahead(&table->lines), separator, special);

	*marked = len > 0;
	if (*marked) {
		lines_take(&table->lines, len, &table->raw);
		return true;
	}
	if (!lines_next(&table->lines, &table->raw))
		return false;
	*marked = marks_find(marks, table->raw, separator, special) > 0;
	return true;
}

bool
table_next(struct table *table)
{
	struct marks marks;
	bool marked;

	while (next_line(table, &marks, &marked)) {
		const char *fault;

		if (table->format == CSV_FORMAT && is_blank(table->raw))
			continue;
		fault = NULL;
		table->plain = marked && read_plain_record(table, &marks);
		if (!table->plain) {
			table->count = table->seen = 0;
			fault = table->format == CSV_FORMAT ? read_csv_record(table) : read_text_record(table);
		}
		if (fault == NULL && table->count == table->width)
			return true;
		if (fault != NULL)
			table_reject(table, "%s", fault);
		else
			table_reject(table, "%zu fields where the header has %zu", table->count, table->width);
	}
	return false;
}

bool
table_rewind(struct table *table)
{
	struct slice header;

	return lines_rewind(&table->lines) && lines_next(&table->lines, &header);
}

void
table_close(struct table *table)
{
	csv_close(&table->csv);
	buffer_free(&table->scratch);
	lines_close(&table->lines);
}
