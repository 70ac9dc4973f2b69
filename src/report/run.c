#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/out.h"
#include "lib/text.h"
#include "run.h"

static void
take_time(char utc[24])
{
	time_t now = time(NULL);
	struct tm parts;

	gmtime_r(&now, &parts);
	strftime(utc, 24, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

int64_t
run_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
run_begin(struct run *run)
{
	*run = (struct run){ .status = STATUS_TROUBLE, .hushed_at = -1 };
	take_time(run->started);
	run->began = run_clock();
}

void
run_end(struct run *run)
{
	take_time(run->finished);
	run->took = run_clock() - run->began;
}

static void
append_string(struct buffer *list, struct slice value)
{
	buffer_append(list, value.ptr, value.len);
	buffer_append(list, "", 1);
}

/* Appends the decoded value. The name of a file may contain any bytes. */
static void
decode(struct buffer *decoded, struct slice value)
{
	static const char letters[] = "ntr\\", characters[] = "\n\t\r\\";

	for (size_t i = 0; i < value.len; i++) {
		const char *letter = NULL;

		if (value.ptr[i] == '\0')
			continue;
		if (value.ptr[i] == '\\' && i + 1 < value.len)
			letter = strchr(letters, value.ptr[i + 1]);
		if (letter != NULL && *letter != '\0') {
			buffer_append(decoded, &characters[letter - letters], 1);
			i++;
		} else {
			buffer_append(decoded, &value.ptr[i], 1);
		}
	}
}

void
run_learn(struct run *run, struct slice line)
{
	static const char *const facts[FACTS] = { "action", "database", "error", "plan", "next", "phase", "name" };
	const char *tab = line.len > 0 ? memchr(line.ptr, '\t', line.len) : NULL;
	struct slice key, value;
	struct buffer decoded = { 0 };
	int64_t number;

	if (tab == NULL)
		return;
	key = (struct slice){ line.ptr, (size_t)(tab - line.ptr) };
	buffer_reserve(&decoded, 1);	/* an empty value must not point to NULL */
	decode(&decoded, (struct slice){ tab + 1, line.len - key.len - 1 });
	value = (struct slice){ decoded.ptr, decoded.len };
	for (int i = 0; i < FACTS; i++) {
		if (!slice_is(key, facts[i]))
			continue;
		run->fact[i].len = 0;
		append_string(&run->fact[i], value);
	}
	if (slice_is(key, "undone"))
		append_string(&run->undone, value);
	else if (slice_is(key, "receipts"))
		append_string(&run->receipts, value);
	else if (slice_is(key, "count"))
		append_string(&run->to_count, value);
	else if (slice_is(key, "follow"))
		append_string(&run->to_follow, value);
	else if (slice_is(key, "say"))
		append_string(&run->to_say, value);
	else if (slice_is(key, "hush") && text_bigint(value, &number))
		run->hushed_at = number;
	else if (slice_is(key, "in-doubt"))
		run->in_doubt = true;
	else if (slice_is(key, "status") && text_bigint(value, &number))
		run->status = number == STATUS_OK || number == STATUS_SOME ? (int)number : STATUS_TROUBLE;
	buffer_free(&decoded);
}

struct slice
run_fact(const struct run *run, enum fact fact)
{
	if (run->fact[fact].len <= 1)
		return (struct slice){ NULL, 0 };
	return (struct slice){ run->fact[fact].ptr, run->fact[fact].len - 1 };
}

/* A fact as a string; "" if it is not known. */
static const char *
said(const struct run *run, enum fact fact)
{
	return run->fact[fact].len > 0 ? run->fact[fact].ptr : "";
}

static void
put_what(struct out *out, const char *before, const char *what)
{
	if (what[0] == '\0')
		return;
	out_string(out, before);
	out_shown(out, slice_of(what));
}

/* Prints how many rows were changed, in which database, and what can be done next. */
static void
put_done(struct out *out, const struct run *run, const struct counts *counts, bool stopped)
{
	const struct tally sum = counts_sum(counts);
	const bool check = strcmp(said(run, ACTION), "check") == 0;
	const int64_t rows = check ? sum.eligible : sum.done;

	out_string(out, "fb-backfill: ");
	out_int(out, rows);
	if (stopped) {
		out_string(out, " of ");
		out_int(out, sum.found);
		out_string(out, " records are committed");
	} else {
		out_string(out, rows == 1 ? " row" : " rows");
		out_string(out, check ? " still to be " : counts->dry ? " would be " : " ");
		out_string(out, counts->undo ? "reverted" : "updated");
	}
	put_what(out, " in ", said(run, DATABASE));
	for (size_t i = 0; i < run->receipts.len; i += strlen(run->receipts.ptr + i) + 1)
		put_what(out, i == 0 ? "; receipts in " : " and ", run->receipts.ptr + i);
	if (rows > 0)
		put_what(out, counts->dry ? "; carry it out with: " : "; take them back with: ", said(run, NEXT_COMMAND));
	if (stopped && !run->in_doubt)
		out_string(out, "; no batch was partly applied; run the same command again to continue");
	out_string(out, "\n");
}

void
run_check_receipts(struct run *run, const struct counts *counts)
{
	static const char fault[] = "the receipts do not match the records";
	const struct tally sum = counts_sum(counts);

	if (run->status == STATUS_TROUBLE || !counts->found_known || counts->dry
	    || (counts->problems.count == (uint64_t)sum.failed && sum.done + sum.skipped + sum.failed == sum.found))
		return;
	run->status = STATUS_TROUBLE;
	run->fact[FAULT].len = 0;
	append_string(&run->fact[FAULT], slice_of(fault));
	warn("%s", fault);
}

void
run_put_closing(const struct run *run, const struct counts *counts, bool stopped)
{
	const int64_t done = counts_sum(counts).done;
	struct out out = { .fd = STDERR_FILENO, .may_fail = true };

	if (run->status == STATUS_TROUBLE && (!counts->found_known || counts->dry))
		return;	/* nothing was to be changed yet; the reason was printed */
	put_done(&out, run, counts, stopped);
	if (done > 0 && !counts->dry && isatty(STDERR_FILENO)) {
		out_string(&out, "fb-backfill: ");
		if (!counts->undo)
			out_string(&out, "keep the receipts: they are the only way to undo this. ");
		out_string(&out, "What the application has cached of these rows is now stale.\n");
	}
	out_flush(&out);
}

void
run_free(struct run *run)
{
	for (int i = 0; i < FACTS; i++)
		buffer_free(&run->fact[i]);
	buffer_free(&run->undone);
	buffer_free(&run->receipts);
	buffer_free(&run->to_count);
	buffer_free(&run->to_follow);
	buffer_free(&run->to_say);
}
