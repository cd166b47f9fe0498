// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * trace - each datagram as a line of text
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Seconds, direction, addresses, size, and what it is; then, on a line of its own behind what it
 * has caused, the result of a function, or an error:
 *
 *	12.345678 guest>host {42,1}>{2,1} 56 REQUEST2 1023>5000 size 262144 proto 3
 *	12.345701 guest>host {4294967295,4294967295}>{0,1} 24 VMCI_GET_CONTEXT_ID
 *	12.345702 guest>host {4294967295,4294967295}>{0,1} = 42
 */
#include <errno.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

#include <common/packet.h>

#include "function.h"
#include "hypercall.h"
#include "trace.h"
#include "vmci/errors.h"

struct trace {
	FILE *file;
};

bool trace_open(struct function *function, const char *path, GError **error)
{
	bool terminal = strcmp(path, "-") == 0;
	FILE *file = terminal ? stderr : fopen(path, "we");

	if (!file) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "%s: %s", path,
			    strerror(errno));
		return false;
	}
	setvbuf(file, NULL, _IOLBF, 0);
	function->trace = g_new0(struct trace, 1);
	function->trace->file = file;
	return true;
}

void trace_close(struct function *function)
{
	if (!function->trace)
		return;
	if (function->trace->file != stderr)
		fclose(function->trace->file);
	g_clear_pointer(&function->trace, g_free);
}

static const char *result_name(__s32 result)
{
#define NAME(name, value) case value: return #name;
	switch (result) {
	VMCI_RESULT_CODES(NAME)
	}
#undef NAME
	return "?";
}

static const char *event_name(__u32 event)
{
#define NAME(name, value) case value: return #name;
	switch (event) {
	VMCI_EVENTS(NAME)
	}
#undef NAME
	return "event?";
}

static void say_packet(FILE *file, const struct vmci_datagram *datagram)
{
	struct vmsock_packet packet;

	memcpy(&packet, datagram, sizeof(packet));
	fprintf(file, " %s %u>%u", vmsock_packet_type_name(packet.type), packet.src_port,
		packet.dst_port);
	switch (packet.type) {
	case VMSOCK_PACKET_OFFER:
	case VMSOCK_PACKET_ATTACH:
		fprintf(file, " {%u,%u}", packet.u.handle.context, packet.u.handle.resource);
		break;
	case VMSOCK_PACKET_SHUTDOWN:
		fprintf(file, " mode %llu", (unsigned long long)packet.u.mode);
		break;
	case VMSOCK_PACKET_REQUEST:
	case VMSOCK_PACKET_REQUEST2:
	case VMSOCK_PACKET_NEGOTIATE:
	case VMSOCK_PACKET_NEGOTIATE2:
		fprintf(file, " size %llu proto %u", (unsigned long long)packet.u.size,
			packet.proto);
		break;
	}
}

static void say_event(FILE *file, const struct vmci_datagram *datagram)
{
	struct vmci_event_msg event;
	size_t size = MIN(sizeof(event), sizeof(*datagram) + datagram->payload_size);

	memset(&event, 0, sizeof(event));
	memcpy(&event, datagram, size);
	fprintf(file, " %s", event_name(event.data.event));
	if (datagram->payload_size == VMCI_EVENT_QP_SIZE)
		fprintf(file, " {%u,%u} peer %u", event.data.u.qp.handle.context,
			event.data.u.qp.handle.resource, event.data.u.qp.peer);
	else if (datagram->payload_size == VMCI_EVENT_CONTEXT_SIZE)
		fprintf(file, " %u", event.data.u.ctx.context);
}

static void say_hypercall(FILE *file, const struct vmci_datagram *datagram)
{
	const char *name = hypercall_name(datagram->dst.resource);
	struct vmci_handle_msg message;

	fprintf(file, " %s", name ? name : "function?");
	if (datagram->payload_size < sizeof(message.handle) ||
	    datagram->dst.resource < VMCI_DOORBELL_LINK)
		return;
	memcpy(&message, datagram, sizeof(message));
	fprintf(file, " {%u,%u}", message.handle.context, message.handle.resource);
}

static void say_alloc(FILE *file, const struct vmci_datagram *datagram)
{
	struct vmci_qp_alloc_msg message;

	if (datagram->payload_size < sizeof(message) - sizeof(message.hdr))
		return;
	memcpy(&message, datagram, sizeof(message));
	fprintf(file, " peer %u flags 0x%x produce %llu consume %llu pages %llu", message.peer,
		message.flags, (unsigned long long)message.produce_size,
		(unsigned long long)message.consume_size, (unsigned long long)message.ppn_count);
}

static void say_what(FILE *file, const struct vmci_datagram *datagram)
{
	if (datagram->dst.context == VMCI_HYPERVISOR_CONTEXT_ID) {
		say_hypercall(file, datagram);
		if (datagram->dst.resource == VMCI_QUEUEPAIR_ALLOC)
			say_alloc(file, datagram);
	} else if (datagram->src.context == VMCI_HYPERVISOR_CONTEXT_ID) {
		say_event(file, datagram);
	} else if (datagram->dst.resource == VMCI_SOCKET_CONTROL_RID &&
		   datagram->payload_size == sizeof(struct vmsock_packet) - sizeof(*datagram)) {
		say_packet(file, datagram);
	}
}

/* Time, direction and addresses; NULL when nobody wants to see */
static FILE *begin(struct function *function, enum trace_direction direction,
		   const struct vmci_datagram *datagram)
{
	gint64 now = g_get_monotonic_time();
	FILE *file;

	if (!function->trace)
		return NULL;
	file = function->trace->file;
	fprintf(file, "%" G_GINT64_FORMAT ".%06d %s {%u,%u}>{%u,%u}", now / G_USEC_PER_SEC,
		(int)(now % G_USEC_PER_SEC),
		direction == TRACE_TO_HOST ? "guest>host" : "host>guest", datagram->src.context,
		datagram->src.resource, datagram->dst.context, datagram->dst.resource);
	return file;
}

void trace_datagram(struct function *function, enum trace_direction direction,
		    const struct vmci_datagram *datagram, size_t size)
{
	FILE *file = begin(function, direction, datagram);

	if (!file)
		return;
	fprintf(file, " %llu", (unsigned long long)sizeof(*datagram) + datagram->payload_size);
	if (datagram->payload_size <= size - sizeof(*datagram))
		say_what(file, datagram);
	fputc('\n', file);
}

void trace_result(struct function *function, enum trace_direction direction,
		  const struct vmci_datagram *datagram, __s64 result)
{
	FILE *file;

	if (datagram->dst.context != VMCI_HYPERVISOR_CONTEXT_ID && result >= 0)
		return;
	file = begin(function, direction, datagram);
	if (!file)
		return;
	if (result < 0)
		fprintf(file, " = %s\n", result_name((__s32)result));
	else
		fprintf(file, " = %lld\n", (long long)result);
}
