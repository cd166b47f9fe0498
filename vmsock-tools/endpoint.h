/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * endpoint.h - the two ends of a forwarding rule: TCP, UNIX, vsock, standard input and output
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <gio/gio.h>
#include <stdbool.h>
#include <vmsock/vmsock.h>

enum endpoint_kind {
	ENDPOINT_TCP,			/* tcp:HOST:PORT, tcp:PORT */
	ENDPOINT_UNIX,			/* unix:PATH */
	ENDPOINT_VSOCK,			/* any address of the library */
	ENDPOINT_STDIO,			/* stdio */
	ENDPOINT_SYSTEMD		/* systemd: the sockets that a service manager passes on */
};

struct endpoint {
	enum endpoint_kind kind;
	char *text, *host, *path;
	guint16 port;
	VmsockAddress *address;
};

/* False after a message. */
bool endpoint_parse(struct endpoint *endpoint, const char *text, bool listens);
void endpoint_clear(struct endpoint *endpoint);

/*
 * Listen; not for ENDPOINT_STDIO.  NULL with @error set.  Several accepts at once are possible: of
 * those that find nothing, one of plain GIO fails with WOULD_BLOCK.
 */
GSocketListener *endpoint_listen(const struct endpoint *endpoint, VmsockStack *stack,
				 guint64 buffer_size, GError **error);

/* Connect; not for ENDPOINT_STDIO and ENDPOINT_SYSTEMD. */
void endpoint_connect(const struct endpoint *endpoint, VmsockClient *client,
		      GCancellable *cancellable, GAsyncReadyCallback done, gpointer data);
GSocketConnection *endpoint_connect_finish(const struct endpoint *endpoint, GObject *source,
					   GAsyncResult *result, GError **error);

/* Who is at the other end of an accepted connection; NULL if it is no vsock address. */
VmsockAddress *endpoint_peer(GSocketConnection *connection);

/* Header of the PROXY protocol, version 2, for an accepted connection. */
GByteArray *endpoint_proxy_header(GSocketConnection *connection);

#endif
