/*
 * Parses CSV records (RFC 4180) with libcsv in strict mode. As in COPY's CSV, an empty field
 * without quotes is NULL, and blanks are part of the field.
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
	bool escape_told;	/* whether the hint about backslashes before quotes was given */
	char message[256];	/* what csv_record returns if a quote is at fault */
};

/* Takes the index-th field (from 0) of a record, decoded. The value is valid only during the call. */
typedef void csv_field_function(void *context, size_t index, struct slice value);

void csv_open(struct csv *);

/* Sets the delimiter; csv_open sets it to a comma. */
void csv_separate(struct csv *, char delimiter);

/*
 * Parses the record that begins with *line, and extends *line while a quoted field continues on
 * the next line. Calls `field` for each field in order, also for those before a fault. Returns
 * what is wrong with the record, or NULL; the string is valid until the next call.
 */
const char *csv_record(struct csv *, struct lines *, struct slice *line, csv_field_function *field, void *context);

void csv_close(struct csv *);

#endif
