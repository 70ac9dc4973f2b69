/*
 * Preloaded into a program, makes its C library calls fail, as set in the environment:
 *
 *   FAULT_CALL=CALL    memory (malloc, calloc, realloc), read, write, open or close:
 *   FAULT_AT=N         the N-th such call fails, from 1; N+: and all later ones
 *   FAULT_ERROR=NUMBER with this errno
 *   FAULT_NOTE=FILE    the file that the call was for is written to FILE; if FILE does not exist, there was no N-th call
 *   FAULT_CHUNK=SIZE   reads and writes move at most SIZE bytes a call
 *   FAULT_EINTR=yes    every other read and write is interrupted first
 *
 * Calls made by stdio, and so by messages, are not affected. Neither are calls before main or at exit: they
 * are those of a tool that the program is built with.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The C library's function that ours replaces; NULL while dlsym itself allocates memory. */
#define NEXT(function) \
	static __typeof__(&function) next; \
	if (next == NULL) \
		*(void **)&next = dlsym(RTLD_NEXT, #function)

static bool in_main;
static int (*program_main)(int, char **, char **);

static void
leave_main(void)
{
	in_main = false;
}

static int
enter_main(int argc, char **argv, char **environment)
{
	in_main = true;
	atexit(leave_main);
	return program_main(argc, argv, environment);
}

int __libc_start_main(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

int
__libc_start_main(int (*start)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
    void (*rtld_fini)(void), void *stack_end)
{
	NEXT(__libc_start_main);
	program_main = start;
	return next(enter_main, argc, argv, init, fini, rtld_fini, stack_end);
}

/* The number in an environment variable, or `otherwise`. */
static long
setting(const char *name, long otherwise)
{
	const char *value = getenv(name);

	return value != NULL ? strtol(value, NULL, 10) : otherwise;
}

static void
note(const char *file)
{
	const char *path = getenv("FAULT_NOTE");
	int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0666) : -1;

	if (fd == -1)
		return;
	dprintf(fd, "%s\n", file);
	close(fd);
}

/* Whether this call must fail; if so, sets errno. */
static bool
fails(const char *call, const char *file)
{
	static unsigned long calls;
	static bool noting;
	const char *wanted = getenv("FAULT_CALL"), *at = getenv("FAULT_AT");
	unsigned long n;
	char *end;

	if (!in_main || noting || wanted == NULL || at == NULL || strcmp(wanted, call) != 0)
		return false;
	n = strtoul(at, &end, 10);
	calls++;
	if (calls < n || (calls > n && *end != '+'))
		return false;
	if (calls == n) {
		noting = true;
		note(file);
		noting = false;
	}
	errno = (int)setting("FAULT_ERROR", strcmp(call, "memory") == 0 ? ENOMEM : EIO);
	return true;
}

/* The name of a descriptor in the programs' messages, or its path. */
static bool
fails_fd(const char *call, int fd)
{
	static const char *const standard[] = { "standard input", "standard output", "standard error" };
	char link[64], path[4096];
	ssize_t len;

	if (fd >= 0 && fd <= 2)
		return fails(call, standard[fd]);
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof path - 1);
	path[len > 0 ? len : 0] = '\0';
	return fails(call, path);
}

void *
malloc(size_t size)
{
	NEXT(malloc);
	return fails("memory", "memory") ? NULL : next(size);
}

void *
calloc(size_t count, size_t size)
{
	NEXT(calloc);
	return fails("memory", "memory") ? NULL : next(count, size);
}

void *
realloc(void *old, size_t size)
{
	NEXT(realloc);
	return fails("memory", "memory") ? NULL : next(old, size);
}

/* Whether the next read or write is interrupted. */
static bool
interrupted(void)
{
	static bool last;

	last = in_main && getenv("FAULT_EINTR") != NULL && !last;
	if (last)
		errno = EINTR;
	return last;
}

static size_t
chunk(size_t len)
{
	size_t most = in_main ? (size_t)setting("FAULT_CHUNK", 0) : 0;

	return most > 0 && len > most ? most : len;
}

ssize_t
read(int fd, void *bytes, size_t len)
{
	NEXT(read);
	return interrupted() || fails_fd("read", fd) ? -1 : next(fd, bytes, chunk(len));
}

ssize_t
write(int fd, const void *bytes, size_t len)
{
	NEXT(write);
	return interrupted() || fails_fd("write", fd) ? -1 : next(fd, bytes, chunk(len));
}

int
open(const char *path, int flags, ...)
{
	va_list args;
	unsigned mode;

	NEXT(open);
	va_start(args, flags);
	mode = (flags & O_CREAT) ? va_arg(args, unsigned) : 0;
	va_end(args);
	return fails("open", path) ? -1 : next(path, flags, mode);
}

/* What open is called in programs built for large files. */
int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int
close(int fd)
{
	bool failed = fails_fd("close", fd);

	NEXT(close);
	return next(fd) == -1 || failed ? -1 : 0;
}
