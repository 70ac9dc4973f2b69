/*
 * Compares the cohort map with a list that is searched linearly.
 *
 * Input: a byte of options, then the dump. The map has exactly the cohorts of the list, with the same
 * values. A cohort may appear twice with the same values; otherwise the message has both line numbers.
 */
#include "lib/cohorts.h"
#include "naive.h"
#include "system.h"

const char program_name[] = "fuzz";

/* Of the first byte. */
enum { CHUNK = 0x0f, CSV = 0x40, OUR_HEADER = 0x80 };

struct entry {
	int64_t id, syllabus_id;
	struct slice text[COLUMNS];	/* the fields */
	unsigned long line;
};

struct run {
	struct reading reading;
	struct entry entry[NAIVE_MAX];
	size_t count;
	unsigned long problems;
	struct entry conflict[2];	/* the first cohort that appears twice with different values */
	bool has_conflict;
};

static struct slice
copy(struct slice value)
{
	static char copies[4 * NAIVE_MAX];
	static size_t used;

	if (value.ptr == NULL)
		return value;
	if (used + value.len > sizeof copies)
		used = 0;
	if (value.len > 0)
		memcpy(copies + used, value.ptr, value.len);
	used += value.len;
	return (struct slice){ copies + used - value.len, value.len };
}

static const struct entry *
find(const struct run *run, int64_t id)
{
	for (size_t i = 0; i < run->count; i++)
		if (run->entry[i].id == id)
			return &run->entry[i];
	return NULL;
}

static bool
same_values(const struct entry *a, const struct entry *b)
{
	return (a->text[SYLLABUS_ID].ptr == NULL) == (b->text[SYLLABUS_ID].ptr == NULL) && a->syllabus_id == b->syllabus_id
	    && slice_equal(a->text[COHORT], b->text[COHORT]) && slice_equal(a->text[SYLLABUS], b->text[SYLLABUS]);
}

static bool
is_bigint(struct slice value, int64_t *number)
{
	return value.ptr != NULL && naive_is_bigint(value.ptr, value.len, number);
}

/* Makes the list, up to the first conflict. */
static void
read_list(void *context)
{
	struct run *run = context;
	struct problems problems = { 0 };
	struct reader dump;

	reader_open(&dump, "dump", COHORT_DUMP, &run->reading, &problems, NULL);
	while (!run->has_conflict && reader_next(&dump)) {
		struct entry *entry = &run->entry[run->count];
		const struct entry *earlier;

		*entry = (struct entry){ .line = dump.lines.number };
		if (!is_bigint(dump.field[COHORT_ID], &entry->id)
		    || (dump.field[SYLLABUS_ID].ptr != NULL && !is_bigint(dump.field[SYLLABUS_ID], &entry->syllabus_id))
		    || (dump.field[SYLLABUS_ID].ptr == NULL && dump.field[SYLLABUS].ptr != NULL)) {
			problems.count++;
			continue;
		}
		for (int i = 0; i < COLUMNS; i++)
			entry->text[i] = copy(dump.field[i]);
		earlier = find(run, entry->id);
		if (earlier == NULL) {
			run->count++;
		} else if (!same_values(earlier, entry)) {
			run->has_conflict = true;
			run->conflict[0] = *earlier;
			run->conflict[1] = *entry;
		}
	}
	run->problems = problems.count;
	reader_close(&dump);
}

static bool
is_number(const struct naive_field *field, int64_t number)
{
	char digits[32];
	int len = snprintf(digits, sizeof digits, "%lld", (long long)number);

	return !field->is_null && field->len == (size_t)len && memcmp(field->bytes, digits, field->len) == 0;
}

static bool
is_value(const struct naive_field *field, struct slice value)
{
	if (field->is_null || value.ptr == NULL)
		return field->is_null && value.ptr == NULL;
	return field->len == value.len && memcmp(field->bytes, value.ptr, value.len) == 0;
}

