/*
 * A table in a file: a header line that names the columns, then records. Columns are found by
 * name; their order does not matter and unknown ones are passed over. fb-records(5) has the
 * kinds of table and what happens to records that are no such thing.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>

#include "buffer.h"
#include "csvtext.h"
#include "error.h"
#include "lines.h"
#include "model.h"
#include "out.h"
#include "slice.h"
#include "text.h"

/* The columns we know. A name means the same in every kind of table. */
enum column {
	STATUS, MODEL, ID, COHORT_ID, COHORT, SYLLABUS_ID, SYLLABUS, DETAIL,
	COLUMNS
};

enum kind {
	ROWS, ROWS_OF_ONE_MODEL, COHORT_DUMP, CANDIDATES, PLAN, RECEIPTS, PLAN_OR_RECEIPTS,
	KINDS
};

enum format { ANY_FORMAT, TEXT_FORMAT, CSV_FORMAT };

struct table {
	struct slice field[COLUMNS];	/* the record's fields, decoded; the NULL slice where it has no such column */
	bool has[COLUMNS];		/* which columns the header names */
	enum kind kind;			/* PLAN_OR_RECEIPTS becomes what it is */
	enum format format;
	struct lines lines;
	struct csv csv;
	struct slice raw;		/* the record as it stands in the file, newline included */
	bool plain;			/* its fields are pointed at there: none was decoded, but NULL */
	struct {
		size_t index;
		enum column column;
	} wanted[COLUMNS];		/* the known columns, by their place in the file */
	size_t wanted_count;
	size_t width;			/* fields in the header */
	bool ours;			/* the header is the one that we write for this kind */
	size_t count;			/* fields in the record at hand */
	size_t seen;			/* of them, known columns, while they are read one by one */
	int last_model;			/* the index of the model that a record before named, */
	struct slice last_name;		/* and its name; NULL: none did */
	struct buffer scratch;		/* decoded fields that cannot be pointed at in the file */
	size_t offset[COLUMNS];		/* CSV: where in scratch */
	struct problems *problems;
	struct out *rejects;
};

/*
 * Opens a file ("-": standard input) and reads its header. Dies if it cannot be read, or is no
 * table of this kind: no header, a column missing or twice, the very header of another kind.
 * A CSV file must be a kind that allows it, rows or a cohort dump; `format` is what it is, or
 * ANY_FORMAT to go by the header line. Records that are rejected are told of and count in
 * `problems`, and are copied to `rejects`, unless these are NULL; all pointers must outlive the table.
 */
void table_open(struct table *, const char *path, enum kind, enum format, struct problems *, struct out *rejects);

/*
 * Opens them all, before anything else is done, and returns them for free(). No paths at all
 * are standard input; *count is how many tables there are then.
 */
struct table *tables_open(char *const *paths, int *count, enum kind, enum format, struct problems *, struct out *rejects);

/* Dies if `path` (NULL: none) is a file that one of the tables is read from: writing would destroy it. */
void tables_refuse_output(const struct table *, int count, const char *path);

/*
 * Reads on to the next well-formed record and sets `field`; false at the end. A record is
 * well-formed if it has as many fields as the header and nothing is wrong with its bytes
 * (copytext.h, csvtext.h). Fields stand until the next call.
 */
bool table_next(struct table *);

/* Rejects the record at hand, for a reason that the caller found. */
void table_reject(struct table *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Rejects the record because of what stands in a column that should hold a bigint. */
void table_reject_bigint(struct table *, enum column);

/* Sets *number to a column's value, or rejects the record and returns false if it is no bigint. */
static inline bool
table_bigint(struct table *table, enum column column, int64_t *number)
{
	if (text_bigint(table->field[column], number))
		return true;
	table_reject_bigint(table, column);
	return false;
}

/* Writes the number that table_bigint read from a column. */
static inline void
table_put_bigint(const struct table *table, enum column column, int64_t number, struct out *out)
{
	struct slice value = table->field[column];

	if (text_is_plain_bigint(value))
		out_slice(out, value);
	else
		out_int(out, number);
}

/* The index of the model that the record names, or -1 after rejecting the record if there is no such model. */
int table_find_model(struct table *, const struct models *);

static inline int
table_model(struct table *table, const struct models *models)
{
	/* Most often it is that of the record before. */
	if (table->last_name.ptr != NULL && slice_equal(table->field[MODEL], table->last_name))
		return table->last_model;
	return table_find_model(table, models);
}

/* Goes back to the first record of a text table; false, and nothing done, where a file cannot (a pipe). */
bool table_rewind(struct table *);

void table_close(struct table *);

/* Writes the header line of a kind. */
void table_put_header(struct out *, enum kind);

/* Reads an argument of --format; dies if it is none. */
enum format table_format(const char *argument);

#endif
