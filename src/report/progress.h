/*
 * A line that shows the progress of a run. On a terminal it is redrawn in place, elsewhere it is printed now and then. The
 * receipts of all connections are counted as they are written.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "run.h"
#include "tail.h"

struct growing {
	struct tail tail;
	int64_t lines, failed;	/* complete lines so far, without the header; failed records among them */
	bool has_header;	/* the header was read */
};

struct progress {
	bool wanted;		/* if false, it is printed only on a signal */
	bool terminal;		/* it is redrawn in place */
	bool drawn;		/* the line is visible */
	int64_t began;		/* when the phase began, on run_clock */
	int64_t next;		/* when to draw or print again */
	struct buffer phase;	/* its name, a string */
	struct growing *growing;
	int count;
};

/* Begins. `wanted`: show progress without being asked. */
void progress_begin(struct progress *, bool wanted, bool terminal);

/* Begins a phase, unless it is the current one. */
void progress_set_phase(struct progress *, struct slice phase);

/* Adds a file of receipts to be counted while it is written. */
void progress_watch(struct progress *, const char *path);

/* Shows progress if it is time to. `to_do` is the number of records, or -1 if unknown. */
void progress_show(struct progress *, int64_t to_do);

/* Prints progress on a line of its own, at once. */
void progress_tell(struct progress *, int64_t to_do);

/* Erases the line, so that something else can be printed. */
void progress_erase(struct progress *);

void progress_free(struct progress *);

#endif
