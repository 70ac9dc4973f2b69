/*
 * The models: tables with a cohort and a syllabus. A model is made from a line of text,
 * NAME=[SCHEMA.]TABLE[:ID,COHORT,SYLLABUS]; fb-records(5) has its form.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>

#include "buffer.h"
#include "slice.h"

struct model {
	struct slice name;	/* in records and options: answer; a NUL follows it */
	const char *table;	/* in SQL, quoted as the columns are: "feedback_answer", "my schema"."notes" */
	const char *schema_variable;	/* of psql: answer_schema */
	const char *relation;	/* the same without its schema: "notes" */
	const char *id;
	const char *cohort_id;
	const char *syllabus_id;
	const char *line;	/* what it was made from */
	struct buffer text;	/* what all these point to */
};

/* The models in force, in the order in which they are worked on. */
struct models {
	struct model *model;
	int count;
};

/* Begins with the built-in ones, answer and review. Dies where memory cannot be had, as all of these do. */
void models_begin(struct models *);

/* An argument of --table: adds a model, or replaces the one of that name. Dies if it makes none. */
void models_add(struct models *, const char *argument);

/*
 * An argument of --models, a file of such lines ("-": standard input): replaces all. Dies if it
 * cannot be read, a line makes no model, a name stands there twice, or there is no model in it.
 */
void models_load(struct models *, const char *path);

void models_free(struct models *);

/* The index of a model by its name, or -1. */
int models_find(const struct models *, struct slice name);

/*
 * An argument of --schema: appends it to the buffer as an identifier of SQL, with a NUL behind it. Dies if it cannot be
 * a name in a script of ours.
 */
void schema_read(struct buffer *identifier, const char *argument);

/* Whether a model is among those that were chosen: the index of one, or -1 for all. */
static inline bool
model_is_chosen(int choice, int model)
{
	return choice == -1 || choice == model;
}

#endif
