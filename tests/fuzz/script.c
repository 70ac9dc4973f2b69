/*
 * Scans the psql script that fb-apply makes from a plan (or from receipts, to undo) as psql would.
 *
 * Input: two bytes of options, then the records of a plan. The data between COPY ... FROM STDIN and \. must decode
 * to the plan's records, and everything else must be the same as for a plan with harmless slugs: so no data
 * can become SQL or a psql command.
 */
#define main fb_apply
int fb_apply(int argc, char **argv);
#include "fb-apply.c"
#undef main

#include "naive.h"
#include "system.h"

/* Of the first byte, and of the second. */
enum { CHUNK = 0x0f, SHUFFLED = 0x40, UNDO = 0x80 };
enum { BATCH_SIZE = 0x07, PAUSE = 0x08 };

static const struct {
	const char *header;
	size_t status, model, id, cohort_id, cohort, syllabus_id, syllabus;	/* their positions; 99: missing */
	size_t width;
} forms[2][2] = {
	{
		{ "model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus\n", 99, 0, 1, 2, 3, 4, 5, 6 },
		{ "syllabus\tx\tcohort\tcohort_id\tid\tmodel\tsyllabus_id\n", 99, 5, 4, 3, 2, 6, 0, 7 },
	}, {
		{ "status\tmodel\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus\tdetail\n", 0, 1, 2, 3, 4, 5, 6, 8 },
		{ "detail\tx\tsyllabus\tsyllabus_id\tcohort\tcohort_id\tid\tmodel\tstatus\n", 8, 7, 6, 5, 4, 3, 2, 9 },
	}
};

struct wanted {
	bool is_review;
	int64_t id, cohort_id, syllabus_id;
	struct naive_field cohort, syllabus;
};

struct run {
	bool undo, shuffled;
	char batch_size[8];
	bool pause;
	int status;
	struct wanted wanted[NAIVE_MAX];
	size_t count;
	bool has_malformed;
	char kept[NAIVE_MAX];	/* the slugs' bytes */
	size_t kept_len;
};

static bool
field_is(const struct naive_field *field, const char *text)
{
	return !field->is_null && field->len == strlen(text) && memcmp(field->bytes, text, field->len) == 0;
}

static bool
field_is_bigint(const struct naive_field *field, int64_t *number)
{
	return !field->is_null && naive_is_bigint(field->bytes, field->len, number);
}

static struct naive_field
keep(struct run *run, struct naive_field field)
{
	if (field.len > 0)
		memcpy(run->kept + run->kept_len, field.bytes, field.len);
	field.bytes = run->kept + run->kept_len;
	run->kept_len += field.len;
	return field;
}

/* Reads the plan's records naively. */
static void
read_plan(struct run *run, const char *plan, size_t len)
{
	static struct naive_record record;
	size_t line_len, whole;

	for (size_t at = 0; at < len; at += line_len + whole) {
		const char *line = plan + at, *newline = memchr(line, '\n', len - at);
		struct wanted *wanted = &run->wanted[run->count];
		const struct naive_field *field = record.field;
		size_t form = run->shuffled;

		whole = newline != NULL;
		line_len = whole ? (size_t)(newline - line) : len - at;
		if (!whole || !naive_read(&record, line, line_len) || record.count != forms[run->undo][form].width) {
			run->has_malformed = true;
			continue;
		}
		if (run->undo && !field_is(&field[forms[run->undo][form].status], "updated")) {
			const struct naive_field *status = &field[forms[run->undo][form].status];

			if (!field_is(status, "reverted") && !field_is(status, "skipped") && !field_is(status, "failed"))
				run->has_malformed = true;
			continue;
		}
		wanted->is_review = field_is(&field[forms[run->undo][form].model], "review");
		if ((!wanted->is_review && !field_is(&field[forms[run->undo][form].model], "answer"))
		    || !field_is_bigint(&field[forms[run->undo][form].id], &wanted->id)
		    || !field_is_bigint(&field[forms[run->undo][form].cohort_id], &wanted->cohort_id)
		    || !field_is_bigint(&field[forms[run->undo][form].syllabus_id], &wanted->syllabus_id)) {
			run->has_malformed = true;
			continue;
		}
		wanted->cohort = keep(run, field[forms[run->undo][form].cohort]);
		wanted->syllabus = keep(run, field[forms[run->undo][form].syllabus]);
		run->count++;
	}
}

