/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * address-text.c - addresses as people write them
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	address = [ scheme ] cid ":" port
 *	        | "vm(" cid "):" port
 *	        | "vsock/" cid [ ":" port ]
 *	        | "vsock-mux/" path [ ":" port ]
 *	        | "unix:" path
 *	scheme  = ( "vsock" | "vsock-stream" | "vsock-dgram" | "vsock-seqpacket" ) ":"
 *	        | ( "vsock" | "vmci" ) "://"
 *	cid     = number | "any" | "hypervisor" | "local" | "host" | "self" | name
 *	        | nothing, after "vsock:" and its relatives, which is "any"
 *	port    = number | "any" | name
 *	number  = decimal, or hexadecimal after "0x", below 2^32
 *	name    = a letter or "_", then letters, digits, ".", "_" and "-" (names.h)
 *	path    = any bytes; behind "vsock-mux/" it starts at the root of the file system unless it
 *	          begins with "./" or "../"
 *
 * Words may be in upper or lower case.  Nothing may stand before, between or behind the parts.
 */
#include "private.h"

#include <string.h>

#include "names.h"

#define MUX_PREFIX "vsock-mux/"
#define UNIX_PREFIX "unix:"

static const struct {
	const char *prefix;	/* the longer of two that start alike comes first */
	GSocketType type;
} schemes[] = {
	{ "vsock://", G_SOCKET_TYPE_INVALID },
	{ "vmci://", G_SOCKET_TYPE_INVALID },
	{ "vsock:", G_SOCKET_TYPE_INVALID },
	{ "vsock-stream:", G_SOCKET_TYPE_STREAM },
	{ "vsock-dgram:", G_SOCKET_TYPE_DATAGRAM },
	{ "vsock-seqpacket:", G_SOCKET_TYPE_SEQPACKET },
};

static const struct {
	const char *name;
	guint32 cid;
} cid_names[] = {
	{ "any", VMSOCK_CID_ANY },
	{ "hypervisor", VMSOCK_CID_HYPERVISOR },
	{ "local", VMSOCK_CID_LOCAL },
	{ "host", VMSOCK_CID_HOST },
};

/* A text, and how far it has been understood. */
struct cursor {
	const char *text;
	const char *at;
};

static gboolean fail(const struct cursor *cursor, GError **error, const char *problem)
{
	gsize offset = (gsize)(cursor->at - cursor->text);
	g_autofree char *shown = g_strescape(cursor->text, NULL);

	_vmsock_error_set_offset(error, VMSOCK_ERROR_INVALID_ADDRESS, offset,
				 "'%s' is not a vsock address: %s, at character %" G_GSIZE_FORMAT,
				 shown, problem, offset + 1);
	return FALSE;
}

static gboolean skip_prefix(struct cursor *cursor, const char *prefix)
{
	gsize length = strlen(prefix);

	if (g_ascii_strncasecmp(cursor->at, prefix, length) != 0)
		return FALSE;
	cursor->at += length;
	return TRUE;
}

/* Take a word, the whole of it up to @end or the end of the text. */
static gboolean skip_word(struct cursor *cursor, const char *word, char end)
{
	gsize length = strlen(word);

	if (g_ascii_strncasecmp(cursor->at, word, length) != 0)
		return FALSE;
	if (cursor->at[length] != end && cursor->at[length] != '\0')
		return FALSE;
	cursor->at += length;
	return TRUE;
}

/* Take digits up to anything else; the cursor stays at the first digit on failure. */
static gboolean take_number(struct cursor *cursor, guint32 *number, GError **error)
{
	struct cursor next = *cursor;
	guint base = skip_prefix(&next, "0x") ? 16 : 10;
	const char *digits = next.at;
	guint64 value = 0;

	for (; base == 16 ? g_ascii_isxdigit(*next.at) : g_ascii_isdigit(*next.at); next.at++) {
		value = value * base + (guint)g_ascii_xdigit_value(*next.at);
		if (value > G_MAXUINT32)
			return fail(cursor, error, "the number is too large");
	}
	if (next.at == digits)
		return fail(&next, error, "a digit is missing");
	*cursor = next;
	*number = (guint32)value;
	return TRUE;
}

