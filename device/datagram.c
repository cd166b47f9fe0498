// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * datagram - what the guest sends, whichever channel brought it
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "datagram.h"
#include "fault.h"
#include "function.h"
#include "hypercall.h"
#include "trace.h"
#include "vmci/errors.h"

size_t datagram_limit(const struct vmci_datagram *header)
{
	return header->dst.context == VMCI_HYPERVISOR_CONTEXT_ID ? VMCI_MAX_HYPERCALL_DG_SIZE :
								   VMCI_MAX_DG_SIZE;
}

static __s64 to_host(struct function *function, const struct vmci_datagram *datagram)
{
	if (!function->host)
		return VMCI_ERROR_INVALID_RESOURCE;
	return function->host->ops->datagram(function->host, datagram);
}

/* Nobody may speak for another context (vmci.md 12.2 S12) */
static __s64 route(struct function *function, struct vmci_datagram *datagram)
{
	if (datagram->dst.context == VMCI_HYPERVISOR_CONTEXT_ID)
		return hypercall(function, datagram);
	if (datagram->dst.context == VMCI_INVALID_ID)
		return VMCI_ERROR_INVALID_ARGS;
	if (datagram->src.context == VMCI_INVALID_ID)
		datagram->src.context = function->cid;
	if (datagram->src.context != function->cid)
		return VMCI_ERROR_NO_ACCESS;
	if (datagram->dst.context == VMCI_HOST_CONTEXT_ID)
		return to_host(function, datagram);
	if (datagram->dst.context == function->cid)
		return inbound_push(function, datagram);
	return VMCI_ERROR_DST_UNREACHABLE;
}

static __s64 carry_out(struct function *function, struct vmci_datagram *datagram)
{
	__s32 result;

	switch (fault_outbound(function, datagram, &result)) {
	case FAULT_TAKEN:
		return result;
	case FAULT_TWICE:
		route(function, datagram);
		break;
	case FAULT_NONE:
		break;
	}
	return route(function, datagram);
}

__s64 datagram_send(struct function *function, struct vmci_datagram *datagram, size_t size)
{
	__s64 result;

	function->stats.to_host++;
	if (size >= sizeof(*datagram))
		trace_datagram(function, TRACE_TO_HOST, datagram, size);
	if (function->failed)
		result = VMCI_ERROR_UNAVAILABLE;
	else if (size < sizeof(*datagram) || datagram->payload_size > size - sizeof(*datagram))
		result = VMCI_ERROR_INVALID_ARGS;
	else if (datagram->payload_size > datagram_limit(datagram) - sizeof(*datagram))
		result = VMCI_ERROR_PAYLOAD_TOO_LARGE;
	else
		result = carry_out(function, datagram);
	if (result < 0)
		function->stats.refused++;
	if (size >= sizeof(*datagram))
		trace_result(function, TRACE_TO_HOST, datagram, result);
	return result;
}
