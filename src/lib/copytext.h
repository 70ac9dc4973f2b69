/*
 * PostgreSQL's COPY text format, after "Text Format" in the documentation of COPY:
 * fields separated by one TAB, \N for NULL, backslash escapes.
 */
#ifndef COPYTEXT_H
#define COPYTEXT_H

#include <stdbool.h>

#include "buffer.h"
#include "slice.h"

/*
 * What is wrong with a record (without its newline), or NULL if nothing is: a NUL byte, invalid
 * UTF-8 (before or after decoding), a raw carriage return, a backslash with nothing behind it,
 * the end-of-data marker \.
 */
const char *copytext_fault(struct slice record);

/* Takes the first field, still encoded, off *rest. False when there is none left; then *rest has no ptr. */
bool copytext_field(struct slice *rest, struct slice *field);

/*
 * A field of a record without fault, decoded. Without a backslash it is the field itself; \N is
 * the NULL slice; else it is appended to `scratch`, which must have room for it already, as
 * other fields may point there.
 */
struct slice copytext_decode(struct slice field, struct buffer *scratch);

/* Whether a value, not the NULL slice, is encoded as it is: COPY TO writes no backslash into it. */
bool copytext_is_plain(struct slice value);

/* Appends a value encoded; \N for the NULL slice. */
void copytext_append(struct buffer *, struct slice value);

#endif
