/*
 * The report as text, with a section for each model, in the words and colors of the command that this project replaces.
 * See fb-report(1).
 */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include "counts.h"
#include "groups.h"
#include "lib/out.h"

/* What was printed of a model. Its records may come in several sections, as from several files of receipts. */
struct printed {
	bool section;		/* a section was begun */
	struct tally tally;	/* the counts at the end of its last section */
};

struct text {
	struct out *out;
	const struct counts *counts;
	bool color;
	bool summary;		/* no line for each record */
	int section;		/* the model whose section is open; -1: none */
	struct printed *printed;	/* for each model */
};

/* Begins the report; `out` and `counts` must outlive it. Free it with text_free. */
void text_begin(struct text *, struct out *, const struct counts *, bool color, bool summary);

/* If this is a dry run, prints the line that says so. */
void text_put_mode(struct text *);

/* Prints a record, in the section of its model. */
void text_put_record(struct text *, const struct told *);

/* Ends the sections, after printing those of models without records. Each section counts only its own records. */
void text_end_sections(struct text *);

/* Prints a line for each cohort and syllabus. */
void text_put_groups(struct text *, const struct groups *);

/* Prints the last line: the number of records in total, and the reason if the run stopped early (else NULL). */
void text_put_total(struct text *, const char *stopped);

/* Prints the report of --check. */
void text_put_waiting(struct text *);

void text_free(struct text *);

#endif
