// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_call.c - the hypervisor's functions that the driver uses
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md section 4.  A call is a datagram to context 0 from the anonymous
 * source; what the device says to it is its result.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>

#include "guest.h"

static struct vmci_datagram call_header(enum vmci_function function, size_t message_size)
{
	return (struct vmci_datagram) {
		.dst = { VMCI_HYPERVISOR_CONTEXT_ID, function },
		.src = { VMCI_INVALID_ID, VMCI_INVALID_ID },
		.payload_size = message_size - sizeof(struct vmci_datagram),
	};
}

/**
 * vmci_guest_call_query() - does the device have the function that makes it useful
 * @guest: the device
 *
 * Return: 1 if it does (vmci.md 4.3).
 */
int vmci_guest_call_query(struct vmci_guest *guest)
{
	struct {
		struct vmci_resources_query_msg query;
		u32 function;
	} __packed __aligned(8) msg = {
		.query.count = 1,
		.function = VMCI_GET_CONTEXT_ID,
	};

	msg.query.hdr = call_header(VMCI_RESOURCES_QUERY, offsetofend(typeof(msg), function));
	return vmci_guest_send(guest, &msg.query.hdr);
}

/* Results that are errors, whoever asked for what (vmci.md 4.3) */
static bool is_error(s32 result)
{
	return (result < 0 && result >= VMCI_ERROR_LAST) ||
	       (result <= VMCI_ERROR_CLIENT_MIN && result >= VMCI_ERROR_CLIENT_MAX) ||
	       result == VMCI_SHAREDMEM_ERROR_BAD_CONTEXT;
}

/* Can this be the context id of a virtual machine (vmci.md 12.2 S26) */
static bool is_cid(u32 cid)
{
	return cid > VMCI_HOST_CONTEXT_ID && cid != VMCI_INVALID_ID && !is_error((s32)cid);
}

/**
 * vmci_guest_call_cid() - ask for the own context id
 * @guest: the device
 * @cid: written on success
 *
 * Return: 0, or -ENXIO.
 */
int vmci_guest_call_cid(struct vmci_guest *guest, u32 *cid)
{
	struct vmci_datagram msg = call_header(VMCI_GET_CONTEXT_ID, sizeof(msg));
	u32 answer = (u32)vmci_guest_send(guest, &msg);

	if (!is_cid(answer)) {
		pr_err_ratelimited("the device says that the context id is 0x%x\n", answer);
		return -ENXIO;
	}
	*cid = answer;
	return 0;
}

/* SET_NOTIFY_BITMAP: where the notification page is */
int vmci_guest_call_bitmap(struct vmci_guest *guest)
{
	struct vmci_set_notify_bitmap_msg msg = {
		.hdr = call_header(VMCI_SET_NOTIFY_BITMAP, sizeof(msg)),
		.bitmap_ppn = guest->bitmap.address >> PAGE_SHIFT,
	};

	return vmci_guest_send(guest, &msg.hdr);
}

/* DOORBELL_LINK: rings of @handle set byte @index of the notification page */
int vmci_guest_call_link(struct vmci_guest *guest, struct vmci_handle handle, u32 index)
{
	struct vmci_doorbell_link_msg msg = {
		.hdr = call_header(VMCI_DOORBELL_LINK, sizeof(msg)),
		.handle = handle,
		.notify_index = index,
	};

	return vmci_guest_send(guest, &msg.hdr);
}

/* DOORBELL_UNLINK, DOORBELL_NOTIFY or QUEUEPAIR_DETACH */
int vmci_guest_call_handle(struct vmci_guest *guest, enum vmci_function function,
			   struct vmci_handle handle)
{
	struct vmci_handle_msg msg = {
		.hdr = call_header(function, sizeof(msg)),
		.handle = handle,
	};

	return vmci_guest_send(guest, &msg.hdr);
}
