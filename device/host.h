/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host.h - between the VMCI function and the host end behind it
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vfio-user.md section 9.  The function (regs.c, hypercall.c, ...) knows what a guest may do and
 * nothing of sockets; the host end plays context 2.  Neither ever waits.
 */
#ifndef DEVICE_HOST_H
#define DEVICE_HOST_H

#include "vmci/wire.h"

struct function;
struct host;
struct pair;

/*
 * What the function tells the host end.  Results are those of vmci.md section 10 and become
 * the result of the guest's message.
 */
struct host_ops {
	/*
	 * A datagram to context 2.  @datagram is a copy, its source is the guest's own
	 * context, payload_size is what follows.  Result: bytes of header and payload.
	 */
	__s32 (*datagram)(struct host *host, const struct vmci_datagram *datagram);

	/*
	 * The guest creates @pair or attaches to one that the host end has offered: rules of
	 * vmci.md 5.7.  When it is refused the function frees it.
	 */
	__s32 (*pair_alloc)(struct host *host, struct pair *pair);
	/* The guest leaves: the last moment to read what it wrote; freed afterwards */
	void (*pair_detach)(struct host *host, struct pair *pair);

	/* The guest rings a doorbell of context 2 */
	__s32 (*doorbell)(struct host *host, struct vmci_handle handle);

	/* A doorbell of the guest, already noted by the function, is there or has gone */
	__s32 (*doorbell_link)(struct host *host, struct vmci_handle handle);
	void (*doorbell_unlink)(struct host *host, struct vmci_handle handle);

	/* After function_send() had no room: there is some again */
	void (*room)(struct host *host);

	/*
	 * Mappings of the guest's memory have come, gone or lost their access: pages of a pair may
	 * lie elsewhere from now on, or nowhere.  NULL for who looks them up at each use.
	 */
	void (*memory)(struct host *host);

	/*
	 * The guest has another context ID, and has been sent the event.  NULL for who cannot have
	 * that: it keeps the ID that it began with.
	 */
	void (*renamed)(struct host *host);

	/* The guest was reset, or is gone; each of its pairs has been detached */
	void (*reset)(struct host *host);
};

/* What every host end begins with */
struct host {
	const struct host_ops *ops;
	struct function *function;	/* set before the first call */
};

/**
 * function_send() - queue a datagram for the guest
 * @function: of the VM
 * @datagram: header and payload, copied
 *
 * First in, first out (vmci.md 3.12).
 *
 * Return: bytes queued; VMCI_ERROR_NO_RESOURCES when the queue is full, then room() follows;
 * VMCI_ERROR_UNAVAILABLE while no driver listens; VMCI_ERROR_INVALID_ARGS when it is too large.
 */
__s32 function_send(struct function *function, const struct vmci_datagram *datagram);

/* QP_PEER_ATTACH or QP_PEER_DETACH for @handle from context 2 (vmci.md 7) */
__s32 function_pair_event(struct function *function, enum vmci_event_id event,
			  struct vmci_handle handle);

/* Rings a doorbell of the guest; VMCI_ERROR_NOT_FOUND when it has none such (vmci.md 6.4) */
__s32 function_ring(struct function *function, struct vmci_handle handle);

/* A program of the host got no connection to @port: the log says what the guest lacks */
void function_unreached(struct function *function, __u32 port);

/* The guest's context */
__u32 function_cid(const struct function *function);

#endif /* DEVICE_HOST_H */
