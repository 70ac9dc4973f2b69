#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "out.h"
#include "text.h"

void
out_stdout(struct out *out)
{
	/* open returns the lowest free descriptor. Reading from it fails, as from a closed one. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) != -1)
			continue;
		if (fd == STDOUT_FILENO)
			die("standard output: %s", strerror(errno));
		if (open("/dev/null", O_WRONLY) == -1)
			die("/dev/null: %s", strerror(errno));
	}
	out->fd = STDOUT_FILENO;
	out->name = "standard output";
	out->may_fail = false;
	out->error = 0;
	out->len = 0;
}

void
out_open(struct out *out, const char *path)
{
	out->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (out->fd == -1)
		die("%s: %s", path, strerror(errno));
	out->name = path;
	out->may_fail = false;
	out->error = 0;
	out->len = 0;
}

static void
fail(struct out *out)
{
	if (!out->may_fail)
		die("%s: %s", out->name, strerror(errno));
	out->error = errno;
}

static void
write_all(struct out *out, const char *bytes, size_t len)
{
	while (len > 0 && out->error == 0) {
		ssize_t n = write(out->fd, bytes, len);

		if (n == -1) {
			if (errno != EINTR)
				fail(out);
			continue;
		}
		bytes += n;
		len -= (size_t)n;
	}
}

void
out_flush(struct out *out)
{
	write_all(out, out->bytes, out->len);
	out->len = 0;
}

void
out_over(struct out *out, const char *bytes, size_t len)
{
	out_flush(out);
	if (len > sizeof out->bytes)
		write_all(out, bytes, len);
	else
		out_bytes(out, bytes, len);
}

void
out_int(struct out *out, int64_t number)
{
	uint64_t magnitude = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
	char digits[20];	/* enough for -9223372036854775808 */
	char *first = digits + sizeof digits;

	do
		*--first = (char)('0' + magnitude % 10);
	while ((magnitude /= 10) > 0);
	if (number < 0)
		*--first = '-';
	out_bytes(out, first, (size_t)(digits + sizeof digits - first));
}

void
out_hex(struct out *out, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";

	out_bytes(out, (char[]){ digits[byte >> 4], digits[byte & 15] }, 2);
}

void
out_shown(struct out *out, struct slice value)
{
	struct slice piece;
	bool printable;

	while (text_piece(&value, &piece, &printable)) {
		for (size_t i = 0; !printable && i < piece.len; i++) {
			out_string(out, "\\x");
			out_hex(out, (unsigned char)piece.ptr[i]);
		}
		if (printable)
			out_slice(out, piece);
	}
}

void
out_close(struct out *out)
{
	out_flush(out);
	if (close(out->fd) == -1)
		fail(out);
}
