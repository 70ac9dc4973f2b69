/*
 * fb-apply: turns a plan into a psql script that carries it out in batches. With --undo, turns
 * receipts into a script that undoes the updates that they list.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/copytext.h"
#include "lib/error.h"
#include "lib/model.h"
#include "lib/options.h"
#include "lib/out.h"
#include "lib/script.h"
#include "lib/reader.h"
#include "lib/text.h"
#include "lib/version.h"

const char program_name[] = "fb-apply";

static const char help[] =
"Usage: fb-apply [--batch-size N] [--lock-timeout MS] [--pause MS] [--max-lag SECONDS]\n"
"                [--max-failures N|N%] [--undo] [--share K/N] [FILE...]\n"
"       fb-apply --preflight [--undo] [FILE...]\n"
"Turn a plan into the psql script that carries it out:\n"
"fb-apply plan.tsv | psql -Xq > receipts.tsv\n"
"\n"
"      --batch-size N     records per transaction (default 5000)\n"
"      --lock-timeout MS  longest wait for a lock (default 5000; 0: no limit)\n"
"      --pause MS         sleep between transactions (default 0)\n"
"      --max-lag SECONDS  between transactions, wait while a replica is more than\n"
"                         SECONDS behind\n"
"      --max-failures N   stop when more than N records (or N% of them) have failed\n"
"      --undo             read receipts, and undo the updates that they list\n"
"      --share K/N        only the K-th of N equal shares of the records\n"
"      --preflight        print a script that checks whether this role may do that\n"
SQL_HELP("   ")
COMMON_HELP("   ")
"\n"
"With no FILE, or when FILE is -, read standard input. See fb-apply(1).\n";

static const char apply_head_sql[] = {
#include "apply-head.sql.h"
};
static const char apply_writable_sql[] = {
#include "apply-writable.sql.h"
};
static const char apply_setup_sql[] = {
#include "apply-setup.sql.h"
};
static const char apply_sql[] = {
#include "apply.sql.h"
};
static const char apply_model_sql[] = {
#include "apply-model.sql.h"
};
static const char apply_max_lag_sql[] = {
#include "apply-max-lag.sql.h"
};
static const char apply_max_failures_sql[] = {
#include "apply-max-failures.sql.h"
};
static const char apply_begin_sql[] = {
#include "apply-begin.sql.h"
};
static const char preflight_begin_sql[] = {
#include "preflight-begin.sql.h"
};
static const char preflight_temporary_sql[] = {
#include "preflight-temporary.sql.h"
};
static const char preflight_model_sql[] = {
#include "preflight-model.sql.h"
};

struct options {
	int64_t batch_size;	/* records */
	int64_t lock_timeout;	/* milliseconds; 0: no limit */
	int64_t pause;		/* milliseconds */
	int64_t max_lag;		/* seconds; 0: no limit */
	int64_t max_failures;	/* records, or a percentage of them; -1: no limit */
	bool max_is_percentage;
	bool undo;
	int64_t share, shares;	/* which of how many parts of the records; 0: all of them */
	bool preflight;
	struct script_reach reach;
	struct models models;
	bool print_models;
};

/* Reads the argument of --max-failures, N or N%. */
static void
read_max_failures(struct options *options, const char *argument)
{
	struct slice number = slice_of(argument);
	int64_t max;

	options->max_is_percentage = number.len > 0 && number.ptr[number.len - 1] == '%';
	if (options->max_is_percentage)
		number.len--;
	if (!text_bigint(number, &max) || max < 0 || max > (options->max_is_percentage ? 100 : INT_MAX))
		die_usage("--max-failures: invalid number '%s' (expected 0 to %d, or 0%% to 100%%)",
		    argument, INT_MAX);
	options->max_failures = max;
}

/* Takes --share's argument, K/N. */
static void
read_share(struct options *options, const char *argument)
{
	struct slice whole = slice_of(argument);
	const char *slash = strchr(argument, '/');
	size_t len = slash != NULL ? (size_t)(slash - argument) : 0;

	if (slash == NULL || !text_bigint((struct slice){ argument, len }, &options->share)
	    || !text_bigint((struct slice){ slash + 1, whole.len - len - 1 }, &options->shares)
	    || options->share < 1 || options->share > options->shares || options->shares > INT_MAX)
		die_usage("--share: invalid share '%s' (expected K/N, with K from 1 to N)", argument);
}

