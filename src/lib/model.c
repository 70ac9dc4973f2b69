#include <inttypes.h>
#include <stdlib.h>

#include "error.h"
#include "lines.h"
#include "model.h"
#include "text.h"

static const char *const built_in[] = {
	"answer=feedback_answer:id,cohort_id,syllabus_id",
	"review=feedback_review:id,cohort_id,syllabus_id",
};

/* PostgreSQL truncates names to 63 bytes, and names of procedures contain the model's name. */
enum { NAME_MAX_LEN = 50 };

static const char no_such_form[] =
    "expected NAME=[SCHEMA.]TABLE[:ID,COHORT,SYLLABUS], with double quotes around names that need them";

/* ---- the parts of a line ---- */

static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Takes the next character off *rest if it is c. */
static bool
take(struct slice *rest, char c)
{
	if (rest->len == 0 || rest->ptr[0] != c)
		return false;
	*rest = (struct slice){ rest->ptr + 1, rest->len - 1 };
	return true;
}

/* Takes len bytes off *rest. */
static struct slice
take_bytes(struct slice *rest, size_t len)
{
	struct slice taken = { rest->ptr, len };

	*rest = (struct slice){ rest->ptr + len, rest->len - len };
	return taken;
}

/* Whether an unquoted SQL name may contain the character. As in PostgreSQL, all non-ASCII bytes are letters. */
static bool
is_word(char c, bool first)
{
	if (is_lower(c) || is_upper(c) || c == '_' || (unsigned char)c >= 0x80)
		return true;
	return !first && (is_digit(c) || c == '$');
}

/* Appends the name as a quoted SQL identifier. Double quotes in it are already doubled, as in SQL. */
static void
append_identifier(struct buffer *sql, struct slice name, bool fold)
{
	buffer_append(sql, "\"", 1);
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (fold && is_upper(c))
			c = (char)(c - 'A' + 'a');
		buffer_append(sql, &c, 1);
	}
	buffer_append(sql, "\"", 1);
}

/* Takes a name off *rest and appends it as an identifier. Returns what is wrong with it, or NULL. */
static const char *
take_identifier(struct slice *rest, struct buffer *sql)
{
	size_t len = 0;

	if (take(rest, '"')) {
		while (len < rest->len && (rest->ptr[len] != '"' || (len + 1 < rest->len && rest->ptr[len + 1] == '"')))
			len += rest->ptr[len] == '"' ? 2 : 1;
		if (len == rest->len)
			return "unterminated quoted identifier";
		if (len == 0)
			return "empty quoted identifier";
		append_identifier(sql, take_bytes(rest, len), false);
		take(rest, '"');
		return NULL;
	}
	while (len < rest->len && is_word(rest->ptr[len], len == 0))
		len++;
	if (len == 0)
		return no_such_form;
	append_identifier(sql, take_bytes(rest, len), true);
	return NULL;
}

/* Terminates a string in the text of a model, and returns it. */
static const char *
end_string(struct buffer *text, size_t begin)
{
	buffer_append(text, "", 1);
	return text->ptr + begin;
}

static const char *
add_string(struct buffer *text, struct slice string)
{
	size_t begin = text->len;

	buffer_append(text, string.ptr, string.len);
	return end_string(text, begin);
}

/* ---- a model from a line: these functions return what is wrong, or NULL ---- */

static const char *
read_name(struct model *model, struct slice *rest)
{
	size_t len = 0;
	struct slice name;

	while (len < rest->len && (is_lower(rest->ptr[len]) || (len > 0 && (is_digit(rest->ptr[len]) || rest->ptr[len] == '_'))))
		len++;
	name = take_bytes(rest, len);
	if (memchr(rest->ptr, '=', rest->len) == NULL)
		return no_such_form;
	if (len == 0 || len > NAME_MAX_LEN || rest->ptr[0] != '=')
		return "a model name is a lower-case letter, then up to 49 lower-case letters, digits and underscores";
	if (slice_is(name, "all"))
		return "a model cannot be named all";
	take(rest, '=');
	model->name = (struct slice){ add_string(&model->text, name), name.len };
	model->schema_variable = model->text.ptr + model->text.len;
	buffer_append(&model->text, name.ptr, name.len);
	buffer_append(&model->text, "_schema", 8);
	return NULL;
}

/* A table name without a schema would mean fb-apply's own temporary table or view of that name. */
static bool
is_ours(const char *table)
{
	static const char *const ours[] = {
		"\"fb_batch\"", "\"fb_outcome\"", "\"fb_pending\"", "\"fb_done\"", "\"fb_in_doubt\"", "\"fb_merged\"",
		"\"fb_so_far\"",	/* --max-failures */
		"\"fb_place\"", "\"fb_known_replica\"", "\"fb_replica\"",	/* --max-lag */
	};

	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (strcmp(table, ours[i]) == 0)
			return true;
	return false;
}

static const char *
read_table(struct model *model, struct slice *rest)
{
	size_t begin = model->text.len, relation = begin;
	const char *fault = take_identifier(rest, &model->text);

	if (fault == NULL && take(rest, '.')) {
		buffer_append(&model->text, ".", 1);
		relation = model->text.len;
		fault = take_identifier(rest, &model->text);
	}
	model->table = end_string(&model->text, begin);
	model->relation = model->text.ptr + relation;
	if (fault == NULL && is_ours(model->table))
		return "fb-apply has a temporary table of that name; specify the schema";
	return fault;
}

