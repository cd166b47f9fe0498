/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest.h - a guest in user space, for the host end of the device
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * It has memory in a shared file and the sockets of machine.h, and plays the VMCI function to the
 * host end (host.h).
 */
#ifndef TESTS_DEVICE_GUEST_H
#define TESTS_DEVICE_GUEST_H

#include <stdbool.h>

#include "../monitor/machine.h"
#include "host.h"
#include "loop.h"
#include "queue_pair.h"

#define GUEST_CID	3u
#define GUEST_PAGE	MACHINE_PAGE

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
	unsigned int unreached;	/* connects of the host that got nowhere */
	__u64 allocated;	/* bytes of rings */
};

struct guest {
	struct function function;
	int fd;
	unsigned char *file;
	__u64 pages;
	__u64 *free_pages;	/* a stack */
	__u64 free_count;
	struct machine machine;	/* its sockets */
	struct vmci_datagram *received;	/* the latest for a datagram socket */
};

struct guest *guest_new(struct loop *loop, __u64 pages);
void guest_free(struct guest *guest);
void guest_set_host(struct guest *guest, struct host *host);

/* The next datagram in the inbox is lost */
void guest_forget(struct guest *guest);
/* All sockets end without a word, as in a reset of the device */
void guest_reset(struct guest *guest);

/* To the host: its result */
__s32 guest_send(struct guest *guest, __u32 from, __u32 to, const void *payload, size_t length);
/* A queue pair of no socket, in pages that another may get; NULL and the host's verdict */
struct pair *guest_pair(struct guest *guest, struct vmci_handle handle, __u32 peer, __u32 flags,
			__u64 size, __s32 *result);
void guest_pair_leave(struct guest *guest, struct pair *pair);

#endif /* TESTS_DEVICE_GUEST_H */