enum { OPTION_BATCH_SIZE = OPTION_OWN, OPTION_LOCK_TIMEOUT, OPTION_PAUSE, OPTION_MAX_LAG, OPTION_MAX_FAILURES, OPTION_UNDO, OPTION_SHARE, OPTION_PREFLIGHT };

static struct options
read_options(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "batch-size", required_argument, NULL, OPTION_BATCH_SIZE },
		{ "lock-timeout", required_argument, NULL, OPTION_LOCK_TIMEOUT },
		{ "pause", required_argument, NULL, OPTION_PAUSE },
		{ "max-lag", required_argument, NULL, OPTION_MAX_LAG },
		{ "max-failures", required_argument, NULL, OPTION_MAX_FAILURES },
		{ "undo", no_argument, NULL, OPTION_UNDO },
		{ "share", required_argument, NULL, OPTION_SHARE },
		{ "preflight", no_argument, NULL, OPTION_PREFLIGHT },
		SQL_OPTIONS,
		COMMON_OPTIONS,
	};
	struct options options = { .batch_size = 5000, .lock_timeout = 5000, .max_failures = -1 };
	int option;

	models_begin(&options.models);
	while ((option = option_next(argc, argv, COMMON_LETTERS, long_options)) != -1) {
		switch (option) {
		case OPTION_BATCH_SIZE: options.batch_size = option_number("--batch-size", optarg, 1, INT_MAX); break;
		case OPTION_LOCK_TIMEOUT: options.lock_timeout = option_number("--lock-timeout", optarg, 0, INT_MAX); break;
		case OPTION_PAUSE: options.pause = option_number("--pause", optarg, 0, INT_MAX); break;
		case OPTION_MAX_LAG: options.max_lag = option_number("--max-lag", optarg, 1, INT_MAX); break;
		case OPTION_MAX_FAILURES: read_max_failures(&options, optarg); break;
		case OPTION_UNDO: options.undo = true; break;
		case OPTION_SHARE: read_share(&options, optarg); break;
		case OPTION_PREFLIGHT: options.preflight = true; break;
		default:
			if (!sql_option(option, &options.reach))
				common_option(option, help, &options.models, &options.print_models);
		}
	}
	if (options.print_models)
		option_print_models(&options.models);
	return options;
}

/* The values in which the scripts of a run and an undo differ. */
static const struct script_value apply_words[] = {
	{ "purpose", "carries out a plan by setting syllabus_id where it is NULL" },
	{ "verb", "set" }, { "done", "updated" }, { "changed", "already-set" }, { "if_null", "as-planned" }, { "sets", "true" }, { "expected", "NULL" },
	{ "new", "b.syllabus_id" }, { "before", "IS NULL" }, { "after", "OPERATOR(pg_catalog.=) b.syllabus_id" },
	{ "same", "model, id" },
};
static const struct script_value undo_words[] = {
	{ "purpose", "undoes a run by setting each syllabus_id that the receipts list as updated back to NULL" },
	{ "verb", "clear" }, { "done", "reverted" }, { "sets", "false" },
	{ "changed", "syllabus-changed" }, { "if_null", "already-reverted" }, { "expected", "the receipt's" },
	{ "new", "NULL" }, { "before", "OPERATOR(pg_catalog.=) b.syllabus_id" }, { "after", "IS NULL" },
	/* If several runs have receipts for a row, the one with its current syllabus is undone. */
	{ "same", "model, id, cohort_id, syllabus_id" },
};

enum { WORDS = sizeof apply_words / sizeof apply_words[0], OTHER_VALUES = 12 };

/* The prefix of a slug in hexadecimal, here and in apply.sql. */
#define HEX_MARK "hex:"

/* A script being written. */
struct script {
	struct out out;
	const struct options *options;
	const struct models *models;
	int64_t records;	/* written so far */
	int64_t in_batch;	/* records in the open batch; 0: no batch is open */
	bool in_order;		/* the ids in the batch increase */
	bool *has_model;	/* for each model, whether the open batch has records of it */
	bool has_hex;		/* whether the open batch has a slug in hexadecimal */
	int last_model;		/* of the previous record */
	int64_t last_id;
};

