/*
 * What fb-backfill reports about its run on our standard input: one fact per line, as a key, a TAB and a value. In values,
 * newline, TAB, carriage return and backslash are written as \n, \t, \r and \\. fb-report(1) lists the keys.
 */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "counts.h"
#include "lib/buffer.h"
#include "lib/slice.h"

/* Facts with one value; a later value replaces an earlier one. */
enum fact {
	ACTION,			/* run, dry-run, apply, undo or check */
	DATABASE,		/* app on localhost:5432 as postgres */
	FAULT,			/* why it stopped */
	PLAN_FILE,		/* where the plan is kept */
	NEXT_COMMAND,		/* the command that undoes it or, after a dry run, carries it out */
	PHASE,			/* what it is doing */
	NAME,			/* what messages call the reported files, as if they were one */
	FACTS
};

struct run {
	struct buffer fact[FACTS];	/* a string each; empty: unknown */
	struct buffer undone;	/* lists of strings, each with its NUL: the receipts being undone, */
	struct buffer receipts;	/* the receipts being kept, */
	struct buffer to_count;	/* the files with all records to be processed, */
	struct buffer to_follow;	/* and the files whose records are to be reported */
	char started[24], finished[24];	/* UTC, as 2026-11-26T01:02:03Z */
	int64_t began;		/* on run_clock */
	int64_t took;		/* milliseconds */
	int status;		/* of the run; 2 until it reports another */
	int64_t hushed_at;	/* messages after this many bytes are not passed on; -1: all are */
	struct buffer to_say;	/* messages of fb-backfill, a list of strings */
	bool in_doubt;		/* whether the last batch was committed is unknown */
};

/* The time in milliseconds, on a clock that nobody sets. */
int64_t run_clock(void);

/* Begins, and records the time. */
void run_begin(struct run *);

/* Takes in a line (without its newline). Unknown keys are ignored. */
void run_learn(struct run *, struct slice line);

/* Records the time of its end. */
void run_end(struct run *);

/* The value of a fact, which is valid until the next run_learn, or the NULL slice if it is unknown. */
struct slice run_fact(const struct run *, enum fact);

/* Checks that there is one receipt for each record. If not, reports it and sets the status to 2. */
void run_check_receipts(struct run *, const struct counts *);

/* Prints on standard error, in a line or two, what was done, where, and what can be done next. */
void run_put_closing(const struct run *, const struct counts *, bool stopped);

void run_free(struct run *);

#endif
