#include "copytext.h"
#include "fields.h"

static bool
is_wanted(const struct reader *reader, size_t index)
{
	return reader->seen < reader->wanted_count && reader->wanted[reader->seen].index == index;
}

const char *
fields_read_text(struct reader *reader)
{
	struct slice rest = reader->raw, field;
	const char *fault;

	if (rest.ptr[rest.len - 1] != '\n')
		return "cut off: no newline at its end";
	rest.len--;
	fault = copytext_fault(rest);
	if (fault != NULL)
		return fault;
	reader->scratch.len = 0;
	buffer_reserve(&reader->scratch, rest.len);
	for (; copytext_field(&rest, &field); reader->count++)
		if (is_wanted(reader, reader->count))
			reader->field[reader->wanted[reader->seen++].column] = copytext_decode(field, &reader->scratch);
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
	reader->field[column] = value;
	buffer_append(&reader->scratch, value.ptr, value.len);
}

const char *
fields_read_csv(struct reader *reader)
{
	const char *fault;

	reader->scratch.len = 0;
	buffer_reserve(&reader->scratch, reader->raw.len);	/* an empty field must not point to NULL */
	fault = csv_record(&reader->csv, &reader->lines, &reader->raw, csv_field, reader);
	if (fault == NULL)
		fault = text_fault(reader->raw);
	/* Only now does scratch stand still. */
	for (size_t i = 0; i < reader->seen; i++) {
		enum column column = reader->wanted[i].column;

		if (reader->field[column].ptr != NULL)
			reader->field[column].ptr = reader->scratch.ptr + reader->offset[column];
	}
	return fault;
}

