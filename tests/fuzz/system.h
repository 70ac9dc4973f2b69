/*
 * Replaces the system calls of the modules under test with ones that work in memory. The compiler
 * includes this before each module (-include), so that a run reads and writes no files, leaves nothing
 * behind, and the fuzzer continues after die().
 */
#ifndef SYSTEM_H
#define SYSTEM_H

#include <csv.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Stops the fuzzer with a message if a property does not hold. */
#define CHECK(property) ((property) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #property))
_Noreturn void fuzz_fail(const char *file, int line, const char *property);

/* Descriptors of outputs. The first is also standard output. */
enum { FUZZ_OUTPUT = 1000, FUZZ_REJECTS, FUZZ_STDERR, FUZZ_WRITTEN };

/* Bytes, of which a harness keeps its own and fuzz_written the rest. */
struct fuzz_bytes {
	char *ptr;
	size_t len;
	size_t capacity;
};
void fuzz_append(struct fuzz_bytes *, const void *bytes, size_t len);

/* What was written to a descriptor since fuzz_begin. */
const struct fuzz_bytes *fuzz_written(int fd);

/* Clears the outputs, and sets the contents of every file that is opened. Reads return at most `chunk` bytes (0: no limit). */
void fuzz_begin(const void *file, size_t len, size_t chunk);

/*
 * Runs a function of the product. Returns true if it returned, false if it called die(). Then everything
 * that it allocated is freed, and its structs must not be used any more.
 */
bool fuzz_run(void (*function)(void *context), void *context);

/* Checks that everything was freed, and that each message is one line and safe on a terminal. */
void fuzz_end(void);

/* What a harness does with one input. */
void fuzz_one(const char *input, size_t len);

int fuzz_open(const char *path, int flags, ...);
ssize_t fuzz_read(int fd, void *bytes, size_t len);
ssize_t fuzz_write(int fd, const void *bytes, size_t len);
int fuzz_close(int fd);
off_t fuzz_lseek(int fd, off_t offset, int whence);
_Noreturn void fuzz_exit(int status);
void *fuzz_malloc(size_t);
void *fuzz_calloc(size_t, size_t);
void *fuzz_realloc(void *, size_t);
void fuzz_free(void *);
int fuzz_csv_init(struct csv_parser *, unsigned char options);
FILE *fuzz_stderr(void);

#ifdef UNDER_TEST
#define open(...) fuzz_open(__VA_ARGS__)
#define read(fd, bytes, len) fuzz_read(fd, bytes, len)
#define write(fd, bytes, len) fuzz_write(fd, bytes, len)
#define close(fd) fuzz_close(fd)
#define lseek(fd, offset, whence) fuzz_lseek(fd, offset, whence)
#define exit(status) fuzz_exit(status)
#define malloc(size) fuzz_malloc(size)
#define calloc(count, size) fuzz_calloc(count, size)
#define realloc(ptr, size) fuzz_realloc(ptr, size)
#define free(ptr) fuzz_free(ptr)
#define csv_init(parser, options) fuzz_csv_init(parser, options)
#undef stderr
#define stderr fuzz_stderr()
#endif

#endif
