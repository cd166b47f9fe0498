/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json-check.c - does what a command printed follow its schema?  json-check SCHEMA <OUTPUT
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Each value of the output must follow the schema, and there must be one at least.  Of JSON Schema
 * it knows: type, properties, required, additionalProperties (false), items, enum and const of
 * strings, oneOf, and $ref to "#/$defs/NAME".  A keyword that it does not know is an error, so that
 * nothing is promised that is not checked.
 */
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	KIND_NULL, KIND_BOOLEAN, KIND_INTEGER, KIND_NUMBER, KIND_STRING, KIND_ARRAY, KIND_OBJECT
};

static const char *const kind_names[] = {
	"null", "boolean", "integer", "number", "string", "array", "object"
};

/* Values live until the end. */
struct value {
	enum kind kind;
	bool truth;
	char *text;			/* of a string */
	GPtrArray *names, *values;	/* of an object; an array has only @values */
};

/* Reading */

static const char *at;

G_NORETURN static void stop(const char *what)
{
	fprintf(stderr, "json-check: %s at: %.60s\n", what, at ? at : "");
	exit(1);
}

static void skip_blanks(void)
{
	at += strspn(at, " \t\r\n");
}

static bool take(char wanted)
{
	skip_blanks();
	if (*at != wanted)
		return false;
	at++;
	return true;
}

static void need(char wanted)
{
	if (!take(wanted))
		stop("malformed JSON");
}

static gunichar read_hexadecimal(void)
{
	gunichar code = 0;

	for (int i = 0; i < 4; i++, at++) {
		if (!g_ascii_isxdigit(*at))
			stop("malformed escape");
		code = code * 16 + (gunichar)g_ascii_xdigit_value(*at);
	}
	return code;
}

static char *read_string(void)
{
	static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	GString *text = g_string_new(NULL);

	need('"');
	while (*at != '"') {
		const char *escape;

		if ((guchar)*at < 0x20)
			stop("control character in a string");
		if (*at != '\\') {
			g_string_append_c(text, *at++);
			continue;
		}
		at++;
		escape = *at ? strchr(escapes, *at) : NULL;
		at++;
		if (escape)
			g_string_append_c(text, meant[escape - escapes]);
		else if (at[-1] == 'u')
			g_string_append_unichar(text, read_hexadecimal());
		else
			stop("malformed escape");
	}
	at++;
	if (!g_utf8_validate(text->str, -1, NULL))
		stop("a string is not UTF-8");
	return g_string_free(text, FALSE);
}

static struct value *read_value(void);

static void read_members(struct value *value, bool named, char end)
{
	value->names = g_ptr_array_new();
	value->values = g_ptr_array_new();
	at++;
	if (take(end))
		return;
	do {
		if (named) {
			skip_blanks();
			g_ptr_array_add(value->names, read_string());
			need(':');
		}
		g_ptr_array_add(value->values, read_value());
	} while (take(','));
	need(end);
}

static bool take_word(const char *word)
{
	if (!g_str_has_prefix(at, word))
		return false;
	at += strlen(word);
	return true;
}

static void read_number(struct value *value)
{
	static GRegex *regex;
	g_autoptr(GMatchInfo) match = NULL;
	int end;

	if (!regex)
		regex = g_regex_new("^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?", 0, 0, NULL);
	if (!g_regex_match(regex, at, 0, &match))
		stop("malformed JSON");
	g_match_info_fetch_pos(match, 0, NULL, &end);
	value->kind = strcspn(at, ".eE") < (size_t)end ? KIND_NUMBER : KIND_INTEGER;
	at += end;
}

static struct value *read_value(void)
{
	struct value *value = g_new0(struct value, 1);

	skip_blanks();
	if (*at == '{') {
		value->kind = KIND_OBJECT;
		read_members(value, true, '}');
	} else if (*at == '[') {
		value->kind = KIND_ARRAY;
		read_members(value, false, ']');
	} else if (*at == '"') {
		value->kind = KIND_STRING;
		value->text = read_string();
	} else if (take_word("true") || take_word("false")) {
		value->kind = KIND_BOOLEAN;
		value->truth = at[-2] == 'u';
	} else if (!take_word("null")) {
		read_number(value);
	}
	return value;
}

static struct value *member(const struct value *object, const char *name)
{
	for (guint i = 0; object && object->kind == KIND_OBJECT && i < object->names->len; i++)
		if (strcmp(g_ptr_array_index(object->names, i), name) == 0)
			return g_ptr_array_index(object->values, i);
	return NULL;
}

/* Checking */

static const struct value *root;
static GString *fault;			/* of the innermost value */

static bool wrong(const char *path, const char *what, const char *detail)
{
	g_string_printf(fault, "%s: %s %s", *path ? path : "the value", what, detail);
	return false;
}

static bool is_kind(const struct value *value, const char *name)
{
	return strcmp(kind_names[value->kind], name) == 0 ||
	       (value->kind == KIND_INTEGER && strcmp(name, "number") == 0);
}

static bool check_type(const struct value *type, const struct value *value, const char *path)
{
	if (type->kind == KIND_STRING && is_kind(value, type->text))
		return true;
	for (guint i = 0; type->kind == KIND_ARRAY && i < type->values->len; i++)
		if (is_kind(value, ((struct value *)g_ptr_array_index(type->values, i))->text))
			return true;
	return wrong(path, "has the wrong type,", kind_names[value->kind]);
}

