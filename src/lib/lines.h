/*
 * The lines of a file, one at a time, as slices of one block that is read into. The block
 * grows to the longest line (or run of lines, see lines_extend) and no further.
 */
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "buffer.h"
#include "slice.h"

/* So many bytes behind what was read may be looked at as well. No newline is there. */
enum { LINES_SLACK = 64 };

struct lines {
	int fd;
	off_t start;		/* the file's offset when it was opened, or -1: it has none (a pipe) */
	const char *name;	/* for messages: the path, or "standard input" */
	struct buffer block;	/* what was read */
	size_t begin;		/* offset of the current line in it */
	size_t end;		/* offset behind it */
	bool at_end;		/* the file has no more bytes to read */
	uint64_t number;	/* the current line's, from 1; a run's first line */
	uint64_t next;		/* the number of the line after it */
	bool (*wait)(void *context, const struct lines *);	/* NULL, or what waits where a file that grows has no more; false: it will not grow */
	void *wait_context;
};

/* Opens a path, or standard input for "-". Dies if it cannot be opened or is a directory. `path` must outlive it. */
void lines_open(struct lines *, const char *path);

/*
 * The next line with its newline, which the last line may lack; false at the end. It stands
 * until the next call. Dies on a read error, or where a line is longer than memory allows.
 */
bool lines_next(struct lines *, struct slice *line);

/* Makes the current line longer by the line after it; false at the end. Either way *line may point elsewhere now. */
bool lines_extend(struct lines *, struct slice *line);

/* Takes `len` bytes off the beginning of the current line. */
void lines_skip(struct lines *, struct slice *line, size_t len);

/* Whether the next call must read from the file, and may wait. */
bool lines_drained(const struct lines *);

/* Goes back to where it began; false, and nothing done, where a file cannot (a pipe, a terminal). */
bool lines_rewind(struct lines *);

void lines_close(struct lines *);

/* What was read already of the lines after the current one. There must have been a line. */
static inline struct slice
lines_ahead(const struct lines *lines)
{
	return (struct slice){ lines->block.ptr + lines->end, lines->block.len - lines->end };
}

/* Takes the first of lines_ahead, of `len` bytes with its newline: lines_next for one who has looked for its end. */
static inline void
lines_take(struct lines *lines, size_t len, struct slice *line)
{
	*line = (struct slice){ lines->block.ptr + lines->end, len };
	lines->begin = lines->end;
	lines->end += len;
	lines->number = lines->next++;
}

#endif