static void
check_cohort(const struct cohort *cohort, const struct entry *entry)
{
	static struct naive_record end;

	CHECK(cohort != NULL && cohort->id == entry->id && cohort->line == entry->line);
	CHECK(cohort->has_syllabus == (entry->text[SYLLABUS_ID].ptr != NULL));
	CHECK(cohort->len > 0 && cohort->bytes[cohort->len - 1] == '\n');
	CHECK(naive_read(&end, cohort->bytes, cohort->len - 1) && end.count == 3);
	CHECK(is_value(&end.field[0], entry->text[COHORT]));
	CHECK(cohort->has_syllabus ? is_number(&end.field[1], entry->syllabus_id) : end.field[1].is_null);
	CHECK(is_value(&end.field[2], entry->text[SYLLABUS]));
}

static void
load_map(void *context)
{
	const struct run *run = context;
	struct problems problems = { 0 };
	struct cohorts cohorts;
	struct reader dump;

	reader_open(&dump, "dump", COHORT_DUMP, &run->reading, &problems, NULL);
	cohorts_load(&cohorts, &dump);
	reader_close(&dump);
	CHECK(!run->has_conflict && problems.count == run->problems);
	CHECK(HASH_COUNT(cohorts.map) == run->count);
	for (size_t i = 0; i < run->count; i++) {
		const struct cohort *found[65];
		int64_t id[65] = { run->entry[i].id };	/* and all ids that differ in one bit */

		for (int bit = 0; bit < 64; bit++)
			id[bit + 1] = (int64_t)((uint64_t)id[0] ^ (uint64_t)1 << bit);
		cohorts_find(&cohorts, 65, id, found);
		check_cohort(found[0], &run->entry[i]);
		for (int other = 1; other < 65; other++)
			CHECK((found[other] == NULL) == (find(run, id[other]) == NULL));
	}
	cohorts_free(&cohorts);
}

/* Whether this was the last message. */
static bool
ended_with(const char *message, size_t len)
{
	const struct fuzz_bytes *messages = fuzz_written(FUZZ_STDERR);

	return messages->len >= len && memcmp(messages->ptr + messages->len - len, message, len) == 0;
}

static void
check_conflict(const struct run *run)
{
	char message[200];
	int len = snprintf(message, sizeof message, "fuzz: dump:%lu: cohort %lld has different values on line %lu\n",
	    run->conflict[1].line, (long long)run->conflict[0].id, run->conflict[0].line);

	CHECK(ended_with(message, (size_t)len));
}

void
fuzz_one(const char *input, size_t len)
{
	static const char quotes[] = "fuzz: dump: the quotes decide what the rest means, so this file is not used\n";
	static const char header[] = "cohort_id\tcohort\tsyllabus_id\tsyllabus\n", csv_header[] = "cohort_id,cohort,syllabus_id,syllabus\n";
	static struct fuzz_bytes file;
	static struct run run;
	unsigned char how = len > 0 ? (unsigned char)input[0] : 0;

	if (len == 0 || len > NAIVE_MAX / 2)
		return;
	run.reading = (struct reading){ .format = how & CSV ? CSV_FORMAT : TEXT_FORMAT };
	run.count = 0;
	run.has_conflict = false;
	file.len = 0;
	if (how & OUR_HEADER)
		fuzz_append(&file, how & CSV ? csv_header : header, sizeof header - 1);
	fuzz_append(&file, input + 1, len - 1);
	fuzz_begin(file.ptr, file.len, how & CHUNK);
	if (fuzz_run(read_list, &run)) {
		fuzz_begin(file.ptr, file.len, 0);
		if (!fuzz_run(load_map, &run)) {
			CHECK(run.has_conflict || naive_has_another_header(file.ptr, file.len));
			if (!naive_has_another_header(file.ptr, file.len))
				check_conflict(&run);
		}
	} else {
		CHECK(!(how & OUR_HEADER) || naive_has_another_header(file.ptr, file.len)
		    || (how & CSV && ended_with(quotes, sizeof quotes - 1)));
	}
	fuzz_end();
}
