/*
 * fb-report's text and JSON, for any plan or receipts.
 *
 * Input: a byte of options, then the records. Nothing printed to standard output or error can act on a
 * terminal; there is a line for each record that the naive reading accepts, and the numbers are the same.
 */
#define main fb_report
int fb_report(int argc, char **argv);
#include "fb-report.c"
#undef main

#include "naive.h"
#include "system.h"

/* Of the first byte. */
enum { CHUNK = 0x0f, REVIEWS_ONLY = 0x10, SUMMARY = 0x20, JSON = 0x40, IS_PLAN = 0x80 };

enum { RULE = 71 };	/* bytes of the line below the total, with its newline */
static const char plan_header[] = "model\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus\n";
static const char receipts_header[] = "status\tmodel\tid\tcohort_id\tcohort\tsyllabus_id\tsyllabus\tdetail\n";

struct input {
	unsigned char how;
	int status;
	long updated, skipped, failed, malformed;
	int last_model;
	bool has_last;		/* there was a previous record of a plan, with this model and id */
	bool last_is_review;
	int64_t last_id;
	int changes;		/* of the model between records; with more than one, sections repeat */
};

static bool
field_is(const struct naive_field *field, const char *text)
{
	return !field->is_null && field->len == strlen(text) && memcmp(field->bytes, text, field->len) == 0;
}

static bool
is_reason(const struct naive_field *field)
{
	return field_is(field, "already-set") || field_is(field, "cohort-changed") || field_is(field, "syllabus-changed")
	    || field_is(field, "gone") || field_is(field, "duplicate");
}

static bool
is_bigint(const struct naive_field *field)
{
	int64_t number;

	return !field->is_null && naive_is_bigint(field->bytes, field->len, &number);
}

/* Counts a record by its status. */
static void
count_record_naively(struct input *run, const struct naive_record *record)
{
	const struct naive_field *field = record->field + (run->how & IS_PLAN ? 0 : 1);
	int64_t id;
	bool done = run->how & IS_PLAN || field_is(&record->field[0], "updated") || field_is(&record->field[0], "reverted");
	bool skipped = !done && field_is(&record->field[0], "skipped") && is_reason(&record->field[7]);
	bool failed = !done && field_is(&record->field[0], "failed");
	bool is_review = field_is(&field[0], "review");

	if ((!is_review && !field_is(&field[0], "answer")) || field[1].is_null
	    || !naive_is_bigint(field[1].bytes, field[1].len, &id) || !(done || skipped || failed)
	    || (done && !(is_bigint(&field[2]) && is_bigint(&field[4])))) {
		run->malformed++;
	} else {
		if (run->how & IS_PLAN && run->has_last && run->last_is_review == is_review && run->last_id == id) {
			done = false;	/* a plan's duplicate */
			skipped = true;
		}
		run->has_last = true;
		run->last_is_review = is_review;
		run->last_id = id;
		if (!is_review && run->how & REVIEWS_ONLY)
			return;
		run->changes += is_review != run->last_model;
		run->last_model = is_review;
		run->updated += done;
		run->skipped += skipped;
		run->failed += failed;
	}
}

static void
read_records_naively(struct input *run, const char *text, size_t len)
{
	static struct naive_record record;
	size_t line_len, whole;

	for (size_t at = 0; at < len; at += line_len + whole) {
		const char *line = text + at, *newline = memchr(line, '\n', len - at);

		whole = newline != NULL;
		line_len = whole ? (size_t)(newline - line) : len - at;
		if (whole && naive_read(&record, line, line_len) && record.count == (run->how & IS_PLAN ? 6 : 8))
			count_record_naively(run, &record);
		else
			run->malformed++;
	}
}

static void
write_report(void *context)
{
	struct input *run = context;
	char *argv[] = { "fb-report", run->how & REVIEWS_ONLY ? "--model=review" : "--model=all", "file", NULL, NULL, NULL };
	int argc = 3;

	if (run->how & SUMMARY)
		argv[argc++] = "--summary";
	if (run->how & JSON)
		argv[argc++] = "--json";
	optind = 0;	/* restarts getopt */
	run->status = fb_report(argc, argv);
}

