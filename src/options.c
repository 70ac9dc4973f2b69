#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "options.h"
#include "out.h"
#include "text.h"
#include "version.h"

int
option_next(int argc, char **argv, const char *letters, const struct option *names)
{
	const char *last = argv[argc - 1];	/* before getopt_long moves it */
	const struct option *name = names;
	int option;

	opterr = 0;	/* getopt's own message would show the argument as it is */
	option = getopt_long(argc, argv, letters, names, NULL);
	if (option != '?')
		return option;
	/* optopt is 0 for a name that is unknown */
	while (name->name != NULL && name->val != optopt)
		name++;
	if (optopt != 0 && name->name == NULL)	/* maybe among others in its argument */
		die_usage("-%c: no such option", optopt);
	/* Only the last word can lack its argument. Where optind is then is not the same in glibc and musl. */
	die_usage("%s: no such option, or its argument is missing or unwanted",
	    optopt != 0 && name->has_arg == required_argument ? last : argv[optind - 1]);
}

int64_t
option_number(const char *option, const char *argument, int64_t least, int64_t most)
{
	int64_t number;

	if (!text_bigint(slice_of(argument), &number) || number < least || number > most)
		die_usage("%s: '%s' is no whole number from %" PRId64 " to %" PRId64, option, argument, least, most);
	return number;
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
			die_usage("--schema is given twice");
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
	case 'T': models_add(models, optarg); break;
	case 'M': models_load(models, optarg); break;
	case 'P': *print_models = true; break;
	case 'h': models_free(models); print_and_exit(help, "", "");
	case 'V': models_free(models); print_and_exit(program_name, " " FB_VERSION, "\n");
	}
}
