/* Bytes that must be text: valid UTF-8 without NUL; numbers in it; and what must not reach a terminal. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

/* What is wrong with the bytes as text ("NUL byte", "invalid UTF-8"; RFC 3629), or NULL if nothing is. */
const char *text_fault(struct slice);

/*
 * Takes the next piece off *rest; false when nothing is left. It is either a run of characters that
 * can be shown, or (*printable is false) one that a terminal might act on, or that nobody could see: a control character
 * (C0, DEL, C1), one that turns the direction of text (Unicode's bidirectional controls), an invisible one, or a byte
 * that is no UTF-8. Those are shown as \xHH, byte by byte.
 */
bool text_piece(struct slice *rest, struct slice *piece, bool *printable);

/*
 * Reads a decimal integer in PostgreSQL's bigint range: an optional sign and digits, nothing
 * else, no blanks. False if it is anything else, or NULL.
 */
bool text_bigint(struct slice, int64_t *number);

/* Whether a bigint is written as we write it, with no sign or zero in front. Of 0 and what is negative it says no. */
static inline bool text_is_plain_bigint(struct slice bigint) { return *bigint.ptr > '0'; }

#endif
