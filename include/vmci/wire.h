/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wire.h - handles, datagrams, hypervisor functions, events and queue headers
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md sections 1, 3, 4, 5 and 7.  Every field is
 * little endian and naturally aligned, no structure has implicit padding.
 */
#ifndef VMCI_WIRE_H
#define VMCI_WIRE_H

#include <linux/types.h>

/* Context ids (vmci.md 1.2) */
#define VMCI_HYPERVISOR_CONTEXT_ID	0u
#define VMCI_WELL_KNOWN_CONTEXT_ID	1u
#define VMCI_HOST_CONTEXT_ID		2u
#define VMCI_RESERVED_CID_LIMIT		16u
#define VMCI_INVALID_ID			0xffffffffu

/* Resource ids (vmci.md 1.3) */
#define VMCI_CONTEXT_RESOURCE_ID	0u
#define VMCI_EVENT_HANDLER		0u
#define VMCI_SOCKET_CONTROL_RID		1u	/* every context but the hypervisor */
#define VMCI_SOCKET_HYPERVISOR_RID	15u	/* the same channel of context 0 */
#define VMCI_RESERVED_RESOURCE_ID_MAX	1023u

/* Privilege flags (vmci.md 1.4) */
#define VMCI_NO_PRIVILEGE_FLAGS			0u
#define VMCI_PRIVILEGE_FLAG_RESTRICTED		1u
#define VMCI_PRIVILEGE_FLAG_TRUSTED		2u
#define VMCI_PRIVILEGE_ALL_FLAGS		3u
#define VMCI_DEFAULT_PROC_PRIVILEGE_FLAGS	VMCI_NO_PRIVILEGE_FLAGS
#define VMCI_LEAST_PRIVILEGE_FLAGS		VMCI_PRIVILEGE_FLAG_RESTRICTED
#define VMCI_MAX_PRIVILEGE_FLAGS		VMCI_PRIVILEGE_FLAG_TRUSTED

/* Limits (vmci.md 1.5), bytes unless the name says otherwise */
#define VMCI_MAX_DG_SIZE			(17u * 4096u)
#define VMCI_MAX_DG_PAYLOAD_SIZE		(VMCI_MAX_DG_SIZE - 24u)
#define VMCI_MAX_DATAGRAM_QUEUE_SIZE		(2u * VMCI_MAX_DG_SIZE)
#define VMCI_MAX_DATAGRAM_AND_EVENT_QUEUE_SIZE	(VMCI_MAX_DATAGRAM_QUEUE_SIZE + 1024u * 48u)
#define VMCI_MAX_DELAYED_DG_HOST_COUNT		256u
#define VMCI_MAX_GUEST_QP_MEMORY		(128u << 20)
#define VMCI_MAX_PINNED_QP_MEMORY		(32u << 10)
#define VMCI_MAX_GUEST_QP_COUNT			16384u	/* with 4 KiB pages */
#define VMCI_MAX_CONTEXT_NOTIFICATIONS		2000u
#define VMCI_MAX_QUERIED_FUNCTIONS		31u
#define VMCI_EVENT_MAX_ATTEMPTS			10u
#define VMCI_MAX_HYPERCALL_DG_SIZE		262232u	/* port channel, largest QP allocation */
#define VMCI_DG_ALIGNMENT			8u	/* of received datagrams */

struct vmci_handle {
	__u32 context;
	__u32 resource;
};

/* Datagram header (vmci.md 3.1); payload_size bytes follow */
struct vmci_datagram {
	struct vmci_handle dst;
	struct vmci_handle src;
	__u64 payload_size;
};

/* Flags of datagram endpoints (vmci.md 3.2), never on the wire */
#define VMCI_FLAG_DG_NONE		0u
#define VMCI_FLAG_WELLKNOWN_DG_HND	1u	/* obsolete, refused */
#define VMCI_FLAG_ANYCID_DG_HND		2u
#define VMCI_FLAG_DG_DELAYED_CB		4u
#define VMCI_FLAG_DG_DIRECT_CB		8u	/* ours: see vmci_api.h */

/* Flag of doorbells (vmci.md 6.3) */
#define VMCI_FLAG_DELAYED_CB		1u

/* Header of a buffer of the DMA datagram channel (vmci.md 2.7) */
struct vmci_dma_header {
	__u32 busy;
	__u32 opcode;
	__u32 size;
	__u32 reserved;
	__u64 result;
};

#define VMCI_DMA_OPCODE_INLINE		0u
#define VMCI_DMA_OPCODE_SCATTER		1u

struct vmci_dma_element {
	__u64 address;
	__u64 length;
};

/*
 * Hypervisor functions (vmci.md 4.1): the destination resource of a datagram
 * to context 0.  X(name, number)
 */
