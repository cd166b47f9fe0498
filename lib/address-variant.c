/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * address-variant.c - addresses as GVariant, for settings and D-Bus
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "private.h"

#include <string.h>

static const struct {
	const char *scheme;
	VmsockAddressKind kind;
	GSocketType type;
} schemes[] = {
	{ "vsock", VMSOCK_ADDRESS_KIND_VSOCK, G_SOCKET_TYPE_INVALID },
	{ "vsock-stream", VMSOCK_ADDRESS_KIND_VSOCK, G_SOCKET_TYPE_STREAM },
	{ "vsock-dgram", VMSOCK_ADDRESS_KIND_VSOCK, G_SOCKET_TYPE_DATAGRAM },
	{ "vsock-seqpacket", VMSOCK_ADDRESS_KIND_VSOCK, G_SOCKET_TYPE_SEQPACKET },
	{ "vsock-mux", VMSOCK_ADDRESS_KIND_MUX, G_SOCKET_TYPE_STREAM },
	{ "unix", VMSOCK_ADDRESS_KIND_UNIX, G_SOCKET_TYPE_STREAM },
};

static const char *scheme_of(VmsockAddress *address)
{
	VmsockAddressKind kind = vmsock_address_get_kind(address);
	GSocketType type = vmsock_address_get_socket_type(address);

	for (gsize i = 0; i < G_N_ELEMENTS(schemes); i++)
		if (schemes[i].kind == kind &&
		    (schemes[i].type == type || kind != VMSOCK_ADDRESS_KIND_VSOCK))
			return schemes[i].scheme;
	return schemes[0].scheme;
}

/**
 * vmsock_address_to_variant:
 * @address: an address
 *
 * Writes an address as [const@Vmsock.ADDRESS_VARIANT_TYPE]: the scheme that
 * [method@Vmsock.Address.to_string] would write, context ID, port, and the bytes of the path, with
 * the maximum where an address has no context ID or no port, and nothing where it has no path.
 *
 * Returns: (transfer floating): the variant
 */
GVariant *vmsock_address_to_variant(VmsockAddress *address)
{
	const char *path;

	g_return_val_if_fail(VMSOCK_IS_ADDRESS(address), NULL);
	path = vmsock_address_get_path(address);
	return g_variant_new("(suu^ay)", scheme_of(address), vmsock_address_get_cid(address),
			     vmsock_address_get_port(address), path ? path : "");
}

static VmsockAddress *make(const char *scheme, guint32 cid, guint32 port, const char *path)
{
	for (gsize i = 0; i < G_N_ELEMENTS(schemes); i++) {
		if (strcmp(schemes[i].scheme, scheme) != 0)
			continue;
		switch (schemes[i].kind) {
		case VMSOCK_ADDRESS_KIND_VSOCK:
			return *path ? NULL : vmsock_address_new_with_type(cid, port,
									   schemes[i].type);
		case VMSOCK_ADDRESS_KIND_MUX:
			return *path ? vmsock_address_new_mux(path, port) : NULL;
		case VMSOCK_ADDRESS_KIND_UNIX:
			return vmsock_address_new_unix(path);
		}
	}
	return NULL;
}

/**
 * vmsock_address_new_from_variant:
 * @variant: a variant, which may come from anywhere
 *
 * Reads what [method@Vmsock.Address.to_variant] has written. A floating reference is taken.
 *
 * Returns: (transfer full) (nullable): the address, or %NULL if @variant is none
 */
VmsockAddress *vmsock_address_new_from_variant(GVariant *variant)
{
	g_autoptr(GVariant) owned = NULL;
	const char *scheme, *path;
	guint32 cid, port;

	g_return_val_if_fail(variant != NULL, NULL);
	owned = g_variant_ref_sink(variant);
	if (!g_variant_is_of_type(owned, G_VARIANT_TYPE(VMSOCK_ADDRESS_VARIANT_TYPE)))
		return NULL;
	g_variant_get(owned, "(&suu^&ay)", &scheme, &cid, &port, &path);
	return make(scheme, cid, port, path);
}
