#include <string.h>

#include "fields.h"
#include "plain.h"

/* Whether the backslash at an offset of a text record begins a field that is \N and nothing else. */
static bool
is_null_field(struct slice record, size_t offset)
{
	const char *s = record.ptr + offset, *end = record.ptr + record.len;

	return (offset == 0 || s[-1] == '\t') && end - s >= 2 && s[1] == 'N' && (end - s == 2 || s[2] == '\t');
}

/* Whether nothing in the record needs decoding: CSV without quotes, or text without escapes other than \N. */
static bool
needs_no_decoding(struct slice record, const struct marks *marks, bool csv)
{
	if (csv)
		return marks->specials == 0;
	for (size_t i = 0; i < marks->specials; i++)
		if (!is_null_field(record, marks->special[i]))
			return false;
	return true;
}

bool
plain_read(struct reader *reader, struct marks *marks)
{
	const bool csv = reader->format == CSV_FORMAT, has_null_words = reader->how->nulls.len > 0;
	const size_t wanted_count = reader->wanted_count;
	struct slice record = reader->raw;

	record.len -= (csv || reader->crlf) && record.len > 1 && record.ptr[record.len - 2] == '\r' ? 2 : 1;
	if (reader->crlf && record.len == reader->raw.len - 1)
		return false;	/* the line end differs from the header's */
	if (!needs_no_decoding(record, marks, csv))
		return false;
	if (marks->odd < record.len && (text_fault(record) != NULL || memchr(record.ptr, '\r', record.len) != NULL))
		return false;
	reader->count = marks->separators + 1;
	if (reader->count != reader->width)
		return true;
	marks->separator[marks->separators] = record.len;
	for (size_t i = 0; i < wanted_count; i++) {
		size_t index = reader->wanted[i].index;
		size_t begin = index > 0 ? marks->separator[index - 1] + 1 : 0;
		struct slice field = { record.ptr + begin, marks->separator[index] - begin };

		if (csv ? field.len == 0 : field.len == 2 && *field.ptr == '\\')
			field = (struct slice){ NULL, 0 };
		if (has_null_words && fields_is_null_word(reader->how, field))
			field = (struct slice){ NULL, 0 };
		reader->field[reader->wanted[i].column] = field;
	}
	return true;
}

