/* What a report counts: for each model the records there are, and what became of them. */
#ifndef COUNTS_H
#define COUNTS_H

#include <stdint.h>

#include "lib/buffer.h"
#include "lib/error.h"
#include "lib/model.h"
#include "lib/reader.h"

/* Why records were skipped, as receipts say it. */
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
	int64_t eligible;	/* of --check: rows to be filled, */
	int64_t no_syllabus;	/* and those whose cohort leads to no syllabus */
};

struct counts {
	const struct models *models;
	int chosen;		/* the index of the model that is reported on, or -1: all */
	bool dry;		/* nothing was done: these are a plan, or receipts of which an undo is told beforehand */
	bool undo;
	bool found_known;
	int last_model;		/* of the record before, in a plan; -1: none was */
	int64_t last_id;
	struct tally *tally;	/* for each model */
	struct problems problems;
	struct problems unapplied;	/* records that there were to do, and that were rejected before; they were named then */
};

enum outcome { DONE, SKIPPED, FAILED };

/* A record of a plan or of receipts, as it is counted and told. */
struct told {
	enum outcome outcome;
	int model;
	int64_t id;
	struct slice reason;	/* why it was skipped, as receipts say it */
	const struct reader *record;	/* its fields */
};

/* Begins with nothing counted. `models` must outlive the counts. */
void counts_begin(struct counts *, const struct models *, int chosen);

/*
 * Counts as found what there is to do: the records of a plan or of receipts. With `updated_only`, of receipts those that say
 * so, which is what an undo takes back.
 */
void counts_find(struct counts *, struct reader *, bool updated_only);

/* Counts the record at hand. False if it is not to be told: rejected, of another model, or nothing that an undo takes back. */
bool counts_add(struct counts *, struct reader *, struct told *);

/* Counts a line of --check: rows of a model that wait, for each cohort. False if it is rejected, or of another model. */
bool counts_add_waiting(struct counts *, struct reader *, struct told *, int64_t *rows);

/* The sums over all models. */
struct tally counts_sum(const struct counts *);

/* How many records were rejected: by us, or before by who carried them out. */
int64_t counts_rejected(const struct counts *);

/* A failed record's detail is an SQLSTATE and PostgreSQL's message: the message, and the SQLSTATE. */
struct slice failure_message(struct slice detail);
struct slice failure_state(struct slice detail);

void counts_free(struct counts *);

#endif
