#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "error.h"

void
buffer_reserve(struct buffer *buffer, uint64_t more)
{
	size_t capacity = buffer->capacity > 0 ? buffer->capacity : 256;
	char *ptr;

	if (more <= buffer->capacity - buffer->len)
		return;
	while (capacity - buffer->len < more) {
		if (capacity > SIZE_MAX / 2)
			die("out of memory");
		capacity *= 2;
	}
	ptr = realloc(buffer->ptr, capacity);
	if (ptr == NULL)
		die("out of memory");
	buffer->ptr = ptr;
	buffer->capacity = capacity;
}

void
buffer_append(struct buffer *buffer, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	buffer_reserve(buffer, len);
	memcpy(buffer->ptr + buffer->len, bytes, len);
	buffer->len += len;
}

void
buffer_free(struct buffer *buffer)
{
	free(buffer->ptr);
	*buffer = (struct buffer){ 0 };
}

void *
new_array(size_t count, size_t size)
{
	void *array = calloc(count, size);

	if (array == NULL)
		die("out of memory");
	return array;
}
