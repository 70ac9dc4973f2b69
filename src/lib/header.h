/* The header line of a file: which columns it names, and of which kind the file is. */
#ifndef HEADER_H
#define HEADER_H

#include "reader.h"

/*
 * Reads the header from the file's first line, and sets what the reader knows by it: its format, kind and columns. If there
 * is a model (else NULL), columns may be called as its table calls them, where the file names no model. Dies as reader_open does.
 */
void header_read(struct reader *, struct slice line, const struct model *own);

/*
 * Looks whether the record at hand, which was to be rejected, is the header again, as where files were joined, or a line that
 * some program adds to every file: then it returns what to say of it, else NULL. Dies if it is another header, since what follows would be read in the wrong columns.
 */
const char *header_again(const struct reader *);

/* Writes the header line of a kind. */
void header_put(struct out *, enum kind);

/* What messages call a kind ("a plan"), and a column. */
const char *header_kind(enum kind);
const char *header_column(enum column);

#endif
