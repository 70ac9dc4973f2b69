#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/text.h"
#include "text.h"

/* The colors of the original command: Django's styles with these names. */
enum style { PLAIN, HEADING, SUCCESS, WARNING, ERROR };

static const char rule[] = "======================================================================\n";

static void
begin_style(struct text *text, enum style style)
{
	static const char *const codes[] = {
		[PLAIN] = "", [HEADING] = "\33[36;1m", [SUCCESS] = "\33[32;1m", [WARNING] = "\33[33;1m", [ERROR] = "\33[31;1m",
	};

	if (text->color)
		out_string(text->out, codes[style]);
}

/* Ends the style and the line. */
static void
end_style(struct text *text, enum style style)
{
	if (text->color && style != PLAIN)
		out_string(text->out, "\33[0m");
	out_string(text->out, "\n");
}

/* Prints a value so that it is safe on a terminal: unprintable bytes as \xHH. */
static void
put_value(struct out *out, struct slice value)
{
	out_shown(out, value.ptr != NULL ? value : slice_of("None"));
}

static void
put_number(struct out *out, const char *before, int64_t number, const char *after)
{
	out_string(out, before);
	out_int(out, number);
	out_string(out, after);
}

/* Prints a model's name with a capital letter: Answer. */
static void
put_title(struct text *text, int model)
{
	const struct slice name = text->counts->models->model[model].name;

	out_bytes(text->out, (char[]){ (char)(name.ptr[0] - 'a' + 'A') }, 1);
	out_bytes(text->out, name.ptr + 1, name.len - 1);
}

void
text_begin(struct text *text, struct out *out, const struct counts *counts, bool color, bool summary)
{
	*text = (struct text){ .out = out, .counts = counts, .color = color, .summary = summary, .section = -1 };
	text->printed = new_array((size_t)counts->models->count, sizeof *text->printed);
}

void
text_put_mode(struct text *text)
{
	if (!text->counts->dry)
		return;
	begin_style(text, WARNING);
	out_string(text->out, "DRY RUN MODE - No changes will be made");
	end_style(text, WARNING);
}

static void
begin_section(struct text *text, int model)
{
	struct out *out = text->out;
	const bool first = !text->printed[model].section;

	text->printed[model].section = true;
	out_string(out, "\n");
	out_string(out, rule);
	begin_style(text, HEADING);
	out_string(out, "Processing ");
	put_title(text, model);
	out_string(out, " model...");
	end_style(text, HEADING);
	out_string(out, rule);
	if (text->counts->found_known && first) {
		put_number(out, "Found ", text->counts->tally[model].found, " ");
		put_title(text, model);
		out_string(out, " records to process\n");
	}
}

/* Prints how many records were skipped, and why. */
static void
put_skipped(struct text *text, const struct tally *tally, const struct tally *before)
{
	const char *between = " (";

	begin_style(text, WARNING);
	put_number(text->out, "Skipped: ", tally->skipped - before->skipped, "");
	for (int i = 0; i < REASONS; i++) {
		if (tally->skipped_for[i] == before->skipped_for[i])
			continue;
		out_string(text->out, between);
		out_string(text->out, reasons[i]);
		put_number(text->out, " ", tally->skipped_for[i] - before->skipped_for[i], "");
		between = ", ";
	}
	out_string(text->out, ")");
	end_style(text, WARNING);
}

static void
put_failures(struct text *text, int model, const struct tally *tally, const struct tally *before)
{
	struct out *out = text->out;
	int64_t i;

	begin_style(text, ERROR);
	put_number(out, "Errors: ", tally->failed - before->failed, "");
	end_style(text, ERROR);
	for (i = before->failed; i < tally->failed && i < FAILURES_KEPT; i++) {
		const struct failure *failure = &tally->failures[i];

		begin_style(text, ERROR);
		out_string(out, "  - ");
		put_title(text, model);
		put_number(out, " ", failure->id, ": ");
		put_value(out, failure_message((struct slice){ failure->detail.ptr, failure->detail.len }));
		end_style(text, ERROR);
	}
	if (i < tally->failed && i > before->failed) {
		begin_style(text, ERROR);
		put_number(out, "  ... and ", tally->failed - i, " more");
		end_style(text, ERROR);
	}
}

