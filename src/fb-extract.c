/*
 * fb-extract: reads rows, and writes those that have a cohort and no syllabus as candidates.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/copytext.h"
#include "lib/error.h"
#include "lib/header.h"
#include "lib/model.h"
#include "lib/options.h"
#include "lib/out.h"
#include "lib/script.h"
#include "lib/reader.h"

const char program_name[] = "fb-extract";

static const char help[] =
"Usage: fb-extract [--model NAME|all] [--format text|csv] [--delimiter C] [--null STRING]\n"
"                  [--rejects FILE] [FILE...]\n"
"       fb-extract --sql [--model NAME|all] [--limit N] [--after ID] [--schema SCHEMA]\n"
"       fb-extract --sql --count [--model NAME|all] [--schema SCHEMA]\n"
"Keep the rows that have a cohort and no syllabus.\n"
"\n"
"  -m, --model NAME    process only this model (default: all); required if the rows\n"
"                      have no model column\n"
"  -f, --format F      input format: text (COPY's) or csv (default: by the header)\n"
"      --delimiter C   read csv with this field delimiter\n"
"      --null STRING   also read STRING as NULL; may be repeated\n"
"      --rejects FILE  copy malformed records to FILE, unchanged\n"
"      --sql           print the psql script that produces this program's input\n"
"  -l, --limit N       with --sql: the N lowest ids of each model (default 0: all)\n"
"      --count         with --sql: instead count the rows without a syllabus, by\n"
"                      model and cohort\n"
"      --after ID      with --sql: only ids above this one\n"
SQL_HELP("")
COMMON_HELP("")
"\n"
"With no FILE, or when FILE is -, read standard input. See fb-extract(1).\n";

static const char extract_head_sql[] = {
#include "extract-head.sql.h"
};
static const char extract_model_sql[] = {
#include "extract-model.sql.h"
};

static const char count_head_sql[] = {
#include "count-head.sql.h"
};
static const char count_model_sql[] = {
#include "count-model.sql.h"
};

static const char repeated_ids_sql[] = {
#include "repeated-ids.sql.h"
};

struct options {
	struct models models;
	bool print_models;
	int model;		/* the index of the model to process, or -1: all */
	struct reading reading;
	const char *rejects;	/* a path, or NULL */
	bool sql;
	bool count;
	int64_t limit;		/* 0: no limit */
	bool after_given;
	int64_t after;		/* only ids above this */
	struct script_reach reach;
};

enum { OPTION_REJECTS = OPTION_OWN, OPTION_SQL, OPTION_COUNT, OPTION_AFTER };

static struct options
read_options(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "model", required_argument, NULL, 'm' },
		{ "rejects", required_argument, NULL, OPTION_REJECTS },
		{ "sql", no_argument, NULL, OPTION_SQL },
		{ "limit", required_argument, NULL, 'l' },
		{ "count", no_argument, NULL, OPTION_COUNT },
		{ "after", required_argument, NULL, OPTION_AFTER },
		READING_OPTIONS,
		SQL_OPTIONS,
		COMMON_OPTIONS,
	};
	struct options options = { 0 };
	const char *model = "all";
	bool limit_given = false;
	int option;

	models_begin(&options.models);
	while ((option = option_next(argc, argv, "m:f:l:" COMMON_LETTERS, long_options)) != -1) {
		switch (option) {
		case 'm': model = optarg; break;
		case OPTION_REJECTS: options.rejects = optarg; break;
		case OPTION_SQL: options.sql = true; break;
		case 'l':
			options.limit = option_number("--limit", optarg, 0, INT64_MAX);
			limit_given = true;
			break;
		case OPTION_COUNT: options.count = true; break;
		case OPTION_AFTER:
			options.after = option_number("--after", optarg, INT64_MIN, INT64_MAX);
			options.after_given = true;
			break;
		default:
			if (!reading_option(option, &options.reading) && !sql_option(option, &options.reach))
				common_option(option, help, &options.models, &options.print_models);
		}
	}
	options.model = option_model(&options.models, model);
	if (options.print_models)
		option_print_models(&options.models);
	reading_check(&options.reading);
	if (options.sql && (optind < argc || reading_is_given(&options.reading) || options.rejects != NULL))
		die_usage("--sql reads no input: it cannot be combined with a FILE or an option about input");
	if (options.count && (!options.sql || limit_given || options.after_given))
		die_usage("--count requires --sql, and cannot be combined with --limit or --after");
	if (!options.sql && (options.after_given || script_reach_is_given(&options.reach)))
		die_usage("%s --sql", options.after_given ? "--after requires" : "--schema and --enable-row-security require");
	if (limit_given && !options.sql)
		die_usage("--limit requires --sql; when reading files, use fb-resolve --limit");
	return options;
}

