/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packet.h - control packets of stream sockets
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md 5.1 and 5.3.  A control packet is one VMCI
 * datagram of exactly 56 bytes between the control channels of two contexts.
 */
#ifndef VMCI_PACKET_H
#define VMCI_PACKET_H

#include <vmci/wire.h>

#define VMSOCK_PACKET_VERSION		1u
#define VMSOCK_PACKET_SIZE		56u
#define VMSOCK_PACKET_PAYLOAD_SIZE	32u

/* Packet types (vsock.md 5.3): X(name, number) */
#define VMSOCK_PACKET_TYPES(X)		\
	X(INVALID,		0)	\
	X(REQUEST,		1)	\
	X(NEGOTIATE,		2)	\
	X(OFFER,		3)	\
	X(ATTACH,		4)	\
	X(WROTE,		5)	\
	X(READ,			6)	\
	X(RST,			7)	\
	X(SHUTDOWN,		8)	\
	X(WAITING_WRITE,	9)	\
	X(WAITING_READ,		10)	\
	X(REQUEST2,		11)	\
	X(NEGOTIATE2,		12)

enum vmsock_packet_type {
#define VMSOCK_PACKET_ENUMERATOR(name, number) VMSOCK_PACKET_##name = number,
	VMSOCK_PACKET_TYPES(VMSOCK_PACKET_ENUMERATOR)
#undef VMSOCK_PACKET_ENUMERATOR
	VMSOCK_PACKET_TYPE_COUNT = 13
};

/* Notification protocols: none means packet style, bit 0 queue-state style (vsock.md 5.3) */
#define VMSOCK_PROTO_PACKET		0u
#define VMSOCK_PROTO_QUEUE_STATE	0x1u
#define VMSOCK_PROTO_SUPPORTED		VMSOCK_PROTO_QUEUE_STATE

/* Mode bits of SHUTDOWN */
#define VMSOCK_SHUTDOWN_RECEIVE		0x1u	/* the sender will not receive */
#define VMSOCK_SHUTDOWN_SEND		0x2u	/* the sender will not send */
#define VMSOCK_SHUTDOWN_MASK		0x3u

struct vmsock_wait_info {
	__u64 generation;
	__u64 offset;
};

struct vmsock_packet {
	struct vmci_datagram dg;
	__u8 version;
	__u8 type;
	__u16 proto;
	__u32 src_port;
	__u32 dst_port;
	__u32 reserved;
	union {
		__u64 size;			/* REQUEST, NEGOTIATE, REQUEST2, NEGOTIATE2 */
		__u64 mode;			/* SHUTDOWN */
		struct vmci_handle handle;	/* OFFER, ATTACH */
		struct vmsock_wait_info wait;	/* WAITING_READ, WAITING_WRITE */
	} u;
};

/* Numbers of the socket family that both ends rely on (vsock.md 1.3, appendix A) */
#define VMSOCK_LAST_PRIVILEGED_PORT	1023u
#define VMSOCK_PORT_ANY			0xffffffffu
#define VMSOCK_CID_ANY			0xffffffffu
#define VMSOCK_HYPERVISOR_DGRAM_RID	14u	/* only hypervisor resource open to datagrams */
#define VMSOCK_DEFAULT_BUFFER_SIZE	262144u
#define VMSOCK_DEFAULT_BUFFER_MIN	128u
#define VMSOCK_DEFAULT_BUFFER_MAX	262144u
#define VMSOCK_CONNECT_TIMEOUT_S	2u
#define VMSOCK_PENDING_TIMEOUT_S	1u
#define VMSOCK_NOTIFY_RETRIES		10u
#define VMSOCK_AUTOBIND_ATTEMPTS	24u

/* sockaddr_vm (vsock.md 3.1) as bytes on every profile; family is the number in use */
struct vmsock_sockaddr {
	__u16 family;
	__u16 reserved1;
	__u32 port;
	__u32 cid;
	__u8 flags;
	__u8 zero[3];
};

#define VMSOCK_ADDR_FLAG_TO_HOST	0x01u
#define VMSOCK_ADDR_FLAGS		VMSOCK_ADDR_FLAG_TO_HOST

#endif /* VMCI_PACKET_H */
