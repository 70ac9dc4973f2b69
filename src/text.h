/* Bytes that must be text: valid UTF-8 without NUL; and numbers in it. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

/* What is wrong with the bytes as text ("NUL byte", "invalid UTF-8"; RFC 3629), or NULL if nothing is. */
const char *text_fault(struct slice);

/*
 * Reads a decimal integer in PostgreSQL's bigint range: an optional sign and digits, nothing
 * else, no blanks. False if it is anything else, or NULL.
 */
bool text_bigint(struct slice, int64_t *number);

#endif
