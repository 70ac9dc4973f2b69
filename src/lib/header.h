/* The header line of a file: which columns it names, and of which kind the file is. */
#ifndef HEADER_H
#define HEADER_H

#include "reader.h"

/*
 * Reads the header from the file's first line, and sets what the reader knows by it: its format, kind and columns. Dies
 * as reader_open does.
 */
void header_read(struct reader *, struct slice line);

/* Writes the header line of a kind. */
void header_put(struct out *, enum kind);

/* What messages call a kind ("a plan"), and a column. */
const char *header_kind(enum kind);
const char *header_column(enum column);

#endif