/* How many lines of the report begin like this. */
static long
lines_with(const struct fuzz_bytes *report, const char *begin)
{
	size_t len = strlen(begin);
	long count = 0;

	for (size_t at = 0; at + len <= report->len; at++)
		count += (at == 0 || report->ptr[at - 1] == '\n') && memcmp(report->ptr + at, begin, len) == 0;
	return count;
}

/* The sum of the numbers after these beginnings of lines. */
static long
sum_of(const struct fuzz_bytes *report, const char *begin)
{
	size_t len = strlen(begin);
	long sum = 0;

	for (size_t at = 0; at + len < report->len; at++)
		if ((at == 0 || report->ptr[at - 1] == '\n') && memcmp(report->ptr + at, begin, len) == 0)
			sum += strtol(report->ptr + at + len, NULL, 10);	/* a newline ends it */
	return sum;
}

static void
check_total(const struct input *run, const struct fuzz_bytes *report)
{
	char total[64];
	int len = snprintf(total, sizeof total, run->how & JSON ? "}, \"total\": %ld" : " %ld records in total", run->updated);
	const char *end = report->ptr + report->len;

	if (!(run->how & JSON) && run->malformed > 0)
		len += snprintf(total + len, sizeof total - (size_t)len, ", %ld rejected", run->malformed);
	len += snprintf(total + len, sizeof total - (size_t)len, run->how & JSON ? "}\n" : "\n");
	if (run->how & JSON) {
		CHECK(report->len > (size_t)len && memcmp(end - len, total, (size_t)len) == 0);
		CHECK(memchr(report->ptr, '\n', report->len) == end - 1);
	} else {
		end -= RULE;	/* the line below it */
		CHECK(report->len > (size_t)len + RULE && memcmp(end - len, total, (size_t)len) == 0);
	}
}

void
fuzz_one(const char *input, size_t len)
{
	static struct fuzz_bytes file;
	struct input run = { 0 };
	const struct fuzz_bytes *report;

	if (len == 0 || len > NAIVE_MAX / 2)
		return;
	run.how = (unsigned char)input[0];
	read_records_naively(&run, input + 1, len - 1);
	file.len = 0;
	fuzz_append(&file, run.how & IS_PLAN ? plan_header : receipts_header,
	    run.how & IS_PLAN ? sizeof plan_header - 1 : sizeof receipts_header - 1);
	fuzz_append(&file, input + 1, len - 1);
	fuzz_begin(file.ptr, file.len, run.how & CHUNK);
	if (!fuzz_run(write_report, &run)) {
		CHECK(naive_has_another_header(file.ptr, file.len));
		fuzz_end();
		return;
	}
	CHECK(run.status == (run.malformed + run.failed > 0 ? STATUS_SOME : STATUS_OK));
	report = fuzz_written(FUZZ_OUTPUT);
	CHECK(naive_is_harmless(report->ptr, report->len));
	check_total(&run, report);
	if (!(run.how & JSON)) {
		long lines = run.how & SUMMARY ? 0 : 1, failures = run.failed < 5 ? run.failed : 5;

		CHECK(run.changes > 1 || sum_of(report, "Errors: ") == run.failed);
		CHECK(run.changes > 1 || sum_of(report, "Skipped: ") == run.skipped);
		CHECK(run.changes > 1 || sum_of(report, "Updated ") + sum_of(report, "Reverted ") + sum_of(report, "Would update ") == run.updated);
		if (run.how & IS_PLAN) {
			CHECK(lines_with(report, "  [DRY RUN] ") == lines * (run.updated + run.skipped));
		} else {
			CHECK(lines_with(report, "  ✓ ") == lines * run.updated);
			CHECK(lines_with(report, "  ✗ ") == lines * run.failed);
			CHECK(lines_with(report, "  - ") >= lines * run.skipped + failures);
		}
	}
	fuzz_end();
}
