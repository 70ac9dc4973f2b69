/* The models: tables with a cohort and a syllabus. */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>

#include "slice.h"

struct model {
	const char *name;	/* in records and options: answer */
	const char *title;	/* in reports: Answer */
	const char *plural;	/* in reports: answers */
	const char *table;	/* in SQL */
};

enum { MODELS = 2 };

/* In the order in which they are worked on. */
extern const struct model models[MODELS];

/* The index of a model by its name, or -1. */
int model_find(struct slice name);

/* Which models a run is about. */
struct model_choice {
	bool chosen[MODELS];
	int only;		/* the index of the one model, or -1: all */
};

/* Reads an argument of --model (a model's name, or all); dies if it is none. */
struct model_choice model_choice(const char *argument);

#endif
