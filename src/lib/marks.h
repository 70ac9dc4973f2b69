/*
 * Finds the bytes of a line that have a meaning: separators, special bytes (backslash or quote), and the newline.
 */
#ifndef MARKS_H
#define MARKS_H

#include <stddef.h>

#include "slice.h"

enum {
	MARKS_MAX = 256,
	MARKS_STEP = 32		/* bytes examined at once */
};

/* Offsets in the line, in order; there is room for one step beyond the maximum. */
struct marks {
	size_t separators;	/* how many */
	size_t specials;
	size_t separator[MARKS_MAX + MARKS_STEP];
	size_t special[MARKS_MAX + MARKS_STEP];
	size_t odd;		/* offset of the first other byte that is neither printable ASCII nor DEL; SIZE_MAX: none */
};

/*
 * Finds all separators and special bytes of the line at the start of `bytes`, in one pass. The MARKS_STEP bytes after
 * `bytes` must be readable, and must not contain a newline unless `bytes` does. Returns the length of the line with its
 * newline. Returns 0 if there is no newline, or more than MARKS_MAX of either; the marks are then undefined.
 */
size_t marks_find(struct marks *, struct slice bytes, char separator, char special);

#endif