/* Writes what --max-lag and --max-failures add to the beginning of the script. */
static void
put_limits(struct script *script)
{
	const struct options *options = script->options;
	char max_lag[32], max_failures[32], too_many[96];
	const struct script_value values[] = {
		{ "max_lag", max_lag }, { "max_failures", max_failures }, { "too_many", too_many }, { NULL, NULL },
	};

	snprintf(max_lag, sizeof max_lag, "%" PRId64, options->max_lag);
	snprintf(max_failures, sizeof max_failures, "%" PRId64 "%s", options->max_failures, options->max_is_percentage ? "%" : "");
	/* Of fewer than a hundred records, a single one is already more than 1%. */
	snprintf(too_many, sizeof too_many, options->max_is_percentage
	    ? "so_far.records >= 100 AND so_far.failed * 100 > so_far.records * %" PRId64 : "so_far.failed > %" PRId64,
	    options->max_failures);
	if (options->max_lag > 0)
		script_put(&script->out, apply_max_lag_sql, values);
	if (options->max_failures >= 0)
		script_put(&script->out, apply_max_failures_sql, values);
}

static void
begin_script(struct script *script)
{
	char lock_timeout[32], batch_size[32];
	struct script_value values[WORDS + OTHER_VALUES] = { { NULL, NULL } };
	struct script_value *more = values + WORDS;

	snprintf(lock_timeout, sizeof lock_timeout, "%" PRId64, script->options->lock_timeout);
	snprintf(batch_size, sizeof batch_size, "%" PRId64, script->options->batch_size);
	memcpy(values, script->options->undo ? undo_words : apply_words, sizeof apply_words);
	*more++ = (struct script_value){ "version", FB_VERSION };
	*more++ = (struct script_value){ "lock_timeout", lock_timeout };
	*more++ = (struct script_value){ "batch_size", batch_size };
	*more++ = (struct script_value){ "row_security", script_row_security(&script->options->reach) };
	*more++ = (struct script_value){ "row_security_in_batch",
	    script->options->reach.enable_row_security ? " \\\\; SET LOCAL row_security = on" : "" };
	script_put(&script->out, apply_head_sql, values);
	script_put_session(&script->out, &script->options->reach);
	out_string(&script->out, apply_writable_sql);
	script_put(&script->out, apply_setup_sql, values);
	script_put_cohort_schemas(&script->out, &script->options->reach);
	for (int i = 0; i < script->models->count; i++)
		script_put_schema(&script->out, &script->options->reach, &script->models->model[i], true);
	script_put(&script->out, apply_sql, values);
	for (int i = 0; i < script->models->count; i++) {
		const struct model *model = &script->models->model[i];

		more[0] = (struct script_value){ "model", model->name.ptr };
		more[1] = (struct script_value){ "table", model->table };
		more[2] = (struct script_value){ "id", model->id };
		more[3] = (struct script_value){ "cohort_id", model->cohort_id };
		more[4] = (struct script_value){ "syllabus_id", model->syllabus_id };
		more[5] = (struct script_value){ "relation", model->relation };
		script_put(&script->out, apply_model_sql, values);
	}
	put_limits(script);
	out_string(&script->out, apply_begin_sql);
}

/*
 * Writes a wait between two batches. If psql has the variable waiting (-v waiting=FILE), that file is not empty during the
 * wait: whoever wants to end the script can see that no batch is open.
 */
static void
put_wait(struct script *script)
{
	const struct options *options = script->options;
	const bool pauses = script->records > 0 && options->pause > 0;
	char sleep[64];

	if (!pauses && options->max_lag == 0)
		return;
	out_string(&script->out, "\\if :{?waiting} \\o :waiting \\qecho yes \\o \\endif\n");
	snprintf(sleep, sizeof sleep, "\\! exec sleep %" PRId64 ".%03" PRId64 "\n", options->pause / 1000, options->pause % 1000);
	if (pauses)
		out_string(&script->out, sleep);
	if (options->max_lag > 0)
		out_string(&script->out, "CALL pg_temp.fb_wait_for_replicas();\n");
	out_string(&script->out, "\\if :{?waiting} \\o :waiting \\o \\endif\n");
}

