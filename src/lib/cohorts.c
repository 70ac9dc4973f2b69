#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "buffer.h"
#include "cohorts.h"
#include "copytext.h"
#include "error.h"

/* The dump may write a syllabus id with a sign or leading zeros; the plan has the plain number. */
static void
encode_plan_end(struct buffer *bytes, const struct reader *dump, bool has_syllabus, int64_t syllabus_id)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%" PRId64, syllabus_id);

	bytes->len = 0;
	copytext_append(bytes, dump->field[COHORT]);
	buffer_append(bytes, "\t", 1);
	copytext_append(bytes, has_syllabus ? (struct slice){ digits, (size_t)len } : (struct slice){ 0 });
	buffer_append(bytes, "\t", 1);
	copytext_append(bytes, dump->field[SYLLABUS]);
	buffer_append(bytes, "\n", 1);
}

enum {
	CACHE_LINE = 64,	/* bytes, on most machines */
	CHUNK = 1024 * 1024	/* bytes allocated at once */
};

/* Cohorts are allocated from chunks. Each begins at a cache line. */
struct cohort_chunk {
	struct cohort_chunk *before;
	char *free;		/* where the next cohort goes: the start of a cache line */
	size_t left;		/* bytes left there */
};

static struct cohort_chunk *
new_chunk(struct cohort_chunk *before, size_t len)
{
	struct cohort_chunk *chunk = new_array(1, sizeof *chunk + CACHE_LINE + len);
	char *behind = (char *)(chunk + 1);

	*chunk = (struct cohort_chunk){ before, behind + (CACHE_LINE - (uintptr_t)behind % CACHE_LINE), len };
	return chunk;
}

static void *
new_bytes(struct cohorts *cohorts, size_t len)
{
	void *bytes;

	len = (len + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	if (cohorts->chunk == NULL || len > cohorts->chunk->left)
		cohorts->chunk = new_chunk(cohorts->chunk, len > CHUNK ? len : CHUNK);
	bytes = cohorts->chunk->free;
	cohorts->chunk->free += len;
	cohorts->chunk->left -= len;
	return bytes;
}

static struct cohort *
new_cohort(struct cohorts *cohorts, int64_t id, bool has_syllabus, const struct buffer *plan_end, uint64_t line)
{
	struct cohort *cohort = new_bytes(cohorts, offsetof(struct cohort, bytes) + plan_end->len);

	memcpy(cohort->bytes, plan_end->ptr, plan_end->len);
	cohort->id = id;
	cohort->has_syllabus = has_syllabus;
	cohort->len = plan_end->len;
	cohort->line = line;
	return cohort;
}

/*
 * Spreads ids, which often increase in steps, over all bits. uthash's own hash functions are for keys of any length.
 * The factors are odd and unpredictable, so that nobody can make a dump whose ids all share a bucket.
 */
static inline unsigned
cohort_hash(const struct cohorts *cohorts, int64_t id)
{
	uint64_t hash = (uint64_t)id * cohorts->factor[0];

	hash ^= hash >> 32;
	return (unsigned)(hash * cohorts->factor[1] >> 32);
}

static void
choose_factors(uint64_t factor[2])
{
	struct timespec now = { 0 };
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &now);
	/* The address of the stack differs from run to run, too. */
	seed = (uint64_t)now.tv_sec ^ (uint64_t)now.tv_nsec << 32 ^ (uint64_t)getpid() << 16 ^ (uint64_t)(uintptr_t)&now;
	for (int i = 0; i < 2; i++) {
		/* splitmix64 (Steele, Lea and Flood, 2014) */
		uint64_t mixed = seed += UINT64_C(0x9e3779b97f4a7c15);

		mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
		factor[i] = (mixed ^ mixed >> 31) | 1;
	}
}

void
cohorts_load(struct cohorts *cohorts, struct reader *dump)
{
	struct buffer plan_end = { 0 };

	*cohorts = (struct cohorts){ 0 };
	choose_factors(cohorts->factor);
	while (reader_next(dump)) {
		bool has_syllabus = dump->field[SYLLABUS_ID].ptr != NULL;
		int64_t id, syllabus_id = 0;
		struct cohort *cohort;
		unsigned hash;

		if (!reader_bigint(dump, COHORT_ID, &id) || (has_syllabus && !reader_bigint(dump, SYLLABUS_ID, &syllabus_id)))
			continue;
		if (!has_syllabus && dump->field[SYLLABUS].ptr != NULL) {
			reader_reject(dump, "syllabus_id is NULL, but syllabus is not");
			continue;
		}
		encode_plan_end(&plan_end, dump, has_syllabus, syllabus_id);
		hash = cohort_hash(cohorts, id);
		HASH_FIND_BYHASHVALUE(hh, cohorts->map, &id, sizeof id, hash, cohort);
		if (cohort == NULL) {
			cohort = new_cohort(cohorts, id, has_syllabus, &plan_end, dump->lines.number);
			HASH_ADD_BYHASHVALUE(hh, cohorts->map, id, sizeof cohort->id, hash, cohort);
		} else if (!slice_equal(cohort_plan_end(cohort), (struct slice){ plan_end.ptr, plan_end.len })) {
			die("%s:%" PRIu64 ": cohort %" PRId64 " has different values on line %" PRIu64,
			    dump->lines.name, dump->lines.number, id, cohort->line);
		}
	}
	buffer_free(&plan_end);
}

/*
 * With many cohorts, a lookup mostly waits for memory: the bucket, its first entry, the next entry, the cohort.
 * So each of these is prefetched for all lookups before the first lookup needs it.
 */
void
cohorts_find(const struct cohorts *cohorts, size_t count, const int64_t id[], const struct cohort *found[])
{
	const UT_hash_table *table;
	unsigned hash[COHORTS_AT_ONCE];
	const UT_hash_bucket *bucket[COHORTS_AT_ONCE];

	if (cohorts->map == NULL) {
		for (size_t i = 0; i < count; i++)
			found[i] = NULL;
		return;
	}
	table = cohorts->map->hh.tbl;
	for (size_t i = 0; i < count; i++) {
		unsigned place;

		hash[i] = cohort_hash(cohorts, id[i]);
		HASH_TO_BKT(hash[i], table->num_buckets, place);
		bucket[i] = &table->buckets[place];
		__builtin_prefetch(bucket[i]);
	}
	for (size_t i = 0; i < count; i++)
		__builtin_prefetch(bucket[i]->hh_head);
	for (size_t i = 0; i < count; i++) {
		const UT_hash_handle *first = bucket[i]->hh_head;

		if (first != NULL && first->hashv != hash[i])
			__builtin_prefetch(first->hh_next);
	}
	for (size_t i = 0; i < count; i++) {
		struct cohort *cohort;

		HASH_FIND_IN_BKT(table, hh, *bucket[i], &id[i], sizeof id[i], hash[i], cohort);
		if (cohort != NULL)
			__builtin_prefetch(&cohort->len);
		found[i] = cohort;
	}
}

void
cohorts_free(struct cohorts *cohorts)
{
	struct cohort_chunk *chunk = cohorts->chunk, *before;

	HASH_CLEAR(hh, cohorts->map);
	for (; chunk != NULL; chunk = before) {
		before = chunk->before;
		free(chunk);
	}
}
