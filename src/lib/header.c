#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "copytext.h"
#include "header.h"

static const char *const column_names[COLUMNS] = {
	"status", "model", "id", "cohort_id", "cohort", "syllabus_id", "syllabus", "detail", "rows"
};

/* The name of each kind, its columns in the order in which we write them, and whether it may be CSV. */
static const struct {
	const char *name;
	size_t count;
	enum column columns[COLUMNS];
	bool csv;
} kinds[KINDS] = {
	[ROWS] = { "a file of rows", 4, { MODEL, ID, COHORT_ID, SYLLABUS_ID }, true },
	[ROWS_OF_ONE_MODEL] = { "a file of rows", 3, { ID, COHORT_ID, SYLLABUS_ID }, true },
	[COHORT_DUMP] = { "a cohort dump", 4, { COHORT_ID, COHORT, SYLLABUS_ID, SYLLABUS }, true },
	[CANDIDATES] = { "a file of candidates", 3, { MODEL, ID, COHORT_ID }, false },
	[PLAN] = { "a plan", 6, { MODEL, ID, COHORT_ID, COHORT, SYLLABUS_ID, SYLLABUS }, false },
	[RECEIPTS] = { "a file of receipts", 8, { STATUS, MODEL, ID, COHORT_ID, COHORT, SYLLABUS_ID, SYLLABUS, DETAIL }, false },
	[WAITING] = { "a count", 6, { MODEL, COHORT_ID, COHORT, SYLLABUS_ID, SYLLABUS, ROWS_WAITING }, false },
	[TO_REPORT] = { "a plan or receipts", 0, { 0 }, false },
};

bool
header_may_be_csv(enum kind kind)
{
	return kinds[kind].csv;
}

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

/* ---- the format of the file ---- */

