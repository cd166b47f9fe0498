// SPDX-License-Identifier: GPL-2.0-or-later
/* text.c - fuzz target: addresses as people write them (lib/address-text.c)
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <vmsock/vmsock.h>

#include "fuzz.h"

static void check_good(VmsockAddress *address)
{
	g_autofree char *text = vmsock_address_to_string(address);
	g_autoptr(VmsockAddress) again = vmsock_address_parse(text, NULL);
	g_autofree char *twice = again ? vmsock_address_to_string(again) : NULL;

	require(again != NULL);
	require(vmsock_address_get_cid(again) == vmsock_address_get_cid(address));
	require(vmsock_address_get_port(again) == vmsock_address_get_port(address));
	require(vmsock_address_get_socket_type(again) == vmsock_address_get_socket_type(address));
	require(vmsock_address_get_kind(again) == vmsock_address_get_kind(address));
	require(g_strcmp0(vmsock_address_get_path(again), vmsock_address_get_path(address)) == 0);
	require(vmsock_address_equal(again, address));
	require(vmsock_address_hash(again) == vmsock_address_hash(address));
	require(strcmp(text, twice) == 0);
}

static void check_variant(VmsockAddress *address)
{
	g_autoptr(GVariant) variant = g_variant_ref_sink(vmsock_address_to_variant(address));
	g_autoptr(VmsockAddress) again = vmsock_address_new_from_variant(variant);

	require(again != NULL);
	require(vmsock_address_equal(again, address));
}

/* A path fits into the kernel's form, and comes back from there */
static void check_path(VmsockAddress *address)
{
	char native[128];
	gssize size = g_socket_address_get_native_size(G_SOCKET_ADDRESS(address));
	g_autoptr(VmsockAddress) again = NULL;

	if (!vmsock_address_get_path(address))
		return;
	require(size > 0 && (size_t)size <= sizeof(native));
	require(g_socket_address_to_native(G_SOCKET_ADDRESS(address), native, sizeof(native),
					   NULL));
	again = vmsock_address_new_from_native(native, (size_t)size);
	require(again != NULL);
	require(strcmp(vmsock_address_get_path(again), vmsock_address_get_path(address)) == 0);
}

/* What "self" is depends on the machine: another error may come of it */
static void check_bad(const char *text, const GError *error)
{
	g_autofree char *lower = g_ascii_strdown(text, -1);

	require(error != NULL && error->message && *error->message);
	if (strstr(lower, "self"))
		return;
	require(g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_INVALID_ADDRESS));
	require(vmsock_error_get_offset(error) >= 0);
	require((size_t)vmsock_error_get_offset(error) <= strlen(text));
}

/* A decimal number, the whole of it up to @end; what is too large for 64 bits is the largest */
static bool is_number(const char *text, char end, guint64 *number, const char **rest)
{
	char *stop;

	if (!g_ascii_isdigit(*text) || g_ascii_strncasecmp(text, "0x", 2) == 0)
		return false;
	*number = g_ascii_strtoull(text, &stop, 10);
	*rest = stop;
	return *stop == end;
}

/* Two plain numbers are an address if, and only if, both are below 2^32 */
static void check_numbers(const char *text, VmsockAddress *address)
{
	guint64 cid, port;

	if (!is_number(text, ':', &cid, &text) || !is_number(text + 1, '\0', &port, &text))
		return;
	require((address != NULL) == (cid <= G_MAXUINT32 && port <= G_MAXUINT32));
	if (!address)
		return;
	require(vmsock_address_get_cid(address) == cid);
	require(vmsock_address_get_port(address) == port);
	require(vmsock_address_get_socket_type(address) == G_SOCKET_TYPE_INVALID);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	g_autofree char *text = g_strndup((const char *)data, length);
	g_autoptr(GError) error = NULL;
	g_autoptr(VmsockAddress) address = vmsock_address_parse(text, &error);

	require((address != NULL) == (error == NULL));
	if (address) {
		check_good(address);
		check_variant(address);
		check_path(address);
	} else {
		check_bad(text, error);
	}
	check_numbers(text, address);
	return 0;
}
