#include <string.h>

#include "text.h"

/* Length of the valid UTF-8 sequence at s (of at most len bytes), or 0. RFC 3629, section 4. */
static size_t
sequence(const unsigned char *s, size_t len)
{
	unsigned char low = 0x80, high = 0xbf;	/* bounds of the second byte */
	size_t need;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		need = 2;
	} else if (s[0] >= 0xe0 && s[0] <= 0xef) {
		need = 3;
		if (s[0] == 0xe0)
			low = 0xa0;	/* else overlong */
		if (s[0] == 0xed)
			high = 0x9f;	/* else a surrogate */
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		need = 4;
		if (s[0] == 0xf0)
			low = 0x90;	/* else overlong */
		if (s[0] == 0xf4)
			high = 0x8f;	/* else past U+10FFFF */
	} else {
		return 0;
	}
	if (len < need || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return need;
}

/* The highest bit of each of eight bytes. */
#define HIGH_BITS UINT64_C(0x8080808080808080)

static uint64_t
eight_bytes(const unsigned char *s)
{
	uint64_t word;

	memcpy(&word, s, sizeof word);
	return word;
}

/* Whether eight bytes are ASCII. */
static bool
is_ascii(const unsigned char *s)
{
	return (eight_bytes(s) & HIGH_BITS) == 0;
}

/* Whether eight bytes are ASCII without control characters. Bytes below 0x80 cannot carry into the next one here. */
static bool
is_printable_ascii(const unsigned char *s)
{
	const uint64_t word = eight_bytes(s);
	const uint64_t from_0x7f = word + UINT64_C(0x0101010101010101), from_0x20 = word + UINT64_C(0x6060606060606060);

	return ((word | from_0x7f) & HIGH_BITS) == 0 && (from_0x20 & HIGH_BITS) == HIGH_BITS;
}

const char *
text_fault(struct slice text)
{
	const unsigned char *s = (const unsigned char *)text.ptr;
	size_t step;

	if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL)
		return "NUL byte";
	for (size_t i = 0; i < text.len; i += step) {
		step = text.len - i >= 8 && is_ascii(s + i) ? 8 : sequence(s + i, text.len - i);
		if (step == 0)
			return "invalid UTF-8";
	}
	return NULL;
}

/* Whether the UTF-8 sequence of len bytes at s (0: invalid) must not reach a terminal. */
static bool
is_unprintable(const unsigned char *s, size_t len)
{
	switch (len) {
	case 0:
		return true;
	case 1:
		return s[0] < 0x20 || s[0] == 0x7f;
	case 2:	/* U+0080 to U+00A0, U+00AD, U+061C */
		return (s[0] == 0xc2 && (s[1] <= 0xa0 || s[1] == 0xad)) || (s[0] == 0xd8 && s[1] == 0x9c);
	case 3:	/* U+200B to U+200F, U+2028 to U+202F, U+2060 to U+206F, U+FEFF */
		if (s[0] == 0xe2 && s[1] == 0x80)
			return (s[2] >= 0x8b && s[2] <= 0x8f) || (s[2] >= 0xa8 && s[2] <= 0xaf);
		if (s[0] == 0xe2 && s[1] == 0x81)
			return s[2] >= 0xa0 && s[2] <= 0xaf;
		return s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf;
	default:
		return false;
	}
}

bool
text_piece(struct slice *rest, struct slice *piece, bool *printable)
{
	const unsigned char *s = (const unsigned char *)rest->ptr;
	size_t used = 0;

	if (rest->len == 0)
		return false;
	*printable = true;
	while (used < rest->len) {
		size_t step;

		if (rest->len - used >= 8 && is_printable_ascii(s + used)) {
			used += 8;
			continue;
		}
		step = sequence(s + used, rest->len - used);
		if (is_unprintable(s + used, step)) {
			if (used > 0)
				break;
			*printable = false;
			used = step > 0 ? step : 1;
			break;
		}
		used += step;
	}
	*piece = (struct slice){ rest->ptr, used };
	*rest = (struct slice){ rest->ptr + used, rest->len - used };
	return true;
}

bool
text_bigint(struct slice text, int64_t *number)
{
	const char *s = text.ptr, *end;
	uint64_t magnitude = 0;
	bool negative;

	if (text.len == 0)
		return false;
	end = s + text.len;
	negative = *s == '-';
	if (negative || *s == '+')
		s++;
	if (s == end)
		return false;
	for (; s < end; s++) {
		unsigned digit = (unsigned)*s - '0';

		if (digit > 9 || magnitude > INT64_MAX / 10)
			return false;
		magnitude = magnitude * 10 + digit;
	}
	if (magnitude > (uint64_t)INT64_MAX + negative)
		return false;
	*number = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	return true;
}
