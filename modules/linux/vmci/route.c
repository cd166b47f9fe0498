// SPDX-License-Identifier: GPL-2.0-only
/*
 * route.c - which personality takes a datagram, doorbell or queue pair
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Row numbers are those of the table in vmci.md section 11.
 */
#include <vmci/errors.h>
#include <vmci/wire.h>

#include "route.h"

static void fill_context(struct vmci_handle *src, __u32 cid)
{
	if (src->context == VMCI_INVALID_ID)
		src->context = cid;
}

static int to_guest(struct vmci_handle *src, __u32 own_cid)
{
	fill_context(src, own_cid);
	return VMCI_ROUTE_GUEST;
}

/* Rows 11 and 14, after 10 and 12: a monitor has to name its virtual machine */
static int to_host(struct vmci_handle *src, unsigned int facts)
{
	if ((facts & VMCI_ROUTE_FROM_GUEST) && src->context == VMCI_INVALID_ID)
		return VMCI_ERROR_INVALID_ARGS;
	fill_context(src, VMCI_HOST_CONTEXT_ID);
	return VMCI_ROUTE_HOST;
}

/* Rows 2 to 5; the anonymous source stays anonymous */
static int to_hypervisor(struct vmci_handle *src, unsigned int facts, __u32 own_cid)
{
	if (facts & VMCI_ROUTE_FROM_GUEST)
		return VMCI_ERROR_DST_UNREACHABLE;
	if (!(facts & VMCI_ROUTE_GUEST_ACTIVE))
		return VMCI_ERROR_DEVICE_NOT_FOUND;
	if (src->context == VMCI_HOST_CONTEXT_ID)
		return VMCI_ERROR_INVALID_ARGS;
	if (src->resource == VMCI_INVALID_ID)
		return VMCI_ROUTE_GUEST;
	return to_guest(src, own_cid);
}

/* Rows 6 to 11; with a device bound, context 2 is the outer host */
static int to_host_context(struct vmci_handle *src, unsigned int facts, __u32 own_cid)
{
	if (src->context == VMCI_HYPERVISOR_CONTEXT_ID)
		return facts & VMCI_ROUTE_HOST_ACTIVE ? VMCI_ROUTE_HOST :
							VMCI_ERROR_DEVICE_NOT_FOUND;
	if (!(facts & VMCI_ROUTE_FROM_GUEST) && (facts & VMCI_ROUTE_GUEST_ACTIVE))
		return to_guest(src, own_cid);
	if (!(facts & VMCI_ROUTE_HOST_ACTIVE))
		return VMCI_ERROR_DEVICE_NOT_FOUND;
	return to_host(src, facts);
}

static int is_vm(__u32 cid)
{
	return cid != VMCI_INVALID_ID && cid > VMCI_HOST_CONTEXT_ID;
}

/* Rows 12 to 14; one virtual machine never reaches another */
static int to_local_vm(__u32 dst, struct vmci_handle *src, unsigned int facts)
{
	if (is_vm(src->context) && src->context != dst)
		return VMCI_ERROR_DST_UNREACHABLE;
	return to_host(src, facts);
}

/* Rows 15 to 18; what a nested machine sends never leaves through our own device */
static int to_elsewhere(struct vmci_handle *src, unsigned int facts, __u32 own_cid)
{
	if (!(facts & VMCI_ROUTE_GUEST_ACTIVE))
		return facts & VMCI_ROUTE_HOST_ACTIVE ? VMCI_ERROR_DST_UNREACHABLE :
							VMCI_ERROR_DEVICE_NOT_FOUND;
	if (facts & VMCI_ROUTE_FROM_GUEST)
		return VMCI_ERROR_DST_UNREACHABLE;
	return to_guest(src, own_cid);
}

int vmci_route(const struct vmci_handle *dst, struct vmci_handle *src, unsigned int facts,
	       __u32 own_cid)
{
	switch (dst->context) {
	case VMCI_INVALID_ID:
		return VMCI_ERROR_INVALID_ARGS;
	case VMCI_HYPERVISOR_CONTEXT_ID:
		return to_hypervisor(src, facts, own_cid);
	case VMCI_HOST_CONTEXT_ID:
		return to_host_context(src, facts, own_cid);
	}
	if ((facts & VMCI_ROUTE_DST_EXISTS) && (facts & VMCI_ROUTE_HOST_ACTIVE))
		return to_local_vm(dst->context, src, facts);
	return to_elsewhere(src, facts, own_cid);
}
