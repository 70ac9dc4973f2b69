/* SQL for psql, made from the templates in src/sql. */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stdbool.h>

#include "buffer.h"
#include "model.h"
#include "out.h"

/* The text that replaces {name} in a template: our own names, keywords and numbers, never data. */
struct script_value {
	const char *name;
	const char *text;
};

/*
 * Writes a template with each {name} replaced by its text. `values` ends with a NULL name.
 * A {name} that is not in it is written unchanged.
 */
void script_put(struct out *, const char *template, const struct script_value *values);

/* How a script finds and reads the application's tables. Zero it before use; script_reach_free frees it. */
struct script_reach {
	struct buffer schema;		/* a quoted identifier, for tables named without a schema; empty: use search_path */
	bool enable_row_security;	/* if false, row-level security that hides rows is an error */
};

/* Whether any of its options was given. */
bool script_reach_is_given(const struct script_reach *);

void script_reach_free(struct script_reach *);

/* The value of the setting row_security: "on" or "off". */
const char *script_row_security(const struct script_reach *);

/* Writes the settings of psql and the session with which every script begins. */
void script_put_session(struct out *, const struct script_reach *);

/* The same for a script that only reads, and a transaction for it; writes the end of that transaction. */
void script_begin_reading(struct out *, const struct script_reach *);
void script_end_reading(struct out *);

/*
 * Writes the lookup of the schemas of cohorts, syllabus versions and syllabuses, each of which sets a psql variable. The
 * script stops if one of these tables does not exist, or if row-level security hides rows of it, unless that is enabled.
 */
void script_put_cohort_schemas(struct out *, const struct script_reach *);

/*
 * Then writes the lookup of a model's schema, which sets the model's psql variable. If the table does not exist, the script
 * stops, or, with `may_be_missing`, sets the variable to an empty string. The script also stops if row-level security
 * hides rows of the table, unless that is enabled.
 */
void script_put_schema(struct out *, const struct script_reach *, const struct model *, bool may_be_missing);

#endif
