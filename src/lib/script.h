/* SQL for psql, from the templates in src/sql. */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stdbool.h>

#include "buffer.h"
#include "model.h"
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

/* How a script reaches the tables of the application. Zero it to begin; script_reach_free gives the memory back. */
struct script_reach {
	struct buffer schema;		/* an identifier, as a string: where tables are whose name has no schema; empty: search_path */
	bool enable_row_security;	/* else row-level security that hides rows is an error */
};

/* Whether it is another than that of a zeroed one. */
bool script_reach_is_given(const struct script_reach *);

void script_reach_free(struct script_reach *);

/* "on" or "off", as the setting row_security has it. */
const char *script_row_security(const struct script_reach *);

/* Writes what every script begins with: how psql and the session are set. */
void script_put_session(struct out *, const struct script_reach *);

/* Writes the comment that explains the look-ups of schemas, which come next. */
void script_begin_schemas(struct out *);

/*
 * Writes the look-up of a model's schema into its variable of psql. Of a table that is not there, the script stops, or, if
 * `may_be_missing`, the schema is empty. It stops, too, if row-level security hides rows of the table and may not.
 */
void script_put_schema(struct out *, const struct script_reach *, const struct model *, bool may_be_missing);

/* The same for the tables of cohorts, versions and syllabuses. */
void script_put_cohort_schemas(struct out *, const struct script_reach *);

#endif
