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
	require(vmsock_address_equal(again, address));
	require(vmsock_address_hash(again) == vmsock_address_hash(address));
	require(strcmp(text, twice) == 0);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	g_autofree char *text = g_strndup((const char *)data, length);
	g_autoptr(GError) error = NULL;
	g_autoptr(VmsockAddress) address = vmsock_address_parse(text, &error);

	require((address != NULL) == (error == NULL));
	if (address)
		check_good(address);
	else
		check_bad(text, error);
	return 0;
}