static void
write_script(void *context)
{
	struct run *run = context;
	char *argv[] = { "fb-apply", "--batch-size", run->batch_size, "plan", run->pause ? "--pause=1500" : "--pause=0",
	    run->undo ? "--undo" : NULL, NULL };

	optind = 0;	/* restarts getopt */
	run->status = fb_apply(run->undo ? 6 : 5, argv);
}

static bool
line_is(const char *line, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(line, text, len) == 0;
}

static bool
begins_copy(const char *line, size_t len)
{
	static const char begin[] = "COPY ", end[] = " FROM STDIN;";

	return len >= sizeof begin + sizeof end - 2 && memcmp(line, begin, sizeof begin - 1) == 0
	    && memcmp(line + len - (sizeof end - 1), end, sizeof end - 1) == 0;
}

static bool
same_field(const struct naive_field *a, const struct naive_field *b)
{
	return a->is_null == b->is_null && a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* The value of a slug's field: after hex: come its bytes in hexadecimal. */
static struct naive_field
decode_slug(const struct naive_field *field, char *bytes)
{
	struct naive_field decoded = *field;

	if (field->is_null || field->len < 4 || memcmp(field->bytes, "hex:", 4) != 0)
		return decoded;
	CHECK(field->len % 2 == 0);
	decoded.bytes = bytes;
	decoded.len = (field->len - 4) / 2;
	for (size_t i = 0; i < decoded.len; i++) {
		const char digits[] = { field->bytes[4 + 2 * i], field->bytes[5 + 2 * i], '\0' };
		char *end;

		bytes[i] = (char)strtoul(digits, &end, 16);
		CHECK(end == digits + 2);
	}
	return decoded;
}

/* There must be no backslash except in \N, so that psql cannot take anything for a command. */
static void
check_backslashes(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line[i] == '\\')
			CHECK(i > 0 && line[i - 1] == '\t' && i + 1 < len && line[i + 1] == 'N' && (i + 2 == len || line[i + 2] == '\t'));
}

static void
check_data(const char *line, size_t len, const struct wanted *wanted, size_t n)
{
	static struct naive_record record;
	static char bytes[NAIVE_MAX];
	struct naive_field slug;
	int64_t number;

	check_backslashes(line, len);
	CHECK(naive_read(&record, line, len) && record.count == 7);
	CHECK(field_is_bigint(&record.field[0], &number) && number == (int64_t)n);
	CHECK(field_is(&record.field[1], wanted->is_review ? "review" : "answer"));
	CHECK(field_is_bigint(&record.field[2], &number) && number == wanted->id);
	CHECK(field_is_bigint(&record.field[3], &number) && number == wanted->cohort_id);
	slug = decode_slug(&record.field[4], bytes);
	CHECK(same_field(&slug, &wanted->cohort));
	CHECK(field_is_bigint(&record.field[5], &number) && number == wanted->syllabus_id);
	slug = decode_slug(&record.field[6], bytes);
	CHECK(same_field(&slug, &wanted->syllabus));
}

static bool
same_row(const struct wanted *a, const struct wanted *b)
{
	return a->is_review == b->is_review && a->id == b->id;
}

