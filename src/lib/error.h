/*
 * Error messages and exit statuses of all programs. Messages go to standard error as
 * `PROGRAM: message`. They may quote bytes of a file, so control characters are escaped.
 */
#ifndef ERROR_H
#define ERROR_H

#include <stdbool.h>
#include <stdint.h>

/* As for grep and diff; see fb(7). */
enum {
	STATUS_OK = 0,		/* success */
	STATUS_SOME = 1,	/* it ran to the end, but not every record succeeded */
	STATUS_TROUBLE = 2	/* usage error, unusable input, I/O, memory */
};

/* Each program defines this. */
extern const char program_name[];

/* Reserves the memory that messages need, so that they can be printed when memory runs out. Call this first. */
void prepare_messages(void);

/* Prints the message and exits with STATUS_TROUBLE. Output buffers are not flushed. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Like die, and refers to --help. */
_Noreturn void die_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the message and returns. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Records that were rejected, unknown or failed. Zero it before use. */
struct problems {
	uint64_t count;
	bool silent;	/* only count: they were reported elsewhere */
};

/* Counts a problem; prints the first five. */
void problem(struct problems *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints how many more there were, and returns STATUS_SOME if there were any problems, else STATUS_OK. */
int problems_status(const struct problems *);

#endif
