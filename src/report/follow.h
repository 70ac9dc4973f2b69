/*
 * Follows a run of fb-backfill. It reports on our standard input what happens (run.h); every process that may still write
 * receipts holds this pipe open, so that its end is the end of the run. Receipts are read as they are written. All other
 * programs write their messages to a file, and they are passed on from there, so that they do not mix with the line of
 * progress, and no writer depends on us.
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
	size_t counted, watched, followed, said_on;	/* bytes of run->to_count, to_follow and to_say that are done */
	struct buffer file;	/* the path of the file that is reported, a string: what the run tells next moves its lists */
	bool ended;		/* standard input has ended */
};

/* Begins. `messages` is the path of the messages; dies if it cannot be opened. All pointers must outlive the struct. */
void follow_begin(struct follow *, struct run *, struct counts *, const char *messages, bool show_progress);

/*
 * Waits for the next file to report that is not empty, and returns its path, which is valid until the next call; NULL when
 * the run is over and all files are done.
 */
const char *follow_next_file(struct follow *);

/* For lines.wait, with the struct follow as context: waits for more in the file. Returns false when the run is over. */
bool follow_wait(void *context, const struct lines *);

/* Passes on the last messages, and removes their file, as a sign that all of them were printed. */
void follow_end(struct follow *);

#endif