static void
print_sql(struct out *out, const struct options *options)
{
	char limit[32] = "ALL", above[64] = "";

	if (options->limit > 0)
		snprintf(limit, sizeof limit, "%" PRId64, options->limit);
	if (options->after_given)
		snprintf(above, sizeof above, " OPERATOR(pg_catalog.>) %" PRId64, options->after);
	script_begin_reading(out, &options->reach);
	script_put_cohort_schemas(out, &options->reach);
	for (int i = 0; i < options->models.count; i++)
		if (model_is_chosen(options->model, i))
			script_put_schema(out, &options->reach, &options->models.model[i], false);
	out_string(out, options->count ? count_head_sql : extract_head_sql);
	for (int i = 0; i < options->models.count; i++) {
		const struct model *model = &options->models.model[i];
		const struct script_value values[] = {
			{ "model", model->name.ptr },
			{ "relation", model->relation },
			{ "id", model->id },
			{ "cohort_id", model->cohort_id },
			{ "syllabus_id", model->syllabus_id },
			{ "limit", limit },
			{ "and", above[0] != '\0' ? " AND t." : "" },
			{ "and_id", above[0] != '\0' ? model->id : "" },
			{ "above", above },
			{ NULL, NULL },
		};

		if (model_is_chosen(options->model, i)) {
			script_put(out, repeated_ids_sql, values);
			script_put(out, options->count ? count_model_sql : extract_model_sql, values);
		}
	}
	script_end_reading(out);
}

static void
extract(struct reader *rows, const struct options *options, struct out *out)
{
	while (reader_next(rows)) {
		int64_t id, cohort_id = 0, syllabus_id;
		int model = rows->has[MODEL] ? reader_model(rows, &options->models) : options->model;

		if (model == -1 || !reader_bigint(rows, ID, &id))
			continue;
		if (rows->field[COHORT_ID].ptr != NULL && !reader_bigint(rows, COHORT_ID, &cohort_id))
			continue;
		if (rows->field[SYLLABUS_ID].ptr != NULL && !reader_bigint(rows, SYLLABUS_ID, &syllabus_id))
			continue;
		if (!model_is_chosen(options->model, model) || rows->field[COHORT_ID].ptr == NULL || rows->field[SYLLABUS_ID].ptr != NULL)
			continue;
		out_slice(out, options->models.model[model].name);
		out_string(out, "\t");
		reader_put_bigint(rows, ID, id, out);
		out_string(out, "\t");
		reader_put_bigint(rows, COHORT_ID, cohort_id, out);
		out_string(out, "\n");
	}
}

int
main(int argc, char **argv)
{
	struct options options;
	struct problems problems = { 0 };
	struct out out, rejects;
	struct reader *rows;
	int count;

	prepare_messages();
	out_stdout(&out);
	options = read_options(argc, argv);
	if (options.sql) {
		print_sql(&out, &options);
		models_free(&options.models);
		script_reach_free(&options.reach);
		out_close(&out);
		return STATUS_OK;
	}
	count = argc - optind;
	options.reading.own = options.model == -1 ? NULL : &options.models.model[options.model];
	rows = readers_open(argv + optind, &count, options.model == -1 ? ROWS : ROWS_OF_ONE_MODEL,
	    &options.reading, &problems, options.rejects != NULL ? &rejects : NULL);
	readers_refuse_output(rows, count, options.rejects);
	if (options.rejects != NULL)
		out_open(&rejects, options.rejects);
	header_put(&out, CANDIDATES);
	for (int i = 0; i < count; i++) {
		extract(&rows[i], &options, &out);
		reader_close(&rows[i]);
	}
	free(rows);
	buffer_free(&options.reading.nulls);
	models_free(&options.models);
	out_close(&out);
	if (options.rejects != NULL)
		out_close(&rejects);
	return problems_status(&problems);
}
