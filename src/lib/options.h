/* Command-line options that the programs share. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "model.h"
#include "reader.h"
#include "script.h"

/*
 * The next option, as getopt_long returns it: a letter, a number from 256 on for an option without one, or -1 at the end.
 * Dies with getopt's messages if an option is unknown, or its argument is missing or not allowed.
 */
int option_next(int argc, char **argv, const char *letters, const struct option *names);

/* Reads an option's number; dies if it is invalid or not from least to most. `option` is the option's name, for the message. */
int64_t option_number(const char *option, const char *argument, int64_t least, int64_t most);

/* Reads an argument of --model: returns the index of that model, or -1 for all. Dies if the model is unknown. */
int option_model(const struct models *, const char *argument);

/* --print-models: prints the models as lines for --models and exits with STATUS_OK. */
_Noreturn void option_print_models(struct models *);

/*
 * Numbers for options without a letter; a program's own options begin at OPTION_OWN. A letter means the same in
 * all programs: m model, l limit, f format, h help, V version.
 */
enum {
	OPTION_SCHEMA = 256, OPTION_ENABLE_ROW_SECURITY, OPTION_TABLE, OPTION_MODELS, OPTION_PRINT_MODELS,
	OPTION_DELIMITER, OPTION_NULL, OPTION_OWN
};

/* The options of all programs, after their own, for getopt_long and for --help; `gap` aligns the text. */
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
	"      --print-models  " gap "print the models in force and exit\n" \
	"  -h, --help          " gap "print this help and exit\n" \
	"  -V, --version       " gap "print the version and exit\n"

/* The options of the programs that read other programs' files, between their own and the common ones. */
#define READING_OPTIONS \
	{ "format", required_argument, NULL, 'f' }, \
	{ "delimiter", required_argument, NULL, OPTION_DELIMITER }, \
	{ "null", required_argument, NULL, OPTION_NULL }

/* Handles one of these options and returns true; returns false for any other. Dies if its argument is invalid. */
bool reading_option(int option, struct reading *);

/* Dies if these options contradict each other. */
void reading_check(const struct reading *);

/* Whether any of them was given. */
bool reading_is_given(const struct reading *);

/* The options of the programs that print SQL, between their own and the common ones. */
#define SQL_OPTIONS \
	{ "schema", required_argument, NULL, OPTION_SCHEMA }, \
	{ "enable-row-security", no_argument, NULL, OPTION_ENABLE_ROW_SECURITY }
#define SQL_HELP(gap) \
	"      --schema SCHEMA " gap "schema of the tables (default: by search_path)\n" \
	"      --enable-row-security\n" \
	"                      " gap "process only the rows that this role can see\n"

/* Handles one of these options and returns true; returns false for any other. */
bool sql_option(int option, struct script_reach *);

/*
 * Handles a common option: --table and --models change the models; --print-models sets *print_models, for use after
 * all options are read; --help and --version free the models, print and exit with STATUS_OK.
 */
void common_option(int option, const char *help, struct models *, bool *print_models);

#endif