/* Scans the script. Checks its data if `run` is not NULL, and keeps everything else in *rest. */
static void
scan(struct fuzz_bytes *rest, const struct run *run)
{
	static const char in_no_order[] = ", false);";
	const struct fuzz_bytes *script = fuzz_written(FUZZ_OUTPUT);
	size_t records = 0, in_batch = 0, line_len;
	bool in_data = false;

	rest->len = 0;
	for (size_t at = 0; at < script->len; at += line_len + 1) {
		const char *line = script->ptr + at, *newline = memchr(line, '\n', script->len - at);

		CHECK(newline != NULL);
		line_len = (size_t)(newline - line);
		if (in_data && !line_is(line, line_len, "\\.")) {
			if (run == NULL)
				continue;
			CHECK(records < run->count);
			check_data(line, line_len, &run->wanted[records], records + 1);
			records++;
			in_batch++;
			CHECK(in_batch <= (size_t)atoi(run->batch_size)
			    || same_row(&run->wanted[records - 1], &run->wanted[records - 2]));
			continue;
		}
		CHECK(!in_data || run == NULL || in_batch > 0);
		in_data = begins_copy(line, line_len);
		in_batch = 0;
		/* Slugs in hexadecimal change only the calls that decode and reorder the batch. */
		if (line_is(line, line_len, "CALL pg_temp.fb_decode_slugs();"))
			continue;
		if (line_len > strlen(in_no_order) && memcmp(line + line_len - strlen(in_no_order), in_no_order, strlen(in_no_order)) == 0) {
			fuzz_append(rest, line, line_len - strlen(in_no_order));
			fuzz_append(rest, ", true);\n", strlen(", true);\n"));
			continue;
		}
		fuzz_append(rest, line, line_len + 1);
	}
	CHECK(!in_data && (run == NULL || records == run->count));
}

/* The same plan, with harmless slugs. */
static void
write_harmless(const struct run *run, struct fuzz_bytes *plan)
{
	const char *header = forms[run->undo][0].header;

	plan->len = 0;
	fuzz_append(plan, header, strlen(header));
	for (size_t i = 0; i < run->count; i++) {
		const struct wanted *wanted = &run->wanted[i];
		char line[200];
		int len = snprintf(line, sizeof line, "%s%s\t%lld\t%lld\tcohort\t%lld\tsyllabus%s\n", run->undo ? "updated\t" : "",
		    wanted->is_review ? "review" : "answer", (long long)wanted->id, (long long)wanted->cohort_id,
		    (long long)wanted->syllabus_id, run->undo ? "\t\\N" : "");

		fuzz_append(plan, line, (size_t)len);
	}
}

void
fuzz_one(const char *input, size_t len)
{
	static struct fuzz_bytes plan, rest, harmless_rest;
	static struct run run;
	const char *header;
	unsigned char how, more;

	if (len < 2 || len > NAIVE_MAX / 2)
		return;
	how = (unsigned char)input[0];
	more = (unsigned char)input[1];
	run.undo = how & UNDO;
	run.shuffled = how & SHUFFLED;
	run.pause = more & PAUSE;
	snprintf(run.batch_size, sizeof run.batch_size, "%d", 1 + (more & BATCH_SIZE));
	run.count = run.kept_len = 0;
	run.has_malformed = false;
	read_plan(&run, input + 2, len - 2);

	header = forms[run.undo][run.shuffled].header;
	plan.len = 0;
	fuzz_append(&plan, header, strlen(header));
	fuzz_append(&plan, input + 2, len - 2);
	fuzz_begin(plan.ptr, plan.len, how & CHUNK);
	if (!fuzz_run(write_script, &run)) {
		CHECK(naive_has_another_header(plan.ptr, plan.len));
		fuzz_end();
		return;
	}
	CHECK(run.status == (run.has_malformed ? STATUS_SOME : STATUS_OK));
	scan(&rest, &run);
	fuzz_end();

	write_harmless(&run, &plan);
	fuzz_begin(plan.ptr, plan.len, 0);
	CHECK(fuzz_run(write_script, &run) && run.status == STATUS_OK);
	scan(&harmless_rest, NULL);
	CHECK(rest.len == harmless_rest.len && memcmp(rest.ptr, harmless_rest.ptr, rest.len) == 0);
	fuzz_end();
}
