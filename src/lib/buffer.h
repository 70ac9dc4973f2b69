/* Memory: bytes that grow, and arrays. Of a buffer: zero it to begin; buffer_free gives the memory back. */
#ifndef BUFFER_H
#define BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct buffer {
	char *ptr;
	size_t len;		/* bytes in use */
	size_t capacity;	/* bytes allocated */
};

/*
 * Makes room for `more` bytes after len. May move ptr. Dies where memory cannot be had. `more` has 64 bits where
 * size_t has 32, too, so that a multiple of a length cannot overflow.
 */
void buffer_reserve(struct buffer *, uint64_t more);

/* Appends bytes. May move ptr. Dies where memory cannot be had. */
void buffer_append(struct buffer *, const void *bytes, size_t len);

void buffer_free(struct buffer *);

/* An array of so many elements of so many bytes, all zero; the caller frees it. Dies where memory cannot be had. */
void *new_array(size_t count, size_t size);

#endif
