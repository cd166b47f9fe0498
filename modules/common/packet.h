/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packet.h - build, parse and validate control packets
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md 5.1 to 5.4.  Builders zero all 56 bytes first
 * and leave the source context to routing (0xFFFFFFFF).
 */
#ifndef VMSOCK_COMMON_PACKET_H
#define VMSOCK_COMMON_PACKET_H

#include <vmci/packet.h>

/**
 * enum vmsock_verdict - what becomes of a received packet (vsock.md 5.4)
 * @VMSOCK_PACKET_OK: hand it to the socket
 * @VMSOCK_PACKET_DROP: forget it, no answer
 * @VMSOCK_PACKET_REFUSE: answer RST unless it is a RST
 * @VMSOCK_PACKET_UNKNOWN: answer INVALID if a socket is addressed, else RST
 */
enum vmsock_verdict {
	VMSOCK_PACKET_OK,
	VMSOCK_PACKET_DROP,
	VMSOCK_PACKET_REFUSE,
	VMSOCK_PACKET_UNKNOWN,
};

/* One end of a connection */
struct vmsock_addr {
	__u32 cid;
	__u32 port;
};

/**
 * vmsock_packet_init() - an otherwise empty packet
 * @pkt: zeroed and filled: header, version, type, ports
 * @type: one of enum vmsock_packet_type
 * @src: sender; its port is used, the context is filled in by routing
 * @dst: receiver; context 0 selects control resource 15, all others 1
 */
void vmsock_packet_init(struct vmsock_packet *pkt, __u8 type, struct vmsock_addr src,
			struct vmsock_addr dst);

/**
 * vmsock_packet_reply() - an answer to a packet, addresses swapped
 * @pkt: filled
 * @type: VMSOCK_PACKET_RST or VMSOCK_PACKET_INVALID
 * @cause: the packet answered
 */
void vmsock_packet_reply(struct vmsock_packet *pkt, __u8 type, const struct vmsock_packet *cause);

/**
 * vmsock_packet_check() - verdict on a received datagram (steps 1, 2 and 4 of vsock.md 5.4)
 * @dg: header as received, source context authentic
 * @total: bytes of header and payload that can be read
 *
 * Checks source resource, source context 1 (step 6), length, ports, version and type,
 * in this order; never reads beyond min(@total, 56) bytes.  A RST is never refused but
 * dropped.  Which socket is addressed is for the caller to find.
 */
enum vmsock_verdict vmsock_packet_check(const struct vmci_datagram *dg, __u64 total);

/**
 * vmsock_packet_src() - sender of a packet: source context and source port
 * @pkt: checked packet
 */
struct vmsock_addr vmsock_packet_src(const struct vmsock_packet *pkt);

/**
 * vmsock_packet_dst() - addressee of a packet: destination context and destination port
 * @pkt: checked packet
 */
struct vmsock_addr vmsock_packet_dst(const struct vmsock_packet *pkt);

/**
 * vmsock_packet_type_name() - name of a type, "?" for unknown ones
 * @type: number in the packet
 */
const char *vmsock_packet_type_name(__u8 type);

/* Handles: equal, and usable in OFFER and ATTACH (not both halves all ones) */
_Bool vmci_handle_equal(struct vmci_handle a, struct vmci_handle b);
_Bool vmci_handle_valid(struct vmci_handle handle);

#endif /* VMSOCK_COMMON_PACKET_H */
