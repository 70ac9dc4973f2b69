#define _GNU_SOURCE	/* fopencookie */
#include <setjmp.h>

#include "naive.h"
#include "system.h"

void
fuzz_fail(const char *file, int line, const char *property)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, property);
	abort();
}

/* ---- bytes ---- */

void
fuzz_append(struct fuzz_bytes *to, const void *bytes, size_t len)
{
	if (to->ptr == NULL || to->capacity - to->len < len) {
		to->capacity = 2 * (to->len + len) + 1;
		to->ptr = realloc(to->ptr, to->capacity);
		CHECK(to->ptr != NULL);
	}
	if (len > 0)
		memcpy(to->ptr + to->len, bytes, len);
	to->len += len;
}

/* ---- files ---- */

enum { FIRST_FILE = 2000 };

static struct {
	const char *bytes;
	size_t len, chunk, at;
	int opened;
} input;

static struct fuzz_bytes written[FUZZ_WRITTEN - FUZZ_OUTPUT];

const struct fuzz_bytes *
fuzz_written(int fd)
{
	if (fd == FUZZ_STDERR)
		fflush(fuzz_stderr());
	return &written[fd - FUZZ_OUTPUT];
}

void
fuzz_begin(const void *file, size_t len, size_t chunk)
{
	input.bytes = file;
	input.len = len;
	input.chunk = chunk;
	input.opened = 0;
	fflush(fuzz_stderr());
	for (int i = 0; i < FUZZ_WRITTEN - FUZZ_OUTPUT; i++)
		written[i].len = 0;
}

/* One file is read at a time. */
int
fuzz_open(const char *path, int flags, ...)
{
	(void)path;
	CHECK((flags & O_ACCMODE) == O_RDONLY);
	input.at = 0;
	return FIRST_FILE + input.opened++;
}

ssize_t
fuzz_read(int fd, void *bytes, size_t len)
{
	size_t left = input.len - input.at;

	CHECK(fd == FIRST_FILE + input.opened - 1);
	if (input.chunk > 0 && len > input.chunk)
		len = input.chunk;
	if (len > left)
		len = left;
	if (len > 0)
		memcpy(bytes, input.bytes + input.at, len);
	input.at += len;
	return (ssize_t)len;
}

ssize_t
fuzz_write(int fd, const void *bytes, size_t len)
{
	if (fd == STDOUT_FILENO)
		fd = FUZZ_OUTPUT;
	CHECK(fd >= FUZZ_OUTPUT && fd < FUZZ_WRITTEN);
	fuzz_append(&written[fd - FUZZ_OUTPUT], bytes, len);
	return (ssize_t)len;
}

int
fuzz_close(int fd)
{
	CHECK(fd == STDOUT_FILENO || fd >= FUZZ_OUTPUT);
	return 0;
}

off_t
fuzz_lseek(int fd, off_t offset, int whence)
{
	CHECK(fd == FIRST_FILE + input.opened - 1);
	if (whence == SEEK_CUR)
		offset += (off_t)input.at;
	CHECK(whence != SEEK_END && offset >= 0 && offset <= (off_t)input.len);
	input.at = (size_t)offset;
	return offset;
}

static ssize_t
write_stderr(void *cookie, const char *bytes, size_t len)
{
	(void)cookie;
	return fuzz_write(FUZZ_STDERR, bytes, len);
}

FILE *
fuzz_stderr(void)
{
	static FILE *file;

	if (file == NULL)
		file = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_stderr });
	CHECK(file != NULL);
	return file;
}

/* ---- memory ---- */

static void *allocated[10000];
static size_t allocated_count;

static void
forget(const void *ptr)
{
	size_t i = allocated_count;

	while (i > 0 && allocated[i - 1] != ptr)
		i--;
	CHECK(i > 0);
	allocated[i - 1] = allocated[--allocated_count];
}

static void *
remember(void *ptr)
{
	CHECK(ptr != NULL && allocated_count < sizeof allocated / sizeof *allocated);
	return allocated[allocated_count++] = ptr;
}

void *
fuzz_malloc(size_t size)
{
	return remember(malloc(size));
}

void *
fuzz_calloc(size_t count, size_t size)
{
	return remember(calloc(count, size));
}

void *
fuzz_realloc(void *ptr, size_t size)
{
	if (ptr != NULL)
		forget(ptr);
	return remember(realloc(ptr, size));
}

void
fuzz_free(void *ptr)
{
	if (ptr != NULL)
		forget(ptr);
	free(ptr);
}

int
fuzz_csv_init(struct csv_parser *parser, unsigned char options)
{
	int result = csv_init(parser, options);

	csv_set_realloc_func(parser, fuzz_realloc);
	csv_set_free_func(parser, fuzz_free);
	return result;
}

/* ---- runs ---- */

static jmp_buf died;

void
fuzz_exit(int status)
{
	CHECK(status == 2);
	longjmp(died, 1);
}

bool
fuzz_run(void (*function)(void *context), void *context)
{
	if (setjmp(died) == 0) {
		function(context);
		return true;
	}
	while (allocated_count > 0)
		free(allocated[--allocated_count]);
	CHECK(fuzz_written(FUZZ_STDERR)->len > 0);
	return false;
}

void
fuzz_end(void)
{
	const struct fuzz_bytes *messages = fuzz_written(FUZZ_STDERR);

	CHECK(allocated_count == 0);
	CHECK(naive_is_harmless(messages->ptr, messages->len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	fuzz_one((const char *)data, len);
	return 0;
}
