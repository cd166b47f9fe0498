/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vm.h - a program that plays a virtual machine on /dev/vmci
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * What a monitor does for its guest (vmci.md 8): a context, datagrams, queue pairs in its own
 * memory.  The guest has the sockets of machine.h; ports from VM_BY_HAND on are not theirs: what
 * comes for them is kept in the order of its arrival, for a script that plays the peer itself.
 *
 * Nothing happens by itself: vm_pump() receives what is there, and vm_wait() waits for more.  A
 * virtual machine belongs to one thread.
 */
#ifndef TESTS_MONITOR_VM_H
#define TESTS_MONITOR_VM_H

#include <stddef.h>

#include "machine.h"

#define VM_BY_HAND	7000u	/* the first port of scripts */
#define VM_KEPT		1024u	/* packets or datagrams that may wait for a script */

/**
 * struct vm_pair - a queue pair in the monitor's memory
 * @memory: produce header page, its data pages, consume header page, its data pages
 * @bytes: of all of it
 * @size: of each ring
 * @out: header of the produce queue, the machine's
 * @in: header of the consume queue, the host's
 * @tail: own, of @out
 * @head: own, of @in
 */
struct vm_pair {
	struct vm *vm;
	struct vmci_handle handle;
	unsigned char *memory;
	size_t bytes;
	__u64 size;
	struct vmci_queue_header *out;
	struct vmci_queue_header *in;
	__u64 tail, head;
};

struct vm {
	struct machine machine;
	int fd;				/* of /dev/vmci */
	volatile unsigned char *notify;	/* the byte of the notification page */
	struct vmsock_packet heard[VM_KEPT];
	unsigned int heard_first, heard_count;
	struct vmci_datagram *mail[VM_KEPT];
	unsigned int mail_count;
	unsigned int attached, detached, other_events;
	struct vmci_event_data last_event;
	unsigned int wrong;		/* packets that no peer may send, see vm_check() */
};

/*
 * A machine with this context, or the next free one if somebody has it; @flags are those of
 * INIT_CONTEXT (vmci.md 8.5).  NULL with errno: there is no device, or it refuses.
 */
struct vm *vm_new(__u32 cid, __u32 flags);
/* Its monitor ends: everything it has goes at once */
void vm_free(struct vm *vm);

/* Datagram to the host: VMCI result, or -1000 with errno when the request itself fails */
__s32 vm_send(struct vm *vm, const void *datagram, size_t length);
/* Receives all there is; false when nothing was there */
bool vm_pump(struct vm *vm);
/* Sleeps until there is something, or @ms have passed */
void vm_wait(struct vm *vm, int ms);

/* The oldest packet for a script is taken; false when there is none */
bool vm_heard(struct vm *vm, struct vmsock_packet *pkt);
/* The oldest datagram for no control channel, to be freed; or NULL */
struct vmci_datagram *vm_mail(struct vm *vm);

/*
 * Memory of a pair, headers initialised, and the request that creates or attaches it.  NULL with
 * the VMCI result.
 */
struct vm_pair *vm_pair_new(struct vm *vm, struct vmci_handle handle, __u32 peer, __u32 flags,
			    __u64 size, __s32 *result);
/* Detaches and frees the memory; the result of the request */
__s32 vm_pair_free(struct vm_pair *pair);
/* The machine is suspended (false) or goes on: SETVA; the result of the request */
__s32 vm_pair_map(struct vm_pair *pair, bool mapped);

/* Bytes into the ring or out of it, as many as fit: how many. Nobody is told. */
size_t vm_pair_write(struct vm_pair *pair, const void *bytes, size_t count);
size_t vm_pair_read(struct vm_pair *pair, void *bytes, size_t count);
size_t vm_pair_ready(const struct vm_pair *pair);

#endif /* TESTS_MONITOR_VM_H */
