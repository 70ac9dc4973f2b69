/*
 * A second, naive implementation of the documents: COPY's text format, UTF-8 (RFC 3629), bigint. Slow,
 * obvious, and written without looking at src/, to be compared with it.
 */
#ifndef NAIVE_H
#define NAIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NAIVE_MAX = 8192 };	/* bytes in an input, and so also fields in a record */

struct naive_field {
	bool is_null;
	const char *bytes;
	size_t len;
};

struct naive_record {
	size_t count;
	struct naive_field field[NAIVE_MAX + 1];
	char bytes[NAIVE_MAX];
};

/* Reads a record, without its newline. False if it is malformed. */
bool naive_read(struct naive_record *, const char *line, size_t len);

/* Valid UTF-8, without NUL. */
bool naive_is_text(const char *bytes, size_t len);

/* Whether it is an optional sign and digits, in bigint's range. */
bool naive_is_bigint(const char *bytes, size_t len, int64_t *number);

/* Whether it is safe on a terminal: no control characters except newline, no bidirectional controls. */
bool naive_is_harmless(const char *bytes, size_t len);

/* Whether a file may have another header further down, which ends its reading. */
bool naive_has_another_header(const char *bytes, size_t len);

#endif
