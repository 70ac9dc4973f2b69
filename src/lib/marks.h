/*
 * Where in a line the bytes stand that mean something: separators, what is special (an escape, a quote), and
 * its end.
 */
#ifndef MARKS_H
#define MARKS_H

#include <stddef.h>

#include "slice.h"

enum {
	MARKS_MAX = 256,
	MARKS_STEP = 32		/* bytes that are looked at together */
};

/* Offsets in the line, in order; there is room for one step over the end. */
struct marks {
	size_t separators;	/* how many */
	size_t specials;
	size_t separator[MARKS_MAX + MARKS_STEP];
	size_t special[MARKS_MAX + MARKS_STEP];
	size_t odd;		/* of the first other byte that is neither printable ASCII nor DEL; SIZE_MAX: none */
};

/*
 * Finds all separators and special bytes of the line that begins where `bytes` do, in one pass over it.
 * MARKS_STEP bytes behind `bytes` must be there to be read, and hold no newline unless `bytes` do. Returns the
 * length of the line with its newline; or 0 if there is no newline, or more than MARKS_MAX of either; then what
 * it found is of no use.
 */
size_t marks_find(struct marks *, struct slice bytes, char separator, char special);

#endif
