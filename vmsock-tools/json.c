/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json.c - JSON objects on standard output
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "json.h"

#include <math.h>
#include <stdio.h>

static void next_line(struct json *json)
{
	if (json->one_line)
		return;
	g_string_append_printf(json->text, "\n%*s", 2 * json->depth, "");
}

static void append_quoted(struct json *json, const char *value)
{
	g_autofree char *valid = g_utf8_make_valid(value, -1);

	g_string_append_c(json->text, '"');
	for (const char *at = valid; *at; at++) {
		if (*at == '"' || *at == '\\')
			g_string_append_printf(json->text, "\\%c", *at);
		else if ((guchar)*at < 0x20)
			g_string_append_printf(json->text, "\\u%04x", (guchar)*at);
		else
			g_string_append_c(json->text, *at);
	}
	g_string_append_c(json->text, '"');
}

static void begin_member(struct json *json, const char *name)
{
	if (!json->first)
		g_string_append(json->text, json->one_line ? ", " : ",");
	if (json->depth)
		next_line(json);
	json->first = false;
	if (name) {
		append_quoted(json, name);
		g_string_append(json->text, ": ");
	}
}

void json_open(struct json *json, const char *name, char bracket)
{
	begin_member(json, name);
	g_string_append_c(json->text, bracket);
	json->depth++;
	json->first = true;
}

void json_close(struct json *json, char bracket)
{
	json->depth--;
	if (!json->first)
		next_line(json);
	json->first = false;
	g_string_append_c(json->text, bracket);
}

static void start(struct json *json, bool one_line)
{
	json->text = g_string_new(NULL);
	json->depth = 0;
	json->first = true;
	json->one_line = one_line;
	json_open(json, NULL, '{');
}

void json_start(struct json *json)
{
	start(json, false);
}

void json_start_line(struct json *json)
{
	start(json, true);
}

void json_finish_to(struct json *json, FILE *file)
{
	json_close(json, '}');
	fprintf(file, "%s\n", json->text->str);
	if (json->one_line)
		fflush(file);
	g_string_free(json->text, TRUE);
}

void json_finish(struct json *json)
{
	json_finish_to(json, stdout);
}

void json_string(struct json *json, const char *name, const char *value)
{
	begin_member(json, name);
	if (value)
		append_quoted(json, value);
	else
		g_string_append(json->text, "null");
}

void json_number(struct json *json, const char *name, gint64 value)
{
	begin_member(json, name);
	g_string_append_printf(json->text, "%" G_GINT64_FORMAT, value);
}

/* Three digits after the point; what is no number is null. */
void json_double(struct json *json, const char *name, double value)
{
	char text[G_ASCII_DTOSTR_BUF_SIZE + 300];

	begin_member(json, name);
	g_string_append(json->text, isfinite(value) ? g_ascii_formatd(text, sizeof(text), "%.3f",
								      value) : "null");
}

void json_bool(struct json *json, const char *name, bool value)
{
	begin_member(json, name);
	g_string_append(json->text, value ? "true" : "false");
}
