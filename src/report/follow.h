/*
 * A run of fb-backfill while it goes on. It says on our standard input what happens (run.h), and whoever may still write receipts
 * holds that pipe open: its end is the run's. Receipts are read as they are written. What all others have to say they
 * leave in a file, and it is passed on from there, so that nothing gets into the line of progress, and nobody who
 * writes depends on us.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "counts.h"
#include "lib/lines.h"
#include "progress.h"
#include "run.h"
#include "tail.h"

struct follow {
	struct run *run;
	struct counts *counts;
	struct progress progress;
	struct tail facts;	/* standard input */
	const char *path;	/* of the messages */
	struct tail messages;
	size_t counted, watched, followed, said_on;	/* bytes of run->to_count, to_follow and to_say that were seen to */
	bool ended;		/* standard input is */
};

/* Begins. `messages` is the file's path; dies if it cannot be opened. All pointers must outlive it. */
void follow_begin(struct follow *, struct run *, struct counts *, const char *messages, bool show_progress);

/* The next file whose records are to be told, when there is something in it; NULL when the run is over and all are. */
const char *follow_next_file(struct follow *);

/* Waits for more in the file that is read. False when the run is over: there will be no more. Its context is the struct follow, and its type that of lines.wait. */
bool follow_wait(void *context, const struct lines *);

/* Passes on what was said last, and removes the file of the messages, as a sign that all of it is told. */
void follow_end(struct follow *);

#endif
