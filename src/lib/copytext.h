/*
 * PostgreSQL's COPY text format, as "Text Format" in the documentation of COPY defines it:
 * fields separated by one TAB, \N for NULL, backslash escapes.
 */
#ifndef COPYTEXT_H
#define COPYTEXT_H

#include <stdbool.h>

#include "buffer.h"
#include "slice.h"

/*
 * Returns what is wrong with a record (without its newline), or NULL: a NUL byte, invalid UTF-8
 * (before or after decoding), a literal carriage return, a backslash at the end, the end-of-data
 * marker \.
 */
const char *copytext_fault(struct slice record);

/* Takes the first field, still encoded, off *rest. Returns false when none is left; *rest is then the NULL slice. */
bool copytext_field(struct slice *rest, struct slice *field);

/*
 * Decodes a field of a record without faults. Returns the field itself if it has no backslash, and
 * the NULL slice for \N. Otherwise appends the value to `scratch`, which must already have room
 * for it, since other fields may point there.
 */
struct slice copytext_decode(struct slice field, struct buffer *scratch);

/* Whether a value (not the NULL slice) needs no escapes. */
bool copytext_is_plain(struct slice value);

/* Appends the encoded value; \N for the NULL slice. */
void copytext_append(struct buffer *, struct slice value);

#endif
