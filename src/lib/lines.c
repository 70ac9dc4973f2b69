#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "lines.h"

enum { READ_SIZE = 128 * 1024 - LINES_SLACK };

/*
 * PostgreSQL's limit for a field, 1 GiB, so that an unclosed quote does not use up all memory. Minus one read, so that
 * a block of 1 GiB is enough: a 32-bit process cannot allocate twice that.
 */
static const size_t RECORD_MAX = 1024UL * 1024 * 1024 - READ_SIZE - LINES_SLACK;

void
lines_open(struct lines *lines, const char *path)
{
	*lines = (struct lines){ .fd = STDIN_FILENO, .name = "standard input", .next = 1 };
	if (strcmp(path, "-") != 0) {
		lines->name = path;
		lines->fd = open(path, O_RDONLY);
		if (lines->fd == -1)
			die("%s: %s", path, strerror(errno));
	}
	lines->start = lseek(lines->fd, 0, SEEK_CUR);
}

/* Moves the current line to the start of the block and reads more after it. Returns false at the end. */
static bool
read_more(struct lines *lines)
{
	struct buffer *block = &lines->block;
	ssize_t n;

	if (lines->at_end)
		return false;
	if (lines->begin > 0) {
		block->len -= lines->begin;
		lines->end -= lines->begin;
		memmove(block->ptr, block->ptr + lines->begin, block->len);
		lines->begin = 0;
	}
	if (block->len > RECORD_MAX)
		die("%s:%" PRIu64 ": record longer than 1 GiB (an unclosed quote?)", lines->name, lines->number);
	buffer_reserve(block, READ_SIZE + LINES_SLACK);
	do
		n = read(lines->fd, block->ptr + block->len, block->capacity - LINES_SLACK - block->len);
	while ((n == -1 && errno == EINTR) || (n == 0 && lines->wait != NULL && lines->wait(lines->wait_context, lines)));
	if (n == -1)
		die("%s: %s", lines->name, strerror(errno));
	block->len += (size_t)n;
	memset(block->ptr + block->len, 0, LINES_SLACK);
	lines->at_end = n == 0;
	return n > 0;
}

bool
lines_extend(struct lines *lines, struct slice *line)
{
	struct buffer *block = &lines->block;
	const size_t before = lines->end - lines->begin;
	const char *newline = NULL;
	size_t seen = before;

	do {
		const size_t left = block->len - lines->begin - seen;

		if (left > 0) {
			newline = memchr(block->ptr + lines->begin + seen, '\n', left);
			seen = newline != NULL ? (size_t)(newline + 1 - block->ptr) - lines->begin : seen + left;
		}
	} while (newline == NULL && read_more(lines));
	lines->end = lines->begin + seen;
	*line = (struct slice){ block->ptr + lines->begin, seen };	/* even at the end, since read_more may have moved it */
	if (seen == before)
		return false;
	lines->next++;
	return true;
}

bool
lines_next(struct lines *lines, struct slice *line)
{
	lines->begin = lines->end;
	lines->number = lines->next;
	return lines_extend(lines, line);
}

void
lines_skip(struct lines *lines, struct slice *line, size_t len)
{
	lines->begin += len;
	line->ptr += len;
	line->len -= len;
}

bool
lines_drained(const struct lines *lines)
{
	return lines->end == lines->block.len;
}

bool
lines_rewind(struct lines *lines)
{
	if (lseek(lines->fd, lines->start, SEEK_SET) == -1)
		return false;
	lines->block.len = lines->begin = lines->end = 0;
	lines->at_end = false;
	lines->next = 1;
	return true;
}

void
lines_close(struct lines *lines)
{
	buffer_free(&lines->block);
	if (lines->fd != STDIN_FILENO)
		close(lines->fd);
}
