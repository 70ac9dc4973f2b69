/* Text: whether it is valid UTF-8 without NUL, the numbers in it, and what must not reach a terminal. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

/* Returns what is wrong with the bytes as text ("NUL byte", "invalid UTF-8"; RFC 3629), or NULL. */
const char *text_fault(struct slice);

/*
 * Takes the next piece off *rest; false when nothing is left. The piece is either a run of printable characters or,
 * with *printable false, one character to be shown as \xHH, byte by byte: a control character (C0, DEL, C1), one of
 * Unicode's bidirectional controls, an invisible character, or a byte that is not valid UTF-8.
 */
bool text_piece(struct slice *rest, struct slice *piece, bool *printable);

/*
 * Reads a decimal integer in PostgreSQL's bigint range: an optional sign, then digits, without
 * blanks. Returns false for anything else, and for the NULL slice.
 */
bool text_bigint(struct slice, int64_t *number);

/* Whether a bigint is written as we write it, without sign or leading zeros. Returns false for 0 and negative numbers. */
static inline bool text_is_plain_bigint(struct slice bigint) { return *bigint.ptr > '0'; }

#endif
