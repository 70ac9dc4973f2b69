/* The fast parser: most records have nothing that needs decoding. */
#ifndef PLAIN_H
#define PLAIN_H

#include "marks.h"
#include "reader.h"

/*
 * Splits the current record by its marks, if nothing in it needs decoding except NULL. The fields point into the record.
 * Returns false and does nothing if something does, or if the record is malformed: then use fields.h.
 */
bool plain_read(struct reader *, struct marks *);

#endif
