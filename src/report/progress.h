/*
 * How far a run is, in a line: on a terminal it is drawn again and again in one place, else printed now and then. The
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
	int64_t lines, failed;	/* whole lines so far, without the header; those of failed records */
	bool has_header;	/* it has come */
};

struct progress {
	bool wanted;		/* else it is told at a signal only */
	bool terminal;		/* it is drawn in one place */
	bool drawn;		/* a line stands there */
	int64_t began;		/* when the phase began, in milliseconds of a clock that is never set */
	int64_t next;		/* when to draw or print again */
	struct buffer phase;	/* its name, a string */
	struct growing *growing;
	int count;
};

/* Begins. `wanted` says whether it is to be shown without being asked for. */
void progress_begin(struct progress *, bool wanted, bool terminal);

/* Another phase begins, if it is another. */
void progress_set_phase(struct progress *, struct slice phase);

/* A file of receipts that is written in this phase. */
void progress_watch(struct progress *, const char *path);

/* Shows it, if it is time to. `to_do`: how many records there are; -1: that is not known. */
void progress_show(struct progress *, int64_t to_do);

/* Tells it in a line of its own, at once. */
void progress_tell(struct progress *, int64_t to_do);

/* Takes the line away, so that something else can be printed. */
void progress_erase(struct progress *);

void progress_free(struct progress *);

#endif
