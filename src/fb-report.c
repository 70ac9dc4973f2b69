/*
 * fb-report: tells people what a plan would do, or what receipts say was done, in the words of the
 * command that this project takes the place of.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "error.h"
#include "model.h"
#include "options.h"
#include "out.h"
#include "table.h"
#include "text.h"

const char program_name[] = "fb-report";

static const char help[] =
"Usage: fb-report [--plan FILE] [--model NAME|all] [--undo] [--summary] [--json]\n"
"                 [--erase-line] [--color auto|always|never] [FILE]\n"
"Tell what a plan would do (a dry run) or what receipts say was done.\n"
"\n"
"  -p, --plan FILE     count the plan's records for the 'Found' lines, which else\n"
"                      are left out when the input is a pipe\n"
"  -m, --model NAME    report on this model only (default: all)\n"
"  -u, --undo          the receipts are those of an undo, even if none says so\n"
"  -s, --summary       leave out the line for each record\n"
"  -j, --json          print one JSON object instead\n"
"  -c, --color WHEN    color the report: auto (default; on a terminal, unless NO_COLOR\n"
"                      is set), always or never\n"
"  -e, --erase-line    erase what stands in the terminal's line before printing to it\n"
COMMON_HELP("")
"\n"
"With no FILE, or where FILE is -, read standard input. See fb-report(1).\n";

struct options {
	const char *plan;	/* a path, or NULL */
	struct models models;
	bool print_models;
	int model;		/* the index of the one to report on, or -1: all */
	bool undo;
	bool summary;
	bool json;
	bool color;
	bool erase_line;
};

/* Whether --color's argument means color here; dies if it is none. See https://no-color.org for NO_COLOR. */
static bool
color_choice(const char *when)
{
	const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");

	if (strcmp(when, "always") == 0)
		return true;
	if (strcmp(when, "auto") == 0)
		return isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0')
		    && terminal != NULL && strcmp(terminal, "dumb") != 0;
	if (strcmp(when, "never") != 0)
		die_usage("--color: '%s' is none of auto, always, never", when);
	return false;
}

static struct options
read_options(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "plan", required_argument, NULL, 'p' },
		{ "model", required_argument, NULL, 'm' },
		{ "undo", no_argument, NULL, 'u' },
		{ "summary", no_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "color", required_argument, NULL, 'c' },
		{ "erase-line", no_argument, NULL, 'e' },
		COMMON_OPTIONS,
	};
	struct options options = { .color = color_choice("auto") };
	const char *model = "all";
	int option;

	models_begin(&options.models);
	while ((option = option_next(argc, argv, "p:m:usjc:e" COMMON_LETTERS, long_options)) != -1) {
		switch (option) {
		case 'p': options.plan = optarg; break;
		case 'm': model = optarg; break;
		case 'u': options.undo = true; break;
		case 's': options.summary = true; break;
		case 'j': options.json = true; break;
		case 'c': options.color = color_choice(optarg); break;
		case 'e': options.erase_line = isatty(STDOUT_FILENO); break;
		default: common_option(option, help, &options.models, &options.print_models);
		}
	}
	options.model = models_choose(&options.models, model);
	if (options.print_models)
		models_print(&options.models);
	if (argc - optind > 1)
		die_usage("one FILE at most");
	return options;
}

/* ---- what is counted ---- */

/* Why records were skipped, as receipts say it. */
static const char *const reasons[] = {
	"already-set", "already-reverted", "cohort-changed", "syllabus-changed", "gone", "duplicate", "other-cohort", "other-syllabus",
};

enum { REASONS = sizeof reasons / sizeof reasons[0], FAILURES_KEPT = 5 };

struct failure {
	int64_t id;
	struct buffer detail;	/* SQLSTATE, a space, message */
};

struct tally {
	int64_t found;
	int64_t done;		/* updated, reverted, or in a plan */
	int64_t skipped;
	int64_t skipped_for[REASONS];
	int64_t failed;
	struct failure failures[FAILURES_KEPT];
	bool shown;		/* its section was begun */
};

