/* The cohort dump in memory: a uthash map from cohorts to their syllabuses. */
#ifndef COHORTS_H
#define COHORTS_H

#include <stdint.h>

#include "hash.h"

/*
 * uthash doubles the number of buckets when one of them has this many entries. With its default of 10, a million cohorts
 * end up two to a bucket; with 8, one to a bucket. 7 would double once more, for more memory.
 */
#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 8U

#include "slice.h"
#include "reader.h"

/* Everything that a lookup compares is in the first cache line. */
struct cohort {
	UT_hash_handle hh;
	int64_t id;
	size_t len;		/* of bytes */
	uint64_t line;		/* its line in the dump */
	bool has_syllabus;
	char bytes[];		/* the end of its plan lines, encoded: COHORT TAB SYLLABUS_ID TAB SYLLABUS newline */
};

struct cohorts {
	struct cohort *map;		/* uthash's, with our hash function */
	uint64_t factor[2];		/* of the hash function; they differ from run to run */
	struct cohort_chunk *chunk;	/* the memory of the cohorts */
};

/* The most cohorts that can be looked up at once. */
enum { COHORTS_AT_ONCE = 128 };

/*
 * Reads a whole cohort dump. Malformed records are rejected through the reader. If a cohort appears
 * twice with different values, exits with STATUS_TROUBLE and a message with both line numbers.
 */
void cohorts_load(struct cohorts *, struct reader *dump);

/*
 * Looks up at most COHORTS_AT_ONCE cohorts: sets found[i] to the cohort with id[i], or to NULL if the dump does not
 * have it. The map owns the cohorts.
 */
void cohorts_find(const struct cohorts *, size_t count, const int64_t id[], const struct cohort *found[]);

void cohorts_free(struct cohorts *);

/* The end of a cohort's plan lines; the cohort owns the bytes. */
static inline struct slice
cohort_plan_end(const struct cohort *cohort)
{
	return (struct slice){ cohort->bytes, cohort->len };
}

#endif
