#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "options.h"
#include "out.h"
#include "text.h"
#include "version.h"

/* Whether several long options begin with what was written after the dashes. */
static bool
is_ambiguous(const char *written, const struct option *names)
{
	const size_t len = strcspn(written, "=");
	int count = 0;

	for (; names->name != NULL; names++)
		count += strncmp(names->name, written, len) == 0;
	return count > 1;
}

int
option_next(int argc, char **argv, const char *letters, const struct option *names)
{
	const char *last = argv[argc - 1];	/* before getopt_long moves it */
	const struct option *name = names;
	int option;

	opterr = 0;	/* getopt's own messages could send control characters to the terminal */
	option = getopt_long(argc, argv, letters, names, NULL);
	if (option != '?')
		return option;
	if (optopt == 0) {	/* only for a long option that is not known */
		const char *written = argv[optind - 1];

		die_usage(is_ambiguous(written + 2, names) ? "option '%s' is ambiguous" : "unrecognized option '%s'", written);
	}
	while (name->name != NULL && name->val != optopt)
		name++;
	if (name->name == NULL)
		die_usage("invalid option -- '%c'", optopt);
	if (name->has_arg == no_argument)
		die_usage("option '--%s' doesn't allow an argument", name->name);
	/* Only the last word can lack its argument. optind does not tell: there glibc and musl differ. */
	if (strncmp(last, "--", 2) == 0)
		die_usage("option '--%s' requires an argument", name->name);
	die_usage("option requires an argument -- '%c'", optopt);
}

int64_t
option_number(const char *option, const char *argument, int64_t least, int64_t most)
{
	int64_t number;

	if (!text_bigint(slice_of(argument), &number) || number < least || number > most)
		die_usage("%s: invalid number '%s' (expected %" PRId64 " to %" PRId64 ")", option, argument, least, most);
	return number;
}

static enum format
read_format(const char *argument)
{
	if (strcmp(argument, "text") == 0)
		return TEXT_FORMAT;
	if (strcmp(argument, "csv") == 0)
		return CSV_FORMAT;
	die_usage("--format: invalid value '%s' (expected text or csv)", argument);
}

static char
read_delimiter(const char *argument)
{
	const unsigned char c = (unsigned char)argument[0];

	if (strlen(argument) != 1 || c >= 0x80 || (c < 0x20 && c != '\t') || strchr("\"\\", c) != NULL)
		die_usage("--delimiter: invalid delimiter '%s' (expected one ASCII character, not a quote or backslash)", argument);
	return argument[0];
}

bool
reading_option(int option, struct reading *reading)
{
	switch (option) {
	case 'f': reading->format = read_format(optarg); return true;
	case OPTION_DELIMITER: reading->delimiter = read_delimiter(optarg); return true;
	case OPTION_NULL: buffer_append(&reading->nulls, optarg, strlen(optarg) + 1); return true;
	default: return false;
	}
}

void
reading_check(const struct reading *reading)
{
	if (reading->format == TEXT_FORMAT && reading->delimiter != '\0')
		die_usage("--delimiter cannot be combined with --format text");
}

bool
reading_is_given(const struct reading *reading)
{
	return reading->format != ANY_FORMAT || reading->delimiter != '\0' || reading->nulls.len > 0;
}

int
option_model(const struct models *models, const char *argument)
{
	struct buffer names = { 0 };
	int choice;

	if (strcmp(argument, "all") == 0)
		return -1;
	choice = models_find(models, slice_of(argument));
	if (choice != -1)
		return choice;
	for (int i = 0; i < models->count; i++) {
		buffer_append(&names, ", ", i > 0 ? 2 : 0);
		buffer_append(&names, models->model[i].name.ptr, models->model[i].name.len);
	}
	die_usage("--model: unknown model '%s' (known: %.*s)", argument, (int)names.len, names.ptr);
}

void
option_print_models(struct models *models)
{
	struct out out;

	out_stdout(&out);
	for (int i = 0; i < models->count; i++) {
		out_string(&out, models->model[i].line);
		out_string(&out, "\n");
	}
	models_free(models);
	out_close(&out);
	exit(STATUS_OK);
}

static _Noreturn void
print_and_exit(const char *text, const char *more, const char *end)
{
	struct out out;

	out_stdout(&out);
	out_string(&out, text);
	out_string(&out, more);
	out_string(&out, end);
	out_close(&out);
	exit(STATUS_OK);
}

bool
sql_option(int option, struct script_reach *reach)
{
	switch (option) {
	case OPTION_SCHEMA:
		if (reach->schema.len > 0)
			die_usage("--schema is given more than once");
		schema_read(&reach->schema, optarg);
		return true;
	case OPTION_ENABLE_ROW_SECURITY: reach->enable_row_security = true; return true;
	default: return false;
	}
}

void
common_option(int option, const char *help, struct models *models, bool *print_models)
{
	switch (option) {
	case OPTION_TABLE: models_add(models, optarg); break;
	case OPTION_MODELS: models_load(models, optarg); break;
	case OPTION_PRINT_MODELS: *print_models = true; break;
	case 'h': models_free(models); print_and_exit(help, "", "");
	case 'V': models_free(models); print_and_exit(program_name, " " FB_VERSION, "\n");
	}
}
