/* From a cohort to its syllabus: the cohort dump in memory, as a uthash map. */
#ifndef COHORTS_H
#define COHORTS_H

#include <stdint.h>

/* uthash ends the program where memory cannot be had; end it as everything else does. */
#define uthash_fatal(message) die("out of memory")
#include <uthash.h>

#include "error.h"
#include "slice.h"
#include "table.h"

struct cohort {
	int64_t id;
	bool has_syllabus;
	struct slice plan_end;	/* how its plan lines end: COHORT TAB SYLLABUS_ID TAB SYLLABUS newline, encoded */
	unsigned long line;	/* where the dump has it */
	UT_hash_handle hh;
	char bytes[];		/* what plan_end points to */
};

struct cohorts {
	struct cohort *map;	/* uthash's */
};

/*
 * Reads a whole cohort dump. Malformed records are rejected through the table; the same cohort
 * twice with different values ends the program with a message that names both lines.
 */
void cohorts_load(struct cohorts *, struct table *dump);

/* Looks a cohort up; NULL if the dump does not know it. The map owns what it returns. */
const struct cohort *cohorts_find(const struct cohorts *, int64_t cohort_id);

void cohorts_free(struct cohorts *);

#endif
