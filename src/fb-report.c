/*
 * fb-report: reports what a plan would do or what receipts say was done, as text or as JSON, in the words of the command
 * that this project replaces. It also reports on a run of fb-backfill while it is running. Its parts are in report/.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/model.h"
#include "lib/options.h"
#include "lib/out.h"
#include "lib/reader.h"
#include "report/counts.h"
#include "report/follow.h"
#include "report/groups.h"
#include "report/json.h"
#include "report/run.h"
#include "report/text.h"

const char program_name[] = "fb-report";

static const char help[] =
"Usage: fb-report [--plan FILE] [--model NAME|all] [--undo [--dry-run]] [--summary]\n"
"                 [--by-cohort] [--json] [--color auto|always|never] [FILE...]\n"
"Report what a plan would do (a dry run), or what receipts say was done.\n"
"\n"
"      --plan FILE     take the numbers in the 'Found' lines from this plan; without\n"
"                      it, these lines are omitted when the input is a pipe\n"
"  -m, --model NAME    report on this model only (default: all)\n"
"      --undo          treat the receipts as those of an undo, even if none shows it\n"
"      --dry-run       with --undo: report what an undo of these receipts would do\n"
"      --summary       omit the line for each record\n"
"      --by-cohort     print a line for each cohort and syllabus instead\n"
"      --json          print one JSON object instead of a report\n"
"      --color WHEN    color the report: auto (default: on a terminal, unless NO_COLOR\n"
"                      is set), always or never\n"
"      --follow FILE   report on a running fb-backfill, and relay the messages in\n"
"                      FILE; see fb-report(1)\n"
"      --progress WHEN with --follow: show progress: auto (default: on a terminal),\n"
"                      always or never\n"
"      --object FILE   with --follow: also write the JSON object to FILE\n"
"      --quiet         with --follow: print no report, except with --json\n"
COMMON_HELP("")
"\n"
"With no FILE, or when FILE is -, read standard input. See fb-report(1).\n";

struct options {
	const char *plan;	/* paths, or NULL */
	const char *follow;
	const char *object;
	struct models models;
	bool print_models;
	int model;		/* the index of the model to report on, or -1: all */
	bool undo;
	bool dry_run;
	bool summary;
	bool by_cohort;
	bool json;
	bool quiet;
	bool color;
	bool progress;
};

/*
 * Whether the argument of --color or --progress means yes. For `auto`, that is when fd is a terminal and TERM is not dumb.
 * Dies if the argument is invalid.
 */
static bool
is_wanted(const char *option, const char *when, int fd)
{
	const char *terminal = getenv("TERM");

	if (strcmp(when, "always") == 0)
		return true;
	if (strcmp(when, "auto") == 0)
		return isatty(fd) && terminal != NULL && strcmp(terminal, "dumb") != 0;
	if (strcmp(when, "never") != 0)
		die_usage("%s: invalid value '%s' (expected auto, always or never)", option, when);
	return false;
}

/* See https://no-color.org for NO_COLOR. */
static bool
wants_color(const char *when)
{
	const char *no_color = getenv("NO_COLOR");

	return is_wanted("--color", when, STDOUT_FILENO) && (strcmp(when, "auto") != 0 || no_color == NULL || *no_color == '\0');
}

enum { PLAN_OPTION = OPTION_OWN, UNDO_OPTION, DRY_RUN_OPTION, SUMMARY_OPTION, BY_COHORT_OPTION, JSON_OPTION, COLOR_OPTION,
    FOLLOW_OPTION, PROGRESS_OPTION, OBJECT_OPTION, QUIET_OPTION };