static gboolean take_self(struct cursor *cursor, guint32 *cid, GError **error)
{
	g_autoptr(VmsockStack) stack = vmsock_stack_acquire(error);
	guint32 own;

	if (!stack)
		return FALSE;
	own = vmsock_stack_get_local_cid(stack);
	if (own == VMSOCK_CID_ANY)
		return fail(cursor, error, "this machine has no context ID");
	*cid = own;
	cursor->at += strlen("self");
	return TRUE;
}

/* The name at the cursor, to be looked up; NULL with @error set if there is none. */
static char *read_name(const struct cursor *cursor, const char *problem, GError **error)
{
	gsize length = _vmsock_names_span(cursor->at);

	if (length)
		return g_strndup(cursor->at, length);
	fail(cursor, error, problem);
	return NULL;
}

static gboolean take_cid_name(struct cursor *cursor, guint32 *cid, GError **error)
{
	static const char problem[] = "a context ID is a number, or any, hypervisor, local, host, "
				      "self, or a name from " NAMES_DIRECTORY "/hosts";
	g_autofree char *name = read_name(cursor, problem, error);

	if (!name)
		return FALSE;
	if (!_vmsock_names_find_cid(name, cid))
		return fail(cursor, error, problem);
	cursor->at += strlen(name);
	return TRUE;
}

static gboolean take_port_name(struct cursor *cursor, GSocketType type, guint32 *port,
			       GError **error)
{
	static const char problem[] = "a port is a number, or any, or a name from "
				      NAMES_DIRECTORY "/services";
	g_autofree char *name = read_name(cursor, problem, error);

	if (!name)
		return FALSE;
	if (!_vmsock_names_find_port(name, type, port))
		return fail(cursor, error, problem);
	cursor->at += strlen(name);
	return TRUE;
}

/* @end is what must follow; it is not taken. */
static gboolean take_cid(struct cursor *cursor, char end, guint32 *cid, GError **error)
{
	struct cursor self = *cursor;

	for (gsize i = 0; i < G_N_ELEMENTS(cid_names); i++) {
		if (skip_word(cursor, cid_names[i].name, end)) {
			*cid = cid_names[i].cid;
			return TRUE;
		}
	}
	if (skip_word(&self, "self", end))
		return take_self(cursor, cid, error);
	if (g_ascii_isdigit(*cursor->at))
		return take_number(cursor, cid, error);
	return take_cid_name(cursor, cid, error);
}

static gboolean take_port(struct cursor *cursor, GSocketType type, guint32 *port, GError **error)
{
	gboolean taken;

	if (skip_word(cursor, "any", '\0')) {
		*port = VMSOCK_PORT_ANY;
		return TRUE;
	}
	taken = g_ascii_isdigit(*cursor->at) ? take_number(cursor, port, error)
					     : take_port_name(cursor, type, port, error);
	if (!taken)
		return FALSE;
	return *cursor->at ? fail(cursor, error, "the port goes on with something else") : TRUE;
}

/* ":" and a port, or the end of the text and the default that @port has. */
static gboolean take_optional_port(struct cursor *cursor, GSocketType type, guint32 *port,
				   GError **error)
{
	if (!*cursor->at)
		return TRUE;
	if (!skip_prefix(cursor, ":"))
		return fail(cursor, error, "':' is missing behind the context ID");
	return take_port(cursor, type, port, error);
}

static gboolean take_scheme(struct cursor *cursor, GSocketType *type)
{
	for (gsize i = 0; i < G_N_ELEMENTS(schemes); i++) {
		if (skip_prefix(cursor, schemes[i].prefix)) {
			*type = schemes[i].type;
			return TRUE;
		}
	}
	return FALSE;
}

