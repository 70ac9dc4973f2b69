#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "counts.h"

const char *const reasons[REASONS] = {
	"already-set", "already-reverted", "cohort-changed", "syllabus-changed", "gone", "duplicate", "other-cohort", "other-syllabus",
};

void
counts_begin(struct counts *counts, const struct models *models, int chosen)
{
	*counts = (struct counts){ .models = models, .chosen = chosen, .last_model = -1, .unapplied.silent = true };
	counts->tally = new_array((size_t)models->count, sizeof *counts->tally);
}

/* Sets *reason to the index of a skipped record's reason. */
static bool
find_reason(struct slice detail, int *reason)
{
	for (*reason = 0; *reason < REASONS; ++*reason)
		if (slice_is(detail, reasons[*reason]))
			return true;
	return false;
}

/* Finds out what became of a record, and sets counts->undo if its status shows an undo. Returns false if it cannot be known. */
static bool
read_status(struct counts *counts, const struct reader *reader, struct told *told)
{
	struct slice status = reader->field[STATUS];

	told->outcome = DONE;
	if (reader->kind == PLAN || slice_is(status, "updated"))
		return true;
	if (slice_is(status, "reverted")) {
		counts->undo = true;
		return true;
	}
	if (slice_is(status, "skipped")) {
		told->outcome = SKIPPED;
		return find_reason(reader->field[DETAIL], &told->reason);
	}
	told->outcome = FAILED;
	return slice_is(status, "failed");
}

/*
 * Reads which row a record is for and what became of it. Returns false if the record is not wanted (it is not an update, and
 * only these are), or if it is rejected, by the same rules as in fb-apply.
 */
static bool
read_record(struct counts *counts, struct reader *reader, bool updated_only, struct told *told)
{
	const bool known = read_status(counts, reader, told);
	int64_t cohort_id, syllabus_id;

	if (updated_only && known && !slice_is(reader->field[STATUS], "updated"))
		return false;
	told->model = reader_model(reader, counts->models);
	if (told->model == -1 || !reader_bigint(reader, ID, &told->id))
		return false;
	if (!known) {
		reader_reject(reader, "unknown status, or unknown reason for it");
		return false;
	}
	return told->outcome != DONE || (reader_bigint(reader, COHORT_ID, &cohort_id) && reader_bigint(reader, SYLLABUS_ID, &syllabus_id));
}

void
counts_find(struct counts *counts, struct reader *reader, bool updated_only)
{
	struct told told;

	while (reader_next(reader))
		if (read_record(counts, reader, updated_only && reader->kind == RECEIPTS, &told))
			counts->tally[told.model].found++;
	counts->found_known = true;
}

static void
keep_failure(struct tally *tally, int64_t id, struct slice detail)
{
	struct failure *failure;

	if (tally->failed >= FAILURES_KEPT)
		return;
	failure = &tally->failures[tally->failed];
	failure->id = id;
	buffer_reserve(&failure->detail, 1);
	buffer_append(&failure->detail, detail.ptr, detail.len);
}

static void
count_failure(struct counts *counts, const struct reader *reader, const struct told *told)
{
	struct slice detail = reader->field[DETAIL];
	struct tally *tally = &counts->tally[told->model];

	keep_failure(tally, told->id, detail);
	tally->failed++;
	problem(&counts->problems, "%s:%" PRIu64 ": %s %" PRId64 " failed: %.*s", reader->lines.name, reader->lines.number,
	    counts->models->model[told->model].name.ptr, told->id, (int)detail.len, detail.ptr != NULL ? detail.ptr : "");
}

/* Whether a plan's record is for the same row as the previous one: fb-apply will skip it. */
static bool
is_duplicate(struct counts *counts, const struct told *told)
{
	const bool duplicate = told->model == counts->last_model && told->id == counts->last_id;

	counts->last_model = told->model;
	counts->last_id = told->id;
	return duplicate;
}

bool
counts_add(struct counts *counts, struct reader *reader, struct told *told)
{
	struct tally *tally;

	if (!read_record(counts, reader, counts->undo && counts->dry, told))
		return false;
	told->record = reader;
	tally = &counts->tally[told->model];
	if (reader->kind == PLAN && is_duplicate(counts, told)) {
		told->outcome = SKIPPED;
		(void)find_reason(slice_of("duplicate"), &told->reason);
	}
	if (!model_is_chosen(counts->chosen, told->model))
		return false;
	if (told->outcome == DONE) {
		tally->done++;
	} else if (told->outcome == SKIPPED) {
		tally->skipped++;
		tally->skipped_for[told->reason]++;
	} else {
		count_failure(counts, reader, told);
	}
	return true;
}

bool
counts_add_waiting(struct counts *counts, struct reader *reader, struct told *told, int64_t *rows)
{
	told->record = reader;
	told->model = reader_model(reader, counts->models);
	if (told->model == -1 || !reader_bigint(reader, ROWS_WAITING, rows))
		return false;
	if (*rows < 0 || *rows > INT64_MAX - counts->waiting) {
		reader_reject(reader, "impossible number of rows: %" PRId64, *rows);
		return false;
	}
	counts->waiting += *rows;
	if (!model_is_chosen(counts->chosen, told->model))
		return false;
	if (reader->field[SYLLABUS_ID].ptr != NULL)
		counts->tally[told->model].eligible += *rows;
	else
		counts->tally[told->model].no_syllabus += *rows;
	return true;
}

struct tally
counts_sum(const struct counts *counts)
{
	struct tally sum = { 0 };

	for (int i = 0; i < counts->models->count; i++) {
		const struct tally *tally = &counts->tally[i];

		sum.found += tally->found;
		sum.done += tally->done;
		sum.skipped += tally->skipped;
		sum.failed += tally->failed;
		sum.eligible += tally->eligible;
		sum.no_syllabus += tally->no_syllabus;
	}
	return sum;
}

int64_t
counts_rejected(const struct counts *counts)
{
	/* What a dry run reports on is its input. */
	return (int64_t)(counts->problems.count + (counts->dry ? 0 : counts->unapplied.count)) - counts_sum(counts).failed;
}

struct slice
failure_message(struct slice detail)
{
	const char *space = detail.len > 0 ? memchr(detail.ptr, ' ', detail.len) : NULL;

	if (space == NULL)
		return detail;
	return (struct slice){ space + 1, detail.len - (size_t)(space + 1 - detail.ptr) };
}

struct slice
failure_state(struct slice detail)
{
	struct slice message = failure_message(detail);

	return (struct slice){ detail.ptr, detail.len > message.len ? detail.len - message.len - 1 : 0 };
}

void
counts_free(struct counts *counts)
{
	for (int i = 0; i < counts->models->count; i++)
		for (int j = 0; j < FAILURES_KEPT; j++)
			buffer_free(&counts->tally[i].failures[j].detail);
	free(counts->tally);
}
