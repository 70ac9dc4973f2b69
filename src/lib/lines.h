/*
 * The lines of a file, one at a time, as slices of one block. The block grows only as large as
 * the longest line (or run of lines, see lines_extend) needs.
 */
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "buffer.h"
#include "slice.h"

/* This many bytes after the data can be read safely. They contain no newline. */
enum { LINES_SLACK = 64 };

struct lines {
	int fd;
	off_t start;		/* the file's offset when it was opened, or -1 (a pipe) */
	const char *name;	/* for messages: the path, or "standard input" */
	struct buffer block;	/* what was read */
	size_t begin;		/* offset of the current line in it */
	size_t end;		/* offset after it */
	bool at_end;		/* end of file was reached */
	uint64_t number;	/* the current line's, from 1; of a run of lines, the first */
	uint64_t next;		/* the number of the line after it */
	bool (*wait)(void *context, const struct lines *);	/* waits for a growing file; returns false when it is complete. May be NULL */
	void *wait_context;
};

/* Opens a path, or standard input for "-". Dies if it cannot be opened or is a directory. `path` must outlive it. */
void lines_open(struct lines *, const char *path);

/*
 * Returns the next line with its newline, which the last line may lack; false at the end. The line
 * is valid until the next call. Dies on a read error, if out of memory, or if a line is too long.
 */
bool lines_next(struct lines *, struct slice *line);

/* Extends the current line by the next one; false at the end. Either way *line may have moved. */
bool lines_extend(struct lines *, struct slice *line);

/* Removes `len` bytes from the start of the current line. */
void lines_skip(struct lines *, struct slice *line, size_t len);

/* Whether the next call has to read from the file, and may block. */
bool lines_drained(const struct lines *);

/* Goes back to where the file was opened. Returns false and does nothing if the file cannot seek (a pipe, a terminal). */
bool lines_rewind(struct lines *);

void lines_close(struct lines *);

/* The data already read after the current line. There must have been a line. */
static inline struct slice
lines_ahead(const struct lines *lines)
{
	return (struct slice){ lines->block.ptr + lines->end, lines->block.len - lines->end };
}

/* Like lines_next, for a caller who knows that the first line of lines_ahead has `len` bytes with its newline. */
static inline void
lines_take(struct lines *lines, size_t len, struct slice *line)
{
	*line = (struct slice){ lines->block.ptr + lines->end, len };
	lines->begin = lines->end;
	lines->end += len;
	lines->number = lines->next++;
}

#endif
