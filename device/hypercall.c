// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hypercall - the functions of the hypervisor, context 0
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A function is a row of the table: what it needs, and who carries it out.  The checks that all
 * have in common (vmci.md 4.2) are made once, from the table.
 */
#include <string.h>

#include "doorbell.h"
#include "fault.h"
#include "function.h"
#include "hypercall.h"
#include "pairs.h"
#include "vmci/errors.h"
#include "vmci/regs.h"

static bool supported(const struct function *function, __u32 number);

static __s64 resources_query(struct function *function, const struct vmci_datagram *message)
{
	const __u8 *list = (const __u8 *)message + sizeof(struct vmci_resources_query_msg);
	struct vmci_resources_query_msg query;
	__u32 mask = 0;

	memcpy(&query, message, sizeof(query));
	if (!query.count || query.count > VMCI_MAX_QUERIED_FUNCTIONS ||
	    message->payload_size < 8 + (__u64)query.count * sizeof(__u32))
		return VMCI_ERROR_INVALID_ARGS;
	for (__u32 i = 0; i < query.count; i++) {
		__u32 number;

		memcpy(&number, list + i * sizeof(number), sizeof(number));
		mask |= (__u32)supported(function, number) << i;
	}
	return mask;
}

static __s64 get_context_id(struct function *function,
			    __attribute__((unused)) const struct vmci_datagram *message)
{
	return fault_cid(function, function->cid);
}

static __s64 set_notify_bitmap(struct function *function, const struct vmci_datagram *message)
{
	struct vmci_set_notify_bitmap_msg set;

	if (!function_prove(function))
		return VMCI_ERROR_UNAVAILABLE;
	memcpy(&set, message, sizeof(set));
	if (!(function->regs.caps & VMCI_CAPS_PPN64))
		set.bitmap_ppn = (__u32)set.bitmap_ppn;
	return doorbell_set_bitmap(function, set.bitmap_ppn);
}

static __s64 link_doorbell(struct function *function, const struct vmci_datagram *message)
{
	struct vmci_doorbell_link_msg link;

	memcpy(&link, message, sizeof(link));
	return doorbell_link(function, link.handle, link.notify_index);
}

static struct vmci_handle handle_of(const struct vmci_datagram *message)
{
	struct vmci_handle_msg handle;

	memcpy(&handle, message, sizeof(handle));
	return handle.handle;
}

static __s64 unlink_doorbell(struct function *function, const struct vmci_datagram *message)
{
	return doorbell_unlink(function, handle_of(message));
}

static __s64 notify_doorbell(struct function *function, const struct vmci_datagram *message)
{
	return doorbell_notify(function, handle_of(message));
}

static __s64 obsolete(__attribute__((unused)) struct function *function,
		      __attribute__((unused)) const struct vmci_datagram *message)
{
	return VMCI_ERROR_OBSOLETE;
}

/* Whoever asks gets all events that there are; this only says which there may be */
static __s64 subscribe_event(__attribute__((unused)) struct function *function,
			     const struct vmci_datagram *message)
{
	struct vmci_event_subscribe_msg subscribe;

	memcpy(&subscribe, message, sizeof(subscribe));
	if (subscribe.event > VMCI_EVENT_LAST_DELIVERABLE)
		return VMCI_ERROR_EVENT_UNKNOWN;
	return VMCI_SUCCESS;
}

static __s64 alloc_pair(struct function *function, const struct vmci_datagram *message)
{
	if (!function_prove(function))
		return VMCI_ERROR_UNAVAILABLE;
	return pairs_alloc(function, message);
}

static __s64 detach_pair(struct function *function, const struct vmci_datagram *message)
{
	return pairs_detach(function, handle_of(message));
}

static const struct {
	__s64 (*call)(struct function *function, const struct vmci_datagram *message);
	size_t size;		/* of header and fixed part */
	__u32 caps;		/* that the driver must have accepted */
	bool hidden;		/* from RESOURCES_QUERY */
} functions[VMCI_RESOURCE_MAX] = {
	[VMCI_RESOURCES_QUERY]	= { resources_query, sizeof(struct vmci_resources_query_msg) },
	[VMCI_GET_CONTEXT_ID]	= { get_context_id, sizeof(struct vmci_datagram) },
	[VMCI_SET_NOTIFY_BITMAP] = { set_notify_bitmap, sizeof(struct vmci_set_notify_bitmap_msg),
				     VMCI_CAPS_NOTIFICATIONS },
	[VMCI_DOORBELL_LINK]	= { link_doorbell, sizeof(struct vmci_doorbell_link_msg),
				    VMCI_CAPS_NOTIFICATIONS },
	[VMCI_DOORBELL_UNLINK]	= { unlink_doorbell, sizeof(struct vmci_handle_msg),
				    VMCI_CAPS_NOTIFICATIONS },
	[VMCI_DOORBELL_NOTIFY]	= { notify_doorbell, sizeof(struct vmci_handle_msg),
				    VMCI_CAPS_NOTIFICATIONS },
	[VMCI_DATAGRAM_REQUEST_MAP] = { obsolete, sizeof(struct vmci_datagram), 0, true },
	[VMCI_DATAGRAM_REMOVE_MAP] = { obsolete, sizeof(struct vmci_datagram), 0, true },
	[VMCI_EVENT_SUBSCRIBE]	= { subscribe_event, sizeof(struct vmci_event_subscribe_msg) },
	[VMCI_EVENT_UNSUBSCRIBE] = { subscribe_event, sizeof(struct vmci_event_subscribe_msg) },
	[VMCI_QUEUEPAIR_ALLOC]	= { alloc_pair, sizeof(struct vmci_qp_alloc_msg) },
	[VMCI_QUEUEPAIR_DETACH]	= { detach_pair, sizeof(struct vmci_handle_msg) },
};

static bool supported(const struct function *function, __u32 number)
{
	return number < VMCI_RESOURCE_MAX && functions[number].call && !functions[number].hidden &&
	       (functions[number].caps & ~function->options.caps) == 0;
}

__s64 hypercall(struct function *function, const struct vmci_datagram *message)
{
	__u32 number = message->dst.resource, source = message->src.context;

	if (number >= VMCI_RESOURCE_MAX || !functions[number].call)
		return VMCI_ERROR_INVALID_RESOURCE;
	if (source != VMCI_INVALID_ID && source != function->cid)
		return VMCI_ERROR_NO_ACCESS;
	if (message->payload_size + sizeof(*message) < functions[number].size)
		return VMCI_ERROR_INVALID_ARGS;
	if (functions[number].caps & ~function->regs.caps)
		return VMCI_ERROR_UNAVAILABLE;
	return functions[number].call(function, message);
}

const char *hypercall_name(__u32 number)
{
#define NAME(name, value) [value] = #name,
	static const char *const names[VMCI_RESOURCE_MAX] = { VMCI_FUNCTIONS(NAME) };
#undef NAME

	return number < VMCI_RESOURCE_MAX ? names[number] : NULL;
}
