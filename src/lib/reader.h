/*
 * Reads a file of records: a header line that names the columns (header.h), then records (plain.h, fields.h). Columns are
 * found by name: their order does not matter, and unknown ones are ignored. fb-records(5) describes the kinds of file,
 * and what happens to malformed records.
 */
#ifndef READER_H
#define READER_H

#include <stdbool.h>

#include "buffer.h"
#include "csvtext.h"
#include "error.h"
#include "lines.h"
#include "model.h"
#include "out.h"
#include "slice.h"
#include "text.h"

/* The columns we know. A name means the same in every kind of file. */
enum column {
	STATUS, MODEL, ID, COHORT_ID, COHORT, SYLLABUS_ID, SYLLABUS, DETAIL, ROWS_WAITING,
	COLUMNS
};

enum kind {
	ROWS, ROWS_OF_ONE_MODEL, COHORT_DUMP, CANDIDATES, PLAN, RECEIPTS, WAITING, TO_REPORT,
	KINDS
};

enum format { ANY_FORMAT, TEXT_FORMAT, CSV_FORMAT };

/* How to read a file, from the options. All zero: as the header line shows. */
struct reading {
	enum format format;
	char delimiter;			/* of CSV; '\0': as the header line shows */
	struct buffer nulls;		/* other strings that mean NULL: one after the other, each with its NUL byte */
	const struct model *own;	/* its table's names of columns are accepted, too; NULL: none */
};

struct reader {
	struct slice field[COLUMNS];	/* the record's fields, decoded; the NULL slice if the file has no such column */
	bool has[COLUMNS];		/* which columns the header names */
	enum kind kind;			/* TO_REPORT becomes PLAN, RECEIPTS or WAITING */
	enum format format;
	char separator;			/* of fields */
	bool crlf;			/* a text file whose lines end with CRLF */
	const struct reading *how;
	unsigned hinted;		/* the hints given so far, one bit each */
	struct lines lines;
	uint64_t last;			/* the number of the last line that is read */
	struct csv csv;
	struct slice raw;		/* the record's bytes in the file, including the newline */
	bool plain;			/* fields point into raw: nothing was decoded except NULL */
	struct {
		size_t index;
		enum column column;
	} wanted[COLUMNS];		/* the known columns, in the order of the file */
	size_t wanted_count;
	size_t width;			/* fields in the header */
	struct buffer header;		/* the header line, without its end */
	bool ours;			/* the header is exactly the one that we write for this kind */
	size_t count;			/* fields in the current record */
	size_t seen;			/* known columns among them, while they are read one by one */
	int last_model;			/* the index of the last model found, */
	struct slice last_name;		/* and its name; NULL at first */
	struct buffer scratch;		/* decoded fields */
	size_t offset[COLUMNS];		/* CSV: their offsets in scratch */
	struct problems *problems;
	struct out *rejects;
};

/*
 * Opens a file ("-": standard input) and reads its header. Dies if the file cannot be read or is not of this kind:
 * no header, a column that is missing or appears twice, the header of another kind, or CSV where this kind does not allow
 * it (only rows and cohort dumps do). Rejected records are reported and counted in `problems`, and copied to `rejects`,
 * unless these are NULL. All pointers must outlive the reader.
 */
void reader_open(struct reader *, const char *path, enum kind, const struct reading *, struct problems *, struct out *rejects);

/* The same for a file that is still being written. For `wait` and its context see lines.h. */
void reader_open_growing(struct reader *, const char *path, enum kind, struct problems *, bool (*wait)(void *, const struct lines *), void *context);

/* For files that our own programs wrote. */
extern const struct reading as_it_is;

/*
 * Opens all the files and returns an array of readers, which the caller frees. With no paths, opens
 * standard input. Sets *count to the number of readers.
 */
struct reader *readers_open(char *const *paths, int *count, enum kind, const struct reading *, struct problems *, struct out *rejects);

/* Dies if `path` (may be NULL) is one of the input files, since writing would destroy it. */
void readers_refuse_output(const struct reader *, int count, const char *path);

/*
 * Advances to the next well-formed record and sets `field`; false at the end. A record is well-formed
 * if it has as many fields as the header and no fault (copytext.h, csvtext.h). Fields are valid until
 * the next call.
 */
bool reader_next(struct reader *);

/* Rejects the current record for this reason. */
void reader_reject(struct reader *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Rejects the record because the value in this column is not a bigint. */
void reader_reject_bigint(struct reader *, enum column);

/* Sets *number to a column's value. If it is not a bigint, rejects the record and returns false. */
static inline bool
reader_bigint(struct reader *reader, enum column column, int64_t *number)
{
	if (text_bigint(reader->field[column], number))
		return true;
	reader_reject_bigint(reader, column);
	return false;
}

/* Writes the number that reader_bigint read from a column. */
static inline void
reader_put_bigint(const struct reader *reader, enum column column, int64_t number, struct out *out)
{
	struct slice value = reader->field[column];

	if (text_is_plain_bigint(value))
		out_slice(out, value);
	else
		out_int(out, number);
}

/* The index of the record's model. If it is unknown, rejects the record and returns -1. */
int reader_find_model(struct reader *, const struct models *);

static inline int
reader_model(struct reader *reader, const struct models *models)
{
	/* Most often it is the same as for the previous record. */
	if (reader->last_name.ptr != NULL && slice_equal(reader->field[MODEL], reader->last_name))
		return reader->last_model;
	return reader_find_model(reader, models);
}

/* Returns the number of records, well-formed or not, in a text file that was just opened. Dies if it cannot be read twice (a pipe). */
uint64_t reader_count(struct reader *);

/* Limits a text file that was just opened to its records `first` up to, but not including, `end`, counted from 0. */
void reader_limit(struct reader *, uint64_t first, uint64_t end);

/* Goes back to the first record of a text file. Returns false if the file cannot seek (a pipe), which is then still where it was. */
bool reader_rewind(struct reader *);

void reader_close(struct reader *);

#endif