struct report {
	struct out out;
	struct options options;
	bool is_plan;
	bool found_known;
	const struct models *models;
	struct tally *tally;	/* for each model */
	struct problems problems;
};

enum status { DONE, SKIPPED, FAILED, UNKNOWN };

/* What became of the record; learns on the way whether this is an undo. */
static enum status
record_status(struct report *report, const struct table *table)
{
	struct slice status = table->field[STATUS];

	if (report->is_plan || slice_is(status, "updated"))
		return DONE;
	if (slice_is(status, "reverted")) {
		report->options.undo = true;
		return DONE;
	}
	if (slice_is(status, "skipped"))
		return SKIPPED;
	return slice_is(status, "failed") ? FAILED : UNKNOWN;
}

/*
 * Counts what there was to do: the records of a plan or of receipts, or with `updated_only` those
 * receipts that an undo takes back.
 */
static void
count_found(struct report *report, struct table *table, bool updated_only)
{
	int64_t id;

	while (table_next(table)) {
		int model = table_model(table, report->models);

		if (model == -1 || !table_bigint(table, ID, &id))
			continue;
		if (table->kind == RECEIPTS && updated_only && !slice_is(table->field[STATUS], "updated"))
			continue;
		if (table->kind == RECEIPTS && record_status(report, table) == UNKNOWN)
			continue;
		report->tally[model].found++;
	}
	report->found_known = true;
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

/* PostgreSQL's message in a failed record's detail, without the SQLSTATE before it. */
static struct slice
failure_message(struct slice detail)
{
	const char *space = detail.len > 0 ? memchr(detail.ptr, ' ', detail.len) : NULL;

	if (space == NULL)
		return detail;
	return (struct slice){ space + 1, detail.len - (size_t)(space + 1 - detail.ptr) };
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

/* ---- the text ---- */

static void
put_hex(struct out *out, const char *before, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";

	out_string(out, before);
	out_bytes(out, (char[]){ digits[byte >> 4], digits[byte & 15] }, 2);
}

/* What the original command colors, as Django's styles of these names do it. */
enum style { PLAIN, HEADING, SUCCESS, WARNING, ERROR };

static void
begin_style(struct report *report, enum style style)
{
	static const char *const codes[] = {
		[PLAIN] = "", [HEADING] = "\33[36;1m", [SUCCESS] = "\33[32;1m", [WARNING] = "\33[33;1m", [ERROR] = "\33[31;1m",
	};

	if (report->options.color)
		out_string(&report->out, codes[style]);
}

/* Ends the line. */
static void
end_style(struct report *report, enum style style)
{
	if (report->options.color && style != PLAIN)
		out_string(&report->out, "\33[0m");
	out_string(&report->out, "\n");
}

static const char rule[] = "======================================================================\n";

/* Prints a value such that it cannot act on a terminal: what is unprintable shows as \xHH. */
static void
put_value(struct out *out, struct slice value)
{
	struct slice piece;
	bool printable;

	if (value.ptr == NULL)
		value = slice_of("None");
	while (text_piece(&value, &piece, &printable)) {
		for (size_t i = 0; !printable && i < piece.len; i++)
			put_hex(out, "\\x", (unsigned char)piece.ptr[i]);
		if (printable)
			out_slice(out, piece);
	}
}

static void
put_number(struct out *out, const char *before, int64_t number, const char *after)
{
	out_string(out, before);
	out_int(out, number);
	out_string(out, after);
}

static void
begin_section(struct report *report, int model)
{
	struct out *out = &report->out;
	const struct model *words = &report->models->model[model];
	struct tally *tally = &report->tally[model];

	tally->shown = true;
	out_string(out, "\n");
	out_string(out, rule);
	begin_style(report, HEADING);
	out_string(out, "Processing ");
	out_string(out, words->title);
	out_string(out, " model...");
	end_style(report, HEADING);
	out_string(out, rule);
	if (report->found_known) {
		put_number(out, "Found ", tally->found, " ");
		out_string(out, words->title);
		out_string(out, " records to process\n");
	}
}

static void
put_failures(struct report *report, const struct tally *tally, const char *title)
{
	struct out *out = &report->out;

	begin_style(report, ERROR);
	put_number(out, "Errors: ", tally->failed, "");
	end_style(report, ERROR);
	for (int i = 0; i < tally->failed && i < FAILURES_KEPT; i++) {
		const struct failure *failure = &tally->failures[i];

		begin_style(report, ERROR);
		out_string(out, "  - ");
		out_string(out, title);
		put_number(out, " ", failure->id, ": ");
		put_value(out, failure_message((struct slice){ failure->detail.ptr, failure->detail.len }));
		end_style(report, ERROR);
	}
	if (tally->failed > FAILURES_KEPT) {
		begin_style(report, ERROR);
		put_number(out, "  ... and ", tally->failed - FAILURES_KEPT, " more");
		end_style(report, ERROR);
	}
}

static void
end_section(struct report *report, int model)
{
	struct out *out = &report->out;
	const struct tally *tally = &report->tally[model];
	int64_t records = tally->done + tally->skipped + tally->failed;

	if (records == 0 && (!report->found_known || tally->found == 0)) {
		begin_style(report, WARNING);
		out_string(out, "  No ");
		out_string(out, report->models->model[model].plural);
		out_string(out, report->options.undo ? " need reverting" : " need updating");
		end_style(report, WARNING);
		return;
	}
	out_string(out, "\n");
	begin_style(report, SUCCESS);
	out_string(out, report->is_plan ? "Would update " : report->options.undo ? "Reverted " : "Updated ");
	put_number(out, "", tally->done, " ");
	out_string(out, report->models->model[model].title);
	out_string(out, " records");
	end_style(report, SUCCESS);
	if (tally->skipped > 0) {
		begin_style(report, WARNING);
		put_number(out, "Skipped: ", tally->skipped, "");
		end_style(report, WARNING);
	}
	if (tally->failed > 0)
		put_failures(report, tally, report->models->model[model].title);
}

static void
put_record(struct report *report, const struct table *table, enum status status, int model, int64_t id)
{
	static const char *const marks[] = { [DONE] = "  ✓ ", [SKIPPED] = "  - ", [FAILED] = "  ✗ " };
	static const enum style styles[] = { [DONE] = PLAIN, [SKIPPED] = WARNING, [FAILED] = ERROR };
	struct out *out = &report->out;

	begin_style(report, styles[status]);
	out_string(out, report->is_plan ? "  [DRY RUN] " : marks[status]);
	out_string(out, report->models->model[model].title);
	put_number(out, " ", id, ": ");
	if (status == SKIPPED) {
		out_string(out, "skipped, ");
		put_value(out, table->field[DETAIL]);
	} else if (status == FAILED) {
		put_value(out, failure_message(table->field[DETAIL]));
	} else {
		out_string(out, "cohort=");
		put_value(out, table->field[COHORT]);
		out_string(out, " → syllabus=");
		put_value(out, table->field[SYLLABUS]);
	}
	end_style(report, styles[status]);
}

/* Ends the section of `from` (-1: none is open) and begins that of `to` (the number of models: none), with those between. */
static void
change_section(struct report *report, int from, int to)
{
	if (from != -1)
		end_section(report, from);
	for (int model = 0; model < to; model++) {
		if (!model_is_chosen(report->options.model, model) || report->tally[model].shown)
			continue;
		begin_section(report, model);
		end_section(report, model);
	}
	if (to < report->models->count)
		begin_section(report, to);
}

static void
put_total(struct report *report, int64_t total)
{
	struct out *out = &report->out;

	out_string(out, "\n");
	out_string(out, rule);
	begin_style(report, SUCCESS);
	out_string(out, report->is_plan ? "DRY RUN: Would update " :
	    report->options.undo ? "✓ Successfully reverted " : "✓ Successfully updated ");
	put_number(out, "", total, " records in total");
	end_style(report, SUCCESS);
	out_string(out, rule);
}

/* ---- JSON ---- */

/* A character as JSON may escape it, \uXXXX: one of three bytes of UTF-8 at most. */
static void
put_json_escape(struct out *out, struct slice character)
{
	const unsigned char *s = (const unsigned char *)character.ptr;
	unsigned code = s[0];

	if (character.len == 2)
		code = (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
	else if (character.len == 3)
		code = (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
	put_hex(out, "\\u", (unsigned char)(code >> 8));
	put_hex(out, "", (unsigned char)code);
}

/* What is unprintable is escaped here, too: somebody may look at it. */
static void
put_json_string(struct out *out, struct slice value)
{
	struct slice piece;
	bool printable;

	out_string(out, "\"");
	while (text_piece(&value, &piece, &printable)) {
		if (!printable)
			put_json_escape(out, piece);
		for (size_t i = 0; printable && i < piece.len; i++) {
			if (piece.ptr[i] == '"' || piece.ptr[i] == '\\')
				out_string(out, "\\");
			out_bytes(out, &piece.ptr[i], 1);
		}
	}
	out_string(out, "\"");
}

static void
put_json_failures(struct out *out, const struct tally *tally)
{
	out_string(out, "\"errors\": [");
	for (int i = 0; i < tally->failed && i < FAILURES_KEPT; i++) {
		const struct failure *failure = &tally->failures[i];
		struct slice detail = { failure->detail.ptr, failure->detail.len };
		struct slice message = failure_message(detail);
		struct slice state = { detail.ptr, detail.len > message.len ? detail.len - message.len - 1 : 0 };

		put_number(out, i > 0 ? ", {\"id\": " : "{\"id\": ", failure->id, ", \"sqlstate\": ");
		put_json_string(out, state);
		out_string(out, ", \"message\": ");
		put_json_string(out, message);
		out_string(out, "}");
	}
	out_string(out, "]");
}

static void
put_json_model(struct report *report, const struct tally *tally)
{
	struct out *out = &report->out;

	out_string(out, "{\"found\": ");
	if (report->found_known)
		out_int(out, tally->found);
	else
		out_string(out, "null");
	put_number(out, report->is_plan ? ", \"would_update\": " : report->options.undo ? ", \"reverted\": " : ", \"updated\": ",
	    tally->done, ", \"skipped\": {");
	for (int i = 0; i < REASONS; i++) {
		out_string(out, i > 0 ? ", \"" : "\"");
		out_string(out, reasons[i]);
		put_number(out, "\": ", tally->skipped_for[i], "");
	}
	put_number(out, "}, \"failed\": ", tally->failed, ", ");
	put_json_failures(out, tally);
	out_string(out, "}");
}

/* Of all models, what is no success. */
static void
put_json_sums(struct report *report)
{
	int64_t skipped = 0, failed = 0;

	for (int i = 0; i < report->models->count; i++) {
		skipped += report->tally[i].skipped;
		failed += report->tally[i].failed;
	}
	put_number(&report->out, ", \"skipped\": ", skipped, "");
	put_number(&report->out, ", \"failed\": ", failed, "");
	put_number(&report->out, ", \"rejected\": ", (int64_t)report->problems.count - failed, "");
}

static void
put_json(struct report *report, int64_t total)
{
	struct out *out = &report->out;
	const char *between = "";

	out_string(out, report->is_plan ? "{\"dry_run\": true" : "{\"dry_run\": false");
	out_string(out, report->options.undo ? ", \"undo\": true" : ", \"undo\": false");
	put_json_sums(report);
	out_string(out, ", \"models\": {");
	for (int i = 0; i < report->models->count; i++) {
		if (!model_is_chosen(report->options.model, i))
			continue;
		out_string(out, between);
		between = ", ";
		put_json_string(out, report->models->model[i].name);
		out_string(out, ": ");
		put_json_model(report, &report->tally[i]);
	}
	put_number(out, "}, \"total\": ", total, "}\n");
}

/* ---- the run ---- */

/*
 * Between lines: what is written at once begins with the erasure of the terminal's line, and ends with a
 * line's end, so that it does not mix with progress that another program draws there.
 */
static void
keep_lines_whole(struct report *report)
{
	if (!report->options.erase_line)
		return;
	if (report->out.len > sizeof report->out.bytes / 2)
		out_flush(&report->out);
	if (report->out.len == 0)
		out_string(&report->out, "\r\33[K");
}

/* Counts the record at hand. False if it is none that can be reported. */
static bool
count_record(struct report *report, struct table *table, enum status *status, int *model, int64_t *id)
{
	struct tally *tally;
	int reason = 0;	/* gcc for s390x does not see that it is set before it is used */

	*status = record_status(report, table);
	*model = table_model(table, report->models);
	if (*model == -1 || !table_bigint(table, ID, id))
		return false;
	tally = &report->tally[*model];
	if (*status == UNKNOWN || (*status == SKIPPED && !find_reason(table->field[DETAIL], &reason))) {
		table_reject(table, "no such status or reason for it");
		return false;
	}
	if (!model_is_chosen(report->options.model, *model))
		return false;
	if (*status == DONE) {
		tally->done++;
	} else if (*status == SKIPPED) {
		tally->skipped++;
		tally->skipped_for[reason]++;
	} else {
		keep_failure(tally, *id, table->field[DETAIL]);
		tally->failed++;
		problem(&report->problems, "%s:%" PRIu64 ": %s %" PRId64 " failed: %.*s", table->lines.name, table->lines.number,
		    report->models->model[*model].name.ptr, *id, (int)table->field[DETAIL].len,
		    table->field[DETAIL].ptr != NULL ? table->field[DETAIL].ptr : "");
	}
	return true;
}

static void
read_records(struct report *report, struct table *table)
{
	const bool text = !report->options.json;
	int section = -1, model;
	enum status status;
	int64_t id;

	while (table_next(table)) {
		if (!count_record(report, table, &status, &model, &id))
			continue;
		if (text && (model != section || !report->options.summary))
			keep_lines_whole(report);
		if (text && model != section) {
			change_section(report, section, model);
			section = model;
		}
		if (text && !report->options.summary)
			put_record(report, table, status, model, id);
		if (lines_drained(&table->lines))
			out_flush(&report->out);	/* somebody may be watching a pipe */
	}
	if (text) {
		keep_lines_whole(report);
		change_section(report, section, report->models->count);
	}
}

int
main(int argc, char **argv)
{
	struct report report = { .models = &report.options.models };
	struct table table, plan;
	int64_t total = 0;

	prepare_messages();
	out_stdout(&report.out);
	report.options = read_options(argc, argv);
	report.tally = new_array((size_t)report.models->count, sizeof *report.tally);
	table_open(&table, optind < argc ? argv[optind] : "-", PLAN_OR_RECEIPTS, ANY_FORMAT, &report.problems, NULL);
	report.is_plan = table.kind == PLAN;
	if (report.options.plan != NULL) {
		/* Of a bad record it is enough to hear once, from the program that was given it. */
		table_open(&plan, report.options.plan, PLAN_OR_RECEIPTS, ANY_FORMAT, NULL, NULL);
		count_found(&report, &plan, true);
		table_close(&plan);
	} else if (table_rewind(&table)) {
		table.problems = NULL;	/* named when it is read in earnest */
		count_found(&report, &table, false);
		table.problems = &report.problems;
		table_rewind(&table);
	}
	if (report.is_plan && !report.options.json) {
		begin_style(&report, WARNING);
		out_string(&report.out, "DRY RUN MODE - No changes will be made");
		end_style(&report, WARNING);
	}
	read_records(&report, &table);
	table_close(&table);
	for (int i = 0; i < report.models->count; i++)
		total += report.tally[i].done;
	if (report.options.json)
		put_json(&report, total);
	else
		put_total(&report, total);
	for (int i = 0; i < report.models->count; i++)
		for (int j = 0; j < FAILURES_KEPT; j++)
			buffer_free(&report.tally[i].failures[j].detail);
	free(report.tally);
	models_free(&report.options.models);
	out_close(&report.out);
	return problems_status(&report.problems);
}
