/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * endpoint.c - the two ends of a forwarding rule: TCP, UNIX, vsock, standard input and output
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The PROXY protocol has no family for vsock.  Its header says "unspecified" then, and the peer's
 * address follows as text, "vsock:CID:PORT", in a field of type 0xE0, one of those for own use.
 */
#include "endpoint.h"

#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <unistd.h>

#include "listen.h"
#include "tool.h"

#define BACKLOG 1024

static bool parse_tcp(struct endpoint *endpoint, const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GNetworkAddress) address = NULL;
	guint64 port;

	if (g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT16, &port, NULL)) {
		endpoint->host = g_strdup("localhost");
		endpoint->port = (guint16)port;
		return true;
	}
	address = G_NETWORK_ADDRESS(g_network_address_parse(text, 0, &error));
	if (!address || !g_network_address_get_port(address)) {
		tool_complain("'tcp:%s' is not tcp:HOST:PORT", text);
		return false;
	}
	endpoint->host = g_strdup(g_network_address_get_hostname(address));
	endpoint->port = g_network_address_get_port(address);
	return true;
}

bool endpoint_parse(struct endpoint *endpoint, const char *text, bool listens)
{
	*endpoint = (struct endpoint){ .text = g_strdup(text) };
	if (strcmp(text, "stdio") == 0) {
		endpoint->kind = ENDPOINT_STDIO;
		return true;
	}
	if (listens && strcmp(text, "systemd") == 0) {
		endpoint->kind = ENDPOINT_SYSTEMD;
		return true;
	}
	if (g_str_has_prefix(text, "tcp:")) {
		endpoint->kind = ENDPOINT_TCP;
		return parse_tcp(endpoint, text + 4);
	}
	if (g_str_has_prefix(text, "unix:") && text[5]) {
		endpoint->kind = ENDPOINT_UNIX;
		endpoint->path = g_strdup(text + 5);
		return true;
	}
	endpoint->kind = ENDPOINT_VSOCK;
	endpoint->address = listens ? tool_parse_listen_address(text) : tool_parse_address(text);
	return endpoint->address;
}

void endpoint_clear(struct endpoint *endpoint)
{
	g_clear_pointer(&endpoint->text, g_free);
	g_clear_pointer(&endpoint->host, g_free);
	g_clear_pointer(&endpoint->path, g_free);
	g_clear_object(&endpoint->address);
}

/* Listening */

static bool add_tcp(GSocketListener *listener, const struct endpoint *endpoint, GError **error)
{
	g_autoptr(GResolver) resolver = g_resolver_get_default();
	GList *addresses = g_resolver_lookup_by_name(resolver, endpoint->host, NULL, error);
	bool good = addresses;

	for (GList *at = addresses; at && good; at = at->next) {
		g_autoptr(GSocketAddress) address = NULL;

		address = g_inet_socket_address_new(at->data, endpoint->port);
		good = g_socket_listener_add_address(listener, address, G_SOCKET_TYPE_STREAM,
						     G_SOCKET_PROTOCOL_TCP, NULL, NULL, error);
	}
	g_resolver_free_addresses(addresses);
	return good;
}

static bool add_unix(GSocketListener *listener, const char *path, GError **error)
{
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);

	listen_remove_stale(path);
	return g_socket_listener_add_address(listener, address, G_SOCKET_TYPE_STREAM, 0, NULL,
					     NULL, error);
}

static bool add_endpoint(GSocketListener *listener, const struct endpoint *endpoint, GError **error)
{
	switch (endpoint->kind) {
	case ENDPOINT_TCP:
		return add_tcp(listener, endpoint, error);
	case ENDPOINT_UNIX:
		return add_unix(listener, endpoint->path, error);
	default:
		g_assert_not_reached();
	}
}

/* Vsock addresses, and whatever a service manager has passed on. */
static GSocketListener *listen_vsock(const struct endpoint *endpoint, VmsockStack *stack,
				     guint64 buffer_size, GError **error)
{
	const struct listen_settings settings = {
		.stack = stack,
		.buffer_size = buffer_size,
		.backlog = BACKLOG,
	};
	g_autoptr(VmsockAddress) bound = NULL;

	return (GSocketListener *)listen_open(&settings, endpoint->address, &bound, error);
}

/* Whoever accepts must not wait for what somebody else has accepted. */
static void on_listener_event(GSocketListener *listener G_GNUC_UNUSED, GSocketListenerEvent event,
			      GSocket *socket, gpointer data G_GNUC_UNUSED)
{
	if (event == G_SOCKET_LISTENER_LISTENED)
		g_socket_set_blocking(socket, FALSE);
}

