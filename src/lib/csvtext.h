/*
 * CSV records (RFC 4180) from lines, by libcsv in strict mode. As COPY's CSV has it, an empty
 * field without quotes is NULL and blanks belong to the field.
 */
#ifndef CSVTEXT_H
#define CSVTEXT_H

#include <csv.h>
#include <stdbool.h>

#include "lines.h"
#include "slice.h"

struct csv {
	struct csv_parser parser;
	char delimiter;
	bool escape_told;	/* that quotes seem to be escaped by backslashes */
	char message[256];	/* the last fault, if it is about a quote */
};

/* Takes the index-th field (from 0) of a record, decoded; it stands only during the call. */
typedef void csv_field_function(void *context, size_t index, struct slice value);

void csv_open(struct csv *);

/* What separates fields from now on; at first it is a comma. */
void csv_separate(struct csv *, char delimiter);

/*
 * Parses the record that begins with *line, and makes *line longer while a quoted field goes on
 * over its end. Calls `field` for each field in order, also for those before a fault.
 * Returns what is wrong with the record, or NULL if nothing is; it stands until the next call.
 */
const char *csv_record(struct csv *, struct lines *, struct slice *line, csv_field_function *field, void *context);

void csv_close(struct csv *);

#endif
