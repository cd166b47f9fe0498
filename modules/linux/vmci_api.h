/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vmci_api.h - what vmci.ko offers vmsock.ko and other kernel clients
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md section 9.  Functions return a VMCI result
 * (include/vmci/errors.h) unless stated.  Exports carry the prefix
 * vmsock_vmci_, so that depmod never binds a client of the kernel's own
 * vmw_vmci to this module; the usual spellings are macros at the end.
 *
 * Order: traffic that stays on this machine (datagrams between its own
 * endpoints, and the events of local queue pairs) goes through one first-in
 * first-out queue and is delivered by one worker in process context, so that
 * an event never overtakes a datagram that was sent before it.  A receiver that
 * asks for it is called by the sender instead whenever that queue is empty, which
 * keeps the order and saves the way through the worker.
 */
#ifndef VMSOCK_VMCI_API_H
#define VMSOCK_VMCI_API_H

#include <linux/gfp.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <vmci/errors.h>
#include <vmci/wire.h>

struct msghdr;
struct vmci_qp;

/**
 * typedef vmci_datagram_cb - an endpoint receives a datagram
 * @data: as given at creation
 * @dg: header and payload, valid only during the call; dg->payload_size has been
 *	checked against the bytes that follow
 *
 * Context: process context, may sleep; must neither destroy its own endpoint
 * nor wait for a later datagram or event.
 * Return: >= 0, or an error that a synchronous sender gets.
 */
typedef int (*vmci_datagram_cb)(void *data, struct vmci_datagram *dg);

/**
 * typedef vmci_event_cb - an event was dispatched
 * @id: subscription
 * @event: zero padded beyond what the event carries
 * @data: as given at subscription
 *
 * Context: process context, may sleep; must neither unsubscribe anything nor wait for
 * somebody who does.
 */
typedef void (*vmci_event_cb)(u32 id, const struct vmci_event_data *event, void *data);

/**
 * typedef vmci_doorbell_cb - a doorbell was rung, once or more often
 * @data: as given at creation
 *
 * Context: atomic unless created with VMCI_FLAG_DELAYED_CB.
 */
typedef void (*vmci_doorbell_cb)(void *data);

/**
 * vmsock_vmci_datagram_create_handle_priv() - create a datagram endpoint
 * @rid: resource id, or VMCI_INVALID_ID to have one assigned
 * @flags: VMCI_FLAG_ANYCID_DG_HND, VMCI_FLAG_DG_DELAYED_CB; VMCI_FLAG_DG_DIRECT_CB lets a
 *	sender that may sleep call @cb: several at a time, with whatever locks it holds; NO_MEM
 *	from @cb is then the result of the send
 * @priv: VMCI_PRIVILEGE_FLAG_*
 * @cb: receives datagrams
 * @data: for @cb
 * @out: the new handle, written only on success
 *
 * Context: process context, may sleep.
 * Return: VMCI_SUCCESS; INVALID_ARGS for a missing argument, unknown @priv bits or
 * the well-known flag; NO_RESOURCES without a context id; ALREADY_EXISTS;
 * NO_HANDLE when no id is free; NO_MEM.
 */
int vmsock_vmci_datagram_create_handle_priv(u32 rid, u32 flags, u32 priv, vmci_datagram_cb cb,
					    void *data, struct vmci_handle *out);

/**
 * vmsock_vmci_datagram_create_handle() - the same without privileges
 * @rid: resource id, or VMCI_INVALID_ID
 * @flags: VMCI_FLAG_*
 * @cb: receives datagrams
 * @data: for @cb
 * @out: the new handle
 */
int vmsock_vmci_datagram_create_handle(u32 rid, u32 flags, vmci_datagram_cb cb, void *data,
				       struct vmci_handle *out);

/**
 * vmsock_vmci_datagram_set_quota() - how much may wait for an endpoint on this machine
 * @handle: of a datagram endpoint
 * @count: datagrams, default VMCI_MAX_DELAYED_DG_HOST_COUNT
 *
 * Beyond it senders get VMCI_ERROR_NO_RESOURCES.
 * Return: VMCI_SUCCESS or NOT_FOUND.
 */
int vmsock_vmci_datagram_set_quota(struct vmci_handle handle, u32 count);

/**
 * vmsock_vmci_datagram_destroy_handle() - destroy an endpoint
 * @handle: as created
 *
 * What waits for it is dropped; returns when its callback neither runs nor ever
 * will again.
 * Context: process context, may sleep; never from its own callback.
 * Return: VMCI_SUCCESS or NOT_FOUND.
 */
