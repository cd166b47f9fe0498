/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ioctl.h - requests and arguments of /dev/vmci and of the socket control device
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md 8.2 to 8.4 and docs/protocol/vsock.md section 9.
 * Request numbers carry neither direction nor size; layouts are the same for
 * 32-bit and 64-bit callers, user addresses are always 64 bits wide.
 */
#ifndef VMCI_IOCTL_H
#define VMCI_IOCTL_H

#include <vmci/wire.h>

/* /dev/vmci (vmci.md 8.2) */
#define IOCTL_VMCI_VERSION			0x79f
#define IOCTL_VMCI_INIT_CONTEXT			0x7a0
#define IOCTL_VMCI_QUEUEPAIR_SETVA		0x7a4
#define IOCTL_VMCI_NOTIFY_RESOURCE		0x7a5
#define IOCTL_VMCI_NOTIFICATIONS_RECEIVE	0x7a6
#define IOCTL_VMCI_VERSION2			0x7a7
#define IOCTL_VMCI_QUEUEPAIR_ALLOC		0x7a8
#define IOCTL_VMCI_QUEUEPAIR_SETPAGEFILE	0x7a9
#define IOCTL_VMCI_QUEUEPAIR_DETACH		0x7aa
#define IOCTL_VMCI_DATAGRAM_SEND		0x7ab
#define IOCTL_VMCI_DATAGRAM_RECEIVE		0x7ac
#define IOCTL_VMCI_DATAGRAM_REQUEST_MAP		0x7ad
#define IOCTL_VMCI_DATAGRAM_REMOVE_MAP		0x7ae
#define IOCTL_VMCI_CTX_ADD_NOTIFICATION		0x7af
#define IOCTL_VMCI_CTX_REMOVE_NOTIFICATION	0x7b0
#define IOCTL_VMCI_CTX_GET_CPT_STATE		0x7b1
#define IOCTL_VMCI_CTX_SET_CPT_STATE		0x7b2
#define IOCTL_VMCI_GET_CONTEXT_ID		0x7b3
#define IOCTL_VMCI_SET_NOTIFY			0x7cb

/* Socket control device (vsock.md section 9) */
#define IOCTL_VMCI_SOCKETS_VERSION		1972	/* __u32 */
#define IOCTL_VMCI_SOCKETS_GET_AF_VALUE		1976	/* __s32 */
#define IOCTL_VMCI_SOCKETS_GET_LOCAL_CID	1977	/* __u32 */
#define IOCTL_VMCI_SOCKETS_UUID_2_CID		1991	/* struct vmci_uuid_to_cid */

/* Versions a VMX declares (vmci.md 8.3): (major << 16) | minor */
#define VMCI_VERSION_PREVERS2			0x00010000
#define VMCI_VERSION_PREHOSTQP			0x00080000
#define VMCI_VERSION_HOSTQP			0x00090000
#define VMCI_VERSION_NOTIFY			0x000a0000
#define VMCI_VERSION_NOVMVM			0x000b0000
#define VMCI_VERSION_CURRENT			VMCI_VERSION_NOVMVM

/* Arguments (vmci.md 8.4, letter in the margin) */
struct vmci_init_block {			/* A */
	__u32 cid;
	__u32 flags;
};

struct vmci_datagram_block {			/* B */
	__u64 address;
	__u32 length;
	__s32 result;
};

struct vmci_qp_alloc_block {			/* C, version >= 11.0 */
	struct vmci_handle handle;
	__u32 peer;
	__u32 flags;
	__u64 produce_size;
	__u64 consume_size;
	__u64 pages_address;
	__u64 page_count;
	__s32 result;
	__u32 version;
};

struct vmci_qp_alloc_block_old {		/* D, version < 11.0 */
	struct vmci_handle handle;
	__u32 peer;
	__u32 flags;
	__u64 produce_size;
	__u64 consume_size;
	__u64 produce_page_file;
	__u64 consume_page_file;
	__u64 produce_page_file_size;
	__u64 consume_page_file_size;
	__s32 result;
	__u32 pad;
};

struct vmci_qp_setva_block {			/* E */
	struct vmci_handle handle;
	__u64 address;
	__u64 page_count;
	__u32 version;
	__s32 result;
};

struct vmci_qp_page_file_block {		/* F */
	struct vmci_handle handle;
	__u64 produce_page_file;
	__u64 consume_page_file;
	__u64 produce_page_file_size;
	__u64 consume_page_file_size;
	__s32 result;
	__u32 version;
	__u64 produce_address;
	__u64 consume_address;
};

struct vmci_qp_detach_block {			/* G */
	struct vmci_handle handle;
	__s32 result;
	__u32 pad;
};

struct vmci_ctx_notification_block {		/* H */
	__u32 remote_cid;
	__s32 result;
};

struct vmci_checkpoint_block {			/* I */
	__u64 address;
	__u32 type;
	__u32 size;
	__s32 result;
	__u32 pad;
};

struct vmci_set_notify_block {			/* J */
	__u64 address;
	__s32 result;
	__u32 pad;
};

struct vmci_notify_resource_block {		/* K */
	struct vmci_handle handle;
	__u16 resource;
	__u16 action;
	__s32 result;
};

struct vmci_notifications_receive_block {	/* L */
	__u64 doorbell_address;
	__u64 doorbell_size;
	__u64 qp_address;
	__u64 qp_size;
	__s32 result;
	__u32 pad;
};

struct vmci_doorbell_checkpoint {
	struct vmci_handle handle;
	__u64 bitmap_index;
};

struct vmci_uuid_to_cid {			/* vsock.md 2.6 */
	__u32 cid;
	__u32 pad;
	char uuid[128];
};

/* Kinds and actions of NOTIFY_RESOURCE */
#define VMCI_NOTIFY_RESOURCE_QUEUE_PAIR		0
#define VMCI_NOTIFY_RESOURCE_DOORBELL		1
#define VMCI_NOTIFY_RESOURCE_ACTION_NOTIFY	0
#define VMCI_NOTIFY_RESOURCE_ACTION_CREATE	1
#define VMCI_NOTIFY_RESOURCE_ACTION_DESTROY	2

/* Checkpoint types (vmci.md 8.10) */
#define VMCI_CPT_NOTIFICATIONS			1
#define VMCI_CPT_WELLKNOWN			2
#define VMCI_CPT_DATAGRAM_OUT			3
#define VMCI_CPT_DATAGRAM_IN			4
#define VMCI_CPT_DATAGRAM_IN_SIZE		5
#define VMCI_CPT_DOORBELLS			6
#define VMCI_CPT_HYPERVISOR_DATAGRAM_SIZE	7
#define VMCI_CPT_HYPERVISOR_DATAGRAMS		8

/* Driver-version word of request 1972 (vsock.md 2.6) */
#define VMCI_SOCKETS_MAKE_VERSION(epoch, major, minor) \
	(((__u32)(epoch) << 24) | ((__u32)(major) << 16) | (__u32)(minor))

#endif /* VMCI_IOCTL_H */
