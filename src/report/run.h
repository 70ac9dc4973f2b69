/*
 * What is known of a run of fb-backfill: what it says of itself on our standard input, a line for each fact, of a key, a
 * TAB and a value, in which newline, TAB, carriage return and backslash are written as \n, \t, \r and \\. fb-report(1) has the keys.
 */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "counts.h"
#include "lib/buffer.h"
#include "lib/slice.h"

/* What is said once; said again, it takes the place of what was said before. */
enum fact {
	ACTION,			/* run, dry-run, apply, undo or check */
	DATABASE,		/* app on localhost:5432 as postgres */
	FAULT,			/* why it stopped */
	PLAN_FILE,		/* where the plan is kept */
	NEXT_COMMAND,		/* what takes it back; of a dry run, what carries it out */
	PHASE,			/* what goes on */
	NAME,			/* what messages call the files whose records are told, as one */
	FACTS
};

struct run {
	struct buffer fact[FACTS];	/* a string each; empty: it was not said */
	struct buffer undone;	/* the receipts that are taken back, and those that are kept: strings, one behind the other, */
	struct buffer receipts;	/* each with its NUL */
	struct buffer to_count;	/* files whose records are all that there is to do, */
	struct buffer to_follow;	/* and files whose records are to be told */
	char started[24], finished[24];	/* UTC, as 2026-11-26T01:02:03Z */
	int64_t began, ended;	/* milliseconds since 1970 */
	int status;		/* of the run, so far as we know; 2 until it says another */
	int64_t hushed_at;	/* messages behind so many bytes are not passed on; -1: all are */
	struct buffer to_say;	/* messages of fb-backfill, strings one behind the other */
	bool in_doubt;		/* nobody knows whether the last batch was committed */
};

/* Begins, and takes the time. */
void run_begin(struct run *);

/* Learns from a line (without its newline). What it does not know it passes over. */
void run_learn(struct run *, struct slice line);

/* Takes the time of its end. */
void run_end(struct run *);

/* What was said of it; the NULL slice if nothing was. */
struct slice run_fact(const struct run *, enum fact);

/* How long it took, in milliseconds. */
int64_t run_milliseconds(const struct run *);

/* Each record that was carried out has one receipt; else the run is in trouble, and says so. */
void run_check_receipts(struct run *, const struct counts *);

/* Says on standard error, in a line or two, what was done, where, and what can be done next. */
void run_put_closing(const struct run *, const struct counts *);

void run_free(struct run *);

#endif
