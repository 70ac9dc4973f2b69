#include <string.h>

#include "naive.h"

/* The code point at s and its length; -1 if invalid. */
static long
code_point(const char *bytes, size_t left, size_t *len)
{
	static const struct {
		unsigned mask, lead;
		long least;
	} forms[] = { { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
	const unsigned char *s = (const unsigned char *)bytes;

	for (size_t n = 0; n < 4; n++) {
		long code = s[0] & ~forms[n].mask & 0xff;

		if ((s[0] & forms[n].mask) != forms[n].lead)
			continue;
		if (left < n + 1)
			return -1;
		for (size_t i = 1; i <= n; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return -1;
			code = code * 64 + (s[i] & 0x3f);
		}
		if (code < forms[n].least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return -1;
		*len = n + 1;
		return code;
	}
	return -1;
}

bool
naive_is_text(const char *bytes, size_t len)
{
	size_t step;

	for (size_t i = 0; i < len; i += step)
		if (code_point(bytes + i, len - i, &step) <= 0)
			return false;
	return true;
}

bool
naive_is_harmless(const char *bytes, size_t len)
{
	size_t step;

	if (len > 0 && bytes[len - 1] != '\n')
		return false;
	for (size_t i = 0; i < len; i += step) {
		long code = code_point(bytes + i, len - i, &step);

		if (code == '\n')
			continue;
		if (code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x61c || code == 0x200e || code == 0x200f
		    || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
			return false;
	}
	return true;
}

bool
naive_is_bigint(const char *bytes, size_t len, int64_t *number)
{
	bool negative = len > 0 && bytes[0] == '-';
	const char *limit = negative ? "9223372036854775808" : "9223372036854775807";

	if (len > 0 && (bytes[0] == '-' || bytes[0] == '+'))
		bytes++, len--;
	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (memchr("0123456789", bytes[i], 10) == NULL)
			return false;
	while (len > 1 && bytes[0] == '0')
		bytes++, len--;
	if (len > 19 || (len == 19 && memcmp(bytes, limit, 19) > 0))
		return false;
	*number = 0;
	for (size_t i = 0; i < len; i++)	/* negative, since bigint has one more negative number */
		*number = *number * 10 - (bytes[i] - '0');
	if (!negative)
		*number = -*number;
	return true;
}

static int
digit(char c, int base)
{
	const char *digits = "0123456789abcdef0123456789ABCDEF", *at = memchr(digits, c, 32);
	int value = at == NULL ? base : (int)((at - digits) % 16);

	return value < base ? value : -1;
}

/* Decodes the escape at *at, and moves *at past it. */
static char
unescape(const char *line, size_t len, size_t *at)
{
	static const char letters[] = "bfnrtv", stand_for[] = "\b\f\n\r\t\v";
	char c = line[(*at)++];
	const char *letter = memchr(letters, c, 6);
	int value = 0, digits = 0;

	if (letter != NULL)
		return stand_for[letter - letters];
	if (digit(c, 8) >= 0) {
		--*at;
		for (; digits < 3 && *at < len && digit(line[*at], 8) >= 0; digits++)
			value = value * 8 + digit(line[(*at)++], 8);
		return (char)(value % 256);
	}
	if (c == 'x') {
		for (; digits < 2 && *at < len && digit(line[*at], 16) >= 0; digits++)
			value = value * 16 + digit(line[(*at)++], 16);
		return digits > 0 ? (char)value : 'x';
	}
	return c;
}

bool
naive_read(struct naive_record *record, const char *line, size_t len)
{
	size_t at = 0, used = 0;

	record->count = 0;
	if (len > NAIVE_MAX || !naive_is_text(line, len) || (len > 0 && memchr(line, '\r', len) != NULL))
		return false;
	for (;;) {
		struct naive_field *field = &record->field[record->count++];
		size_t begin = at;

		field->bytes = record->bytes + used;
		while (at < len && line[at] != '\t') {
			char c = line[at++];

			if (c == '\\' && (at == len || line[at] == '.'))
				return false;
			record->bytes[used++] = c == '\\' ? unescape(line, len, &at) : c;
		}
		field->len = (size_t)(record->bytes + used - field->bytes);
		field->is_null = at - begin == 2 && memcmp(line + begin, "\\N", 2) == 0;
		if (!naive_is_text(field->bytes, field->len))
			return false;
		if (at == len)
			return true;
		at++;
	}
}

bool
naive_has_another_header(const char *bytes, size_t len)
{
	static const char name[] = "cohort_id";
	int count = 0;

	for (size_t i = 0; i + strlen(name) <= len; i++)
		count += memcmp(bytes + i, name, strlen(name)) == 0;
	return count > 1;
}
