/*
 * Reads a file of records: a header line that names the columns (header.h), then records (plain.h, fields.h). Columns are
 * found by name; their order does not matter and unknown ones are passed over. fb-records(5) has the kinds of
 * file and what happens to records that are malformed.
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

/* How files are to be read, as options have it. Zero it to begin: then the header line tells. */
struct reading {
	enum format format;
	char delimiter;			/* of CSV; '\0': the header line tells */
	struct buffer nulls;		/* what else stands for NULL: strings, one behind the other, each with its NUL byte */
	const struct model *own;	/* whose columns may be called as its table calls them; NULL: none */
};

struct reader {
	struct slice field[COLUMNS];	/* the record's fields, decoded; the NULL slice where it has no such column */
	bool has[COLUMNS];		/* which columns the header names */
	enum kind kind;			/* TO_REPORT becomes PLAN, RECEIPTS or WAITING */
	enum format format;
	char separator;			/* of fields */
	bool crlf;			/* a text file whose lines end with carriage return and newline */
	const struct reading *how;
	unsigned hinted;		/* which hints were given, a bit each */
	struct lines lines;
	uint64_t last;			/* the number of the last line that is read */
	struct csv csv;
	struct slice raw;		/* the record as it stands in the file, newline included */
	bool plain;			/* its fields are pointed at there: none was decoded, but NULL */
	struct {
		size_t index;
		enum column column;
	} wanted[COLUMNS];		/* the known columns, by their place in the file */
	size_t wanted_count;
	size_t width;			/* fields in the header */
	struct buffer header;		/* its line, without the end */
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
 * file of this kind: no header, a column missing or twice, the very header of another kind.
 * A CSV file must be a kind that allows it, rows or a cohort dump. Records that are rejected are told of and count in
 * `problems`, and are copied to `rejects`, unless these are NULL; all pointers must outlive the reader.
 */
void reader_open(struct reader *, const char *path, enum kind, const struct reading *, struct problems *, struct out *rejects);

/* The same for a file that is still being written: `wait` and its context are what they are in lines.h. */
void reader_open_growing(struct reader *, const char *path, enum kind, struct problems *, bool (*wait)(void *, const struct lines *), void *context);

/* How text in our own form is read. */
extern const struct reading as_it_is;

/* Whether a field holds one of the words for NULL. */
bool reader_is_null_word(const struct reader *, struct slice field);

/*
 * Opens them all, before anything else is done, and returns them for free(). No paths at all
 * are standard input; *count is how many readers there are then.
 */
struct reader *readers_open(char *const *paths, int *count, enum kind, const struct reading *, struct problems *, struct out *rejects);

/* Dies if `path` (NULL: none) is a file that is being read: writing would destroy it. */
void readers_refuse_output(const struct reader *, int count, const char *path);

/*
 * Reads on to the next well-formed record and sets `field`; false at the end. A record is
 * well-formed if it has as many fields as the header and nothing is wrong with its bytes
 * (copytext.h, csvtext.h). Fields stand until the next call.
 */
bool reader_next(struct reader *);

/* Rejects the record at hand, for a reason that the caller found. */
void reader_reject(struct reader *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Rejects the record because of what stands in a column that should hold a bigint. */
void reader_reject_bigint(struct reader *, enum column);

/* Sets *number to a column's value, or rejects the record and returns false if it is no bigint. */
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

/* The index of the model that the record names, or -1 after rejecting the record if there is no such model. */
int reader_find_model(struct reader *, const struct models *);

static inline int
reader_model(struct reader *reader, const struct models *models)
{
	/* Most often it is that of the record before. */
	if (reader->last_name.ptr != NULL && slice_equal(reader->field[MODEL], reader->last_name))
		return reader->last_model;
	return reader_find_model(reader, models);
}

/* The number of records of a text file that was just opened, good or bad. Dies where it cannot be read twice (a pipe). */
uint64_t reader_count(struct reader *);

/* Makes a text file that was just opened end before its record number `end`, and begin at number `first` (from 0). */
void reader_limit(struct reader *, uint64_t first, uint64_t end);

/* Goes back to the first record of a text file; false, and nothing done, where a file cannot (a pipe). */
bool reader_rewind(struct reader *);

void reader_close(struct reader *);

#endif
