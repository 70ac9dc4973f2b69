#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/error.h"
#include "progress.h"

/* Milliseconds. A phase shorter than FIRST shows no line. Where lines cannot be redrawn in place, they are less frequent. */
enum { FIRST = 300, AGAIN = 200, AGAIN_WITHOUT_TERMINAL = 10000 };

void
progress_begin(struct progress *progress, bool wanted, bool terminal)
{
	*progress = (struct progress){ .wanted = wanted, .terminal = terminal };
	progress->began = run_clock();
	progress->next = progress->began + FIRST;
	progress_set_phase(progress, slice_of("starting"));
}

void
progress_set_phase(struct progress *progress, struct slice phase)
{
	if (phase.ptr == NULL || (progress->phase.len > 0 && slice_is(phase, progress->phase.ptr)))
		return;
	progress->phase.len = 0;
	buffer_append(&progress->phase, phase.ptr, phase.len);
	buffer_append(&progress->phase, "", 1);
	progress->began = run_clock();
	progress->next = progress->began + FIRST;
}

void
progress_watch(struct progress *progress, const char *path)
{
	struct growing *more = realloc(progress->growing, (size_t)(progress->count + 1) * sizeof *more);
	int fd = open(path, O_RDONLY);

	if (more == NULL)
		die("out of memory");
	progress->growing = more;
	if (fd == -1)
		return;	/* reported when the records are read */
	progress->growing[progress->count++] = (struct growing){ .tail.fd = fd };
}

static void
count_line(void *context, struct slice line)
{
	static const char failed[] = "failed\t";
	struct growing *growing = context;

	if (!growing->has_header) {
		growing->has_header = true;
		return;
	}
	growing->lines++;
	growing->failed += line.len >= strlen(failed) && memcmp(line.ptr, failed, strlen(failed)) == 0;
}

/* Describes the progress in words. */
static void
describe(struct progress *progress, int64_t to_do, char text[256])
{
	const int64_t time = run_clock() - progress->began;
	int64_t done = 0, failed = 0;
	int len = snprintf(text, 256, "%.40s", progress->phase.ptr);

	for (int i = 0; i < progress->count; i++) {
		while (tail_read(&progress->growing[i].tail, count_line, &progress->growing[i]))
			;
		done += progress->growing[i].lines;
		failed += progress->growing[i].failed;
	}
	if (progress->count > 0) {
		len += snprintf(text + len, 256 - (size_t)len, " %" PRId64, done);
		if (to_do > 0)
			len += snprintf(text + len, 256 - (size_t)len, " of %" PRId64 " (%" PRId64 "%%)", to_do, done * 100 / to_do);
		len += snprintf(text + len, 256 - (size_t)len, ", %" PRId64 "/s", done * 1000 / (time + 1));
	}
	if (to_do > 0 && done > 0) {
		const int64_t left = (to_do - done) * time / done / 1000;

		len += snprintf(text + len, 256 - (size_t)len, ", %" PRId64 ":%02" PRId64 " left", left / 60, left % 60);
	} else {
		len += snprintf(text + len, 256 - (size_t)len, ", %" PRId64 ":%02" PRId64 " so far", time / 60000, time / 1000 % 60);
	}
	if (progress->count > 0)
		snprintf(text + len, 256 - (size_t)len, ", %" PRId64 " failed", failed);
}

/* The width of the terminal. */
static int
columns(void)
{
	struct winsize size = { .ws_col = 0 };

	(void)ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
	return size.ws_col > 1 ? size.ws_col : 80;
}

void
progress_show(struct progress *progress, int64_t to_do)
{
	char text[256];

	if (!progress->wanted || run_clock() < progress->next)
		return;
	describe(progress, to_do, text);
	if (progress->terminal) {
		fprintf(stderr, "\r%.*s\33[K", columns() - 1, text);
		progress->drawn = true;
	} else {
		fprintf(stderr, "fb-backfill: %s\n", text);
	}
	progress->next = run_clock() + (progress->terminal ? AGAIN : AGAIN_WITHOUT_TERMINAL);
}

void
progress_tell(struct progress *progress, int64_t to_do)
{
	char text[256];

	describe(progress, to_do, text);
	progress_erase(progress);
	fprintf(stderr, "fb-backfill: %s\n", text);
}

void
progress_erase(struct progress *progress)
{
	if (progress->drawn)
		fputs("\r\33[K", stderr);
	progress->drawn = false;
}

void
progress_free(struct progress *progress)
{
	for (int i = 0; i < progress->count; i++)
		tail_close(&progress->growing[i].tail);
	free(progress->growing);
	buffer_free(&progress->phase);
}
