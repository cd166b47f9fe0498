/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * names.c - names of contexts and ports that the administrator has given
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "names.h"

#include <string.h>

static const char *directory = NAMES_DIRECTORY;

void _vmsock_names_set_directory(const char *other)
{
	directory = other;
}

gsize _vmsock_names_span(const char *text)
{
	gsize length = 0;

	if (!g_ascii_isalpha(*text) && *text != '_')
		return 0;
	while (g_ascii_isalnum(text[length]) || (text[length] && strchr("._-", text[length])))
		length++;
	return length;
}

gboolean _vmsock_names_parse_number(const char *text, guint32 *number)
{
	gboolean hexadecimal = g_ascii_strncasecmp(text, "0x", 2) == 0;
	guint64 value;

	if (!g_ascii_string_to_unsigned(hexadecimal ? text + 2 : text, hexadecimal ? 16 : 10, 0,
					G_MAXUINT32, &value, NULL))
		return FALSE;
	*number = (guint32)value;
	return TRUE;
}

/* Does a line of these @words say what @name is?  Then @number is written. */
typedef gboolean (*line_func)(char **words, const char *name, GSocketType type, guint32 *number);

static gboolean is_among(char **words, const char *name)
{
	for (; *words; words++)
		if (g_ascii_strcasecmp(*words, name) == 0)
			return TRUE;
	return FALSE;
}

/* Words of a line, without the empty ones between blanks. */
static char **split(const char *line)
{
	g_autofree char *text = g_strndup(line, strcspn(line, "#"));
	g_auto(GStrv) parts = g_strsplit_set(text, " \t\r", -1);
	GPtrArray *words = g_ptr_array_new();

	for (char **part = parts; *part; part++)
		if (**part)
			g_ptr_array_add(words, g_strdup(*part));
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

static gboolean find(const char *file, line_func fits, const char *name, GSocketType type,
		     guint32 *number)
{
	g_autofree char *path = g_build_filename(directory, file, NULL);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return FALSE;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) words = split(*line);

		if (words[0] && words[1] && fits(words, name, type, number))
			return TRUE;
	}
	return FALSE;
}

static gboolean host_fits(char **words, const char *name, GSocketType type G_GNUC_UNUSED,
			  guint32 *number)
{
	return is_among(words + 1, name) && _vmsock_names_parse_number(words[0], number);
}

static gboolean type_fits(const char *word, GSocketType type)
{
	static const struct {
		const char *word;
		GSocketType type;
	} types[] = {
		{ "stream", G_SOCKET_TYPE_STREAM },
		{ "dgram", G_SOCKET_TYPE_DATAGRAM },
		{ "seqpacket", G_SOCKET_TYPE_SEQPACKET },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
		if (g_ascii_strcasecmp(types[i].word, word) == 0)
			return type == G_SOCKET_TYPE_INVALID || type == types[i].type;
	return FALSE;
}

static gboolean service_fits(char **words, const char *name, GSocketType type, guint32 *number)
{
	g_auto(GStrv) parts = NULL;

	if (g_ascii_strcasecmp(words[0], name) != 0 && !is_among(words + 2, name))
		return FALSE;
	parts = g_strsplit(words[1], "/", 2);
	return (!parts[1] || type_fits(parts[1], type)) &&
	       _vmsock_names_parse_number(parts[0], number);
}

gboolean _vmsock_names_find_cid(const char *name, guint32 *cid)
{
	return find("hosts", host_fits, name, G_SOCKET_TYPE_INVALID, cid);
}

gboolean _vmsock_names_find_port(const char *name, GSocketType type, guint32 *port)
{
	return find("services", service_fits, name, type, port);
}