static struct options
read_options(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "plan", required_argument, NULL, PLAN_OPTION },
		{ "model", required_argument, NULL, 'm' },
		{ "undo", no_argument, NULL, UNDO_OPTION },
		{ "dry-run", no_argument, NULL, DRY_RUN_OPTION },
		{ "summary", no_argument, NULL, SUMMARY_OPTION },
		{ "by-cohort", no_argument, NULL, BY_COHORT_OPTION },
		{ "json", no_argument, NULL, JSON_OPTION },
		{ "color", required_argument, NULL, COLOR_OPTION },
		{ "follow", required_argument, NULL, FOLLOW_OPTION },
		{ "progress", required_argument, NULL, PROGRESS_OPTION },
		{ "object", required_argument, NULL, OBJECT_OPTION },
		{ "quiet", no_argument, NULL, QUIET_OPTION },
		COMMON_OPTIONS,
	};
	struct options options = { .color = wants_color("auto"), .progress = is_wanted("--progress", "auto", STDERR_FILENO) };
	const char *model = "all";
	bool progress_given = false;
	int option;

	models_begin(&options.models);
	while ((option = option_next(argc, argv, "m:" COMMON_LETTERS, long_options)) != -1) {
		switch (option) {
		case PLAN_OPTION: options.plan = optarg; break;
		case 'm': model = optarg; break;
		case UNDO_OPTION: options.undo = true; break;
		case DRY_RUN_OPTION: options.dry_run = true; break;
		case SUMMARY_OPTION: options.summary = true; break;
		case BY_COHORT_OPTION: options.by_cohort = true; break;
		case JSON_OPTION: options.json = true; break;
		case COLOR_OPTION: options.color = wants_color(optarg); break;
		case FOLLOW_OPTION: options.follow = optarg; break;
		case PROGRESS_OPTION:
			options.progress = is_wanted("--progress", optarg, STDERR_FILENO);
			progress_given = true;
			break;
		case OBJECT_OPTION: options.object = optarg; break;
		case QUIET_OPTION: options.quiet = true; break;
		default: common_option(option, help, &options.models, &options.print_models);
		}
	}
	options.model = option_model(&options.models, model);
	if (options.print_models)
		option_print_models(&options.models);
	if (options.dry_run && !options.undo)
		die_usage("--dry-run requires --undo (the report of a plan is always of a dry run)");
	if (options.follow != NULL && (optind < argc || options.plan != NULL))
		die_usage("--follow cannot be combined with a FILE or --plan: it reads the names of files from standard input");
	if (options.follow == NULL && (options.object != NULL || options.quiet || progress_given))
		die_usage("--progress, --object and --quiet require --follow");
	return options;
}

struct report {
	struct options options;
	struct out out;
	struct counts counts;
	struct groups groups;
	struct text text;
	bool has_text;		/* a text report is printed */
	bool has_begun;		/* the kind of report is known */
	bool waiting;		/* it is the report of --check */
};

static void
begin_report(struct report *report)
{
	const struct options *options = &report->options;

	counts_begin(&report->counts, &options->models, options->model);
	report->counts.undo = options->undo;
	report->counts.dry = options->dry_run;
	report->has_text = !options->json && !options->quiet;
	text_begin(&report->text, &report->out, &report->counts, options->color, options->summary || options->by_cohort);
}

/* The first file decides the kind of report. */
static void
learn_kind(struct report *report, enum kind kind)
{
	if (report->has_begun)
		return;
	report->has_begun = true;
	report->counts.dry = report->counts.dry || kind == PLAN;
	report->waiting = kind == WAITING;
	if (report->has_text)
		text_put_mode(&report->text);
}

static void
add_record(struct report *report, struct reader *reader)
{
	struct told told;
	int64_t rows = 1;

	if (reader->kind == WAITING) {
		if (!counts_add_waiting(&report->counts, reader, &told, &rows))
			return;
	} else {
		if (!counts_add(&report->counts, reader, &told))
			return;
		if (report->has_text)
			text_put_record(&report->text, &told);
	}
	if (report->options.by_cohort && (reader->kind == WAITING || told.outcome == DONE))
		groups_add(&report->groups, &report->counts, &told, rows);
}

static void
add_records(struct report *report, struct reader *reader)
{
	learn_kind(report, reader->kind);
	while (reader_next(reader)) {
		add_record(report, reader);
		if (lines_drained(&reader->lines))
			out_flush(&report->out);	/* somebody may be watching a pipe */
	}
}

static enum json_kind
json_kind(const struct report *report)
{
	if (report->waiting)
		return JSON_WAITING;
	return report->has_begun || report->counts.found_known ? JSON_RECORDS : JSON_NOTHING;
}

/* Prints what follows the records. `run` may be NULL. */
static void
end_report(struct report *report, const struct run *run)
{
	const struct groups *groups = report->options.by_cohort ? &report->groups : NULL;
	const bool stopped = run != NULL && run->status == STATUS_TROUBLE;
	const char *why = stopped && run_fact(run, FAULT).ptr != NULL ? run_fact(run, FAULT).ptr : "unknown reason";

	groups_sort(&report->groups);
	if (report->options.json)
		json_put(&report->out, run, &report->counts, groups, json_kind(report));
	if (!report->has_text || !report->has_begun)
		return;
	if (report->waiting)
		text_put_waiting(&report->text);
	else
		text_end_sections(&report->text);
	if (groups != NULL)
		text_put_groups(&report->text, groups);
	if (!report->waiting)
		text_put_total(&report->text, stopped ? why : NULL);
}

static int
worst(int a, int b)
{
	return a > b ? a : b;
}

/* The exit status that the counts call for. */
static int
counts_status(const struct report *report)
{
	return worst(problems_status(&report->counts.problems), report->waiting && counts_sum(&report->counts).eligible > 0);
}

