/* SQL for psql, from the templates in src/sql. */
#ifndef SCRIPT_H
#define SCRIPT_H

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

#endif
