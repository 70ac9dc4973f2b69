/* The report by cohort: how many records of each model every cohort and syllabus has. */
#ifndef GROUPS_H
#define GROUPS_H

#include "counts.h"

struct group;

struct groups {
	struct group *map;	/* uthash's */
	struct group *last;	/* the group of the previous record */
	struct buffer key;	/* of the current record */
};

/* A group, when everything is counted. The slices are the group's. */
struct group_view {
	struct slice cohort;
	struct slice syllabus_id;	/* NULL: the cohort leads to no syllabus */
	struct slice syllabus;		/* NULL: the syllabus has no slug */
	bool needs_id;			/* the slug is not enough: there is none, or another syllabus has the same */
	const int64_t *records;		/* for each model */
};

/* Adds `records` of a model to the group of the record's cohort and syllabus. Zero the groups before the first call. */
void groups_add(struct groups *, const struct counts *, const struct told *, int64_t records);

/* Sorts the groups for the report: most records first, those without a syllabus last. */
void groups_sort(struct groups *);

/* Returns the group after `group`, or the first one for NULL; NULL at the end. */
struct group *groups_next(const struct groups *, const struct group *);
struct group_view group_view(const struct group *);

void groups_free(struct groups *);

#endif
