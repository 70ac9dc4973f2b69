/* The lines of a file that grows, or of a pipe, as they come: a line is taken when its end is there. */
#ifndef TAIL_H
#define TAIL_H

#include <stdbool.h>

#include "lib/buffer.h"
#include "lib/slice.h"

struct tail {
	int fd;
	struct buffer rest;	/* a line that has no end yet */
};

/* Reads what is there, a part at a time, and calls `take` for each whole line, without its newline. False if nothing was there. */
bool tail_read(struct tail *, void (*take)(void *context, struct slice line), void *context);

/* Closes the file, unless it is standard input. */
void tail_close(struct tail *);

#endif
