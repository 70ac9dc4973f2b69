#include <string.h>

#include "script.h"
#include "slice.h"

static const char session_sql[] = {
#include "session.sql.h"
};
static const char reading_begin_sql[] = {
#include "reading-begin.sql.h"
};
static const char reading_end_sql[] = {
#include "reading-end.sql.h"
};
static const char schemas_sql[] = {
#include "schemas.sql.h"
};
static const char schema_sql[] = {
#include "schema.sql.h"
};
static const char row_security_sql[] = {
#include "row-security.sql.h"
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

bool
script_reach_is_given(const struct script_reach *reach)
{
	return reach->schema.len > 0 || reach->enable_row_security;
}

void
script_reach_free(struct script_reach *reach)
{
	buffer_free(&reach->schema);
}

const char *
script_row_security(const struct script_reach *reach)
{
	return reach->enable_row_security ? "on" : "off";
}

static void
put_session(struct out *out, const struct script_reach *reach, const char *begin)
{
	const struct script_value values[] = { { "begin", begin }, { "row_security", script_row_security(reach) }, { NULL, NULL } };

	script_put(out, session_sql, values);
}

void
script_put_session(struct out *out, const struct script_reach *reach)
{
	put_session(out, reach, "");
}

void
script_begin_reading(struct out *out, const struct script_reach *reach)
{
	put_session(out, reach, reading_begin_sql);
}

void
script_end_reading(struct out *out)
{
	out_string(out, reading_end_sql);
}

static void
put_schema(struct out *out, const struct script_reach *reach, const char *variable, const char *schema, const char *relation,
    bool may_be_missing)
{
	const struct script_value values[] = {
		{ "variable", variable },
		{ "schema", schema },
		{ "dot", schema[0] != '\0' ? "." : "" },
		{ "relation", relation },
		{ "find", may_be_missing ? "pg_catalog.to_regclass(" : "" },
		{ "found", may_be_missing ? ")" : "::pg_catalog.regclass" },
		{ NULL, NULL },
	};

	script_put(out, schema_sql, values);
	if (!reach->enable_row_security)
		script_put(out, row_security_sql, values);
}

void
script_put_schema(struct out *out, const struct script_reach *reach, const struct model *model, bool may_be_missing)
{
	const bool has_schema = strcmp(model->table, model->relation) != 0;

	put_schema(out, reach, model->schema_variable, has_schema || reach->schema.len == 0 ? "" : reach->schema.ptr, model->table,
	    may_be_missing);
}

void
script_put_cohort_schemas(struct out *out, const struct script_reach *reach)
{
	static const char *const tables[][2] = {
		{ "schema_of_cohort", "admissions_cohort" },
		{ "schema_of_version", "admissions_syllabusversion" },
		{ "schema_of_syllabus", "admissions_syllabus" },
	};

	out_string(out, schemas_sql);
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		put_schema(out, reach, tables[i][0], reach->schema.len == 0 ? "" : reach->schema.ptr, tables[i][1], false);
}