static bool check_enum(const struct value *words, const struct value *value, const char *path)
{
	for (guint i = 0; i < words->values->len; i++)
		if (g_strcmp0(((struct value *)g_ptr_array_index(words->values, i))->text,
			      value->text) == 0)
			return true;
	return wrong(path, "is none of the words:", value->text ? value->text : "null");
}

static bool check(const struct value *schema, const struct value *value, const char *path);

static bool check_properties(const struct value *schema, const struct value *value,
			     const char *path)
{
	const struct value *known = member(schema, "properties");
	const struct value *others = member(schema, "additionalProperties");

	for (guint i = 0; value->kind == KIND_OBJECT && i < value->names->len; i++) {
		const char *name = g_ptr_array_index(value->names, i);
		g_autofree char *inside = g_strconcat(path, "/", name, NULL);
		const struct value *property = member(known, name);

		if (!property && others && !others->truth)
			return wrong(inside, "is not in the schema", "");
		if (property && !check(property, g_ptr_array_index(value->values, i), inside))
			return false;
	}
	return true;
}

static bool check_required(const struct value *names, const struct value *value, const char *path)
{
	for (guint i = 0; i < names->values->len; i++) {
		const char *name = ((struct value *)g_ptr_array_index(names->values, i))->text;

		if (!member(value, name))
			return wrong(path, "lacks the member", name);
	}
	return true;
}

static bool check_items(const struct value *items, const struct value *value, const char *path)
{
	for (guint i = 0; value->kind == KIND_ARRAY && i < value->values->len; i++) {
		g_autofree char *inside = g_strdup_printf("%s/%u", path, i);

		if (!check(items, g_ptr_array_index(value->values, i), inside))
			return false;
	}
	return true;
}

static bool check_one_of(const struct value *schemas, const struct value *value, const char *path)
{
	guint fits = 0;

	for (guint i = 0; i < schemas->values->len; i++)
		fits += check(g_ptr_array_index(schemas->values, i), value, path);
	if (fits == 1)
		return true;
	if (fits > 1)
		return wrong(path, "fits more than one alternative", "");
	g_string_append(fault, " (the last alternative that was tried)");
	return false;
}

static bool check_reference(const char *reference, const struct value *value, const char *path)
{
	const struct value *schema = NULL;

	if (g_str_has_prefix(reference, "#/$defs/"))
		schema = member(member(root, "$defs"), reference + strlen("#/$defs/"));
	return schema ? check(schema, value, path) : wrong(path, "has no such schema:", reference);
}

static bool check_keyword(const char *keyword, const struct value *schema,
			  const struct value *wanted, const struct value *value, const char *path)
{
	if (strcmp(keyword, "type") == 0)
		return check_type(wanted, value, path);
	if (strcmp(keyword, "enum") == 0)
		return check_enum(wanted, value, path);
	if (strcmp(keyword, "const") == 0)
		return g_strcmp0(wanted->text, value->text) == 0 ||
		       wrong(path, "is not", wanted->text);
	if (strcmp(keyword, "properties") == 0)
		return check_properties(schema, value, path);
	if (strcmp(keyword, "required") == 0)
		return check_required(wanted, value, path);
	if (strcmp(keyword, "items") == 0)
		return check_items(wanted, value, path);
	if (strcmp(keyword, "oneOf") == 0)
		return check_one_of(wanted, value, path);
	if (strcmp(keyword, "$ref") == 0)
		return check_reference(wanted->text, value, path);
	if (strcmp(keyword, "additionalProperties") == 0 || strcmp(keyword, "$defs") == 0 ||
	    strcmp(keyword, "$schema") == 0 || strcmp(keyword, "title") == 0 ||
	    strcmp(keyword, "description") == 0)
		return true;
	return wrong(path, "has a schema with the unknown keyword", keyword);
}

static bool check(const struct value *schema, const struct value *value, const char *path)
{
	for (guint i = 0; i < schema->names->len; i++)
		if (!check_keyword(g_ptr_array_index(schema->names, i), schema,
				   g_ptr_array_index(schema->values, i), value, path))
			return false;
	return true;
}

static char *read_input(void)
{
	GString *text = g_string_new(NULL);
	char buffer[4096];
	size_t got;

	while ((got = fread(buffer, 1, sizeof(buffer), stdin)) > 0)
		g_string_append_len(text, buffer, (gssize)got);
	return g_string_free(text, FALSE);
}

int main(int argc, char **argv)
{
	char *schema = NULL;
	int count = 0;

	if (argc != 2 || !g_file_get_contents(argv[1], &schema, NULL, NULL))
		stop("no schema");
	at = schema;
	root = read_value();
	if (root->kind != KIND_OBJECT)
		stop("the schema is no object");
	fault = g_string_new(NULL);
	at = read_input();
	for (skip_blanks(); *at; skip_blanks()) {
		const char *begin = at;

		if (!check(root, read_value(), "")) {
			fprintf(stderr, "json-check: %s, in: %.200s\n", fault->str, begin);
			return 1;
		}
		count++;
	}
	if (!count)
		stop("no value");
	return 0;
}
