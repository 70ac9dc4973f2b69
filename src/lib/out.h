/*
 * Buffered output to a file descriptor. A full disk is an error, not a short file: unless
 * may_fail is set, the program exits with STATUS_TROUBLE if a write fails.
 */
#ifndef OUT_H
#define OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"

struct out {
	int fd;
	const char *name;	/* for messages */
	size_t len;
	bool may_fail;		/* a failed write only sets `error`, and later writes do nothing */
	int error;		/* an errno */
	char bytes[64 * 1024];
};

/*
 * Output to standard output. Call it before opening any file: it opens /dev/null for those of the
 * descriptors 0 to 2 that are closed, so that no file of ours becomes standard input, output or error.
 * Dies if standard output is closed.
 */
void out_stdout(struct out *);

/* Output to a new or truncated file. Dies if it cannot be opened. `path` must outlive the out. */
void out_open(struct out *, const char *path);

/* Writes bytes that do not fit into the rest of the buffer. */
void out_over(struct out *, const char *bytes, size_t len);

static inline void
out_bytes(struct out *out, const char *bytes, size_t len)
{
	if (len > sizeof out->bytes - out->len) {
		out_over(out, bytes, len);
	} else if (len > 0) {	/* memcpy must not get the NULL slice */
		memcpy(out->bytes + out->len, bytes, len);
		out->len += len;
	}
}

static inline void out_string(struct out *out, const char *string) { out_bytes(out, string, strlen(string)); }
void out_int(struct out *, int64_t number);

/* Writes bytes so that they are safe on a terminal: unprintable ones as \xHH (text.h). */
void out_shown(struct out *, struct slice);

/* Writes a byte as two hexadecimal digits. */
void out_hex(struct out *, unsigned char byte);

static inline void out_slice(struct out *out, struct slice slice) { out_bytes(out, slice.ptr, slice.len); }

void out_flush(struct out *);

/* Flushes and closes. Closing can be the last moment at which the system reports a failed write. */
void out_close(struct out *);

#endif
