/*
 * fb-resolve: reads candidates and a cohort dump, adds to each candidate the syllabus that its cohort
 * leads to, and writes a plan.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "lib/cohorts.h"
#include "lib/error.h"
#include "lib/header.h"
#include "lib/model.h"
#include "lib/options.h"
#include "lib/out.h"
#include "lib/script.h"
#include "lib/reader.h"

const char program_name[] = "fb-resolve";

static const char help[] =
"Usage: fb-resolve --cohorts FILE [--format text|csv] [--delimiter C] [--null STRING]\n"
"                  [--limit N] [--unresolved FILE] [FILE...]\n"
"       fb-resolve --sql [--schema SCHEMA]\n"
"Add to each candidate the syllabus that its cohort leads to; drop candidates\n"
"whose cohort has none.\n"
"\n"
"      --cohorts FILE     the cohort dump\n"
"  -f, --format F         format of the dump: text (COPY's) or csv (default: by its\n"
"                         header)\n"
"      --delimiter C      the dump is csv with this field delimiter\n"
"      --null STRING      also read STRING as NULL in the dump; may be repeated\n"
"  -l, --limit N          write at most N records of each model (default 0: no\n"
"                         limit)\n"
"      --unresolved FILE  write dropped candidates to FILE, with the reason\n"
"      --sql              print the psql script that produces the cohort dump\n"
SQL_HELP("   ")
COMMON_HELP("   ")
"\n"
"With no FILE, or when FILE is -, read standard input. See fb-resolve(1).\n";

static const char resolve_sql[] = {
#include "resolve.sql.h"
};

struct options {
	const char *cohorts;	/* a path */
	const char *unresolved;	/* a path, or NULL */
	struct reading reading;	/* of the dump */
	int64_t limit;		/* 0: no limit */
	bool sql;
	struct script_reach reach;
	struct models models;
	bool print_models;
};

enum { OPTION_COHORTS = OPTION_OWN, OPTION_UNRESOLVED, OPTION_SQL };

static struct options
read_options(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "cohorts", required_argument, NULL, OPTION_COHORTS },
		{ "limit", required_argument, NULL, 'l' },
		{ "unresolved", required_argument, NULL, OPTION_UNRESOLVED },
		{ "sql", no_argument, NULL, OPTION_SQL },
		READING_OPTIONS,
		SQL_OPTIONS,
		COMMON_OPTIONS,
	};
	struct options options = { 0 };
	int option;

	models_begin(&options.models);
	while ((option = option_next(argc, argv, "f:l:" COMMON_LETTERS, long_options)) != -1) {
		switch (option) {
		case OPTION_COHORTS: options.cohorts = optarg; break;
		case 'l': options.limit = option_number("--limit", optarg, 0, INT64_MAX); break;
		case OPTION_UNRESOLVED: options.unresolved = optarg; break;
		case OPTION_SQL: options.sql = true; break;
		default:
			if (!reading_option(option, &options.reading) && !sql_option(option, &options.reach))
				common_option(option, help, &options.models, &options.print_models);
		}
	}
	if (options.print_models)
		option_print_models(&options.models);
	reading_check(&options.reading);
	if (options.sql && (optind < argc || options.cohorts != NULL || reading_is_given(&options.reading) || options.limit > 0
	    || options.unresolved != NULL))
		die_usage("--sql reads no input: it cannot be combined with a FILE or an option about input");
	if (!options.sql && script_reach_is_given(&options.reach))
		die_usage("--schema and --enable-row-security require --sql");
	if (!options.sql && options.cohorts == NULL)
		die_usage("--cohorts is required: the cohort dump, as written by 'fb-resolve --sql | psql -Xq'");
	return options;
}

/* The state of a run. */
struct resolver {
	struct cohorts cohorts;
	struct out plan;
	struct out unresolved;
	bool keep_unresolved;
	const struct models *models;
	int64_t limit;
	int64_t *resolved;		/* number of resolved records of each model */
};

enum { TEXT_MAX = LINES_SLACK };	/* this many bytes can be read from the start of any line */

struct candidate {
	int model;
	int64_t id, cohort_id;
	uint64_t line;
	size_t len;		/* bytes of text; 0: not kept */
	char text[TEXT_MAX];	/* as it is written: MODEL TAB ID TAB COHORT_ID */
};

/* Candidates whose cohorts are looked up together, because that is faster. */
struct batch {
	size_t count;
	struct candidate candidate[COHORTS_AT_ONCE];
	int64_t cohort_id[COHORTS_AT_ONCE];
	const struct cohort *cohort[COHORTS_AT_ONCE];	/* NULL: unknown */
};

static void
put_candidate(const struct resolver *resolver, struct out *out, const struct candidate *c)
{
	if (c->len > 0) {
		out_bytes(out, c->text, c->len);
	} else {
		out_slice(out, resolver->models->model[c->model].name);
		out_string(out, "\t");
		out_int(out, c->id);
		out_string(out, "\t");
		out_int(out, c->cohort_id);
	}
	out_string(out, "\t");
}

