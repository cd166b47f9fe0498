/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json.h - JSON objects on standard output
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Commas, indentation and quoting are done here; NULL as a name means an element of an array.
 */
#ifndef JSON_H
#define JSON_H

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

struct json {
	GString *text;
	int depth;
	bool first;	/* nothing written yet inside the innermost brackets */
	bool one_line;
};

void json_start(struct json *json);
void json_start_line(struct json *json);	/* one object of a stream, on one line */
void json_finish(struct json *json);		/* prints it */
void json_finish_to(struct json *json, FILE *file);	/* ... elsewhere than standard output */

void json_open(struct json *json, const char *name, char bracket);	/* '{' or '[' */
void json_close(struct json *json, char bracket);			/* '}' or ']' */
void json_string(struct json *json, const char *name, const char *value);	/* NULL is null */
void json_number(struct json *json, const char *name, gint64 value);
void json_double(struct json *json, const char *name, double value);
void json_bool(struct json *json, const char *name, bool value);

#endif
