#include <string.h>

#include "copytext.h"
#include "fields.h"

static bool
is_wanted(const struct reader *reader, size_t index)
{
	return reader->seen < reader->wanted_count && reader->wanted[reader->seen].index == index;
}

bool
fields_is_null_word(const struct reading *how, struct slice value)
{
	const struct buffer *nulls = &how->nulls;

	for (size_t i = 0; i < nulls->len; i += strlen(nulls->ptr + i) + 1)
		if (slice_is(value, nulls->ptr + i))
			return true;
	return false;
}

static void
set_field(struct reader *reader, enum column column, struct slice value)
{
	if (fields_is_null_word(reader->how, value))
		value = (struct slice){ NULL, 0 };
	reader->field[column] = value;
}

const char *
fields_read_text(struct reader *reader)
{
	struct slice rest = reader->raw, field;
	const char *fault;

	if (rest.ptr[rest.len - 1] != '\n')
		return "incomplete record (no newline at the end)";
	rest.len--;
	if (reader->crlf && (rest.len == 0 || rest.ptr[rest.len - 1] != '\r'))
		return "record ends with a newline, but the header with carriage return and newline";
	rest.len -= reader->crlf;
	fault = copytext_fault(rest);
	if (fault != NULL)
		return fault;
	reader->scratch.len = 0;
	buffer_reserve(&reader->scratch, rest.len);
	for (; copytext_field(&rest, &field); reader->count++)
		if (is_wanted(reader, reader->count))
			set_field(reader, reader->wanted[reader->seen++].column, copytext_decode(field, &reader->scratch));
	return NULL;
}

static void
csv_field(void *context, size_t index, struct slice value)
{
	struct reader *reader = context;
	enum column column;

	reader->count = index + 1;
	if (!is_wanted(reader, index))
		return;
	column = reader->wanted[reader->seen++].column;
	reader->offset[column] = reader->scratch.len;
	set_field(reader, column, value);
	buffer_append(&reader->scratch, value.ptr, value.len);
}

/*
 * Whether a last record without a newline may be incomplete. It is not if it ends with a quote, and it does not matter in a
 * column that is not used: other programs write such files.
 */
static bool
may_be_cut_off(const struct reader *reader)
{
	const char last = reader->raw.ptr[reader->raw.len - 1];

	return last != '\n' && last != '"'
	    && reader->wanted[reader->wanted_count - 1].index == reader->count - 1;
}

const char *
fields_read_csv(struct reader *reader)
{
	const char *fault;

	reader->scratch.len = 0;
	buffer_reserve(&reader->scratch, reader->raw.len);	/* an empty field must not point to NULL */
	fault = csv_record(&reader->csv, &reader->lines, &reader->raw, csv_field, reader);
	if (fault == NULL && may_be_cut_off(reader))
		fault = "possibly incomplete record (no newline after a value that is used)";
	if (fault == NULL)
		fault = text_fault(reader->raw);
	/* From here on scratch does not move. */
	for (size_t i = 0; i < reader->seen; i++) {
		enum column column = reader->wanted[i].column;

		if (reader->field[column].ptr != NULL)
			reader->field[column].ptr = reader->scratch.ptr + reader->offset[column];
	}
	return fault;
}

