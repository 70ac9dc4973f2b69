/*
 * The report as people read it: the words and the colors of the command that this project takes the place of, a section
 * for each model. fb-report(1) has its form.
 */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include "counts.h"
#include "groups.h"
#include "lib/out.h"

struct text {
	struct out *out;
	const struct counts *counts;
	bool color;
	bool summary;		/* no line for each record */
	int section;		/* the model whose section is open; -1: none */
	bool *shown;		/* for each model, whether its section was begun */
};

/* Begins the report; `out` and `counts` must outlive it. Free it with text_free. */
void text_begin(struct text *, struct out *, const struct counts *, bool color, bool summary);

/* Says beforehand that nothing is changed, if the counts are of a dry run. */
void text_put_mode(struct text *);

/* Tells of a record, in the section of its model. */
void text_put_record(struct text *, const struct told *);

/* Ends the sections; those of models without a record come now. */
void text_end_sections(struct text *);

/* A line for each cohort and syllabus. */
void text_put_groups(struct text *, const struct groups *);

/* The last line: how many records it were in total, and, if it did not come to its end, why (NULL: it did). */
void text_put_total(struct text *, const char *stopped);

/* What --check says of each model. */
void text_put_waiting(struct text *);

void text_free(struct text *);

#endif
