/*
 * The models: tables with a cohort and a syllabus. A model is defined by a line of text,
 * NAME=[SCHEMA.]TABLE[:ID,COHORT,SYLLABUS]; see fb-records(5).
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>

#include "buffer.h"
#include "slice.h"

struct model {
	struct slice name;	/* as in records and options: answer; followed by a NUL */
	const char *table;	/* a quoted SQL name, like the columns: "feedback_answer", "my schema"."notes" */
	const char *schema_variable;	/* psql's variable: answer_schema */
	const char *relation;	/* the table without its schema: "notes" */
	const char *id;
	const char *cohort_id;
	const char *syllabus_id;
	const char *line;	/* the line that defines it */
	struct buffer text;	/* holds all these strings */
};

/* The models in use, in the order in which they are processed. */
struct models {
	struct model *model;
	int count;
};

/* Begins with the built-in ones, answer and review. Exits with STATUS_TROUBLE if out of memory, as do the functions below. */
void models_begin(struct models *);

/* An argument of --table: adds a model, or replaces the one with the same name. Dies if it is invalid. */
void models_add(struct models *, const char *argument);

/*
 * An argument of --models, a file of such lines ("-": standard input): replaces all models. Dies if
 * the file cannot be read or has no models, a line is invalid, or a model is defined twice.
 */
void models_load(struct models *, const char *path);

void models_free(struct models *);

/* The index of the model with this name, or -1. */
int models_find(const struct models *, struct slice name);

/*
 * An argument of --schema: appends it to the buffer as a quoted SQL identifier, with a NUL. Dies if our scripts cannot
 * contain the name.
 */
void schema_read(struct buffer *identifier, const char *argument);

/* Whether the model was chosen. `choice` is the index of the chosen model, or -1 for all. */
static inline bool
model_is_chosen(int choice, int model)
{
	return choice == -1 || choice == model;
}

#endif
