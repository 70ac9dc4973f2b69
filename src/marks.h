/* Where in a record the bytes stand that mean something: separators, escapes, quotes. */
#ifndef MARKS_H
#define MARKS_H

#include <stdbool.h>
#include <stddef.h>

#include "slice.h"

enum { MARKS_MAX = 256 };

struct marks {
	size_t count;
	size_t at[MARKS_MAX + 16];	/* offsets in the record; room for one step over the end */
	bool plain;			/* all other bytes are printable ASCII or DEL */
};

/*
 * Finds all bytes a or b of a record, in order, in one pass over it. False if there are more than
 * MARKS_MAX; then what it found is of no use.
 */
bool marks_find(struct marks *, struct slice record, char a, char b);

#endif