static void
begin_batch(struct script *script)
{
	put_wait(script);
	/* With -v go_on=FILE, removing the file stops the script before the next batch. */
	out_string(&script->out,
	    "\\if :{?go_on} \\i :go_on \\endif\n"
	    ":begin_batch;\n"
	    "COPY pg_temp.fb_batch (n, model, id, cohort_id, cohort, syllabus_id, syllabus) FROM STDIN;\n");
	script->in_order = true;
	script->has_hex = false;
	for (int i = 0; i < script->models->count; i++)
		script->has_model[i] = false;
}

static void
end_batch(struct script *script)
{
	if (script->in_batch == 0)
		return;
	out_string(&script->out, "\\.\n");
	if (script->has_hex)
		out_string(&script->out, "CALL pg_temp.fb_decode_slugs();\n");
	if (!script->in_order)
		out_string(&script->out, "CALL pg_temp.fb_set_duplicates_aside();\n");
	out_string(&script->out, "CALL pg_temp.fb_compare_names();\n");
	for (int i = 0; i < script->models->count; i++) {
		if (!script->has_model[i])
			continue;
		out_string(&script->out, "CALL pg_temp.fb_");
		out_string(&script->out, script->options->undo ? "clear_" : "set_");
		out_slice(&script->out, script->models->model[i].name);
		out_string(&script->out, "();\n");
	}
	out_string(&script->out, "CALL pg_temp.fb_make_receipts(");
	out_int(&script->out, script->in_batch);
	/* Decoding changes the physical order of rows. */
	out_string(&script->out, script->has_hex ? ", false);\n" : ", true);\n");
	out_string(&script->out,
	    "\\if :{?in_doubt}\n"
	    "COPY (TABLE pg_temp.fb_in_doubt) TO STDOUT \\g :in_doubt\n"
	    "\\endif\n"
	    ":commit_and_print_receipts;\n\n");
	script->in_batch = 0;
}

/*
 * Writes a slug as COPY data without any backslash, except for \N: a malicious server can make psql believe that the COPY
 * has ended, and then psql runs lines of data as its own commands (CVE-2026-6464).
 */
static void
put_slug(struct script *script, struct slice slug)
{
	static const char mark[] = HEX_MARK;
	struct out *out = &script->out;

	if (slug.ptr == NULL) {
		out_string(out, "\\N");
		return;
	}
	if (copytext_is_plain(slug) && (slug.len < strlen(mark) || memcmp(slug.ptr, mark, strlen(mark)) != 0)) {
		out_slice(out, slug);
		return;
	}
	script->has_hex = true;
	out_string(out, mark);
	for (size_t i = 0; i < slug.len; i++)
		out_hex(out, (unsigned char)slug.ptr[i]);
}

static void
put_record(struct script *script, const struct reader *plan, int model, int64_t id, int64_t cohort_id, int64_t syllabus_id)
{
	struct out *out = &script->out;

	out_int(out, ++script->records);
	out_string(out, "\t");
	out_slice(out, script->models->model[model].name);
	out_string(out, "\t");
	reader_put_bigint(plan, ID, id, out);
	out_string(out, "\t");
	reader_put_bigint(plan, COHORT_ID, cohort_id, out);
	out_string(out, "\t");
	put_slug(script, plan->field[COHORT]);
	out_string(out, "\t");
	reader_put_bigint(plan, SYLLABUS_ID, syllabus_id, out);
	out_string(out, "\t");
	put_slug(script, plan->field[SYLLABUS]);
	out_string(out, "\n");
}

/* Whether a receipt says that its row was updated. Rejects receipts with an unknown status. */
static bool
is_updated(struct reader *receipts)
{
	const struct slice status = receipts->field[STATUS];

	if (slice_is(status, "updated"))
		return true;
	if (!slice_is(status, "reverted") && !slice_is(status, "skipped") && !slice_is(status, "failed"))
		reader_reject(receipts, "unknown status");
	return false;
}