static void
free_report(struct report *report)
{
	text_free(&report->text);
	groups_free(&report->groups);
	counts_free(&report->counts);
	models_free(&report->options.models);
}

/* ---- reports on files ---- */

/* Counts what was found: in the plan, or in the files themselves, if all of them can be read twice. */
static void
find(struct report *report, struct reader *readers, int count)
{
	struct counts *counts = &report->counts;
	struct reader plan;

	if (report->options.plan != NULL) {
		reader_open(&plan, report->options.plan, TO_REPORT, &as_it_is, &counts->problems, NULL);
		if (plan.kind == WAITING)
			die("%s: is a count, not a plan or receipts", plan.lines.name);
		counts_find(counts, &plan, true);
		reader_close(&plan);
		return;
	}
	for (int i = 0; i < count; i++)
		if (readers[i].kind == WAITING || !reader_rewind(&readers[i]))
			return;
	for (int i = 0; i < count; i++) {
		readers[i].problems = NULL;	/* reported in the second reading */
		counts_find(counts, &readers[i], counts->undo && counts->dry);
		readers[i].problems = &counts->problems;
		reader_rewind(&readers[i]);
	}
}

static int
report_files(struct report *report, char *const *paths, int count)
{
	struct reader *readers = readers_open(paths, &count, TO_REPORT, &as_it_is, &report->counts.problems, NULL);

	for (int i = 1; i < count; i++)
		if (readers[i].kind != readers[0].kind)
			die("%s: not the same kind of file as %s", readers[i].lines.name, readers[0].lines.name);
	if (report->options.undo && readers[0].kind != RECEIPTS)
		die("%s: not receipts, which --undo is about", readers[0].lines.name);
	find(report, readers, count);
	for (int i = 0; i < count; i++) {
		add_records(report, &readers[i]);
		reader_close(&readers[i]);
	}
	free(readers);
	end_report(report, NULL);
	out_close(&report->out);
	return counts_status(report);
}

/* ---- reports on a run in progress ---- */

static void
write_object(const struct report *report, const struct run *run)
{
	struct out object;

	out_open(&object, report->options.object);
	json_put(&object, run, &report->counts, report->options.by_cohort ? &report->groups : NULL, json_kind(report));
	out_close(&object);
}

static int
report_run(struct report *report)
{
	struct follow follow;
	struct run run;
	const char *path;
	struct buffer name = { 0 };	/* of all files as one: their lines are numbered as if they were */
	bool stopped;
	uint64_t next = 0;	/* the next line's number */

	run_begin(&run);
	report->out.may_fail = true;
	follow_begin(&follow, &run, &report->counts, report->options.follow, report->options.progress);
	while ((path = follow_next_file(&follow)) != NULL) {
		struct reader reader;

		reader_open_growing(&reader, path, TO_REPORT, &report->counts.problems, follow_wait, &follow);
		if (name.len == 0 && run_fact(&run, NAME).ptr != NULL)
			buffer_append(&name, run_fact(&run, NAME).ptr, run_fact(&run, NAME).len + 1);
		if (name.len > 0) {
			reader.lines.name = name.ptr;
			reader.lines.next = next > 0 ? next : reader.lines.next;
		}
		add_records(report, &reader);
		next = reader.lines.next;
		reader_close(&reader);
	}
	follow_end(&follow);
	run_end(&run);
	run_check_receipts(&run, &report->counts);
	run.status = worst(run.status, counts_status(report));
	if (report->waiting && report->counts.problems.count > 0)
		run.status = STATUS_TROUBLE;	/* the sum cannot be trusted */
	stopped = run.status == STATUS_TROUBLE;
	end_report(report, &run);
	out_close(&report->out);
	if (report->out.error != 0) {
		warn("standard output: could not write the report: %s%s", strerror(report->out.error),
		    !stopped && !report->counts.dry && !report->waiting ? "; the run itself is complete" : "");
		run.status = STATUS_TROUBLE;
	}
	if (report->has_text || run.status == STATUS_TROUBLE)
		run_put_closing(&run, &report->counts, stopped);
	if (report->options.object != NULL)
		write_object(report, &run);	/* last, because it may die */
	buffer_free(&name);
	run_free(&run);
	return run.status;
}

int
main(int argc, char **argv)
{
	struct report report = { .has_begun = false };
	int status;

	prepare_messages();
	out_stdout(&report.out);
	report.options = read_options(argc, argv);
	begin_report(&report);
	if (report.options.follow != NULL)
		status = report_run(&report);
	else
		status = report_files(&report, argv + optind, argc - optind);
	free_report(&report);
	return status;
}
