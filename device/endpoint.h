/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * endpoint.h - the host end of VMCI sockets: plays context 2 to the guest
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vsock.md 5 to 7.  On one side it is a struct host (host.h), on the other it serves a back end,
 * which knows who on the host listens and moves the bytes.  All in one thread, nothing waits.
 */
#ifndef DEVICE_ENDPOINT_H
#define DEVICE_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/handshake.h"
#include "host.h"

struct backend;
struct endpoint;
struct loop;
struct stream;

/**
 * struct backend_ops - what the back end is told
 * @listens: does somebody accept connections to this port of the host?
 * @incoming: the guest connects to @port; the back end's name for the connection, or NULL to
 *	refuse.  Nothing can be moved before @established
 * @established: from now on, and for connections of either side
 * @ready: something may have become possible: to read, to write, or to see an end
 * @closed: the connection has failed or is broken, @stream is no longer there
 * @datagram: from a port of the guest to one of the host.  VMCI_SUCCESS or an error, which becomes
 *	the guest's result
 * @room: the guest takes datagrams again, after endpoint_datagram() had no room
 */
struct backend_ops {
	bool (*listens)(struct backend *backend, __u32 port);
	void *(*incoming)(struct backend *backend, struct stream *stream, __u32 port);
	void (*established)(void *connection);
	void (*ready)(void *connection);
	void (*closed)(void *connection);
	__s32 (*datagram)(struct backend *backend, __u32 from, __u32 to, const void *payload,
			  size_t length);
	void (*room)(struct backend *backend);
};

/* What every back end begins with */
struct backend {
	const struct backend_ops *ops;
	struct endpoint *endpoint;
};

/**
 * struct endpoint_options - limits of one VM's sockets
 * @sizes: of queues, bytes each way, as a socket's buffer options
 * @connections: at a time
 * @packet_style: connect in the older style, with REQUEST (vsock.md 6.3)
 * @connect_timeout_ms: for a guest that does not answer, to either packet of the handshake
 * @pending_timeout_ms: for one that began and does not go on, or does not notice an early end
 */
struct endpoint_options {
	struct vmsock_limits sizes;
	unsigned int connections;
	bool packet_style;
	unsigned int connect_timeout_ms;
	unsigned int pending_timeout_ms;
};

#define ENDPOINT_MAX_SIZE	(1u << 20)
#define ENDPOINT_CONNECTIONS	1024u
#define ENDPOINT_CONNECTIONS_MAX	16384u

/* What is right if nobody says otherwise */
struct endpoint_options endpoint_defaults(void);

/**
 * endpoint_new() - the host end of one VM
 * @loop: runs it
 * @options: copied
 * @backend: its endpoint is set; not called before the function calls
 *
 * Return: the endpoint, or NULL without memory.
 */
struct endpoint *endpoint_new(struct loop *loop, const struct endpoint_options *options,
			      struct backend *backend);
/* The back end has closed its streams and calls nothing any more */
void endpoint_free(struct endpoint *endpoint);

/* The guest's context */
__u32 endpoint_guest(const struct endpoint *endpoint);

/* For function_set_host() */
struct host *endpoint_host(struct endpoint *endpoint);

/**
 * endpoint_datagram() - to a port of the guest
 * @endpoint: of the VM
 * @from: port of the host
 * @to: port of the guest
 * @payload: copied
 * @length: bytes
 *
 * Ports of control channels are refused on either side: a packet from there would be believed.
 *
 * Return: as function_send().
 */
__s32 endpoint_datagram(struct endpoint *endpoint, __u32 from, __u32 to, const void *payload,
			size_t length);

#endif /* DEVICE_ENDPOINT_H */