static void
drop(struct resolver *resolver, const struct candidate *c, const char *reason)
{
	if (!resolver->keep_unresolved)
		return;
	put_candidate(resolver, &resolver->unresolved, c);
	out_string(&resolver->unresolved, reason);
	out_string(&resolver->unresolved, "\n");
}

/* Keeps the text of the current record if the file has it exactly as we would write it. */
static void
keep_text(struct candidate *c, const struct reader *reader)
{
	c->len = reader->raw.len - 1;
	if (!reader->ours || !reader->plain || c->len > TEXT_MAX || !text_is_plain_bigint(reader->field[ID])
	    || !text_is_plain_bigint(reader->field[COHORT_ID]))
		c->len = 0;
	else
		memcpy(c->text, reader->raw.ptr, TEXT_MAX);	/* a fixed size is faster, and this many can be read */
}

/* Reads the next candidates; false at the end. */
static bool
read_batch(const struct resolver *resolver, struct reader *reader, struct batch *batch)
{
	batch->count = 0;
	while (batch->count < COHORTS_AT_ONCE && reader_next(reader)) {
		struct candidate *c = &batch->candidate[batch->count];

		c->model = reader_model(reader, resolver->models);
		if (c->model == -1 || !reader_bigint(reader, ID, &c->id) || !reader_bigint(reader, COHORT_ID, &c->cohort_id))
			continue;
		c->line = reader->lines.number;
		keep_text(c, reader);
		batch->cohort_id[batch->count++] = c->cohort_id;
	}
	return batch->count > 0;
}

static void
put_resolved(struct resolver *resolver, const struct reader *reader, const struct candidate *c,
    const struct cohort *cohort)
{
	if (cohort == NULL) {
		problem(reader->problems, "%s:%" PRIu64 ": cohort %" PRId64 " of %s %" PRId64 " is not in the cohort dump",
		    reader->lines.name, c->line, c->cohort_id, resolver->models->model[c->model].name.ptr, c->id);
		drop(resolver, c, "unknown-cohort");
	} else if (!cohort->has_syllabus) {
		drop(resolver, c, "no-syllabus");
	} else if (resolver->limit == 0 || resolver->resolved[c->model] < resolver->limit) {
		resolver->resolved[c->model]++;
		put_candidate(resolver, &resolver->plan, c);
		out_slice(&resolver->plan, cohort_plan_end(cohort));
	}
}

static void
resolve(struct resolver *resolver, struct reader *reader)
{
	struct batch batch;

	while (read_batch(resolver, reader, &batch)) {
		cohorts_find(&resolver->cohorts, batch.count, batch.cohort_id, batch.cohort);
		for (size_t i = 0; i < batch.count; i++)
			put_resolved(resolver, reader, &batch.candidate[i], batch.cohort[i]);
	}
}

int
main(int argc, char **argv)
{
	struct options options;
	struct problems problems = { 0 };
	struct resolver resolver = { .models = &options.models };
	struct reader dump, *candidates;
	int count;

	prepare_messages();
	out_stdout(&resolver.plan);
	options = read_options(argc, argv);
	if (options.sql) {
		script_begin_reading(&resolver.plan, &options.reach);
		script_put_cohort_schemas(&resolver.plan, &options.reach);
		out_string(&resolver.plan, resolve_sql);
		script_end_reading(&resolver.plan);
		models_free(&options.models);
		script_reach_free(&options.reach);
		out_close(&resolver.plan);
		return STATUS_OK;
	}
	resolver.limit = options.limit;
	resolver.keep_unresolved = options.unresolved != NULL;
	resolver.resolved = new_array((size_t)options.models.count, sizeof *resolver.resolved);
	reader_open(&dump, options.cohorts, COHORT_DUMP, &options.reading, &problems, NULL);
	readers_refuse_output(&dump, 1, options.unresolved);
	cohorts_load(&resolver.cohorts, &dump);
	reader_close(&dump);
	buffer_free(&options.reading.nulls);
	count = argc - optind;
	candidates = readers_open(argv + optind, &count, CANDIDATES, &as_it_is, &problems, NULL);
	readers_refuse_output(candidates, count, options.unresolved);
	if (resolver.keep_unresolved) {
		out_open(&resolver.unresolved, options.unresolved);
		out_string(&resolver.unresolved, "model\tid\tcohort_id\treason\n");
	}
	header_put(&resolver.plan, PLAN);
	for (int i = 0; i < count; i++) {
		resolve(&resolver, &candidates[i]);
		reader_close(&candidates[i]);
	}
	free(candidates);
	free(resolver.resolved);
	models_free(&options.models);
	cohorts_free(&resolver.cohorts);
	out_close(&resolver.plan);
	if (resolver.keep_unresolved)
		out_close(&resolver.unresolved);
	return problems_status(&problems);
}
