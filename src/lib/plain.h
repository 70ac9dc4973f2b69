/* The fast way to read a record: most have nothing in them that needs decoding. */
#ifndef PLAIN_H
#define PLAIN_H

#include "marks.h"
#include "reader.h"

/*
 * Splits the record at hand by its marks, if nothing in it needs decoding but NULL; the fields are where they stand in the
 * file. False, and nothing done, if it is no such record, or malformed: then fields.h has it, which knows everything.
 */
bool plain_read(struct reader *, struct marks *);

#endif