GSocketListener *endpoint_listen(const struct endpoint *endpoint, VmsockStack *stack,
				 guint64 buffer_size, GError **error)
{
	g_autoptr(GSocketListener) listener = NULL;

	if (endpoint->kind == ENDPOINT_VSOCK || endpoint->kind == ENDPOINT_SYSTEMD) {
		listener = listen_vsock(endpoint, stack, buffer_size, error);
	} else {
		listener = g_socket_listener_new();
		g_socket_listener_set_backlog(listener, BACKLOG);
		g_signal_connect(listener, "event", G_CALLBACK(on_listener_event), NULL);
		if (!add_endpoint(listener, endpoint, error))
			g_clear_object(&listener);
	}
	if (!listener)
		g_prefix_error(error, "%s: ", endpoint->text);
	return g_steal_pointer(&listener);
}

/* Connecting */

void endpoint_connect(const struct endpoint *endpoint, VmsockClient *client,
		      GCancellable *cancellable, GAsyncReadyCallback done, gpointer data)
{
	g_autoptr(GSocketClient) other = NULL;
	g_autoptr(GSocketConnectable) target = NULL;

	if (endpoint->kind == ENDPOINT_VSOCK) {
		vmsock_client_connect_async(client, endpoint->address, cancellable, done, data);
		return;
	}
	if (endpoint->kind == ENDPOINT_UNIX)
		target = G_SOCKET_CONNECTABLE(g_unix_socket_address_new(endpoint->path));
	else
		target = g_network_address_new(endpoint->host, endpoint->port);
	other = g_socket_client_new();
	g_socket_client_connect_async(other, target, cancellable, done, data);
}

GSocketConnection *endpoint_connect_finish(const struct endpoint *endpoint, GObject *source,
					   GAsyncResult *result, GError **error)
{
	if (endpoint->kind == ENDPOINT_VSOCK)
		return G_SOCKET_CONNECTION(vmsock_client_connect_finish(VMSOCK_CLIENT(source),
									result, error));
	return g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, error);
}

/* Who it is */

VmsockAddress *endpoint_peer(GSocketConnection *connection)
{
	GSocket *socket = g_socket_connection_get_socket(connection);

	switch (g_socket_get_family(socket)) {
	case G_SOCKET_FAMILY_IPV4:
	case G_SOCKET_FAMILY_IPV6:
	case G_SOCKET_FAMILY_UNIX:
		return NULL;
	default:
		return VMSOCK_IS_CONNECTION(connection) ?
		       vmsock_connection_get_remote_address(VMSOCK_CONNECTION(connection), NULL) :
		       NULL;
	}
}

/* The PROXY protocol */

#define PROXY_SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define PROXY_OWN_FIELD 0xe0

static void append_inet(GByteArray *bytes, GSocketAddress *from, GSocketAddress *to)
{
	GSocketAddress *const ends[] = { from, to };

	for (int i = 0; i < 2; i++) {
		GInetAddress *address =
			g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(ends[i]));

		g_byte_array_append(bytes, g_inet_address_to_bytes(address),
				    (guint)g_inet_address_get_native_size(address));
	}
	for (int i = 0; i < 2; i++) {
		guint16 port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(ends[i]));

		port = GUINT16_TO_BE(port);
		g_byte_array_append(bytes, (const guint8 *)&port, sizeof(port));
	}
}

static void append_field(GByteArray *bytes, const char *text)
{
	const guint8 head[] = { PROXY_OWN_FIELD, 0, (guint8)strlen(text) };

	g_byte_array_append(bytes, head, sizeof(head));
	g_byte_array_append(bytes, (const guint8 *)text, (guint)strlen(text));
}

/* Append the addresses; returns the byte for family and transport. */
static guint8 append_addresses(GByteArray *bytes, GSocketConnection *connection)
{
	g_autoptr(VmsockAddress) peer = endpoint_peer(connection);
	g_autoptr(GSocketAddress) from = NULL, to = NULL;
	g_autofree char *text = NULL;

	if (peer) {
		text = vmsock_address_to_string(peer);
		append_field(bytes, text);
		return 0;
	}
	from = g_socket_connection_get_remote_address(connection, NULL);
	to = g_socket_connection_get_local_address(connection, NULL);
	if (!G_IS_INET_SOCKET_ADDRESS(from) || !G_IS_INET_SOCKET_ADDRESS(to))
		return 0;
	append_inet(bytes, from, to);
	return g_socket_address_get_family(from) == G_SOCKET_FAMILY_IPV4 ? 0x11 : 0x21;
}

GByteArray *endpoint_proxy_header(GSocketConnection *connection)
{
	static const guint8 version_and_command = 0x21;
	g_autoptr(GByteArray) addresses = g_byte_array_new();
	GByteArray *header = g_byte_array_new();
	guint8 family = append_addresses(addresses, connection);
	guint16 length = GUINT16_TO_BE((guint16)addresses->len);

	g_byte_array_append(header, (const guint8 *)PROXY_SIGNATURE, 12);
	g_byte_array_append(header, &version_and_command, 1);
	g_byte_array_append(header, &family, 1);
	g_byte_array_append(header, (const guint8 *)&length, sizeof(length));
	g_byte_array_append(header, addresses->data, addresses->len);
	return header;
}