/* Does @path say where it begins, so that nothing has to be put before it? */
static gboolean is_explicit_path(const char *path)
{
	return g_str_has_prefix(path, "/") || g_str_has_prefix(path, "./") ||
	       g_str_has_prefix(path, "../");
}

char *_vmsock_address_normal_path(const char *path)
{
	return is_explicit_path(path) ? g_strdup(path) : g_strconcat("./", path, NULL);
}

/* @length bytes at the cursor are a path; it is not taken. */
static gboolean check_path(const struct cursor *cursor, gsize length, GError **error)
{
	if (length == 0)
		return fail(cursor, error, "a path is missing");
	if (length > VMSOCK_PATH_MAX)
		return fail(cursor, error, "the path is too long for a socket");
	return TRUE;
}

static VmsockAddress *parse_unix(struct cursor *cursor, GError **error)
{
	g_autofree char *path = _vmsock_address_normal_path(cursor->at);

	if (!*cursor->at)
		return check_path(cursor, 0, error), NULL;
	return check_path(cursor, strlen(path), error) ? vmsock_address_new_unix(path) : NULL;
}

static VmsockAddress *parse_mux(struct cursor *cursor, guint32 port, GError **error)
{
	const char *colon = strrchr(cursor->at, ':');
	gsize length = colon ? (gsize)(colon - cursor->at) : strlen(cursor->at);
	g_autofree char *given = g_strndup(cursor->at, length);
	g_autofree char *path = g_strconcat(is_explicit_path(given) ? "" : "/", given, NULL);

	if (!check_path(cursor, length ? strlen(path) : 0, error))
		return NULL;
	cursor->at += length;
	if (!take_optional_port(cursor, G_SOCKET_TYPE_STREAM, &port, error))
		return NULL;
	return vmsock_address_new_mux(path, port);
}

static VmsockAddress *parse_slash(struct cursor *cursor, guint32 port, GError **error)
{
	guint32 cid;

	if (!take_cid(cursor, strchr(cursor->at, ':') ? ':' : '\0', &cid, error) ||
	    !take_optional_port(cursor, G_SOCKET_TYPE_INVALID, &port, error))
		return NULL;
	return vmsock_address_new(cid, port);
}

static VmsockAddress *parse_vsock(struct cursor *cursor, GError **error)
{
	GSocketType type = G_SOCKET_TYPE_INVALID;
	guint32 cid = VMSOCK_CID_ANY;
	guint32 port;
	gboolean scheme, named;

	scheme = take_scheme(cursor, &type);
	named = !scheme && skip_prefix(cursor, "vm(");
	if (!(scheme && *cursor->at == ':' && cursor->at[-1] == ':') &&
	    !take_cid(cursor, named ? ')' : ':', &cid, error))
		return NULL;
	if (!skip_prefix(cursor, named ? "):" : ":")) {
		fail(cursor, error, named ? "'):' is missing behind the context ID"
					  : "':' is missing behind the context ID");
		return NULL;
	}
	if (!take_port(cursor, type, &port, error))
		return NULL;
	return vmsock_address_new_with_type(cid, port, type);
}