#define VMCI_FUNCTIONS(X)				\
	X(VMCI_RESOURCES_QUERY,		0)		\
	X(VMCI_GET_CONTEXT_ID,		1)		\
	X(VMCI_SET_NOTIFY_BITMAP,	2)		\
	X(VMCI_DOORBELL_LINK,		3)		\
	X(VMCI_DOORBELL_UNLINK,		4)		\
	X(VMCI_DOORBELL_NOTIFY,		5)		\
	X(VMCI_DATAGRAM_REQUEST_MAP,	6)		\
	X(VMCI_DATAGRAM_REMOVE_MAP,	7)		\
	X(VMCI_EVENT_SUBSCRIBE,		8)		\
	X(VMCI_EVENT_UNSUBSCRIBE,	9)		\
	X(VMCI_QUEUEPAIR_ALLOC,		10)		\
	X(VMCI_QUEUEPAIR_DETACH,	11)		\
	X(VMCI_HGFS_TRANSPORT,		13)		\
	X(VMCI_UNITY_PBRPC_REGISTER,	14)		\
	X(VMCI_RPC_PRIVILEGED,		15)		\
	X(VMCI_RPC_UNPRIVILEGED,	16)

enum vmci_function {
#define VMCI_FUNCTION_ENUMERATOR(name, number) name = number,
	VMCI_FUNCTIONS(VMCI_FUNCTION_ENUMERATOR)
#undef VMCI_FUNCTION_ENUMERATOR
	VMCI_RESOURCE_MAX = 17
};

/* Messages to the hypervisor, behind the datagram header (vmci.md 4.4 to 4.13) */
struct vmci_resources_query_msg {
	struct vmci_datagram hdr;
	__u32 count;
	__u32 pad;
	/* __u32 functions[count] */
};

struct vmci_set_notify_bitmap_msg {
	struct vmci_datagram hdr;
	__u64 bitmap_ppn;	/* upper half zero without PPN64 */
};

struct vmci_doorbell_link_msg {
	struct vmci_datagram hdr;
	struct vmci_handle handle;
	__u64 notify_index;
};

/* DOORBELL_UNLINK, DOORBELL_NOTIFY and QUEUEPAIR_DETACH */
struct vmci_handle_msg {
	struct vmci_datagram hdr;
	struct vmci_handle handle;
};

/* DATAGRAM_REQUEST_MAP and DATAGRAM_REMOVE_MAP, both obsolete */
struct vmci_wellknown_map_msg {
	struct vmci_datagram hdr;
	__u32 wellknown_id;
	__u32 pad;
};

struct vmci_event_subscribe_msg {
	struct vmci_datagram hdr;
	__u32 event;
	__u32 pad;
	/* CTX_REMOVED only: __u32 context, __u32 pad */
};

struct vmci_qp_alloc_msg {
	struct vmci_datagram hdr;
	struct vmci_handle handle;
	__u32 peer;
	__u32 flags;
	__u64 produce_size;
	__u64 consume_size;
	__u64 ppn_count;
	/* __u32 or __u64 ppns[ppn_count] */
};

/* Queue pair flags (vmci.md 5.4) */
#define VMCI_QPFLAG_ATTACH_ONLY		0x1u
#define VMCI_QPFLAG_LOCAL		0x2u
#define VMCI_QPFLAG_NONBLOCK		0x4u
#define VMCI_QPFLAG_PINNED		0x8u
#define VMCI_QP_ALL_FLAGS		0xfu
#define VMCI_QP_ASYMM			(VMCI_QPFLAG_NONBLOCK | VMCI_QPFLAG_PINNED)
#define VMCI_QP_ASYMM_PEER		(VMCI_QPFLAG_ATTACH_ONLY | VMCI_QP_ASYMM)

/* Header page of a queue (vmci.md 5.1); written only by the queue's producer */
struct vmci_queue_header {
	struct vmci_handle handle;
	__u64 producer_tail;	/* next byte to be written in this queue */
	__u64 consumer_head;	/* next byte to be read in the other queue */
};

/* Event ids (vmci.md 7.2): X(name, number) */
#define VMCI_EVENTS(X)				\
	X(VMCI_EVENT_CTX_ID_UPDATE,	0)	\
	X(VMCI_EVENT_CTX_REMOVED,	1)	\
	X(VMCI_EVENT_QP_RESUMED,	2)	\
	X(VMCI_EVENT_QP_PEER_ATTACH,	3)	\
	X(VMCI_EVENT_QP_PEER_DETACH,	4)	\
	X(VMCI_EVENT_MEM_ACCESS_ON,	5)	\
	X(VMCI_EVENT_MEM_ACCESS_OFF,	6)

enum vmci_event_id {
#define VMCI_EVENT_ENUMERATOR(name, number) name = number,
	VMCI_EVENTS(VMCI_EVENT_ENUMERATOR)
#undef VMCI_EVENT_ENUMERATOR
	VMCI_EVENT_MAX = 7
};

/* Ids up to this one may be subscribed to and delivered (vmci.md 7.2) */
#define VMCI_EVENT_LAST_DELIVERABLE	4u

/* What follows the datagram header of an event, and what subscribers get (vmci.md 7.1) */
struct vmci_event_context {
	__u32 context;
	__u32 pad;
};

struct vmci_event_qp {
	struct vmci_handle handle;
	__u32 peer;
	__u32 pad;
};

struct vmci_event_data {
	__u32 event;
	__u32 pad;
	union {
		struct vmci_event_context ctx;
		struct vmci_event_qp qp;
	} u;
};

#define VMCI_EVENT_CONTEXT_SIZE		16u	/* payload bytes of the context form */
#define VMCI_EVENT_QP_SIZE		24u	/* payload bytes of the queue-pair form */

struct vmci_event_msg {
	struct vmci_datagram hdr;
	struct vmci_event_data data;
};

#endif /* VMCI_WIRE_H */
