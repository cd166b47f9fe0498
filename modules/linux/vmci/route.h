/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * route.h - which personality takes a datagram, doorbell or queue pair
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_ROUTE_H
#define VMSOCK_VMCI_ROUTE_H

#include <vmci/wire.h>

enum vmci_route {
	VMCI_ROUTE_HOST,	/* deliver on this machine */
	VMCI_ROUTE_GUEST,	/* send through the device */
	VMCI_ROUTE_COUNT
};

/* What the decision depends on besides the two handles */
#define VMCI_ROUTE_FROM_GUEST	1u	/* a monitor sends for its virtual machine */
#define VMCI_ROUTE_HOST_ACTIVE	2u
#define VMCI_ROUTE_GUEST_ACTIVE	4u
#define VMCI_ROUTE_DST_EXISTS	8u	/* the destination is a context of this machine */

/**
 * vmci_route() - the table of vmci.md section 11
 * @dst: destination
 * @src: source; an invalid context is replaced where the table says so
 * @facts: VMCI_ROUTE_FROM_GUEST and so on, sampled once by the caller
 * @own_cid: context id of this virtual machine, used with VMCI_ROUTE_GUEST_ACTIVE only
 *
 * A function of its arguments alone; the unit tests run it in user space.
 * Return: an enum vmci_route, or a VMCI error, @src is unchanged then.
 */
int vmci_route(const struct vmci_handle *dst, struct vmci_handle *src, unsigned int facts,
	       __u32 own_cid);

#endif /* VMSOCK_VMCI_ROUTE_H */
