/*
 * Buffered output to a file descriptor. A write that fails ends the program with
 * STATUS_TROUBLE, unless it may fail: a full disk is an error, not a short file.
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
	bool may_fail;		/* a write that fails sets `error`, and nothing is written from then on; else it ends the program */
	int error;		/* an errno */
	char bytes[64 * 1024];
};

/*
 * Output on standard output. Call it before any file is opened: of the descriptors 0 to 2 those that
 * the caller had closed are taken here, so that no file of ours becomes standard input, output or error.
 * Dies if standard output was closed.
 */
void out_stdout(struct out *);

/* Output to a new or emptied file. Dies if it cannot be opened. `path` must outlive the out. */
void out_open(struct out *, const char *path);

/* Writes bytes that do not fit behind those that are kept. */
void out_over(struct out *, const char *bytes, size_t len);

static inline void
out_bytes(struct out *out, const char *bytes, size_t len)
{
	if (len > sizeof out->bytes - out->len) {
		out_over(out, bytes, len);
	} else if (len > 0) {	/* the NULL slice has no bytes to be copied from */
		memcpy(out->bytes + out->len, bytes, len);
		out->len += len;
	}
}

static inline void out_string(struct out *out, const char *string) { out_bytes(out, string, strlen(string)); }
void out_int(struct out *, int64_t number);

/* Bytes such that they cannot act on a terminal: what is unprintable comes as \xHH (text.h). */
void out_shown(struct out *, struct slice);

/* A byte as two hexadecimal digits. */
void out_hex(struct out *, unsigned char byte);

static inline void out_slice(struct out *out, struct slice slice) { out_bytes(out, slice.ptr, slice.len); }

void out_flush(struct out *);

/* Flushes and closes; the last moment at which the system may report a failed write. */
void out_close(struct out *);

#endif
