/* The full way to read a record, for what plain.h leaves: escapes, quotes, and all that is malformed. */
#ifndef FIELDS_H
#define FIELDS_H

#include "reader.h"

/* Split and decode the record at hand, of each format. Return what is wrong with it, or NULL. */
const char *fields_read_text(struct reader *);
/* A CSV record may go on over several lines. */
const char *fields_read_csv(struct reader *);

#endif
