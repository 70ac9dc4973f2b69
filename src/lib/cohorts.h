/* From a cohort to its syllabus: the cohort dump in memory, as a uthash map. */
#ifndef COHORTS_H
#define COHORTS_H

#include <stdint.h>

/* uthash ends the program where memory cannot be had; end it as everything else does. */
#define uthash_fatal(message) die("out of memory")
#include <uthash.h>

/*
 * uthash doubles its buckets when one of them has so many entries. Its own ten makes for two a bucket at a million
 * cohorts; eight for one, and less memory than seven, which doubles once more there.
 */
#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 8U

#include "error.h"
#include "slice.h"
#include "reader.h"

/* All that a lookup compares lies in the first of its cache lines. */
struct cohort {
	UT_hash_handle hh;
	int64_t id;
	size_t len;		/* of bytes */
	uint64_t line;		/* where the dump has it */
	bool has_syllabus;
	char bytes[];		/* how its plan lines end: COHORT TAB SYLLABUS_ID TAB SYLLABUS newline, encoded */
};

struct cohorts {
	struct cohort *map;		/* uthash's, with hashes of ours */
	uint64_t factor[2];		/* what ids are hashed with; of each run's own */
	struct cohort_chunk *chunk;	/* where they lie */
};

/* How many cohorts are looked up at once, at most. */
enum { COHORTS_AT_ONCE = 128 };

/*
 * Reads a whole cohort dump. Malformed records are rejected through the reader; the same cohort
 * twice with different values ends the program with a message that names both lines.
 */
void cohorts_load(struct cohorts *, struct reader *dump);

/*
 * Looks up to COHORTS_AT_ONCE cohorts up: found[i] becomes that of id[i], or NULL if the dump does not know
 * it. The map owns what it finds.
 */
void cohorts_find(const struct cohorts *, size_t count, const int64_t id[], const struct cohort *found[]);

void cohorts_free(struct cohorts *);

/* How the plan lines of a cohort end; the cohort's own bytes. */
static inline struct slice
cohort_plan_end(const struct cohort *cohort)
{
	return (struct slice){ cohort->bytes, cohort->len };
}

#endif
