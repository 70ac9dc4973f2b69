#include <string.h>

#include "script.h"
#include "slice.h"

static const char session_sql[] = {
#include "session.sql.h"
};
static const char schemas_sql[] = {
#include "schemas.sql.h"
};
static const char schema_sql[] = {
#include "schema.sql.h"
};

static const char *
find_text(const struct script_value *values, struct slice name)
{
	for (; values->name != NULL; values++)
		if (slice_is(name, values->name))
			return values->text;
	return NULL;
}

void
script_put(struct out *out, const char *template, const struct script_value *values)
{
	const char *rest = template, *open, *close;

	while ((open = strchr(rest, '{')) != NULL && (close = strchr(open, '}')) != NULL) {
		const char *text = find_text(values, (struct slice){ open + 1, (size_t)(close - open - 1) });

		if (text == NULL) {
			out_bytes(out, rest, (size_t)(open + 1 - rest));
			rest = open + 1;
			continue;
		}
		out_bytes(out, rest, (size_t)(open - rest));
		out_string(out, text);
		rest = close + 1;
	}
	out_string(out, rest);
}

void
script_put_session(struct out *out)
{
	out_string(out, session_sql);
}

void
script_begin_schemas(struct out *out)
{
	out_string(out, schemas_sql);
}

void
script_put_schema(struct out *out, const char *variable, const char *table, bool may_be_missing)
{
	const struct script_value values[] = {
		{ "variable", variable },
		{ "table", table },
		{ "find", may_be_missing ? "pg_catalog.to_regclass(" : "" },
		{ "found", may_be_missing ? ")" : "::pg_catalog.regclass" },
		{ NULL, NULL },
	};

	script_put(out, schema_sql, values);
}

void
script_put_cohort_schemas(struct out *out)
{
	script_put_schema(out, "schema_of_cohort", "admissions_cohort", false);
	script_put_schema(out, "schema_of_version", "admissions_syllabusversion", false);
	script_put_schema(out, "schema_of_syllabus", "admissions_syllabus", false);
}
