#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "text.h"

enum { PROBLEMS_SHOWN = 5, MESSAGE_MAX = 4096 };

/*
 * Messages need only the stack, but if the system has no page left for the stack to grow, it kills
 * the program. Not inlined, so that this function uses the same part of the stack as they do.
 */
__attribute__((noinline)) void
prepare_messages(void)
{
	char room[64 * 1024];

	*(volatile char *)room = '\0';
}

/* Prints the message with one write, since other programs of the pipeline may print at the same time. */
static void
put_message(const char *format, va_list args)
{
	/* A message that quotes a huge field is cut. */
	char message[MESSAGE_MAX], shown[5 * MESSAGE_MAX];
	struct slice rest, piece;
	size_t len;
	bool printable;

	vsnprintf(message, sizeof message, format, args);
	len = (size_t)snprintf(shown, sizeof shown, "%s: ", program_name);
	rest = slice_of(message);
	while (text_piece(&rest, &piece, &printable))
		for (size_t i = 0; i < piece.len; i++)
			len += (size_t)snprintf(shown + len, sizeof shown - len, printable ? "%c" : "\\x%02x",
			    (unsigned char)piece.ptr[i]);
	shown[len++] = '\n';
	(void)fwrite(shown, 1, len, stderr);	/* which has no buffer */
}

void
die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_message(format, args);
	va_end(args);
	exit(STATUS_TROUBLE);
}

void
die_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_message(format, args);
	va_end(args);
	die("see '%s --help'", program_name);
}

void
warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_message(format, args);
	va_end(args);
}

void
problem(struct problems *problems, const char *format, ...)
{
	va_list args;

	if (problems->count++ >= PROBLEMS_SHOWN || problems->silent)
		return;
	va_start(args, format);
	put_message(format, args);
	va_end(args);
}

int
problems_status(const struct problems *problems)
{
	if (problems->count > PROBLEMS_SHOWN)
		warn("... and %" PRIu64 " more", problems->count - PROBLEMS_SHOWN);
	return problems->count > 0 ? STATUS_SOME : STATUS_OK;
}
