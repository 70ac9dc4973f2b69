/* The counts of a report: for each model, how many records there are and what became of them. */
#ifndef COUNTS_H
#define COUNTS_H

#include <stdint.h>

#include "lib/buffer.h"
#include "lib/error.h"
#include "lib/model.h"
#include "lib/reader.h"

/* Why records were skipped, as in receipts. */
enum { REASONS = 8, FAILURES_KEPT = 5 };
extern const char *const reasons[REASONS];

struct failure {
	int64_t id;
	struct buffer detail;	/* SQLSTATE, a space, message */
};

struct tally {
	int64_t found;
	int64_t done;		/* updated, reverted, or in a plan */
	int64_t skipped;
	int64_t skipped_for[REASONS];
	int64_t failed;
	struct failure failures[FAILURES_KEPT];
	int64_t eligible;	/* --check: rows to be filled, */
	int64_t no_syllabus;	/* and rows whose cohort leads to no syllabus */
};

struct counts {
	const struct models *models;
	int chosen;		/* the index of the model to report on, or -1: all */
	bool dry;		/* nothing was done: a plan, or receipts for which an undo is previewed */
	bool undo;
	bool found_known;
	int64_t waiting;	/* --check: the rows of all models together, which is why no count overflows */
	int last_model;		/* of the previous record in a plan; -1 at first */
	int64_t last_id;
	struct tally *tally;	/* for each model */
	struct problems problems;
	struct problems unapplied;	/* of the input of a run; not reported here, because fb-apply does */
};

enum outcome { DONE, SKIPPED, FAILED };

/* A record of a plan or of receipts, as it is counted and reported. */
struct told {
	enum outcome outcome;
	int model;
	int64_t id;
	int reason;		/* if it was skipped: an index of `reasons` */
	const struct reader *record;	/* its fields, valid until the reader goes on */
};

/* Sets all counts to zero. `models` must outlive the counts. */
void counts_begin(struct counts *, const struct models *, int chosen);

/*
 * Counts the records of a plan or of receipts as found. With `updated_only`, counts only receipts of updated records, which
 * are those that an undo takes back.
 */
void counts_find(struct counts *, struct reader *, bool updated_only);

/* Counts the current record. Returns false if it is not reported: rejected, of another model, or not part of the undo. */
bool counts_add(struct counts *, struct reader *, struct told *);

/* Counts a line of --check: the unfilled rows of a model and cohort. Returns false if it is rejected, or of another model. */
bool counts_add_waiting(struct counts *, struct reader *, struct told *, int64_t *rows);

/* The sums over all models. */
struct tally counts_sum(const struct counts *);

/* How many records were rejected, here or before they were applied. */
int64_t counts_rejected(const struct counts *);

/* The parts of a failed record's detail: PostgreSQL's message, and the SQLSTATE before it. */
struct slice failure_message(struct slice detail);
struct slice failure_state(struct slice detail);

void counts_free(struct counts *);

#endif