/**
 * vmsock_address_parse:
 * @text: the text
 * @error: where to put an error
 *
 * Reads an address.
 *
 * - `vsock:CID:PORT`, `vsock://CID:PORT`, `vmci://CID:PORT`, `CID:PORT` and `vm(CID):PORT`: a port
 *   of a context
 * - `vsock::PORT`: of any context, to bind to
 * - `vsock-stream:`, `vsock-dgram:`, `vsock-seqpacket:` and the same behind: for one kind of
 * sockets - `vsock/CID` and `vsock/CID:PORT`: as the vsock proxies of SSH have it
 * - `vsock-mux/PATH:PORT`: a port of the virtual machine whose monitor has the UNIX socket `PATH`
 * - `unix:PATH`: a UNIX socket
 *
 * Numbers are decimal, or hexadecimal after `0x`. A context ID may be one of the words `any`,
 * `hypervisor`, `local`, `host` and `self`, or a name from `/etc/vmsock/hosts`; a port the word
 * `any`, or a name from `/etc/vmsock/services`. A missing port is [const@Vmsock.PORT_ANY], see
 * [func@Vmsock.Address.parse_with_default_port].
 *
 * Errors: [error@Vmsock.Error.INVALID_ADDRESS], see [func@Vmsock.Error.get_offset]; for `self` also
 * those of [func@Vmsock.Stack.acquire].
 *
 * Returns: (transfer full): the address
 */
VmsockAddress *vmsock_address_parse(const char *text, GError **error)
{
	return vmsock_address_parse_with_default_port(text, VMSOCK_PORT_ANY, error);
}

/**
 * vmsock_address_parse_with_default_port:
 * @text: the text
 * @default_port: the port of a text that may go without one: `vsock/CID` and `vsock-mux/PATH`
 * @error: where to put an error
 *
 * Reads an address, as [func@Vmsock.Address.parse] does.
 *
 * Errors: those of [func@Vmsock.Address.parse].
 *
 * Returns: (transfer full): the address
 */
VmsockAddress *vmsock_address_parse_with_default_port(const char *text, guint32 default_port,
						      GError **error)
{
	struct cursor cursor = { text, text };

	g_return_val_if_fail(text != NULL, NULL);
	if (skip_prefix(&cursor, UNIX_PREFIX))
		return parse_unix(&cursor, error);
	if (skip_prefix(&cursor, MUX_PREFIX))
		return parse_mux(&cursor, default_port, error);
	if (skip_prefix(&cursor, "vsock/"))
		return parse_slash(&cursor, default_port, error);
	return parse_vsock(&cursor, error);
}

static const char *scheme_of(GSocketType type)
{
	for (gsize i = 0; i < G_N_ELEMENTS(schemes); i++)
		if (type != G_SOCKET_TYPE_INVALID && schemes[i].type == type)
			return schemes[i].prefix;
	return "vsock:";
}

/* @path as it stands behind "vsock-mux/", where an absolute one usually goes without its slash. */
static const char *shorten_path(const char *path)
{
	return *path == '/' && path[1] && !is_explicit_path(path + 1) ? path + 1 : path;
}

/**
 * vmsock_address_to_string:
 * @address: an address
 *
 * Writes an address as `vsock:CID:PORT`, with the kind of socket in the scheme if it was said, or
 * as `vsock-mux/PATH:PORT` or `unix:PATH`. Any context is an empty one, any port the word `any`.
 * [func@Vmsock.Address.parse] reads it back.
 *
 * Returns: (transfer full): the text
 */
char *vmsock_address_to_string(VmsockAddress *address)
{
	guint32 cid = vmsock_address_get_cid(address);
	guint32 port = vmsock_address_get_port(address);
	const char *path = vmsock_address_get_path(address);
	char cid_text[12] = "", port_text[12] = "any";

	if (cid != VMSOCK_CID_ANY)
		g_snprintf(cid_text, sizeof(cid_text), "%u", cid);
	if (port != VMSOCK_PORT_ANY)
		g_snprintf(port_text, sizeof(port_text), "%u", port);
	switch (vmsock_address_get_kind(address)) {
	case VMSOCK_ADDRESS_KIND_UNIX:
		return g_strconcat(UNIX_PREFIX, path, NULL);
	case VMSOCK_ADDRESS_KIND_MUX:
		return g_strconcat(MUX_PREFIX, shorten_path(path), ":", port_text, NULL);
	default:
		return g_strconcat(scheme_of(vmsock_address_get_socket_type(address)), cid_text,
				   ":", port_text, NULL);
	}
}