int vmsock_vmci_datagram_destroy_handle(struct vmci_handle handle);

/**
 * vmsock_vmci_datagram_send() - send header and payload
 * @dg: a source context VMCI_INVALID_ID is replaced in place (vmci.md section 11)
 *
 * Context: any but NMI; a local route allocates with GFP_ATOMIC.  Who may sleep, or sends
 * more than a page, uses vmsock_vmci_datagram_send_gfp().
 * Return: bytes sent, header included; INVALID_ARGS for a bad size or destination;
 * INVALID_RESOURCE without a receiver; NO_ACCESS; NO_RESOURCES when the receiver's
 * quota is used up; NO_MEM; DST_UNREACHABLE; DEVICE_NOT_FOUND.
 */
int vmsock_vmci_datagram_send(struct vmci_datagram *dg);

/**
 * vmsock_vmci_datagram_send_gfp() - the same for senders that know how to allocate
 * @dg: as for vmsock_vmci_datagram_send()
 * @gfp: GFP_KERNEL_ACCOUNT in process context on behalf of a user
 */
int vmsock_vmci_datagram_send_gfp(struct vmci_datagram *dg, gfp_t gfp);

/**
 * vmsock_vmci_flush() - wait until what was sent on this machine has been delivered
 *
 * Covers the datagrams and events of local traffic queued before the call, not those that
 * their receivers send in turn.
 * Context: process context, may sleep; never from a callback of this interface.
 */
void vmsock_vmci_flush(void);

/**
 * vmsock_vmci_doorbell_create() - create a doorbell (vmci.md 6.3)
 * @io: handle wanted, or invalid to have one assigned; the handle on success
 * @flags: VMCI_FLAG_DELAYED_CB or 0
 * @priv: VMCI_PRIVILEGE_FLAG_*
 * @cb: called when rung
 * @data: for @cb
 *
 * Context: process context, may sleep.
 */
int vmsock_vmci_doorbell_create(struct vmci_handle *io, u32 flags, u32 priv, vmci_doorbell_cb cb,
				void *data);

/**
 * vmsock_vmci_doorbell_destroy() - destroy a doorbell, waits for its callback
 * @handle: as created
 *
 * Context: process context, may sleep.
 * Return: VMCI_SUCCESS, INVALID_ARGS or NOT_FOUND.
 */
int vmsock_vmci_doorbell_destroy(struct vmci_handle handle);

/**
 * vmsock_vmci_doorbell_notify() - ring a doorbell (vmci.md 6.4)
 * @handle: of the doorbell
 * @priv: privileges of the ringer, 0 for those of its context
 *
 * Context: any but NMI.
 */
int vmsock_vmci_doorbell_notify(struct vmci_handle handle, u32 priv);

/**
 * vmsock_vmci_get_context_id() - own context id
 *
 * Context: any but NMI.
 * Return: the VM's id while the guest personality is active, else 2 while the host
 * personality is, else VMCI_INVALID_ID.
 */
u32 vmsock_vmci_get_context_id(void);

/**
 * vmsock_vmci_is_context_owner() - was this VM started by this user
 * @cid: context id
 * @uid: real user id
 */
bool vmsock_vmci_is_context_owner(u32 cid, kuid_t uid);

/**
 * vmsock_vmci_context_get_priv_flags() - privilege flags of a context
 * @cid: context id
 *
 * Return: 0 while the host personality is inactive, RESTRICTED for an unknown context.
 */
u32 vmsock_vmci_context_get_priv_flags(u32 cid);

/**
 * vmsock_vmci_register_vsock_callback() - learn when a personality becomes active
 * @cb: called with false for guest, with true for the first VM of the host; NULL unregisters
 *
 * Context: process context, may sleep.
 * Return: 0 or -EBUSY (a negative errno, not a VMCI result).
 */
int vmsock_vmci_register_vsock_callback(void (*cb)(bool is_host));

/**
 * vmsock_vmci_event_subscribe() - subscribe to an event of this machine
 * @event: 0 to VMCI_EVENT_LAST_DELIVERABLE
 * @cb: called for each
 * @data: for @cb
 * @id: the subscription, written only on success
 *
 * Context: process context, may sleep.
 * Return: VMCI_SUCCESS, INVALID_ARGS, NO_RESOURCES or NO_MEM.
 */
