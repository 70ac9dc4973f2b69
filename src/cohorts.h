/* From a cohort to its syllabus: the cohort dump in memory, as a uthash map. */
#ifndef COHORTS_H
#define COHORTS_H

#include <stdint.h>

/* uthash ends the program where memory cannot be had; end it as everything else does. */
#define uthash_fatal(message) die("out of memory")
#define HASH_FUNCTION(key, len, hash) ((hash) = cohort_hash(key))
#include <uthash.h>

#include "error.h"
#include "slice.h"
#include "table.h"

/* Spreads ids, which may well rise in steps, over all bits. uthash's own is made for keys of any length. */
static inline unsigned
cohort_hash(const int64_t *id)
{
	uint64_t hash = (uint64_t)*id * UINT64_C(0x9e3779b97f4a7c15);

	hash ^= hash >> 32;
	return (unsigned)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

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
