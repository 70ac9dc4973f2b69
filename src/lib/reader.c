#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fields.h"
#include "header.h"
#include "marks.h"
#include "plain.h"
#include "reader.h"

const struct reading as_it_is = { ANY_FORMAT, '\0', { NULL, 0, 0 }, NULL };

static void
read_header(struct reader *reader)
{
	const enum kind kind = reader->kind;
	struct slice line;

	csv_open(&reader->csv);
	if (!lines_next(&reader->lines, &line))
		die("%s: file is empty (expected %s)", reader->lines.name, header_kind(kind));
	header_read(reader, line, reader->how->own);
}

void
reader_open(struct reader *reader, const char *path, enum kind kind, const struct reading *how,
    struct problems *problems, struct out *rejects)
{
	*reader = (struct reader){ .kind = kind, .format = how->format, .separator = how->delimiter, .how = how, .problems = problems,
	    .rejects = rejects, .last = UINT64_MAX };
	lines_open(&reader->lines, path);
	read_header(reader);
}

void
reader_open_growing(struct reader *reader, const char *path, enum kind kind, struct problems *problems,
    bool (*wait)(void *, const struct lines *), void *context)
{
	*reader = (struct reader){ .kind = kind, .how = &as_it_is, .problems = problems, .last = UINT64_MAX };
	lines_open(&reader->lines, path);
	reader->lines.wait = wait;
	reader->lines.wait_context = context;
	read_header(reader);
}

struct reader *
readers_open(char *const *paths, int *count, enum kind kind, const struct reading *how,
    struct problems *problems, struct out *rejects)
{
	static char *const standard_input[] = { "-" };
	struct reader *readers;

	if (*count == 0) {
		paths = standard_input;
		*count = 1;
	}
	readers = new_array((size_t)*count, sizeof *readers);
	for (int i = 0; i < *count; i++)
		reader_open(&readers[i], paths[i], kind, how, problems, rejects);
	return readers;
}

void
readers_refuse_output(const struct reader *readers, int count, const char *path)
{
	struct stat output, input;

	if (path == NULL || stat(path, &output) == -1 || !S_ISREG(output.st_mode))
		return;
	for (int i = 0; i < count; i++)
		if (fstat(readers[i].lines.fd, &input) == 0 && input.st_dev == output.st_dev && input.st_ino == output.st_ino)
			die("%s: is also an input file", path);
}

void
reader_reject(struct reader *reader, const char *format, ...)
{
	char reason[1024], last[24];
	const char *again;
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof reason, format, args);
	va_end(args);
	again = header_again(reader);
	snprintf(last, sizeof last, "-%" PRIu64, reader->lines.next - 1);
	if (reader->problems != NULL)
		problem(reader->problems, "%s:%" PRIu64 "%s: %s", reader->lines.name, reader->lines.number,
		    reader->lines.next - 1 > reader->lines.number ? last : "", again != NULL ? again : reason);
	if (reader->rejects != NULL)
		out_slice(reader->rejects, reader->raw);
}

/* The number of bytes of a value that a message quotes. */
static int
shown(struct slice value)
{
	return value.len < 100 ? (int)value.len : 100;
}

/* What a value that is not a bigint looks like. */
enum look { LOOKS_NULL, LOOKS_QUOTED_NULL, LOOKS_DECIMAL, LOOKS_ROUNDED, LOOKS_GROUPED, LOOKS };

static const char *const hints[LOOKS] = {
	[LOOKS_NULL] = "if this means NULL, use --null ",	/* followed by the value, in quotes */
	[LOOKS_QUOTED_NULL] = "Miller quotes COPY's NULL; use --null \"'\\N'\"",
	[LOOKS_DECIMAL] = "it has a decimal point; pandas writes ids this way if some are missing",
	[LOOKS_ROUNDED] = "a spreadsheet wrote it this way and may have rounded it; export it as a whole number",
	[LOOKS_GROUPED] = "it has thousands separators; export it without them",
};

/* LOOKS if it looks like none of them. */
static enum look
look_of(struct slice value)
{
	static const char *const nulls[] = { "", "NULL", "null", "(null)", "[NULL]", "\\N", "NaN", "nan", "None", "none" };
	size_t digits = 0, points = 0, commas = 0, exponents = 0;

	for (size_t i = 0; i < sizeof nulls / sizeof nulls[0]; i++)
		if (slice_is(value, nulls[i]))
			return LOOKS_NULL;
	if (slice_is(value, "'\\N'"))
		return LOOKS_QUOTED_NULL;
	for (size_t i = 0; i < value.len; i++) {
		digits += value.ptr[i] >= '0' && value.ptr[i] <= '9';
		points += value.ptr[i] == '.';
		commas += value.ptr[i] == ',';
		exponents += i > 0 && (value.ptr[i] == 'E' || value.ptr[i] == 'e' || value.ptr[i] == '+');
	}
	if (digits > 1 && exponents > 0 && digits + points + exponents == value.len)
		return LOOKS_ROUNDED;
	if (digits > 1 && points == 1 && digits + points == value.len)
		return LOOKS_DECIMAL;
	if (digits > 1 && commas > 0 && digits + commas == value.len)
		return LOOKS_GROUPED;
	return LOOKS;
}

