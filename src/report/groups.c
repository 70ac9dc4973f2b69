#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "lib/error.h"
#include "lib/hash.h"

struct group {
	UT_hash_handle hh;
	int64_t total;		/* records of all models */
	int64_t *records;	/* for each model */
	struct slice cohort, syllabus_id, syllabus;	/* in `key` */
	bool needs_id;		/* the slug of the syllabus does not identify it */
	struct buffer key;	/* its four fields, each after a byte that shows whether it is NULL, and followed by a NUL */
};

static void
append_field(struct buffer *key, struct slice field)
{
	buffer_append(key, field.ptr != NULL ? "=" : "-", 1);
	if (field.ptr != NULL)
		buffer_append(key, field.ptr, field.len);
	buffer_append(key, "", 1);
}

/* The field that append_field put at an offset of the key. */
static struct slice
field_in(const struct buffer *key, size_t offset, struct slice field)
{
	if (field.ptr == NULL)
		return field;
	return (struct slice){ key->ptr + offset + 1, field.len };
}

void
groups_add(struct groups *groups, const struct counts *counts, const struct told *told, int64_t records)
{
	static const enum column columns[] = { COHORT_ID, COHORT, SYLLABUS_ID, SYLLABUS };
	const struct slice *field = told->record->field;
	struct buffer *key = &groups->key;
	struct group *group = groups->last;
	size_t offset[4];

	key->len = 0;
	for (int i = 0; i < 4; i++) {
		offset[i] = key->len;
		append_field(key, field[columns[i]]);
	}
	/* Most often it is the same as for the previous record. */
	if (group == NULL || key->len != group->key.len || memcmp(key->ptr, group->key.ptr, key->len) != 0)
		HASH_FIND(hh, groups->map, key->ptr, key->len, group);
	if (group == NULL) {
		group = new_array(1, sizeof *group);
		group->records = new_array((size_t)counts->models->count, sizeof *group->records);
		buffer_append(&group->key, key->ptr, key->len);
		group->cohort = field_in(&group->key, offset[1], field[COHORT]);
		group->syllabus_id = field_in(&group->key, offset[2], field[SYLLABUS_ID]);
		group->syllabus = field_in(&group->key, offset[3], field[SYLLABUS]);
		HASH_ADD_KEYPTR(hh, groups->map, group->key.ptr, group->key.len, group);
	}
	group->total += records;
	group->records[told->model] += records;
	groups->last = group;
}

/* Orders groups so that those whose syllabus has the same slug are together. */
static int
by_slug(const struct group *a, const struct group *b)
{
	if (a->syllabus.len != b->syllabus.len)
		return a->syllabus.len > b->syllabus.len ? 1 : -1;
	return a->syllabus.len > 0 ? memcmp(a->syllabus.ptr, b->syllabus.ptr, a->syllabus.len) : 0;
}

/* Finds the groups whose syllabus has no slug, or the same one as another syllabus: slugs are not unique. */
static void
find_unclear(struct groups *groups)
{
	struct group *group, *end;

	HASH_SORT(groups->map, by_slug);
	for (struct group *first = groups->map; first != NULL; first = end) {
		bool unclear = first->syllabus.len == 0;

		for (end = first; end != NULL && by_slug(first, end) == 0; end = end->hh.next)
			unclear = unclear || !slice_equal(first->syllabus_id, end->syllabus_id);
		for (group = first; group != end; group = group->hh.next)
			group->needs_id = unclear;
	}
}

static int
in_order(const struct group *a, const struct group *b)
{
	const size_t len = a->key.len < b->key.len ? a->key.len : b->key.len;
	const int without = (a->syllabus_id.ptr == NULL) - (b->syllabus_id.ptr == NULL);

	if (without != 0)
		return without;
	if (a->total != b->total)
		return a->total > b->total ? -1 : 1;
	return memcmp(a->key.ptr, b->key.ptr, len);
}

void
groups_sort(struct groups *groups)
{
	find_unclear(groups);
	HASH_SORT(groups->map, in_order);
}

struct group *
groups_next(const struct groups *groups, const struct group *group)
{
	return group == NULL ? groups->map : group->hh.next;
}

struct group_view
group_view(const struct group *group)
{
	return (struct group_view){ group->cohort, group->syllabus_id, group->syllabus, group->needs_id, group->records };
}

void
groups_free(struct groups *groups)
{
	struct group *group = groups->map, *next;

	HASH_CLEAR(hh, groups->map);
	for (; group != NULL; group = next) {
		next = group->hh.next;
		buffer_free(&group->key);
		free(group->records);
		free(group);
	}
	buffer_free(&groups->key);
}
