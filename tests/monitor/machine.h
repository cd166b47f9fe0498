/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * machine.h - VMCI sockets of a machine that is a program
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The sockets of a virtual machine over modules/common, for whoever has a way to the host: the
 * guest of tests/device, the monitor of tests/vm.  Its sockets write a pattern and check the one
 * they read.  Nothing here waits: a socket goes on when a packet or an event has come for it, or
 * when machine_run() says so.
 */
#ifndef TESTS_MONITOR_MACHINE_H
#define TESTS_MONITOR_MACHINE_H

#include <stdbool.h>

#include "common/handshake.h"
#include "common/notify.h"

#define MACHINE_PAGE		4096u
#define MACHINE_PAGE_SHIFT	12

struct machine;

struct socket {
	struct machine *machine;
	struct socket *next;
	struct vmsock_handshake hs;
	struct vmsock_notify notify;
	bool listens;
	bool accepted;		/* of a listener */
	/* the queue pair */
	void *pair;		/* the machine's, NULL without */
	unsigned char *pages[600];
	__u64 tail, head;
	/* what the program does */
	__u64 to_write, written, received, wrong;
	__u64 chunk;		/* most bytes of a transfer */
	bool reading;
	bool finish;		/* SHUTDOWN when all is written */
	bool finished;
	bool closes;		/* close when all is written */
	bool talks;		/* WROTE after each write, READ after each read */
	/* what has become of it */
	bool ended;		/* the other side has said all */
	bool failed;
	bool detached;		/* the event has arrived */
};

/**
 * struct machine_ops - the way to the host
 * @send: a datagram whose source is complete; its result
 * @open: create or attach the queue pair of a socket, hs.size bytes each way: pair and pages are
 *	set, the pages in the order of vmci.md 5.9, headers initialised
 * @close: give it back
 */
struct machine_ops {
	__s32 (*send)(struct machine *machine, const struct vmci_datagram *datagram);
	bool (*open)(struct socket *socket, struct vmci_handle handle, __u32 flags);
	void (*close)(struct socket *socket);
};

struct machine {
	const struct machine_ops *ops;
	__u32 cid;
	__u32 last_port, last_resource;
	__u32 by_hand;		/* a port whose packets are counted and not answered */
	struct socket *sockets;
	__s32 last_result;	/* of the latest datagram to the host */
	unsigned int packets[VMSOCK_PACKET_TYPE_COUNT];	/* received, by type */
};

void machine_init(struct machine *machine, const struct machine_ops *ops, __u32 cid);

unsigned char pattern(__u64 position);

/* A client: REQUEST2 is sent, or REQUEST */
struct socket *machine_connect(struct machine *machine, __u32 port, __u64 size,
			       bool packet_style);
struct socket *machine_listen(struct machine *machine, __u32 port, __u64 size);
/* The newest connection of a listener, or NULL */
struct socket *machine_accepted(struct machine *machine, __u32 port);

/* Goes on with reading and writing as the fields say */
void machine_run(struct socket *socket);
void machine_shutdown(struct socket *socket, unsigned int bits);
/* Detaches; the socket is no longer there */
void machine_close(struct socket *socket);

/* To the host, in the name of this machine: its result */
__s32 machine_packet(struct machine *machine, const struct vmsock_packet *pkt);

/* From the host */
void machine_packet_received(struct machine *machine, const struct vmsock_packet *pkt);
void machine_detached(struct machine *machine, struct vmci_handle handle);

/* Header of the socket's produce queue: what the host reads */
struct vmci_queue_header *machine_header(const struct socket *socket);

#endif /* TESTS_MONITOR_MACHINE_H */