static const char *
verb(const struct counts *counts)
{
	if (counts->dry)
		return counts->undo ? "Would revert" : "Would update";
	return counts->undo ? "Reverted" : "Updated";
}

static void
end_section(struct text *text, int model)
{
	struct out *out = text->out;
	const struct counts *counts = text->counts;
	const struct tally *tally = &counts->tally[model];
	const struct tally before = text->printed[model].tally;

	text->printed[model].tally = *tally;
	if (tally->done + tally->skipped + tally->failed == 0 && (!counts->found_known || tally->found == 0)) {
		begin_style(text, WARNING);
		out_string(out, "  No ");
		out_slice(out, counts->models->model[model].name);
		out_string(out, counts->undo ? "s need reverting" : "s need updating");
		end_style(text, WARNING);
		return;
	}
	out_string(out, "\n");
	begin_style(text, SUCCESS);
	out_string(out, verb(counts));
	put_number(out, " ", tally->done - before.done, " ");
	put_title(text, model);
	out_string(out, " records");
	end_style(text, SUCCESS);
	if (tally->skipped > before.skipped)
		put_skipped(text, tally, &before);
	if (tally->failed > before.failed)
		put_failures(text, model, tally, &before);
}

/* Whether a section can be printed before that of `to`: at the end, or if it is known to stay empty. */
static bool
is_due(const struct text *text, int model, int to)
{
	const struct counts *counts = text->counts;

	return to == counts->models->count || (counts->found_known && counts->tally[model].found == 0);
}

/* Ends the open section and begins that of `to`, after any empty sections before it. `to` = number of models: begins none. */
static void
change_section(struct text *text, int to)
{
	if (text->section != -1)
		end_section(text, text->section);
	for (int model = 0; model < to; model++) {
		if (!model_is_chosen(text->counts->chosen, model) || text->printed[model].section || !is_due(text, model, to))
			continue;
		begin_section(text, model);
		end_section(text, model);
	}
	if (to < text->counts->models->count)
		begin_section(text, to);
	text->section = to;
}

void
text_put_record(struct text *text, const struct told *told)
{
	static const char *const marks[] = { [DONE] = "  ✓ ", [SKIPPED] = "  - ", [FAILED] = "  ✗ " };
	static const enum style styles[] = { [DONE] = PLAIN, [SKIPPED] = WARNING, [FAILED] = ERROR };
	const struct slice *field = told->record->field;
	struct out *out = text->out;

	if (text->summary)
		return;	/* all sections come at the end, one for each model */
	if (told->model != text->section)
		change_section(text, told->model);
	begin_style(text, styles[told->outcome]);
	out_string(out, text->counts->dry ? "  [DRY RUN] " : marks[told->outcome]);
	put_title(text, told->model);
	put_number(out, " ", told->id, ": ");
	if (told->outcome == SKIPPED) {
		out_string(out, "skipped, ");
		out_string(out, reasons[told->reason]);
	} else if (told->outcome == FAILED) {
		put_value(out, failure_message(field[DETAIL]));
	} else if (text->counts->undo) {
		out_string(out, "syllabus=");
		put_value(out, field[SYLLABUS]);
		out_string(out, " → None");
	} else {
		out_string(out, "cohort=");
		put_value(out, field[COHORT]);
		out_string(out, " → syllabus=");
		put_value(out, field[SYLLABUS]);
	}
	end_style(text, styles[told->outcome]);
}

void
text_end_sections(struct text *text)
{
	change_section(text, text->counts->models->count);
}

