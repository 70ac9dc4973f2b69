#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "marks.h"

/* One bit per byte of a step; the lowest bit is the first byte. */
struct seen {
	uint32_t newlines;
	uint32_t separators;
	uint32_t specials;
	uint32_t odd;	/* below 0x20, or from 0x80 */
};

#ifdef __SSE2__

enum { BLOCK = 16 };

static inline uint32_t
bits_of(__m128i bytes)
{
	return (uint32_t)_mm_movemask_epi8(bytes);
}

static inline struct seen
look(const char bytes[MARKS_STEP], char separator, char special)
{
	struct seen seen = { 0, 0, 0, 0 };

	for (unsigned i = 0; i < MARKS_STEP; i += BLOCK) {
		__m128i block = _mm_loadu_si128((const __m128i *)(const void *)(bytes + i));

		seen.newlines |= bits_of(_mm_cmpeq_epi8(block, _mm_set1_epi8('\n'))) << i;
		seen.separators |= bits_of(_mm_cmpeq_epi8(block, _mm_set1_epi8(separator))) << i;
		seen.specials |= bits_of(_mm_cmpeq_epi8(block, _mm_set1_epi8(special))) << i;
		/* Signed: bytes from 0x80 are negative. */
		seen.odd |= bits_of(_mm_cmplt_epi8(block, _mm_set1_epi8(0x20))) << i;
	}
	return seen;
}

#else

static inline struct seen
look(const char bytes[MARKS_STEP], char separator, char special)
{
	struct seen seen = { 0, 0, 0, 0 };

	for (unsigned i = 0; i < MARKS_STEP; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		seen.newlines |= (uint32_t)(bytes[i] == '\n') << i;
		seen.separators |= (uint32_t)(bytes[i] == separator) << i;
		seen.specials |= (uint32_t)(bytes[i] == special) << i;
		seen.odd |= (uint32_t)(byte < 0x20 || byte >= 0x80) << i;
	}
	return seen;
}

#endif

static inline size_t
lowest(uint32_t bits)
{
	return (size_t)__builtin_ctz(bits);
}

/* Appends the positions of the bits, plus offset. Returns the new count. */
static inline size_t
put_places(size_t *places, size_t count, uint32_t bits, size_t offset)
{
	for (; bits != 0; bits &= bits - 1)
		places[count++] = offset + lowest(bits);
	return count;
}

size_t
marks_find(struct marks *marks, struct slice bytes, char separator, char special)
{
	size_t separators = 0, specials = 0;

	marks->odd = SIZE_MAX;
	for (size_t offset = 0; offset < bytes.len; offset += MARKS_STEP) {
		const struct seen seen = look(bytes.ptr + offset, separator, special);
		const uint32_t before_newline = (seen.newlines & (0 - seen.newlines)) - 1;	/* all, if there is none */
		const uint32_t odd = seen.odd & ~(seen.separators | seen.specials) & before_newline;

		separators = put_places(marks->separator, separators, seen.separators & before_newline, offset);
		specials = put_places(marks->special, specials, seen.specials & before_newline, offset);
		if (separators > MARKS_MAX || specials > MARKS_MAX)
			return 0;
		if (odd != 0 && marks->odd == SIZE_MAX)
			marks->odd = offset + lowest(odd);
		if (seen.newlines != 0) {
			marks->separators = separators;
			marks->specials = specials;
			return offset + lowest(seen.newlines) + 1;
		}
	}
	return 0;
}
