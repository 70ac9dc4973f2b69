/* A slice points to bytes that it does not own. They need not end with a NUL. */
#ifndef SLICE_H
#define SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *ptr;	/* NULL if the slice is a field that is SQL's NULL */
	size_t len;		/* bytes */
};

static inline struct slice
slice_of(const char *string)
{
	return (struct slice){ string, strlen(string) };
}

static inline bool
slice_is(struct slice slice, const char *string)
{
	size_t len = strlen(string);

	return slice.ptr != NULL && slice.len == len && memcmp(slice.ptr, string, len) == 0;
}

static inline bool
slice_equal(struct slice a, struct slice b)
{
	if (a.ptr == NULL || b.ptr == NULL)
		return a.ptr == b.ptr;
	return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

#endif
