/* Reads the lines of a growing file or a pipe as they arrive. A line is taken when it is complete. */
#ifndef TAIL_H
#define TAIL_H

#include <stdbool.h>

#include "lib/buffer.h"
#include "lib/slice.h"

struct tail {
	int fd;
	struct buffer rest;	/* an incomplete line */
};

/* Reads some of what is available and calls `take` for each complete line, without its newline. False if nothing is available. */
bool tail_read(struct tail *, void (*take)(void *context, struct slice line), void *context);

/* Closes the file, unless it is standard input. */
void tail_close(struct tail *);

#endif
