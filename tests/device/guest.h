/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest.h - a guest in user space, for the host end of the device
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * It has memory in a shared file, sockets over modules/common, and plays the VMCI function to
 * the host end (host.h).  Its sockets write a pattern and check the one they read.
 */
#ifndef TESTS_DEVICE_GUEST_H
#define TESTS_DEVICE_GUEST_H

#include <stdbool.h>

#include "common/handshake.h"
#include "common/notify.h"
#include "host.h"
#include "loop.h"
#include "queue_pair.h"

#define GUEST_CID	3u
#define GUEST_PAGE	4096u

struct guest;

struct socket {
	struct guest *guest;
	struct socket *next;
	struct vmsock_handshake hs;
	struct vmsock_notify notify;
	bool listens;
	bool accepted;		/* of a listener */
	/* the queue pair */
	struct pair *pair;
	__u64 ppns[600];
	__u64 tail, head;
	/* what the program does */
	__u64 to_write, written, received, wrong;
	__u64 chunk;		/* most bytes of a transfer */
	bool reading;
	bool finish;		/* SHUTDOWN when all is written */
	bool finished;
	bool closes;		/* close when all is written */
	/* what has become of it */
	bool ended;		/* the other side has said all */
	bool failed;
	bool detached;		/* the event has arrived */
};

struct letter {
	struct letter *next;
	struct vmci_datagram *datagram;
};

/* The VMCI function of host.h, and all behind it */
struct function {
	struct host *host;
	struct loop *loop;
	struct timer *interrupt;
	struct memory *memory;
	struct letter *inbox, **inbox_end;
	size_t waiting;		/* bytes in the inbox */
	size_t most;		/* that it takes */
	bool starved;		/* somebody had no room */
	bool deaf;		/* reads nothing */
	bool absent;		/* no driver */
	unsigned int attached, detached, datagrams;
	__u64 allocated;	/* bytes of rings */
};

struct guest {
	struct function function;
	int fd;
	unsigned char *file;
	__u64 pages;
	__u64 *free_pages;	/* a stack */
	__u64 free_count;
	__u32 last_port, last_resource;
	__u32 by_hand;		/* a port whose packets are counted and not answered */
	struct socket *sockets;
	__s32 last_result;	/* of the latest datagram to the host */
	struct vmci_datagram *received;	/* the latest for a datagram socket */
	unsigned int packets[VMSOCK_PACKET_TYPE_COUNT];	/* received, by type */
};

struct guest *guest_new(struct loop *loop, __u64 pages);
void guest_free(struct guest *guest);
void guest_set_host(struct guest *guest, struct host *host);

unsigned char pattern(__u64 position);

/* A client: REQUEST2 is sent, or REQUEST */
struct socket *guest_connect(struct guest *guest, __u32 port, __u64 size, bool packet_style);
struct socket *guest_listen(struct guest *guest, __u32 port, __u64 size);
/* The newest connection of a listener, or NULL */
struct socket *guest_accepted(struct guest *guest, __u32 port);

/* Goes on with reading and writing as the fields say */
void guest_run(struct socket *socket);
void guest_shutdown(struct socket *socket, unsigned int bits);
/* Detaches; the socket is no longer there */
void guest_close(struct socket *socket);
/* The next datagram in the inbox is lost */
void guest_forget(struct guest *guest);
/* All sockets end without a word, as in a reset of the device */
void guest_reset(struct guest *guest);

/* To the host: its result */
__s32 guest_send(struct guest *guest, __u32 from, __u32 to, const void *payload, size_t length);
__s32 guest_packet(struct guest *guest, const struct vmsock_packet *pkt);
/* A queue pair of no socket, in pages that another may get; NULL and the host's verdict */
struct pair *guest_pair(struct guest *guest, struct vmci_handle handle, __u32 peer, __u32 flags,
			__u64 size, __s32 *result);
void guest_pair_leave(struct guest *guest, struct pair *pair);

/* Header of the socket's produce queue: what the host reads */
struct vmci_queue_header *guest_header(const struct socket *socket);

#endif /* TESTS_DEVICE_GUEST_H */
