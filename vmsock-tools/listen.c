/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * listen.c - listening sockets of all commands: made here, or passed on by a service manager
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "listen.h"

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>

#define USUAL_BACKLOG 128

void listen_remove_stale(const char *path)
{
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
	g_autoptr(GSocketClient) client = g_socket_client_new();
	g_autoptr(GSocketConnection) connection = NULL;
	g_autoptr(GError) error = NULL;

	connection = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, &error);
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
		g_unlink(path);
}

/* The file that listening at @address makes, or NULL. */
static char *path_of(VmsockAddress *address)
{
	switch (vmsock_address_get_kind(address)) {
	case VMSOCK_ADDRESS_KIND_UNIX:
		return g_strdup(vmsock_address_get_path(address));
	case VMSOCK_ADDRESS_KIND_MUX:
		return g_strdup_printf("%s_%u", vmsock_address_get_path(address),
				       vmsock_address_get_port(address));
	default:
		return NULL;
	}
}

static bool add_inherited(VmsockListener *listener, GError **error)
{
	int count = vmsock_listener_add_inherited(listener, error);

	if (count == 0)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
			    "no sockets were passed on (LISTEN_FDS is not set for this process)");
	return count > 0;
}

static bool add_address(VmsockListener *listener, VmsockAddress *address, VmsockAddress **bound,
			GError **error)
{
	g_autofree char *path = path_of(address);

	if (path)
		listen_remove_stale(path);
	return vmsock_listener_add_address(listener, address, bound, error);
}

VmsockListener *listen_open(const struct listen_settings *settings, VmsockAddress *address,
			    VmsockAddress **bound, GError **error)
{
	g_autoptr(VmsockListener) listener = vmsock_listener_new();
	GArray *allowed = settings->allowed;

	g_socket_listener_set_backlog(G_SOCKET_LISTENER(listener),
				      settings->backlog ? settings->backlog : USUAL_BACKLOG);
	vmsock_listener_set_stack(listener, settings->stack);
	vmsock_listener_set_buffer_size(listener, settings->buffer_size);
	if (allowed)
		vmsock_listener_set_allowed_cids(listener, (guint32 *)(void *)allowed->data,
						 allowed->len);
	*bound = NULL;
	if (address ? !add_address(listener, address, bound, error)
		    : !add_inherited(listener, error))
		return NULL;
	return g_steal_pointer(&listener);
}

void listen_close(VmsockListener **listener, VmsockAddress **bound)
{
	g_autofree char *path = *bound ? path_of(*bound) : NULL;

	if (*listener)
		g_socket_listener_close(G_SOCKET_LISTENER(*listener));
	g_clear_object(listener);
	if (path)
		g_unlink(path);
	g_clear_object(bound);
}
