#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "marks.h"

/* What some bytes in a row hold: a bit a byte, the first byte the lowest bit. */
struct seen {
	uint32_t marks;
	uint32_t odd;	/* below 0x20, or from 0x80 */
};

enum { STEP = 16 };

#ifdef __SSE2__

static struct seen
look(const char bytes[STEP], char a, char b)
{
	__m128i block = _mm_loadu_si128((const __m128i *)(const void *)bytes);
	__m128i marks = _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8(a)), _mm_cmpeq_epi8(block, _mm_set1_epi8(b)));
	__m128i odd = _mm_cmplt_epi8(block, _mm_set1_epi8(0x20));	/* signed: bytes from 0x80 are negative */

	return (struct seen){ (uint32_t)_mm_movemask_epi8(marks), (uint32_t)_mm_movemask_epi8(odd) };
}

#else

static struct seen
look(const char bytes[STEP], char a, char b)
{
	struct seen seen = { 0, 0 };

	for (unsigned i = 0; i < STEP; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		seen.marks |= (uint32_t)(bytes[i] == a || bytes[i] == b) << i;
		seen.odd |= (uint32_t)(byte < 0x20 || byte >= 0x80) << i;
	}
	return seen;
}

#endif

/* The place of the lowest bit. */
static unsigned
lowest(uint32_t bits)
{
	return (unsigned)__builtin_ctz(bits);
}

bool
marks_find(struct marks *marks, struct slice record, char a, char b)
{
	size_t count = 0;
	uint32_t odd = 0;

	for (size_t offset = 0; offset < record.len; offset += STEP) {
		char last[STEP] = "                ";	/* blanks are nothing of what is looked for */
		const char *bytes = record.ptr + offset;
		struct seen seen;

		if (record.len - offset < STEP)
			bytes = memcpy(last, bytes, record.len - offset);
		seen = look(bytes, a, b);
		odd |= seen.odd & ~seen.marks;
		if (count > MARKS_MAX)
			return false;
		for (uint32_t rest = seen.marks; rest != 0; rest &= rest - 1)
			marks->at[count++] = offset + lowest(rest);
	}
	marks->count = count;
	marks->plain = odd == 0;
	return count <= MARKS_MAX;
}
