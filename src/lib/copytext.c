#include <string.h>

#include "copytext.h"
#include "text.h"

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * Decodes the escape whose backslash is at s; at least one byte must follow it. Returns its
 * length. As in COPY, \x without a digit is x, and a backslash before any other character
 * stands for that character.
 */
static size_t
escape(const char *s, size_t len, char *value)
{
	unsigned number;
	size_t used;

	switch (s[1]) {
	case 'b': *value = '\b'; return 2;
	case 'f': *value = '\f'; return 2;
	case 'n': *value = '\n'; return 2;
	case 'r': *value = '\r'; return 2;
	case 't': *value = '\t'; return 2;
	case 'v': *value = '\v'; return 2;
	case 'x':
		number = 0;
		for (used = 2; used < len && used < 4 && hex_digit(s[used]) >= 0; used++)
			number = number * 16 + (unsigned)hex_digit(s[used]);
		*value = used > 2 ? (char)number : 'x';
		return used;
	default:
		number = 0;
		for (used = 1; used < len && used < 4 && s[used] >= '0' && s[used] <= '7'; used++)
			number = number * 8 + (unsigned)(s[used] - '0');
		*value = used > 1 ? (char)(number & 0xff) : s[1];
		return used > 1 ? used : 2;
	}
}

/* Finds faults in escapes. */
static const char *
escape_fault(struct slice record)
{
	const char *s = record.ptr, *end = record.ptr + record.len;
	bool high = false;	/* an escape stands for a byte that may be part of a character */
	struct buffer decoded = { 0 };
	const char *fault = NULL;

	while ((s = memchr(s, '\\', (size_t)(end - s))) != NULL) {
		char value;
		size_t len;

		if (s + 1 == end)
			return "backslash at the end of the record";
		if (s[1] == '.')
			return "end-of-data marker \\.";
		len = escape(s, (size_t)(end - s), &value);
		if (value == '\0')
			return "escaped NUL byte";
		high = high || (len > 2 && (unsigned char)value >= 0x80);
		s += len;
	}
	if (high) {
		/* An error or a hand-made file: COPY TO never writes such escapes. The fields can be
		 * decoded together, since a TAB always ends a character. */
		buffer_reserve(&decoded, record.len);
		fault = text_fault(copytext_decode(record, &decoded));
		buffer_free(&decoded);
	}
	return fault;
}

const char *
copytext_fault(struct slice record)
{
	const char *fault = text_fault(record);

	if (fault == NULL && memchr(record.ptr, '\r', record.len) != NULL)
		fault = "literal carriage return (write \\r, and end lines with a newline alone)";
	if (fault == NULL && memchr(record.ptr, '\\', record.len) != NULL)
		fault = escape_fault(record);
	return fault;
}

/* Whether `at` follows an odd number of backslashes, which makes it data. */
static bool
is_escaped(const char *begin, const char *at)
{
	const char *s = at;

	while (s > begin && s[-1] == '\\')
		s--;
	return (at - s) % 2 == 1;
}

bool
copytext_field(struct slice *rest, struct slice *field)
{
	const char *end, *tab = rest->ptr;

	if (rest->ptr == NULL)
		return false;
	end = rest->ptr + rest->len;
	while ((tab = memchr(tab, '\t', (size_t)(end - tab))) != NULL && is_escaped(rest->ptr, tab))
		tab++;
	*field = (struct slice){ rest->ptr, (size_t)((tab != NULL ? tab : end) - rest->ptr) };
	*rest = tab != NULL ? (struct slice){ tab + 1, (size_t)(end - tab - 1) } : (struct slice){ 0 };
	return true;
}

struct slice
copytext_decode(struct slice field, struct buffer *scratch)
{
	const char *s = field.ptr, *end = field.ptr + field.len, *backslash;
	size_t begin = scratch->len;

	if (field.len == 2 && s[0] == '\\' && s[1] == 'N')
		return (struct slice){ 0 };
	if (memchr(s, '\\', field.len) == NULL)
		return field;
	while ((backslash = memchr(s, '\\', (size_t)(end - s))) != NULL) {
		char value;

		buffer_append(scratch, s, (size_t)(backslash - s));
		s = backslash + escape(backslash, (size_t)(end - backslash), &value);
		buffer_append(scratch, &value, 1);
	}
	buffer_append(scratch, s, (size_t)(end - s));
	return (struct slice){ scratch->ptr + begin, scratch->len - begin };
}

/* The letter that COPY TO writes after the backslash, or 0 for a byte that is not escaped. */
static char
escape_letter(char c)
{
	switch (c) {
	case '\b': return 'b';
	case '\f': return 'f';
	case '\n': return 'n';
	case '\r': return 'r';
	case '\t': return 't';
	case '\v': return 'v';
	case '\\': return '\\';
	default: return 0;
	}
}

/*
 * Takes the next piece of the encoded value off *value: either a run of bytes that need no escape,
 * or one escape, which is stored in `escaped`. Returns false when nothing is left.
 */
static bool
encode_piece(struct slice *value, char escaped[2], struct slice *piece)
{
	size_t len = 0;

	if (value->len == 0)
		return false;
	while (len < value->len && escape_letter(value->ptr[len]) == 0)
		len++;
	*piece = (struct slice){ value->ptr, len };
	if (len == 0) {
		escaped[0] = '\\';
		escaped[1] = escape_letter(value->ptr[0]);
		*piece = (struct slice){ escaped, 2 };
		len = 1;
	}
	value->ptr += len;
	value->len -= len;
	return true;
}

bool
copytext_is_plain(struct slice value)
{
	for (size_t i = 0; i < value.len; i++)
		if (escape_letter(value.ptr[i]) != 0)
			return false;
	return true;
}

void
copytext_append(struct buffer *buffer, struct slice value)
{
	char escaped[2];
	struct slice piece;

	if (value.ptr == NULL) {
		buffer_append(buffer, "\\N", 2);
		return;
	}
	while (encode_piece(&value, escaped, &piece))
		buffer_append(buffer, piece.ptr, piece.len);
}
