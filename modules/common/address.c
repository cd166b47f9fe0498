/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * address.c - checks and comparison of socket addresses
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "common/address.h"

enum vmsock_addr_error vmsock_sockaddr_check(const struct vmsock_sockaddr *sa, __u64 length,
					     __u16 family)
{
	if (length < sizeof(*sa) || !sa)
		return VMSOCK_ADDR_SHORT;
	if (sa->family != family)
		return VMSOCK_ADDR_FAMILY;
	if (sa->flags & ~VMSOCK_ADDR_FLAGS)
		return VMSOCK_ADDR_BAD_FLAGS;
	return VMSOCK_ADDR_OK;
}

void vmsock_sockaddr_fill(struct vmsock_sockaddr *sa, __u16 family, struct vmsock_addr addr)
{
	__builtin_memset(sa, 0, sizeof(*sa));
	sa->family = family;
	sa->port = addr.port;
	sa->cid = addr.cid;
}

struct vmsock_addr vmsock_addr_any(void)
{
	return (struct vmsock_addr) { .cid = VMSOCK_CID_ANY, .port = VMSOCK_PORT_ANY };
}

_Bool vmsock_addr_bound(struct vmsock_addr addr)
{
	return addr.port != VMSOCK_PORT_ANY;
}

_Bool vmsock_addr_equal(struct vmsock_addr a, struct vmsock_addr b)
{
	return a.cid == b.cid && a.port == b.port;
}

_Bool vmsock_addr_conflict(struct vmsock_addr a, struct vmsock_addr b)
{
	return a.port == b.port &&
	       (a.cid == b.cid || a.cid == VMSOCK_CID_ANY || b.cid == VMSOCK_CID_ANY);
}

_Bool vmsock_addr_receives(struct vmsock_addr bound, struct vmsock_addr dst)
{
	return vmsock_addr_bound(bound) && bound.port == dst.port &&
	       (bound.cid == dst.cid || bound.cid == VMSOCK_CID_ANY);
}

_Bool vmsock_port_privileged(__u32 port)
{
	return port <= VMSOCK_LAST_PRIVILEGED_PORT;
}

__u32 vmsock_port_next(__u32 port)
{
	__u32 next = port + 1;

	if (vmsock_port_privileged(next) || next == VMSOCK_PORT_ANY)
		return VMSOCK_LAST_PRIVILEGED_PORT + 1;
	return next;
}