int vmsock_vmci_event_subscribe(u32 event, vmci_event_cb cb, void *data, u32 *id);

/**
 * vmsock_vmci_event_subscribe_direct() - the same, and whoever causes the event may call @cb
 * @event: 0 to VMCI_EVENT_LAST_DELIVERABLE
 * @cb: several may run at a time, with whatever locks a caller of this interface holds
 * @data: for @cb
 * @id: the subscription, written only on success
 */
int vmsock_vmci_event_subscribe_direct(u32 event, vmci_event_cb cb, void *data, u32 *id);

/**
 * vmsock_vmci_event_unsubscribe() - end a subscription
 * @id: of the subscription
 *
 * Waits until no event callback runs that ran when it was called, of whichever event.
 * Context: process context, may sleep; never from an event callback.
 * Return: VMCI_SUCCESS or NOT_FOUND.
 */
int vmsock_vmci_event_unsubscribe(u32 id);

/**
 * vmsock_vmci_qpair_alloc() - create or attach a queue pair
 * @qp: the endpoint, written only on success
 * @io: handle wanted, or invalid to have one assigned; the handle on success
 * @produce_size: bytes of the ring the caller writes
 * @consume_size: bytes of the ring the caller reads
 * @peer: context allowed to attach, VMCI_INVALID_ID for any
 * @flags: VMCI_QPFLAG_ATTACH_ONLY, VMCI_QPFLAG_LOCAL (both ends in this context)
 * @priv: VMCI_PRIVILEGE_FLAG_*
 *
 * Context: process context, may sleep.
 * Return: VMCI_SUCCESS; NO_RESOURCES (sizes, quota), INVALID_ARGS, NO_MEM, NO_ACCESS,
 * NOT_FOUND (attach only), QUEUEPAIR_MISMATCH, UNAVAILABLE (a third endpoint), NO_HANDLE,
 * DEVICE_NOT_FOUND (no personality can do it).
 */
int vmsock_vmci_qpair_alloc(struct vmci_qp **qp, struct vmci_handle *io, u64 produce_size,
			    u64 consume_size, u32 peer, u32 flags, u32 priv);

/**
 * vmsock_vmci_qpair_detach() - leave a queue pair; the peer gets QP_PEER_DETACH
 * @qp: freed whatever the result, set to NULL
 *
 * What the peer has not read stays readable for it as long as it is attached.
 * Context: process context, may sleep.
 */
int vmsock_vmci_qpair_detach(struct vmci_qp **qp);

/**
 * vmsock_vmci_qpair_get_produce_indexes() - tail and head of the ring the caller writes
 * @qp: endpoint
 * @tail: own, may be NULL
 * @head: the peer's, may be NULL
 *
 * Context: any for a local or guest queue pair; the same holds for all that follow.
 * Return: VMCI_SUCCESS or INVALID_SIZE (nothing written).
 */
int vmsock_vmci_qpair_get_produce_indexes(const struct vmci_qp *qp, u64 *tail, u64 *head);

/**
 * vmsock_vmci_qpair_get_consume_indexes() - tail and head of the ring the caller reads
 * @qp: endpoint
 * @tail: the peer's, may be NULL
 * @head: own, may be NULL
 */
int vmsock_vmci_qpair_get_consume_indexes(const struct vmci_qp *qp, u64 *tail, u64 *head);

/**
 * vmsock_vmci_qpair_produce_free_space() - bytes that can be written now
 * @qp: endpoint
 *
 * Return: bytes, INVALID_SIZE on corruption, 0 when the memory is gone.
 */
s64 vmsock_vmci_qpair_produce_free_space(const struct vmci_qp *qp);
/** vmsock_vmci_qpair_produce_buf_ready() - bytes written that the peer has not read */
s64 vmsock_vmci_qpair_produce_buf_ready(const struct vmci_qp *qp);
/** vmsock_vmci_qpair_consume_free_space() - bytes the peer could still write */
s64 vmsock_vmci_qpair_consume_free_space(const struct vmci_qp *qp);
/** vmsock_vmci_qpair_consume_buf_ready() - bytes that can be read now */
s64 vmsock_vmci_qpair_consume_buf_ready(const struct vmci_qp *qp);

