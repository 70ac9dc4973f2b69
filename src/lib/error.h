/*
 * How every program says that something is wrong, and the exit statuses they share.
 * Messages go to standard error as `PROGRAM: message`; control characters in them
 * (they may quote a file's bytes) are shown escaped.
 */
#ifndef ERROR_H
#define ERROR_H

#include <stdbool.h>
#include <stdint.h>

/* As grep and diff have them; see fb(7). */
enum {
	STATUS_OK = 0,		/* all is well */
	STATUS_SOME = 1,	/* it ran to the end, but not for every record */
	STATUS_TROUBLE = 2	/* usage error, unusable input, I/O, memory */
};

/* Each program defines its own name. */
extern const char program_name[];

/* Call it first: takes the memory that messages need, so that they can be printed when there is no more. */
void prepare_messages(void);

/* Prints the message and exits with STATUS_TROUBLE. What is still in an output buffer is not written. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As die, and points to --help. */
_Noreturn void die_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the message and returns. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Records that got no further. Zero it to begin. */
struct problems {
	uint64_t count;
	bool silent;	/* they are counted, and somebody else has named them */
};

/* Counts one more; the first five are printed. */
void problem(struct problems *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says how many were not printed, and returns STATUS_SOME if there was any, else STATUS_OK. */
int problems_status(const struct problems *);

#endif
