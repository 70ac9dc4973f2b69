#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "buffer.h"
#include "cohorts.h"
#include "copytext.h"
#include "error.h"

/* The syllabus id is written as a number: of a sign or leading zeros the plan knows nothing. */
static void
encode_plan_end(struct buffer *bytes, const struct table *dump, bool has_syllabus, int64_t syllabus_id)
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

static struct cohort *
new_cohort(int64_t id, bool has_syllabus, const struct buffer *plan_end, unsigned long line)
{
	struct cohort *cohort = malloc(sizeof *cohort + plan_end->len);

	if (cohort == NULL)
		die("out of memory");
	memcpy(cohort->bytes, plan_end->ptr, plan_end->len);
	cohort->id = id;
	cohort->has_syllabus = has_syllabus;
	cohort->plan_end = (struct slice){ cohort->bytes, plan_end->len };
	cohort->line = line;
	return cohort;
}

void
cohorts_load(struct cohorts *cohorts, struct table *dump)
{
	struct buffer plan_end = { 0 };

	cohorts->map = NULL;
	while (table_next(dump)) {
		bool has_syllabus = dump->field[SYLLABUS_ID].ptr != NULL;
		int64_t id, syllabus_id = 0;
		struct cohort *cohort;

		if (!table_bigint(dump, COHORT_ID, &id) || (has_syllabus && !table_bigint(dump, SYLLABUS_ID, &syllabus_id)))
			continue;
		encode_plan_end(&plan_end, dump, has_syllabus, syllabus_id);
		HASH_FIND(hh, cohorts->map, &id, sizeof id, cohort);
		if (cohort == NULL) {
			cohort = new_cohort(id, has_syllabus, &plan_end, dump->lines.number);
			HASH_ADD(hh, cohorts->map, id, sizeof cohort->id, cohort);
		} else if (!slice_equal(cohort->plan_end, (struct slice){ plan_end.ptr, plan_end.len })) {
			die("%s:%lu: cohort %" PRId64 " has other values here than on line %lu",
			    dump->lines.name, dump->lines.number, id, cohort->line);
		}
	}
	buffer_free(&plan_end);
}

const struct cohort *
cohorts_find(const struct cohorts *cohorts, int64_t cohort_id)
{
	struct cohort *cohort;

	HASH_FIND(hh, cohorts->map, &cohort_id, sizeof cohort_id, cohort);
	return cohort;
}

void
cohorts_free(struct cohorts *cohorts)
{
	struct cohort *cohort = cohorts->map, *next;

	HASH_CLEAR(hh, cohorts->map);	/* frees what is uthash's; the cohorts are still in a chain */
	for (; cohort != NULL; cohort = next) {
		next = cohort->hh.next;
		free(cohort);
	}
}
