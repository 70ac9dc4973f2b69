/* How many records each cohort and syllabus has, of each model: a preview that can be read. */
#ifndef GROUPS_H
#define GROUPS_H

#include "counts.h"

struct group;

struct groups {
	struct group *map;	/* uthash's */
	struct group *last;	/* the one that was added to */
	struct buffer key;	/* of the record at hand */
};

/* What is known of a group, when all is counted. */
struct group_view {
	struct slice cohort;
	struct slice syllabus_id;	/* NULL: the cohort leads to no syllabus */
	struct slice syllabus;		/* NULL: the syllabus has no slug */
	const int64_t *records;		/* for each model */
};

/* Zeroed groups begin; adds `records` of a model to the group of the record's cohort and syllabus. */
void groups_add(struct groups *, const struct counts *, const struct told *, int64_t records);

/* Brings the groups into the order in which they are told: most records first, those without a syllabus last. */
void groups_sort(struct groups *);

/* Goes through them: NULL begins, NULL ends. */
struct group *groups_next(const struct groups *, const struct group *);
struct group_view group_view(const struct group *);

void groups_free(struct groups *);

#endif
