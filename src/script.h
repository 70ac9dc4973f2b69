/* SQL for psql, from the templates in src/sql. */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stdbool.h>

#include "out.h"

/* What stands for {name} in a template: names, keywords and numbers of our own, never data. */
struct script_value {
	const char *name;
	const char *text;
};

/*
 * Writes a template with each {name} replaced by its text. `values` ends with a NULL name;
 * a {name} that is not among them is written as it stands.
 */
void script_put(struct out *, const char *template, const struct script_value *values);

/* Writes what every script begins with: how psql and the session are set. */
void script_put_session(struct out *);

/* Writes the comment that explains the look-ups of schemas, which come next. */
void script_begin_schemas(struct out *);

/*
 * Writes the look-up of a table's schema, by the search_path unless the table (quoted, as in SQL) has one, into a variable
 * of psql. Of a table that is not there, the script stops, or, if `may_be_missing`, the schema is empty.
 */
void script_put_schema(struct out *, const char *variable, const char *table, bool may_be_missing);

/* The same for the tables of cohorts, versions and syllabuses. */
void script_put_cohort_schemas(struct out *);

#endif