/* Prints a number right-aligned in a column as wide as the model's title, but at least 9. */
static void
put_cell(struct text *text, int model, const char *cell)
{
	const size_t width = text->counts->models->model[model].name.len;

	for (size_t len = strlen(cell); len < (width > 9 ? width : 9) + 1; len++)
		out_string(text->out, " ");
	out_string(text->out, cell);
}

static void
put_group_heading(struct text *text)
{
	const struct counts *counts = text->counts;

	out_string(text->out, "\n");
	begin_style(text, HEADING);
	for (int model = 0; model < counts->models->count; model++) {
		if (!model_is_chosen(counts->chosen, model))
			continue;
		for (size_t len = counts->models->model[model].name.len; len < 10; len++)
			out_string(text->out, " ");
		if (counts->models->model[model].name.len > 9)
			out_string(text->out, " ");
		put_title(text, model);
	}
	out_string(text->out, "  cohort → syllabus");
	end_style(text, HEADING);
}

void
text_put_groups(struct text *text, const struct groups *groups)
{
	const struct counts *counts = text->counts;
	const struct group *group = NULL;
	char cell[32];

	put_group_heading(text);
	while ((group = groups_next(groups, group)) != NULL) {
		const struct group_view view = group_view(group);
		const enum style style = view.syllabus_id.ptr != NULL ? PLAIN : WARNING;

		begin_style(text, style);
		for (int model = 0; model < counts->models->count; model++) {
			if (!model_is_chosen(counts->chosen, model))
				continue;
			snprintf(cell, sizeof cell, "%" PRId64, view.records[model]);
			put_cell(text, model, view.records[model] > 0 ? cell : "-");
		}
		out_string(text->out, "  ");
		put_value(text->out, view.cohort);
		if (view.syllabus_id.ptr != NULL) {
			out_string(text->out, " → ");
			put_value(text->out, view.syllabus);
			if (view.needs_id) {
				out_string(text->out, " (id ");
				put_value(text->out, view.syllabus_id);
				out_string(text->out, ")");
			}
		} else {
			out_string(text->out, " leads to no syllabus");
		}
		end_style(text, style);
	}
}

void
text_put_total(struct text *text, const char *stopped)
{
	struct out *out = text->out;
	const struct counts *counts = text->counts;
	const struct tally sum = counts_sum(counts);
	const int64_t rejected = counts_rejected(counts);
	const enum style style = stopped != NULL ? ERROR : rejected + sum.failed > 0 ? WARNING : SUCCESS;

	out_string(out, "\n");
	out_string(out, rule);
	begin_style(text, style);
	if (counts->dry)
		out_string(out, counts->undo ? "DRY RUN: Would revert" : "DRY RUN: Would update");
	else if (stopped != NULL)
		out_string(out, counts->undo ? "✗ Stopped: reverted" : "✗ Stopped: updated");
	else
		out_string(out, counts->undo ? "✓ Successfully reverted" : "✓ Successfully updated");
	put_number(out, " ", sum.done, "");
	if (stopped != NULL && counts->found_known)
		put_number(out, " of ", sum.found, "");
	out_string(out, " records in total");
	if (rejected > 0)
		put_number(out, ", ", rejected, " rejected");
	if (stopped != NULL) {
		out_string(out, ": ");
		out_shown(out, slice_of(stopped));
	}
	end_style(text, style);
	out_string(out, rule);
}

void
text_put_waiting(struct text *text)
{
	const struct counts *counts = text->counts;

	for (int model = 0; model < counts->models->count; model++) {
		if (!model_is_chosen(counts->chosen, model))
			continue;
		put_title(text, model);
		put_number(text->out, ": ", counts->tally[model].eligible, " eligible, ");
		put_number(text->out, "", counts->tally[model].no_syllabus, " with a cohort without a syllabus\n");
	}
}

void
text_free(struct text *text)
{
	free(text->printed);
}
