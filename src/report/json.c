#include "json.h"
#include "lib/text.h"

static void
put_key(struct out *out, const char *before, const char *key)
{
	out_string(out, before);
	out_string(out, "\"");
	out_string(out, key);
	out_string(out, "\": ");
}

static void
put_number(struct out *out, const char *before, const char *key, int64_t number)
{
	put_key(out, before, key);
	out_int(out, number);
}

/* Writes a character of at most three bytes of UTF-8, or a byte that is not UTF-8, as \uXXXX. */
static void
put_escape(struct out *out, struct slice character)
{
	const unsigned char *s = (const unsigned char *)character.ptr;
	unsigned code = s[0];

	if (character.len == 2)
		code = (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
	else if (character.len == 3)
		code = (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
	out_string(out, "\\u");
	out_hex(out, (unsigned char)(code >> 8));
	out_hex(out, (unsigned char)code);
}

/* Unprintable characters are escaped here, too: the output may go to a terminal. */
static void
put_string(struct out *out, struct slice value)
{
	struct slice piece;
	bool printable;

	if (value.ptr == NULL) {
		out_string(out, "null");
		return;
	}
	out_string(out, "\"");
	while (text_piece(&value, &piece, &printable)) {
		if (!printable)
			put_escape(out, piece);
		for (size_t i = 0; printable && i < piece.len; i++) {
			if (piece.ptr[i] == '"' || piece.ptr[i] == '\\')
				out_string(out, "\\");
			out_bytes(out, &piece.ptr[i], 1);
		}
	}
	out_string(out, "\"");
}

/* Writes a field as a number if it is one, else as a string. */
static void
put_bigint(struct out *out, struct slice field)
{
	int64_t number;

	if (text_bigint(field, &number))
		out_int(out, number);
	else
		put_string(out, field);
}

static void
put_failures(struct out *out, const struct tally *tally)
{
	put_key(out, ", ", "errors");
	out_string(out, "[");
	for (int i = 0; i < tally->failed && i < FAILURES_KEPT; i++) {
		const struct failure *failure = &tally->failures[i];
		const struct slice detail = { failure->detail.ptr, failure->detail.len };

		put_number(out, i > 0 ? ", {" : "{", "id", failure->id);
		put_key(out, ", ", "sqlstate");
		put_string(out, failure_state(detail));
		put_key(out, ", ", "message");
		put_string(out, failure_message(detail));
		out_string(out, "}");
	}
	out_string(out, "]");
}

static const char *
done_key(const struct counts *counts)
{
	if (counts->dry)
		return counts->undo ? "would_revert" : "would_update";
	return counts->undo ? "reverted" : "updated";
}

static void
put_model(struct out *out, const struct counts *counts, const struct tally *tally)
{
	put_key(out, "{", "found");
	if (counts->found_known)
		out_int(out, tally->found);
	else
		out_string(out, "null");
	put_number(out, ", ", done_key(counts), tally->done);
	put_key(out, ", ", "skipped");
	for (int i = 0; i < REASONS; i++)
		put_number(out, i > 0 ? ", " : "{", reasons[i], tally->skipped_for[i]);
	put_number(out, "}, ", "failed", tally->failed);
	put_failures(out, tally);
	out_string(out, "}");
}

static void
put_models(struct out *out, const struct counts *counts, enum json_kind kind)
{
	const char *between = "";

	put_key(out, "", "models");
	out_string(out, "{");
	for (int i = 0; i < counts->models->count; i++) {
		const struct tally *tally = &counts->tally[i];

		if (kind == JSON_NOTHING || !model_is_chosen(counts->chosen, i))
			continue;
		put_key(out, between, counts->models->model[i].name.ptr);
		between = ", ";
		if (kind == JSON_WAITING) {
			put_number(out, "{", "eligible", tally->eligible);
			put_number(out, ", ", "no_syllabus", tally->no_syllabus);
			out_string(out, "}");
		} else {
			put_model(out, counts, tally);
		}
	}
	out_string(out, "}");
}

static void
put_groups(struct out *out, const struct counts *counts, const struct groups *groups)
{
	const struct group *group = NULL;

	put_key(out, ", ", "cohorts");
	out_string(out, "[");
	while ((group = groups_next(groups, group)) != NULL) {
		const struct group_view view = group_view(group);

		put_key(out, group != groups_next(groups, NULL) ? ", {" : "{", "cohort");
		put_string(out, view.cohort);
		put_key(out, ", ", "syllabus_id");
		put_bigint(out, view.syllabus_id);
		put_key(out, ", ", "syllabus");
		put_string(out, view.syllabus);
		put_key(out, ", ", "records");
		out_string(out, "{");
		for (int i = 0, n = 0; i < counts->models->count; i++)
			if (model_is_chosen(counts->chosen, i))
				put_number(out, n++ > 0 ? ", " : "", counts->models->model[i].name.ptr, view.records[i]);
		out_string(out, "}}");
	}
	out_string(out, "]");
}

static void
put_list(struct out *out, const char *key, const struct buffer *list)
{
	size_t begin = 0;

	put_key(out, ", ", key);
	out_string(out, "[");
	for (size_t i = 0; i < list->len; i++) {
		if (list->ptr[i] != '\0')
			continue;
		if (begin > 0)
			out_string(out, ", ");
		put_string(out, slice_of(list->ptr + begin));
		begin = i + 1;
	}
	out_string(out, "]");
}

static void
put_run(struct out *out, const struct run *run)
{
	const int64_t ms = run->took;
	const char digits[] = { (char)('0' + ms / 100 % 10), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10) };

	put_key(out, "", "action");
	put_string(out, run_fact(run, ACTION));
	put_number(out, ", ", "status", run->status);
	put_key(out, ", ", "error");
	put_string(out, run_fact(run, FAULT));
	put_key(out, ", ", "database");
	put_string(out, run_fact(run, DATABASE));
	put_key(out, ", ", "started");
	put_string(out, slice_of(run->started));
	put_key(out, ", ", "finished");
	put_string(out, slice_of(run->finished));
	put_number(out, ", ", "seconds", ms / 1000);
	out_string(out, ".");
	out_bytes(out, digits, sizeof digits);
	put_key(out, ", ", "plan");
	put_string(out, run_fact(run, PLAN_FILE));
	put_list(out, "undone", &run->undone);
	put_list(out, "receipts", &run->receipts);
	out_string(out, ", ");
}

void
json_put(struct out *out, const struct run *run, const struct counts *counts, const struct groups *groups, enum json_kind kind)
{
	const struct tally sum = counts_sum(counts);

	out_string(out, "{");
	if (run != NULL)
		put_run(out, run);
	if (kind != JSON_WAITING) {
		put_key(out, "", "dry_run");
		out_string(out, counts->dry ? "true" : "false");
		put_key(out, ", ", "undo");
		out_string(out, counts->undo ? "true" : "false");
		put_number(out, ", ", "skipped", sum.skipped);
		put_number(out, ", ", "failed", sum.failed);
		put_number(out, ", ", "rejected", counts_rejected(counts));
		out_string(out, ", ");
	}
	put_models(out, counts, kind);
	if (groups != NULL)
		put_groups(out, counts, groups);
	put_number(out, ", ", "total", kind == JSON_WAITING ? sum.eligible : sum.done);
	out_string(out, "}\n");
}
