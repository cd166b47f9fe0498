// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * port - datagrams through the two data ports, byte by byte
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Reading gives windows of a page, as many whole datagrams in each as fit and 0xFF behind them.
 * A datagram larger than a page has a window of its own, as long as the driver's second burst
 * will be.  A window stays as it was when its first byte was read (vmci.md 3.8).
 */
#include <string.h>

#include "datagram.h"
#include "function.h"
#include "port.h"
#include "vmci/errors.h"

#define WINDOW	4096u

void port_reset(struct function *function)
{
	struct port *port = &function->port;

	g_clear_pointer(&port->out, g_free);
	port->out_have = 0;
	port->swallow = 0;
	port->in_size = 0;
}

/* The header is complete: is the datagram one that can be stored? */
static void look(struct function *function)
{
	struct port *port = &function->port;
	struct vmci_datagram header;

	memcpy(&header, port->out, sizeof(header));
	if (header.payload_size <= datagram_limit(&header) - sizeof(header))
		return;
	port->swallow = header.payload_size;
	port->out_have = 0;
	regs_set_result(function, VMCI_ERROR_PAYLOAD_TOO_LARGE);
}

static void send_if_complete(struct function *function)
{
	struct port *port = &function->port;
	struct vmci_datagram header;
	size_t size;

	memcpy(&header, port->out, sizeof(header));
	size = sizeof(header) + header.payload_size;
	if (port->out_have < size)
		return;
	port->out_have = 0;
	regs_set_result(function, datagram_send(function, (void *)port->out, size));
}

static void write_byte(struct function *function, __u8 byte)
{
	struct port *port = &function->port;

	if (port->swallow) {
		port->swallow--;
		return;
	}
	if (!port->out)
		port->out = g_malloc(VMCI_MAX_HYPERCALL_DG_SIZE);
	port->out[port->out_have++] = byte;
	if (port->out_have == sizeof(struct vmci_datagram))
		look(function);
	if (port->out_have >= sizeof(struct vmci_datagram))
		send_if_complete(function);
}

void port_write(struct function *function, const __u8 *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		write_byte(function, bytes[i]);
}

void port_result_read(struct function *function)
{
	struct port *port = &function->port;

	if (port->out_have)
		regs_set_result(function, VMCI_ERROR_DATAGRAM_INCOMPLETE);
	port->out_have = 0;
	port->swallow = 0;
}

static void fill(struct function *function)
{
	const struct parcel *parcel = inbound_peek(function);
	struct port *port = &function->port;
	size_t used = 0;

	port->in_done = 0;
	port->in_size = parcel && parcel->size > WINDOW ? sizeof(port->in) : WINDOW;
	while (parcel && parcel->size <= port->in_size - used) {
		memcpy(port->in + used, &parcel->datagram, parcel->size);
		used += parcel->size;
		inbound_pop(function);
		if (port->in_size > WINDOW)
			break;
		parcel = inbound_peek(function);
	}
	memset(port->in + used, 0xff, port->in_size - used);
}

void port_read(struct function *function, __u8 *bytes, size_t count)
{
	struct port *port = &function->port;

	for (size_t i = 0; i < count; i++) {
		if (!port->in_size)
			fill(function);
		bytes[i] = port->in[port->in_done++];
		if (port->in_done < port->in_size)
			continue;
		port->in_size = 0;
		inbound_settle(function);
	}
}