static void
add_records(struct script *script, struct reader *plan)
{
	while (reader_next(plan)) {
		int64_t id, cohort_id, syllabus_id;
		bool same;
		int model;

		if (script->options->undo && !is_updated(plan))
			continue;
		model = reader_model(plan, script->models);
		if (model == -1 || !reader_bigint(plan, ID, &id) || !reader_bigint(plan, COHORT_ID, &cohort_id)
		    || !reader_bigint(plan, SYLLABUS_ID, &syllabus_id))
			continue;
		/* Records for the same row stay in one batch, where duplicates are detected. */
		same = model == script->last_model && id == script->last_id;
		if (script->in_batch >= script->options->batch_size && !same)
			end_batch(script);
		if (script->in_batch == 0)
			begin_batch(script);
		else if (model < script->last_model || (model == script->last_model && id <= script->last_id))
			script->in_order = false;
		put_record(script, plan, model, id, cohort_id, syllabus_id);
		script->in_batch++;
		script->has_model[model] = true;
		script->last_model = model;
		script->last_id = id;
	}
}

/* Limits the readers to the records of the share that was asked for. */
static void
take_share(const struct options *options, struct reader *plans, int count)
{
	uint64_t *records = new_array((size_t)count, sizeof *records);
	uint64_t total = 0, size, first, before = 0;

	for (int i = 0; i < count; i++)
		total += records[i] = reader_count(&plans[i]);
	size = (total + (uint64_t)options->shares - 1) / (uint64_t)options->shares;
	first = size * (uint64_t)(options->share - 1);
	for (int i = 0; i < count; i++) {
		reader_limit(&plans[i], first > before ? first - before : 0, first + size > before ? first + size - before : 0);
		before += records[i];
	}
	free(records);
}

/* Prints the script of --preflight. Malformed records are not reported here, but when the plan is carried out. */
static void
put_preflight(struct script *script, struct reader *plans, int count)
{
	const struct options *options = script->options;
	char lock_timeout[32];
	const struct script_value begin[] = { { "lock_timeout", lock_timeout }, { NULL, NULL } };

	for (int i = 0; i < count; i++) {
		plans[i].problems = NULL;
		while (reader_next(&plans[i])) {
			int model = reader_model(&plans[i], script->models);

			if (model != -1)
				script->has_model[model] = true;
		}
	}
	snprintf(lock_timeout, sizeof lock_timeout, "%" PRId64, options->lock_timeout);
	script_put(&script->out, preflight_begin_sql, begin);
	script_put_session(&script->out, &options->reach);
	out_string(&script->out, apply_writable_sql);
	script_put_cohort_schemas(&script->out, &options->reach);
	for (int i = 0; i < script->models->count; i++)
		if (script->has_model[i])
			script_put_schema(&script->out, &options->reach, &script->models->model[i], false);
	out_string(&script->out, preflight_temporary_sql);
	for (int i = 0; i < script->models->count; i++) {
		const struct model *model = &script->models->model[i];
		const struct script_value values[] = {
			{ "model", model->name.ptr }, { "relation", model->relation }, { "id", model->id },
			{ "cohort_id", model->cohort_id }, { "syllabus_id", model->syllabus_id }, { NULL, NULL },
		};

		if (script->has_model[i])
			script_put(&script->out, preflight_model_sql, values);
	}
	out_string(&script->out, "COMMIT;\n");
}

int
main(int argc, char **argv)
{
	struct options options;
	struct problems problems = { 0 };
	struct script script = { .options = &options, .models = &options.models, .last_model = -1 };
	struct reader *plans;
	int count;

	prepare_messages();
	out_stdout(&script.out);
	options = read_options(argc, argv);
	script.has_model = new_array((size_t)options.models.count, sizeof *script.has_model);
	count = argc - optind;
	plans = readers_open(argv + optind, &count, options.undo ? RECEIPTS : PLAN, &as_it_is, &problems, NULL);
	if (options.preflight) {
		put_preflight(&script, plans, count);
	} else {
		if (options.shares > 0)
			take_share(&options, plans, count);
		begin_script(&script);
		for (int i = 0; i < count; i++)
			add_records(&script, &plans[i]);
		end_batch(&script);
	}
	for (int i = 0; i < count; i++)
		reader_close(&plans[i]);
	free(plans);
	free(script.has_model);
	models_free(&options.models);
	script_reach_free(&options.reach);
	out_close(&script.out);
	return problems_status(&problems);
}