void
reader_reject_bigint(struct reader *reader, enum column column)
{
	const struct slice value = reader->field[column];
	enum look look;

	if (value.ptr == NULL) {
		reader_reject(reader, "%s is NULL", header_column(column));
		return;
	}
	look = look_of(value);
	if (look <= LOOKS_QUOTED_NULL && !header_may_be_csv(reader->kind))
		look = LOOKS;	/* there is no --null for it */
	if (look < LOOKS && (reader->hinted & 1u << look) == 0) {
		const char *quote = look == LOOKS_NULL ? "'" : "";

		reader->hinted |= 1u << look;
		reader_reject(reader, "%s is not a decimal integer in bigint range: '%.*s' (%s%s%.*s%s)", header_column(column), shown(value),
		    value.ptr, hints[look], quote, look == LOOKS_NULL ? shown(value) : 0, value.ptr, quote);
	} else {
		reader_reject(reader, "%s is not a decimal integer in bigint range: '%.*s'", header_column(column), shown(value), value.ptr);
	}
}

int
reader_find_model(struct reader *reader, const struct models *models)
{
	struct slice name = reader->field[MODEL];
	int model = models_find(models, name);

	if (model == -1) {
		reader_reject(reader, "unknown model: %.*s", shown(name), name.ptr != NULL ? name.ptr : "");
		return -1;
	}
	reader->last_model = model;
	reader->last_name = models->model[model].name;
	return model;
}

static bool
is_blank(struct slice line)
{
	return slice_is(line, "\n") || slice_is(line, "\r\n");
}

_Static_assert((int)MARKS_STEP <= (int)LINES_SLACK, "marks_find reads bytes after the data");

/* Reads the next line; false at the end. Sets *marked if its marks could be found. */
static bool
next_line(struct reader *reader, struct marks *marks, bool *marked)
{
	const bool csv = reader->format == CSV_FORMAT;
	const char separator = reader->separator, special = csv ? '"' : '\\';
	size_t len = marks_find(marks, lines_ahead(&reader->lines), separator, special);

	*marked = len > 0;
	if (*marked) {
		lines_take(&reader->lines, len, &reader->raw);
		return true;
	}
	if (!lines_next(&reader->lines, &reader->raw))
		return false;
	*marked = marks_find(marks, reader->raw, separator, special) > 0;
	return true;
}

bool
reader_next(struct reader *reader)
{
	struct marks marks;
	bool marked;

	while (reader->lines.next <= reader->last && next_line(reader, &marks, &marked)) {
		const char *fault;

		if (reader->format == CSV_FORMAT && is_blank(reader->raw))
			continue;
		fault = NULL;
		reader->plain = marked && plain_read(reader, &marks);
		if (!reader->plain) {
			reader->count = reader->seen = 0;
			fault = reader->format == CSV_FORMAT ? fields_read_csv(reader) : fields_read_text(reader);
		}
		if (fault == NULL && reader->count == reader->width)
			return true;
		if (fault == NULL)
			reader_reject(reader, "expected %zu fields, found %zu", reader->width, reader->count);
		else
			reader_reject(reader, "%s", fault);
		if (fault == reader->csv.message && reader->kind == COHORT_DUMP)
			die("%s: the quotes decide what the rest means, so this file is not used", reader->lines.name);
	}
	return false;
}

uint64_t
reader_count(struct reader *reader)
{
	struct slice line;
	uint64_t count = 0;

	while (lines_next(&reader->lines, &line))
		count++;
	if (!reader_rewind(reader))
		die("%s: cannot be read twice: it is not a file", reader->lines.name);
	return count;
}

void
reader_limit(struct reader *reader, uint64_t first, uint64_t end)
{
	struct slice line;

	while (first > 0 && lines_next(&reader->lines, &line))
		first--;
	reader->last = end + 1;	/* the header is line 1, and record 0 line 2 */
}

bool
reader_rewind(struct reader *reader)
{
	struct slice header;

	reader->hinted = 0;
	return lines_rewind(&reader->lines) && lines_next(&reader->lines, &header);
}

void
reader_close(struct reader *reader)
{
	csv_close(&reader->csv);
	buffer_free(&reader->scratch);
	buffer_free(&reader->header);
	lines_close(&reader->lines);
}