/* The line without its newline or CRLF. */
static struct slice
without_end(struct slice line)
{
	if (line.len > 0 && line.ptr[line.len - 1] == '\n')
		line.len--;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

static bool
begins_with(struct slice line, const char *bytes, size_t len)
{
	return line.len >= len && memcmp(line.ptr, bytes, len) == 0;
}

/* What iconv calls the encoding of a file that is in UTF-16, else NULL. iconv needs the byte order only if no mark shows it. */
static const char *
utf_16(struct slice line)
{
	if (begins_with(line, "\xff\xfe", 2) || begins_with(line, "\xfe\xff", 2))
		return "UTF-16";
	if (line.len < 2 || (line.ptr[0] == '\0') == (line.ptr[1] == '\0'))
		return NULL;
	return line.ptr[0] == '\0' ? "UTF-16BE" : "UTF-16LE";
}

/* Dies if the file is compressed or in UTF-16, judging by its first bytes. */
static void
refuse_foreign(struct slice line, const char *file)
{
	const char *encoding = utf_16(line);

	if (encoding != NULL)
		die("%s: file is in %s; convert it with: iconv -f %s -t UTF-8", file, encoding, encoding);
	if (begins_with(line, "\x1f\x8b", 2))
		die("%s: file is compressed; decompress it with: gzip -dc", file);
	if (begins_with(line, "PK\x03\x04", 4))
		die("%s: file is a zip archive or a spreadsheet (.xlsx); unpack it, or save the sheet as CSV", file);
}

/* The separator in a header: a TAB if there is one outside quotes, else the first comma or semicolon; '\0' if none. */
static char
first_separator(struct slice line)
{
	bool quoted = false, semicolon = false, comma = false;

	for (size_t i = 0; i < line.len; i++) {
		quoted = quoted != (line.ptr[i] == '"');
		if (!quoted && line.ptr[i] == '\t')
			return '\t';
		semicolon = semicolon || (!quoted && !comma && line.ptr[i] == ';');
		comma = comma || (!quoted && !semicolon && line.ptr[i] == ',');
	}
	return semicolon ? ';' : comma ? ',' : '\0';
}

/* Whether the file is in text format, by the options and the first separator in its header. */
static bool
is_text(const struct reader *reader, char first)
{
	return reader->separator == '\0' && (reader->format == TEXT_FORMAT || (reader->format == ANY_FORMAT && first == '\t'));
}

static void
choose_format(struct reader *reader, struct slice line)
{
	const char first = first_separator(line);

	if (is_text(reader, first)) {
		reader->format = TEXT_FORMAT;
		reader->separator = '\t';
	} else if (reader->separator != '\0') {
		reader->format = CSV_FORMAT;
	} else if (reader->format == ANY_FORMAT && first == '\0') {
		die("%s:%" PRIu64 ": no header (the first line must name the columns, separated by TABs, commas or semicolons)",
		    reader->lines.name, reader->lines.number);
	} else {
		reader->format = CSV_FORMAT;
		reader->separator = first == ';' ? ';' : ',';
	}
}

static const char byte_order_mark[] = { '\xef', '\xbb', '\xbf' };

/* ---- its columns ---- */

/* Where a name appears first, and how often. */
struct place {
	size_t index;
	size_t times;
};

/* The names in a header, while it is read. */
struct names {
	const struct model *own;		/* its table's names are accepted, too; NULL: none */
	size_t width;
	struct place as_ours[COLUMNS];		/* by the names in fb-records(5) */
	struct place as_own[COLUMNS];		/* by the names in the model's table */
	struct buffer shown;			/* all names, for a message */
};

/* Whether a quoted SQL identifier is this name. */
static bool
identifier_is(const char *identifier, struct slice name)
{
	const char *s = identifier + 1;
	size_t i = 0;

	for (; s[0] != '"' || s[1] == '"'; s++, i++) {
		s += s[0] == '"';
		if (i == name.len || name.ptr[i] != s[0])
			return false;
	}
	return i == name.len;
}

static void
note_place(struct place *place, size_t index)
{
	if (place->times++ == 0)
		place->index = index;
}

static void
take_name(void *context, size_t index, struct slice name)
{
	struct names *names = context;

	names->width = index + 1;
	if (name.ptr == NULL)
		name = slice_of("");
	for (enum column column = 0; column < COLUMNS; column++)
		if (slice_is(name, column_names[column]))
			note_place(&names->as_ours[column], index);
	if (names->own != NULL) {
		if (identifier_is(names->own->id, name))
			note_place(&names->as_own[ID], index);
		if (identifier_is(names->own->cohort_id, name))
			note_place(&names->as_own[COHORT_ID], index);
		if (identifier_is(names->own->syllabus_id, name))
			note_place(&names->as_own[SYLLABUS_ID], index);
	}
	if (names->shown.len < 500) {
		buffer_append(&names->shown, index > 0 ? ", '" : "'", index > 0 ? 3 : 1);
		buffer_append(&names->shown, name.ptr, name.len);
		buffer_append(&names->shown, "'", 1);
	}
}

static bool
has_column(enum kind kind, enum column column)
{
	for (size_t i = 0; i < kinds[kind].count; i++)
		if (kinds[kind].columns[i] == column)
			return true;
	return false;
}

/* Fills `wanted` with the known columns, in the order of the file. */
static void
choose_columns(struct reader *reader, const struct names *names)
{
	const bool own = names->own != NULL && names->as_ours[MODEL].times == 0;

	reader->width = names->width;
	for (enum column column = 0; column < COLUMNS; column++) {
		const struct place *place = own && names->as_own[column].times > 0 ? &names->as_own[column] : &names->as_ours[column];
		size_t at = reader->wanted_count;

		if (place->times > 1 && (column == MODEL || has_column(reader->kind, column)))
			die("%s:%" PRIu64 ": column %s appears twice in the header", reader->lines.name, reader->lines.number, column_names[column]);
		if (place->times != 1)
			continue;
		reader->has[column] = true;
		for (; at > 0 && reader->wanted[at - 1].index > place->index; at--)
			reader->wanted[at] = reader->wanted[at - 1];
		reader->wanted[at].index = place->index;
		reader->wanted[at].column = column;
		reader->wanted_count++;
	}
}

/* Whether the header is exactly the one that we write for a kind. */
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
check_kind(const struct reader *reader, const struct names *names)
{
	const char *file = reader->lines.name, *wanted = kinds[reader->kind].name;
	const uint64_t line = reader->lines.number;

	for (enum kind kind = 0; kind < KINDS; kind++)
		if (!same_kind(kind, reader->kind) && is_header_of(reader, kind))
			die("%s:%" PRIu64 ": this is %s, not %s", file, line, kinds[kind].name, wanted);
	if (reader->kind == PLAN && reader->has[STATUS])
		die("%s:%" PRIu64 ": this is a file of receipts, not a plan: it has a status column", file, line);
	for (size_t i = 0; i < kinds[reader->kind].count; i++) {
		enum column column = kinds[reader->kind].columns[i];

		if (reader->has[column])
			continue;
		if (reader->kind == ROWS && column == MODEL)
			die("%s:%" PRIu64 ": column model is missing; name the model with --model NAME", file, line);
		die("%s:%" PRIu64 ": column %s is missing, so this is not %s; the header has %.*s", file, line, column_names[column], wanted,
		    (int)names->shown.len, names->shown.ptr);
	}
}

static void
read_text_names(struct reader *reader, struct slice line, struct names *names)
{
	const char *file = reader->lines.name, *fault;
	struct slice field;
	size_t index = 0;

	if (line.ptr[line.len - 1] != '\n')
		die("%s:1: incomplete header (no newline at the end)", file);
	reader->crlf = line.len >= 2 && line.ptr[line.len - 2] == '\r';
	line = without_end(line);
	fault = copytext_fault(line);
	if (fault == NULL && begins_with(line, byte_order_mark, sizeof byte_order_mark))
		fault = "byte-order mark (allowed in CSV only)";
	if (fault != NULL)
		die("%s:1: malformed header: %s", file, fault);
	while (copytext_field(&line, &field))
		take_name(names, index++, field);
}

/* Extends *line if the header spans several lines. */
static void
read_csv_names(struct reader *reader, struct slice *line, struct names *names)
{
	const char *fault;

	csv_separate(&reader->csv, reader->separator);
	fault = csv_record(&reader->csv, &reader->lines, line, take_name, names);
	if (fault == NULL)
		fault = text_fault(*line);
	if (fault != NULL)
		die("%s:%" PRIu64 ": malformed header: %s", reader->lines.name, reader->lines.number, fault);
}

/* Whether the line sets the delimiter, as Excel writes it: sep=; */
static bool
says_delimiter(struct slice line)
{
	line = without_end(line);
	return line.len == 5 && begins_with(line, "sep=", 4);
}

void
header_read(struct reader *reader, struct slice line, const struct model *own)
{
	const enum kind kind = reader->kind;
	struct names names = { .own = own };

	refuse_foreign(line, reader->lines.name);
	if (begins_with(line, byte_order_mark, sizeof byte_order_mark) && !is_text(reader, first_separator(line)))
		lines_skip(&reader->lines, &line, sizeof byte_order_mark);
	if (reader->format != TEXT_FORMAT && reader->separator == '\0' && says_delimiter(line)) {
		reader->separator = line.ptr[4];
		if (!lines_next(&reader->lines, &line))
			die("%s: no header after the first line", reader->lines.name);
	}
	choose_format(reader, line);
	if (reader->format == CSV_FORMAT && !header_may_be_csv(kind))
		die("%s:%" PRIu64 ": %s must be in text format, separated by TABs", reader->lines.name, reader->lines.number, kinds[kind].name);
	if (reader->format == CSV_FORMAT)
		read_csv_names(reader, &line, &names);
	else
		read_text_names(reader, line, &names);
	choose_columns(reader, &names);
	if (kind == TO_REPORT)
		reader->kind = reader->has[STATUS] ? RECEIPTS : reader->has[ROWS_WAITING] && !reader->has[ID] ? WAITING : PLAN;
	check_kind(reader, &names);
	reader->ours = is_header_of(reader, reader->kind) && !reader->crlf;
	line = without_end(line);
	buffer_append(&reader->header, line.ptr, line.len);
	buffer_free(&names.shown);
}

/* ---- lines that are not records ---- */

/* Takes the next name, without its quotes, off a line that may be a header. */
static bool
take_next(struct slice *rest, char separator, struct slice *name)
{
	const char *end;

	if (rest->ptr == NULL)
		return false;
	end = rest->len > 0 ? memchr(rest->ptr, separator, rest->len) : NULL;
	*name = (struct slice){ rest->ptr, end != NULL ? (size_t)(end - rest->ptr) : rest->len };
	*rest = end != NULL ? (struct slice){ end + 1, rest->len - name->len - 1 } : (struct slice){ NULL, 0 };
	if (name->len >= 2 && name->ptr[0] == '"' && name->ptr[name->len - 1] == '"')
		*name = (struct slice){ name->ptr + 1, name->len - 2 };
	return true;
}

/* Whether a line names all columns of a kind. */
static bool
names_all(struct slice line, char separator, enum kind kind)
{
	size_t found = 0;

	for (size_t i = 0; i < kinds[kind].count; i++) {
		struct slice rest = line, name;
		bool named = false;

		while (take_next(&rest, separator, &name))
			named = named || slice_is(name, column_names[kinds[kind].columns[i]]);
		found += named;
	}
	return found == kinds[kind].count && found > 0;
}

/* Whether the line is psql's row count, such as (12 rows). */
static bool
is_footer(struct slice line)
{
	size_t at = 1;

	if (line.len == 0 || line.ptr[0] != '(')
		return false;
	while (at < line.len && line.ptr[at] >= '0' && line.ptr[at] <= '9')
		at++;
	line = (struct slice){ line.ptr + at, line.len - at };
	return at > 1 && (slice_is(line, " rows)") || slice_is(line, " row)"));
}

const char *
header_again(const struct reader *reader)
{
	const struct slice line = without_end(reader->raw);

	if (slice_equal(line, (struct slice){ reader->header.ptr, reader->header.len }))
		return "repeated header, ignored";
	if (slice_is(line, "\x1a"))
		return "DOS end-of-file mark (0x1a), ignored";
	if (is_footer(line))
		return "row count written by psql, ignored (COPY and psql --csv do not write one)";
	for (enum kind kind = 0; kind < KINDS; kind++)
		if (names_all(line, reader->separator, kind))
			die("%s:%" PRIu64 ": a different header (other columns, or another order); nothing from this line on is used",
			    reader->lines.name, reader->lines.number);
	return NULL;
}
