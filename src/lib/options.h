/* What the programs' command lines have in common. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "model.h"
#include "reader.h"
#include "script.h"

/* getopt_long's next option (by its letter, or from 256 on one without); -1 behind the last. Dies where an argument is none, or lacks its own. */
int option_next(int argc, char **argv, const char *letters, const struct option *names);

/* Reads an option's number, from least to most; dies if it is none. `option` is its name, for the message. */
int64_t option_number(const char *option, const char *argument, int64_t least, int64_t most);

/* Reads an argument of --format; dies if it is none. */
enum format option_format(const char *argument);

/* Reads an argument of --delimiter; dies if it can separate no fields. */
char option_delimiter(const char *argument);

/* Appends an argument of --null. */
void option_null(struct buffer *nulls, const char *argument);

/* Whether any of these three was given. */
bool reading_is_given(const struct reading *);

/* Reads an argument of --model: the index of that model, or -1 for all of them. Dies if it is neither. */
int option_model(const struct models *, const char *argument);

/* --print-models: prints them as lines for --models to standard output and exits with STATUS_OK. */
_Noreturn void option_print_models(struct models *);

/*
 * Options without a letter have these numbers, and a program's own those from OPTION_OWN on. A letter means the same in
 * all programs: m a model, l a limit, f a format, h help, V the version.
 */
enum { OPTION_SCHEMA = 256, OPTION_ENABLE_ROW_SECURITY, OPTION_TABLE, OPTION_MODELS, OPTION_PRINT_MODELS, OPTION_OWN };

/* The options that all programs have, behind their own: for getopt_long, and for the help, whose column they begin in. */
#define COMMON_LETTERS "hV"
#define COMMON_OPTIONS \
	{ "table", required_argument, NULL, OPTION_TABLE }, \
	{ "models", required_argument, NULL, OPTION_MODELS }, \
	{ "print-models", no_argument, NULL, OPTION_PRINT_MODELS }, \
	{ "help", no_argument, NULL, 'h' }, \
	{ "version", no_argument, NULL, 'V' }, \
	{ NULL, 0, NULL, 0 }
#define COMMON_HELP(gap) \
	"      --table SPEC    " gap "add or replace a model:\n" \
	"                      " gap "NAME=[SCHEMA.]TABLE[:ID,COHORT,SYLLABUS]\n" \
	"      --models FILE   " gap "read the models from FILE, one SPEC per line\n" \
	"      --print-models  " gap "print the models in use and exit\n" \
	"  -h, --help          " gap "print this help and exit\n" \
	"  -V, --version       " gap "print the version and exit\n"

/* Those of the programs that print SQL, behind their own and before the common ones. */
#define SQL_OPTIONS \
	{ "schema", required_argument, NULL, OPTION_SCHEMA }, \
	{ "enable-row-security", no_argument, NULL, OPTION_ENABLE_ROW_SECURITY }
#define SQL_HELP(gap) \
	"      --schema SCHEMA " gap "schema of the tables (default: by search_path)\n" \
	"      --enable-row-security\n" \
	"                      " gap "process only the rows that this role can see\n"

/* Does what one of them says, and returns true; of any other option false. */
bool sql_option(int option, struct script_reach *);

/*
 * Does what one of them says: --table and --models change the models, --print-models is for when all
 * options are read, --help and --version free the models, print to standard output and exit with STATUS_OK.
 */
void common_option(int option, const char *help, struct models *, bool *print_models);

#endif
