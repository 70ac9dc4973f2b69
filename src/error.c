#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"

enum { PROBLEMS_SHOWN = 5, MESSAGE_MAX = 4096 };

static void
put_message(const char *format, va_list args)
{
	/* A message that quotes a huge field is cut rather than kept in memory. */
	char message[MESSAGE_MAX];

	vsnprintf(message, sizeof message, format, args);
	fprintf(stderr, "%s: ", program_name);
	for (const char *c = message; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			fprintf(stderr, "\\x%02x", (unsigned char)*c);
		else
			putc(*c, stderr);
	}
	putc('\n', stderr);
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

	if (problems->count++ >= PROBLEMS_SHOWN)
		return;
	va_start(args, format);
	put_message(format, args);
	va_end(args);
}

int
problems_status(const struct problems *problems)
{
	if (problems->count > PROBLEMS_SHOWN)
		warn("... and %lu more", problems->count - PROBLEMS_SHOWN);
	return problems->count > 0 ? STATUS_SOME : STATUS_OK;
}