/**
 * vmsock_vmci_qpair_enquev() - write from a message iterator
 * @qp: endpoint; one writer at a time
 * @msg: the iterator advances by what was moved; after a fault it is back where it was
 * @size: bytes at most
 *
 * Context: process context, may sleep (allocates on behalf of the caller, faults).
 * Return: bytes moved (> 0, 0 only if asked for 0); QUEUEPAIR_NOSPACE; INVALID_SIZE on
 * corruption; INVALID_ARGS when copying failed, NO_MEM: nothing is moved then.
 */
ssize_t vmsock_vmci_qpair_enquev(struct vmci_qp *qp, struct msghdr *msg, size_t size);
/**
 * vmsock_vmci_qpair_dequev() - read into a message iterator
 * @qp: endpoint; one reader at a time
 * @msg: as for enquev
 * @size: bytes at most
 *
 * Return: as enquev, QUEUEPAIR_NODATA instead of QUEUEPAIR_NOSPACE.
 */
ssize_t vmsock_vmci_qpair_dequev(struct vmci_qp *qp, struct msghdr *msg, size_t size);
/** vmsock_vmci_qpair_peekv() - like dequev, the bytes stay */
ssize_t vmsock_vmci_qpair_peekv(struct vmci_qp *qp, struct msghdr *msg, size_t size);

/** vmsock_vmci_qpair_enqueue() - write from a kernel buffer; any context */
ssize_t vmsock_vmci_qpair_enqueue(struct vmci_qp *qp, const void *buf, size_t size);
/** vmsock_vmci_qpair_dequeue() - read into a kernel buffer; any context */
ssize_t vmsock_vmci_qpair_dequeue(struct vmci_qp *qp, void *buf, size_t size);
/** vmsock_vmci_qpair_peek() - like dequeue, the bytes stay; any context */
ssize_t vmsock_vmci_qpair_peek(struct vmci_qp *qp, void *buf, size_t size);

/* The usual spellings */
#define vmci_datagram_create_handle		vmsock_vmci_datagram_create_handle
#define vmci_datagram_create_handle_priv	vmsock_vmci_datagram_create_handle_priv
#define vmci_datagram_set_quota			vmsock_vmci_datagram_set_quota
#define vmci_datagram_destroy_handle		vmsock_vmci_datagram_destroy_handle
#define vmci_datagram_send			vmsock_vmci_datagram_send
#define vmci_datagram_send_gfp			vmsock_vmci_datagram_send_gfp
#define vmci_flush				vmsock_vmci_flush
#define vmci_doorbell_create			vmsock_vmci_doorbell_create
#define vmci_doorbell_destroy			vmsock_vmci_doorbell_destroy
#define vmci_doorbell_notify			vmsock_vmci_doorbell_notify
#define vmci_get_context_id			vmsock_vmci_get_context_id
#define vmci_is_context_owner			vmsock_vmci_is_context_owner
#define vmci_context_get_priv_flags		vmsock_vmci_context_get_priv_flags
#define vmci_register_vsock_callback		vmsock_vmci_register_vsock_callback
#define vmci_event_subscribe			vmsock_vmci_event_subscribe
#define vmci_event_subscribe_direct		vmsock_vmci_event_subscribe_direct
#define vmci_event_unsubscribe			vmsock_vmci_event_unsubscribe
#define vmci_qpair_alloc			vmsock_vmci_qpair_alloc
#define vmci_qpair_detach			vmsock_vmci_qpair_detach
#define vmci_qpair_get_produce_indexes		vmsock_vmci_qpair_get_produce_indexes
#define vmci_qpair_get_consume_indexes		vmsock_vmci_qpair_get_consume_indexes
#define vmci_qpair_produce_free_space		vmsock_vmci_qpair_produce_free_space
#define vmci_qpair_produce_buf_ready		vmsock_vmci_qpair_produce_buf_ready
#define vmci_qpair_consume_free_space		vmsock_vmci_qpair_consume_free_space
#define vmci_qpair_consume_buf_ready		vmsock_vmci_qpair_consume_buf_ready
#define vmci_qpair_enquev			vmsock_vmci_qpair_enquev
#define vmci_qpair_dequev			vmsock_vmci_qpair_dequev
#define vmci_qpair_peekv			vmsock_vmci_qpair_peekv
#define vmci_qpair_enqueue			vmsock_vmci_qpair_enqueue
#define vmci_qpair_dequeue			vmsock_vmci_qpair_dequeue
#define vmci_qpair_peek				vmsock_vmci_qpair_peek

#endif /* VMSOCK_VMCI_API_H */
