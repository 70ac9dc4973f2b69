/* The full parser, for records that plain.h does not handle: escapes, quotes, anything malformed. */
#ifndef FIELDS_H
#define FIELDS_H

#include "reader.h"

/* Split and decode the current record. Return what is wrong with it, which is valid until the next call, or NULL. */
const char *fields_read_text(struct reader *);
/* A CSV record may span several lines. */
const char *fields_read_csv(struct reader *);

/* Whether a value is one of the words that --null gave. */
bool fields_is_null_word(const struct reading *, struct slice value);

#endif
