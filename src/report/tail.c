#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tail.h"

enum { PART = 65536 };	/* bytes */

bool
tail_read(struct tail *tail, void (*take)(void *, struct slice), void *context)
{
	struct buffer *rest = &tail->rest;
	size_t begin = 0;
	const char *end;
	ssize_t n;

	buffer_reserve(rest, PART);
	do
		n = read(tail->fd, rest->ptr + rest->len, PART);
	while (n == -1 && errno == EINTR);
	if (n <= 0)
		return false;
	rest->len += (size_t)n;
	while ((end = memchr(rest->ptr + begin, '\n', rest->len - begin)) != NULL) {
		take(context, (struct slice){ rest->ptr + begin, (size_t)(end - rest->ptr) - begin });
		begin = (size_t)(end - rest->ptr) + 1;
	}
	rest->len -= begin;
	memmove(rest->ptr, rest->ptr + begin, rest->len);
	return true;
}

void
tail_close(struct tail *tail)
{
	buffer_free(&tail->rest);
	if (tail->fd != STDIN_FILENO)
		close(tail->fd);
}