static const char *
read_column(struct model *model, struct slice *rest, const char **column)
{
	size_t begin = model->text.len;
	const char *fault = take_identifier(rest, &model->text);

	*column = end_string(&model->text, begin);
	return fault;
}

static const char *
read_columns(struct model *model, struct slice *rest)
{
	const char **const columns[] = { &model->id, &model->cohort_id, &model->syllabus_id };
	const char *fault = NULL;

	for (int i = 0; i < 3 && fault == NULL; i++) {
		if (!take(rest, i == 0 ? ':' : ','))
			return no_such_form;
		fault = read_column(model, rest, columns[i]);
	}
	if (fault != NULL)
		return fault;
	if (strcmp(model->id, model->cohort_id) == 0 || strcmp(model->id, model->syllabus_id) == 0
	    || strcmp(model->cohort_id, model->syllabus_id) == 0)
		return "two columns have the same name";
	return NULL;
}

static bool
contains(struct slice text, const char *part)
{
	const size_t len = strlen(part);

	for (size_t i = 0; i + len <= text.len; i++)
		if (memcmp(text.ptr + i, part, len) == 0)
			return true;
	return false;
}

/* What is wrong with a line as text. It goes to terminals, and into comments of scripts. */
static const char *
line_fault(struct slice line)
{
	const char *fault = text_fault(line);
	struct slice piece;
	bool printable = true;

	/* fb-apply's SQL has names between these dollar quotes. */
	if (fault == NULL && (contains(line, "$fb$") || contains(line, "$sql$")))
		return "names cannot contain $fb$ or $sql$";
	while (fault == NULL && text_piece(&line, &piece, &printable))
		if (!printable)
			fault = "contains a control character or an invisible one";
	return fault;
}

void
schema_read(struct buffer *identifier, const char *argument)
{
	struct slice rest = slice_of(argument);
	const char *fault = rest.len == 0 ? "empty name" : line_fault(rest);

	if (fault != NULL)
		die_usage("--schema: '%s': %s", argument, fault);
	buffer_append(identifier, "\"", 1);
	for (; rest.len > 0; rest = (struct slice){ rest.ptr + 1, rest.len - 1 }) {
		buffer_append(identifier, rest.ptr, 1);
		if (rest.ptr[0] == '"')
			buffer_append(identifier, rest.ptr, 1);
	}
	buffer_append(identifier, "\"", 2);
}

static const char *
read_line(struct model *model, struct slice line)
{
	struct slice rest = line;
	const char *fault = line_fault(line);

	if (fault != NULL)
		return fault;
	/* Reserves room for the whole text, so that it never moves. */
	buffer_reserve(&model->text, 6 * (uint64_t)line.len + 128);
	model->line = add_string(&model->text, line);
	fault = read_name(model, &rest);
	if (fault == NULL)
		fault = read_table(model, &rest);
	if (fault != NULL)
		return fault;
	if (rest.len > 0) {
		fault = read_columns(model, &rest);
		return fault == NULL && rest.len > 0 ? no_such_form : fault;
	}
	model->id = "\"id\"";
	model->cohort_id = "\"cohort_id\"";
	model->syllabus_id = "\"syllabus_id\"";
	return NULL;
}

/* ---- all models ---- */

/* Adds the model, or replaces the one with the same name. Returns the index of the replaced one, or -1. */
static int
put_model(struct models *models, struct model model)
{
	int index = models_find(models, model.name);
	struct model *more;

	if (index != -1) {
		buffer_free(&models->model[index].text);
		models->model[index] = model;
		return index;
	}
	more = realloc(models->model, (size_t)(models->count + 1) * sizeof *more);
	if (more == NULL)
		die("out of memory");
	models->model = more;
	models->model[models->count++] = model;
	return -1;
}

void
models_begin(struct models *models)
{
	*models = (struct models){ 0 };
	for (size_t i = 0; i < sizeof built_in / sizeof built_in[0]; i++)
		models_add(models, built_in[i]);
}

void
models_add(struct models *models, const char *argument)
{
	struct model model = { 0 };
	const char *fault = read_line(&model, slice_of(argument));

	if (fault != NULL)
		die_usage("--table: '%s': %s", argument, fault);
	put_model(models, model);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice
trim(struct slice line)
{
	while (line.len > 0 && is_blank(line.ptr[0]))
		take_bytes(&line, 1);
	while (line.len > 0 && is_blank(line.ptr[line.len - 1]))
		line.len--;
	return line;
}

void
models_load(struct models *models, const char *path)
{
	struct lines lines;
	struct slice line;

	models_free(models);
	lines_open(&lines, path);
	while (lines_next(&lines, &line)) {
		struct model model = { 0 };
		const char *fault;

		line = trim(line);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		fault = read_line(&model, line);
		if (fault != NULL)
			die("%s:%" PRIu64 ": '%.*s': %s", lines.name, lines.number, (int)line.len, line.ptr, fault);
		if (put_model(models, model) != -1)
			die("%s:%" PRIu64 ": model %s is defined twice", lines.name, lines.number, model.name.ptr);
	}
	if (models->count == 0)
		die("%s: no models (expected one per line, as NAME=[SCHEMA.]TABLE[:ID,COHORT,SYLLABUS])", lines.name);
	lines_close(&lines);
}

void
models_free(struct models *models)
{
	for (int i = 0; i < models->count; i++)
		buffer_free(&models->model[i].text);
	free(models->model);
	*models = (struct models){ 0 };
}

int
models_find(const struct models *models, struct slice name)
{
	for (int i = 0; i < models->count; i++)
		if (slice_equal(name, models->model[i].name))
			return i;
	return -1;
}
