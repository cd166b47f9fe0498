// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inbound - the queue of datagrams for the guest
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <string.h>

#include "fault.h"
#include "function.h"
#include "inbound.h"
#include "trace.h"
#include "vmci/errors.h"
#include "vmci/regs.h"

void inbound_init(struct function *function)
{
	g_queue_init(&function->inbound.parcels);
}

void inbound_reset(struct function *function)
{
	g_queue_clear_full(&function->inbound.parcels, g_free);
	function->inbound.bytes = 0;
	function->inbound.refused = false;
}

static bool is_event(const struct vmci_datagram *datagram)
{
	return !datagram->src.context && !datagram->src.resource;
}

/* Whether @size bytes more are admitted */
static __s32 admit(struct function *function, const struct vmci_datagram *datagram, size_t size)
{
	size_t limit = is_event(datagram) ? VMCI_MAX_DATAGRAM_AND_EVENT_QUEUE_SIZE :
					    VMCI_MAX_DATAGRAM_QUEUE_SIZE;

	if (!function->regs.negotiated || function->failed)
		return VMCI_ERROR_UNAVAILABLE;
	if (function->inbound.bytes + size < limit)
		return VMCI_SUCCESS;
	function->inbound.refused = true;
	return VMCI_ERROR_NO_RESOURCES;
}

static __s32 append(struct function *function, const struct vmci_datagram *datagram, size_t size)
{
	size_t padded = (size + VMCI_DG_ALIGNMENT - 1) & ~(size_t)(VMCI_DG_ALIGNMENT - 1);
	struct parcel *parcel = g_try_malloc0(offsetof(struct parcel, datagram) + padded);

	if (!parcel)
		return VMCI_ERROR_NO_MEM;
	parcel->size = padded;
	parcel->charge = size;
	memcpy(&parcel->datagram, datagram, size);
	fault_spoil(function, &parcel->datagram);
	g_queue_push_tail(&function->inbound.parcels, parcel);
	function->inbound.bytes += size;
	function->stats.to_guest++;
	cause_raise(function, VMCI_CAUSE_DATAGRAM);
	return (__s32)size;
}

static __s32 push(struct function *function, const struct vmci_datagram *datagram, size_t size)
{
	__s32 result = admit(function, datagram, size);

	trace_datagram(function, TRACE_TO_GUEST, datagram, size);
	if (result == VMCI_SUCCESS)
		result = append(function, datagram, size);
	if (result < 0)
		function->stats.refused++;
	trace_result(function, TRACE_TO_GUEST, datagram, result);
	return result;
}

__s32 inbound_push(struct function *function, const struct vmci_datagram *datagram)
{
	size_t size;
	__s32 result;

	if (datagram->payload_size > VMCI_MAX_DG_PAYLOAD_SIZE)
		return VMCI_ERROR_INVALID_ARGS;
	size = sizeof(*datagram) + datagram->payload_size;
	switch (fault_inbound(function, datagram, &result)) {
	case FAULT_TAKEN:
		return result;
	case FAULT_TWICE:
		push(function, datagram, size);
		break;
	case FAULT_NONE:
		break;
	}
	return push(function, datagram, size);
}

__s32 inbound_push_event(struct function *function, const struct vmci_event_data *data, size_t size)
{
	struct vmci_event_msg message = {
		.hdr.dst.context = function->cid,
		.hdr.dst.resource = VMCI_EVENT_HANDLER,
		.hdr.src.context = VMCI_HYPERVISOR_CONTEXT_ID,
		.hdr.src.resource = VMCI_CONTEXT_RESOURCE_ID,
		.hdr.payload_size = size,
		.data = *data,
	};

	return inbound_push(function, &message.hdr);
}

const struct parcel *inbound_peek(struct function *function)
{
	return g_queue_peek_head(&function->inbound.parcels);
}

void inbound_pop(struct function *function)
{
	struct parcel *parcel = g_queue_pop_head(&function->inbound.parcels);

	function->inbound.bytes -= parcel->charge;
	g_free(parcel);
}

void inbound_settle(struct function *function)
{
	if (inbound_peek(function))
		cause_raise(function, VMCI_CAUSE_DATAGRAM);
	if (!function->inbound.refused ||
	    function->inbound.bytes >= VMCI_MAX_DATAGRAM_QUEUE_SIZE / 2)
		return;
	function->inbound.refused = false;
	if (function->host)
		function->host->ops->room(function->host);
}
