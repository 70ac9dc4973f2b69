/* Memory: growing buffers, and arrays. Zero a buffer before use; buffer_free releases it. */
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
 * Makes room for `more` bytes after len. May move ptr. Exits with STATUS_TROUBLE if out of memory. `more` has 64 bits
 * even where size_t has 32, so that callers can pass a multiple of a length without overflow.
 */
void buffer_reserve(struct buffer *, uint64_t more);

/* Appends bytes. May move ptr. Exits with STATUS_TROUBLE if out of memory. */
void buffer_append(struct buffer *, const void *bytes, size_t len);

void buffer_free(struct buffer *);

/* Returns a zeroed array of `count` elements of `size` bytes; the caller frees it. Exits with STATUS_TROUBLE if out of memory. */
void *new_array(size_t count, size_t size);

#endif
