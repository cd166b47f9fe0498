/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * address.h - checks and comparison of socket addresses
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md section 3 and 4.2.
 */
#ifndef VMSOCK_COMMON_ADDRESS_H
#define VMSOCK_COMMON_ADDRESS_H

#include "common/packet.h"

/**
 * enum vmsock_addr_error - verdict on a socket address, in order of the checks (vsock.md 3.2)
 * @VMSOCK_ADDR_OK: usable
 * @VMSOCK_ADDR_SHORT: shorter than 16 bytes, or missing
 * @VMSOCK_ADDR_FAMILY: another family
 * @VMSOCK_ADDR_BAD_FLAGS: byte 12 has bits that are not defined
 */
enum vmsock_addr_error {
	VMSOCK_ADDR_OK,
	VMSOCK_ADDR_SHORT,
	VMSOCK_ADDR_FAMILY,
	VMSOCK_ADDR_BAD_FLAGS,
};

/**
 * vmsock_sockaddr_check() - common check of an address given by a program
 * @sa: copy of the address, may be NULL
 * @length: bytes given; more than 16 is accepted, the excess ignored
 * @family: number in use
 */
enum vmsock_addr_error vmsock_sockaddr_check(const struct vmsock_sockaddr *sa, __u64 length,
					     __u16 family);

/**
 * vmsock_sockaddr_fill() - a fully initialised address for a program
 * @sa: zeroed and filled
 * @family: number in use
 * @addr: context and port
 */
void vmsock_sockaddr_fill(struct vmsock_sockaddr *sa, __u16 family, struct vmsock_addr addr);

/* Unbound: any context, any port */
struct vmsock_addr vmsock_addr_any(void);

/* A port was assigned */
_Bool vmsock_addr_bound(struct vmsock_addr addr);

_Bool vmsock_addr_equal(struct vmsock_addr a, struct vmsock_addr b);

/**
 * vmsock_addr_conflict() - may two binds not coexist (vsock.md 4.2)
 * @a: one bind
 * @b: the other
 *
 * Return: true for the same port and the same context or either bound to any.
 */
_Bool vmsock_addr_conflict(struct vmsock_addr a, struct vmsock_addr b);

/**
 * vmsock_addr_receives() - does a bind receive what is sent to a destination
 * @bound: address a socket is bound to
 * @dst: context and port that a packet is addressed to
 */
_Bool vmsock_addr_receives(struct vmsock_addr bound, struct vmsock_addr dst);

/* Port needs CAP_NET_BIND_SERVICE */
_Bool vmsock_port_privileged(__u32 port);

/**
 * vmsock_port_next() - the port after @port in the order of automatic binding
 * @port: last one tried
 *
 * Skips the privileged ports and 0xFFFFFFFF.
 */
__u32 vmsock_port_next(__u32 port);

#endif /* VMSOCK_COMMON_ADDRESS_H */
