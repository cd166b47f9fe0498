/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port.h - where a relay reads from and writes to
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A port never blocks: its calls return -1 with EAGAIN where they would have to wait.  That holds
 * for pipes too, without touching flags that belong to whoever gave us the descriptor.
 */
#ifndef PORT_H
#define PORT_H

#include <gio/gio.h>
#include <stdbool.h>
#include <sys/types.h>
#include <vmsock/vmsock.h>

struct port;

struct port_ops {
	ssize_t (*read)(struct port *port, void *buffer, size_t size);	/* 0: end of input */
	ssize_t (*write)(struct port *port, const void *buffer, size_t size);
};

struct port {
	const struct port_ops *ops;
	int fd;
	bool owns_fd;				/* port_clear() closes it */
	VmsockDatagramSocket *datagrams;	/* borrowed */
	VmsockAddress *peer;			/* where datagrams go */
	bool peer_fixed;			/* take datagrams of nobody else; or: of the last */
	GArray *allowed;			/* borrowed: CIDs to take datagrams of; NULL: all */
	guint64 received, limit;		/* datagrams; input ends at the limit, 0 is none */
	guint64 generated;			/* bytes, of the character generator */
};

/* A descriptor of any kind to read from; once after each POLLIN, or it may block. */
void port_init_input(struct port *port, int fd);

/* A descriptor of any kind to write to.  A pipe stays open until port_clear(), too. */
void port_init_output(struct port *port, int fd);

/* A descriptor more for the same output, of a pipe one that does not block; -1 on failure. */
int port_own_output(int fd);

/* A stream socket. */
void port_init_socket(struct port *port, GSocket *socket);

/* A datagram socket, for talking to @peer; or, if that is NULL, to whoever sent to us last. */
void port_init_datagrams(struct port *port, VmsockDatagramSocket *socket, VmsockAddress *peer);

/*
 * A seqpacket socket: what is read at once is a packet.  Writing waits for the peer to take what it
 * got before, WAIT_SECONDS at most: the kernel may send half a packet rather than not wait.
 */
#define PORT_WAIT_SECONDS 10
void port_init_packets(struct port *port, GSocket *socket);

/* Takes everything, for output. */
void port_init_discard(struct port *port);

/* The lines of the character generator (RFC 864) without end, for input. */
void port_init_chargen(struct port *port);

/* The lines from byte @from on. */
void port_generate(guint8 *buffer, size_t size, guint64 from);

/* Harmless when repeated, and for a port that is all zeros. */
void port_clear(struct port *port);

#endif
