/* The header line of a file: its columns, and the kind of file. */
#ifndef HEADER_H
#define HEADER_H

#include "reader.h"

/*
 * Reads the header from the file's first line, and sets the reader's format, kind and columns. If `own` is not NULL and the
 * file has no model column, the columns may also have the names that they have in this model's table. Dies as reader_open does.
 */
void header_read(struct reader *, struct slice line, const struct model *own);

/*
 * Checks whether the current record, about to be rejected, is a repeated header (of joined files) or a line that some program
 * adds to every file. Returns the message for it, or NULL. Dies if it is a different header, since what follows would be read
 * with the wrong columns.
 */
const char *header_again(const struct reader *);

/* Writes the header line of a kind. */
void header_put(struct out *, enum kind);

/* Whether files of this kind may be CSV, and may have other words for NULL. */
bool header_may_be_csv(enum kind);

/* The names of a kind ("a plan") and of a column, for messages. */
const char *header_kind(enum kind);
const char *header_column(enum column);

#endif
