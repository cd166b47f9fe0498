/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * address-text.c - addresses as people write them
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	address = [ scheme ] cid ":" port
 *	scheme  = ( "vsock" | "vsock-stream" | "vsock-dgram" | "vsock-seqpacket" ) ":"
 *	        | ( "vsock" | "vmci" ) "://"
 *	cid     = number | "any" | "hypervisor" | "local" | "host" | "self"
 *	        | nothing, after "vsock:" and its relatives, which is "any"
 *	port    = number | "any"
 *	address = "vm(" cid "):" port
 *	number  = decimal, or hexadecimal after "0x", below 2^32
 *
 * Words may be in upper or lower case.  Nothing may stand before, between or behind the parts.
 */
#include "private.h"

#include <string.h>

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
	if (!g_ascii_isdigit(*cursor->at))
		return fail(cursor, error, "a context ID is a number, or any, hypervisor, local, "
			    "host or self");
	return take_number(cursor, cid, error);
}

static gboolean take_port(struct cursor *cursor, guint32 *port, GError **error)
{
	if (skip_word(cursor, "any", '\0')) {
		*port = VMSOCK_PORT_ANY;
		return TRUE;
	}
	if (!g_ascii_isdigit(*cursor->at))
		return fail(cursor, error, "a port is a number, or any");
	if (!take_number(cursor, port, error))
		return FALSE;
	return *cursor->at ? fail(cursor, error, "the port goes on with something else") : TRUE;
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

/**
 * vmsock_address_parse:
 * @text: the text
 * @error: where to put an error
 *
 * Reads an address: `vsock:CID:PORT`, `vsock::PORT` for any context, `vsock-stream:`,
 * `vsock-dgram:` and `vsock-seqpacket:` with the same behind, `vsock://CID:PORT`,
 * `vmci://CID:PORT`, `CID:PORT` or `vm(CID):PORT`. Numbers are decimal, or hexadecimal after `0x`.
 * A context ID may be one of the words `any`, `hypervisor`, `local`, `host` and `self`, a port the
 * word `any`.
 *
 * Errors: [enum@Vmsock.Error.INVALID_ADDRESS], see [func@Vmsock.Error.get_offset]; for `self` also
 * those of [func@Vmsock.Stack.acquire].
 *
 * Returns: (transfer full): the address
 */
VmsockAddress *vmsock_address_parse(const char *text, GError **error)
{
	struct cursor cursor = { text, text };
	GSocketType type = G_SOCKET_TYPE_INVALID;
	guint32 cid = VMSOCK_CID_ANY;
	guint32 port;
	gboolean scheme, named;

	g_return_val_if_fail(text != NULL, NULL);
	scheme = take_scheme(&cursor, &type);
	named = !scheme && skip_prefix(&cursor, "vm(");
	if (!(scheme && *cursor.at == ':' && cursor.at[-1] == ':') &&
	    !take_cid(&cursor, named ? ')' : ':', &cid, error))
		return NULL;
	if (!skip_prefix(&cursor, named ? "):" : ":")) {
		fail(&cursor, error, named ? "'):' is missing behind the context ID"
					   : "':' is missing behind the context ID");
		return NULL;
	}
	if (!take_port(&cursor, &port, error))
		return NULL;
	return vmsock_address_new_with_type(cid, port, type);
}

static const char *scheme_of(GSocketType type)
{
	for (gsize i = 0; i < G_N_ELEMENTS(schemes); i++)
		if (type != G_SOCKET_TYPE_INVALID && schemes[i].type == type)
			return schemes[i].prefix;
	return "vsock:";
}

/**
 * vmsock_address_to_string:
 * @address: an address
 *
 * Writes an address as `vsock:CID:PORT`, with the kind of socket in the scheme if it was said. Any
 * context is an empty one, any port the word `any`. [func@Vmsock.Address.parse] reads it back.
 *
 * Returns: (transfer full): the text
 */
char *vmsock_address_to_string(VmsockAddress *address)
{
	guint32 cid = vmsock_address_get_cid(address);
	guint32 port = vmsock_address_get_port(address);
	char cid_text[12] = "", port_text[12] = "any";

	if (cid != VMSOCK_CID_ANY)
		g_snprintf(cid_text, sizeof(cid_text), "%u", cid);
	if (port != VMSOCK_PORT_ANY)
		g_snprintf(port_text, sizeof(port_text), "%u", port);
	return g_strconcat(scheme_of(vmsock_address_get_socket_type(address)), cid_text, ":",
			   port_text, NULL);
}
