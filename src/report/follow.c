#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "follow.h"
#include "lib/error.h"
#include "lib/text.h"

enum { A_MOMENT = 50 };	/* milliseconds */

/* Set by SIGUSR1, which asks for progress. A signal handler can only set a static variable. */
static volatile sig_atomic_t asked;

static void
ask(int number)
{
	(void)number;
	asked = 1;
}

void
follow_begin(struct follow *follow, struct run *run, struct counts *counts, const char *messages, bool show_progress)
{
	const struct sigaction action = { .sa_handler = ask }, ignore = { .sa_handler = SIG_IGN };

	*follow = (struct follow){ .run = run, .counts = counts, .path = messages };
	follow->facts.fd = STDIN_FILENO;
	follow->messages.fd = open(messages, O_RDONLY);
	if (follow->messages.fd == -1)
		die("%s: %s", messages, strerror(errno));
	progress_begin(&follow->progress, show_progress, isatty(STDERR_FILENO));
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGPIPE, &ignore, NULL);	/* the run goes on if the report's reader goes away */
	sigaction(SIGINT, &ignore, NULL);	/* fb-backfill handles these */
	sigaction(SIGTERM, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
}

static void
take_fact(void *run, struct slice line)
{
	run_learn(run, line);
}

/* Passes on a message, escaped so that it is safe on a terminal. TABs are harmless, and psql uses them. */
static void
pass_on(void *context, struct slice line)
{
	struct follow *follow = context;
	struct slice piece;
	bool printable;

	progress_erase(&follow->progress);
	while (text_piece(&line, &piece, &printable)) {
		if (printable || (piece.len == 1 && *piece.ptr == '\t'))
			fwrite(piece.ptr, 1, piece.len, stderr);
		else
			for (size_t i = 0; i < piece.len; i++)
				fprintf(stderr, "\\x%02x", (unsigned char)piece.ptr[i]);
	}
	fputc('\n', stderr);
}

static int64_t
to_do(const struct follow *follow)
{
	return follow->counts->found_known ? counts_sum(follow->counts).found : -1;
}

/* Whether all messages before the hush were passed on. */
static bool
is_hushed(const struct follow *follow)
{
	return follow->run->hushed_at >= 0 && lseek(follow->messages.fd, 0, SEEK_CUR) >= follow->run->hushed_at;
}

/* Does everything that was asked for since the last call. */
static void
catch_up(struct follow *follow)
{
	struct run *run = follow->run;

	while (!is_hushed(follow) && tail_read(&follow->messages, pass_on, follow))
		;
	while (follow->said_on < run->to_say.len) {
		const struct slice message = slice_of(run->to_say.ptr + follow->said_on);

		follow->said_on += message.len + 1;
		pass_on(follow, message);
	}
	while (follow->counted < run->to_count.len) {
		const char *path = run->to_count.ptr + follow->counted;
		struct reader reader;

		follow->counted += strlen(path) + 1;
		reader_open(&reader, path, TO_REPORT, &as_it_is, &follow->counts->unapplied, NULL);
		counts_find(follow->counts, &reader, true);
		reader_close(&reader);
	}
	while (follow->watched < run->to_follow.len) {
		const char *path = run->to_follow.ptr + follow->watched;

		follow->watched += strlen(path) + 1;
		progress_watch(&follow->progress, path);
	}
	progress_set_phase(&follow->progress, run_fact(run, PHASE));
}

/* Waits a moment for standard input, and does what was asked for. */
static void
look(struct follow *follow)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	catch_up(follow);
	if (asked) {
		asked = 0;
		progress_tell(&follow->progress, to_do(follow));
	}
	progress_show(&follow->progress, to_do(follow));
	if (poll(&input, 1, A_MOMENT) == 1)
		follow->ended = !tail_read(&follow->facts, take_fact, follow->run);
	catch_up(follow);
}

/* Whether the file has more to read. */
static bool
has_grown(const struct lines *lines)
{
	struct stat file = { .st_size = 0 };

	(void)fstat(lines->fd, &file);
	return file.st_size > lseek(lines->fd, 0, SEEK_CUR);
}

bool
follow_wait(void *context, const struct lines *lines)
{
	struct follow *follow = context;

	while (!has_grown(lines)) {
		if (follow->ended)
			return false;
		look(follow);
	}
	progress_erase(&follow->progress);	/* records will be printed */
	return true;
}

/* Whether the file exists and is not empty. */
static bool
has_begun(const char *path)
{
	struct stat file;

	return stat(path, &file) == 0 && file.st_size > 0;
}

const char *
follow_next_file(struct follow *follow)
{
	const struct buffer *files = &follow->run->to_follow;

	for (;;) {
		const char *path = follow->followed < files->len ? files->ptr + follow->followed : NULL;
		const bool begun = path != NULL && has_begun(path);

		if (begun) {
			follow->file.len = 0;
			buffer_append(&follow->file, path, strlen(path) + 1);
		}
		if (begun || (path != NULL && follow->ended))
			follow->followed += strlen(path) + 1;
		if (begun) {
			progress_erase(&follow->progress);
			return follow->file.ptr;
		}
		if (path == NULL && follow->ended)
			return NULL;
		if (!follow->ended)
			look(follow);
	}
}

void
follow_end(struct follow *follow)
{
	progress_erase(&follow->progress);
	catch_up(follow);
	if (follow->messages.rest.len > 0)
		pass_on(follow, (struct slice){ follow->messages.rest.ptr, follow->messages.rest.len });
	unlink(follow->path);
	tail_close(&follow->messages);
	tail_close(&follow->facts);
	buffer_free(&follow->file);
	progress_free(&follow->progress);
}
