// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * function - the VMCI function of one virtual machine: what its parts do together
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "dma.h"
#include "fault.h"
#include "function.h"
#include "irq.h"
#include "memory.h"
#include "vfio_user.h"
#include "vmci/errors.h"
#include "vmci/regs.h"

/* What of BAR1 is not registers reads as zeros: tables of MSI-X, which the client has itself */
#define REGS_END	(VMCI_MMIO_REGS_OFFSET + VMCI_MMIO_REGS_SIZE)

/* Warnings at a time; each second allows another */
#define WARNINGS_MAX	10

#define FIRST_MIB	(1u << 20)

static unsigned int msix_vectors(const struct function_options *options)
{
	switch (options->interrupts) {
	case PCI_MSIX:
		return options->classic ? VMCI_MSIX_VECTORS_CLASSIC : VMCI_MSIX_VECTORS_MMIO;
	case PCI_MSIX_ONE:
		return 1;
	default:
		return 0;
	}
}

struct function *function_new(struct loop *loop, const struct function_options *options)
{
	struct function *function = g_new0(struct function, 1);

	function->options = *options;
	function->cid = options->cid;
	function->loop = loop;
	function->memory = memory_new();
	pci_init(&function->pci, options->interrupts, msix_vectors(options),
		 options->classic ? VMCI_CLASSIC_PBA_OFFSET : VMCI_MMIO_PBA_OFFSET);
	inbound_init(function);
	doorbell_init(function);
	pairs_init(function);
	regs_reset(function);
	memory_enable(function->memory, false);
	return function;
}

void function_free(struct function *function)
{
	if (!function)
		return;
	function_reset(function);
	fault_free(function);
	pairs_free(function);
	doorbell_free(function);
	memory_free(function->memory);
	g_free(function);
}

void function_set_host(struct function *function, struct host *host)
{
	function->host = host;
	if (host)
		host->function = function;
}

void function_warn(struct function *function, const char *format, ...)
{
	static gint64 last, allowed = WARNINGS_MAX;
	gint64 now = g_get_monotonic_time() / G_USEC_PER_SEC;
	va_list args;

	allowed = MIN(allowed + now - last, WARNINGS_MAX);
	last = now;
	if (!allowed)
		return;
	allowed--;
	va_start(args, format);
	g_logv(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, format, args);
	va_end(args);
}

void function_reset(struct function *function)
{
	function->stats.resets++;
	cause_reset(function);
	port_reset(function);
	pairs_reset(function);
	doorbell_reset(function);
	inbound_reset(function);
	regs_reset(function);
	fault_reset(function);
	if (function->host)
		function->host->ops->reset(function->host);
}

/* The whole function, not VMCI alone: as when the machine is switched on */
static void reset_all(void *data)
{
	struct function *function = data;

	function_reset(function);
	function->failed = false;
	pci_reset(&function->pci);
	memory_enable(function->memory, false);
}

void function_connect(struct function *function, struct irqs *irqs)
{
	function->irqs = NULL;
	reset_all(function);
	if (!irqs)
		memory_clear(function->memory);
	function->memory_proved = false;
	function->irqs = irqs;
}

void function_fail(struct function *function)
{
	function->failed = true;
	function_warn(function, "guest RAM is not shared: start QEMU with a memory backend that "
		      "has share=on; the guest cannot use this device");
}

bool function_prove(struct function *function)
{
	if (!function->memory_proved && memory_blank(function->memory, 0, FIRST_MIB))
		function_fail(function);
	else
		function->memory_proved = true;
	return !function->failed;
}

static int start(void *data)
{
	struct function *function = data;

	if (!memory_unshared(function->memory))
		return 0;
	function_warn(function, "guest RAM is not shared: start QEMU with a memory backend using "
		      "share=on, as -object memory-backend-memfd,id=mem0,size=SIZE,share=on "
		      "-machine memory-backend=mem0");
	return EOPNOTSUPP;
}

static bool registers_at(const struct function *function, uint32_t region, uint64_t *offset,
			 uint32_t count)
{
	if (region == VFIO_BAR0)
		return true;
	if (function->options.classic || *offset < VMCI_MMIO_REGS_OFFSET ||
	    *offset + count > REGS_END)
		return false;
	*offset -= VMCI_MMIO_REGS_OFFSET;
	return true;
}

static int read_region(void *data, uint32_t region, uint64_t offset, uint8_t *to, uint32_t count)
{
	struct function *function = data;

	if (function->failed && region != VFIO_CONFIG)
		memset(to, 0xff, count);
	else if (function->gone)
		memset(to, 0xff, count);
	else if (region == VFIO_CONFIG)
		pci_read(&function->pci, offset, to, count);
	else if (registers_at(function, region, &offset, count))
		regs_read(function, region == VFIO_BAR0 ? REGS_PORTS : REGS_MEMORY, offset, to,
			  count);
	else
		memset(to, 0, count);
	return 0;
}

static void memory_changed(void *data)
{
	struct function *function = data;

	if (function->host && function->host->ops->memory)
		function->host->ops->memory(function->host);
}

static void write_config(struct function *function, uint64_t offset, const uint8_t *from,
			 uint32_t count)
{
	pci_write(&function->pci, offset, from, count);
	if (pci_bus_master(&function->pci) != memory_enabled(function->memory)) {
		memory_enable(function->memory, pci_bus_master(&function->pci));
		memory_changed(function);
		dma_resume(function);
	}
	cause_update(function);
}

static int write_region(void *data, uint32_t region, uint64_t offset, const uint8_t *from,
			uint32_t count)
{
	struct function *function = data;

	if (function->gone)
		return 0;
	if (region == VFIO_CONFIG)
		write_config(function, offset, from, count);
	else if (registers_at(function, region, &offset, count))
		regs_write(function, region == VFIO_BAR0 ? REGS_PORTS : REGS_MEMORY, offset, from,
			   count);
	return 0;
}

static void interrupts(void *data)
{
	cause_update(data);
}

static const struct vfio_ops function_vfio_ops = {
	.start = start,
	.read = read_region,
	.write = write_region,
	.reset = reset_all,
	.memory = memory_changed,
	.interrupts = interrupts,
};

void function_describe(struct function *function, struct vfio_device *device)
{
	const struct function_options *options = &function->options;

	memset(device, 0, sizeof(*device));
	device->regions[VFIO_BAR0] = VMCI_PORT_BAR_SIZE;
	device->regions[VFIO_BAR1] = options->classic ? VMCI_CLASSIC_BAR1_SIZE :
							VMCI_MMIO_BAR1_SIZE;
	device->regions[VFIO_CONFIG] = PCI_CONFIG_SIZE;
	device->vectors[IRQ_INTX] = 1;
	device->vectors[IRQ_MSI] = options->interrupts == PCI_MSI;
	device->vectors[IRQ_MSIX] = msix_vectors(options);
	device->ops = &function_vfio_ops;
	device->data = function;
	device->memory = function->memory;
}

static __s32 send_context_event(struct function *function, __u32 event, __u32 context)
{
	const struct vmci_event_data data = { .event = event, .u.ctx.context = context };

	return inbound_push_event(function, &data, VMCI_EVENT_CONTEXT_SIZE);
}

bool function_set_cid(struct function *function, __u32 cid)
{
	struct host *host = function->host;

	if (host && !host->ops->renamed)
		return false;
	send_context_event(function, VMCI_EVENT_CTX_ID_UPDATE, cid);
	function->cid = cid;
	if (host)
		host->ops->renamed(host);
	return true;
}

void function_resumed(struct function *function)
{
	pairs_end(function);
	send_context_event(function, VMCI_EVENT_QP_RESUMED, function->cid);
}

bool function_good_cid(__u32 cid)
{
	__s32 result = (__s32)cid;

	return cid >= VMCI_RESERVED_CID_LIMIT && result != VMCI_SHAREDMEM_ERROR_BAD_CONTEXT &&
	       (result > -1 || result < VMCI_ERROR_LAST) &&
	       (result > VMCI_ERROR_CLIENT_MIN || result < VMCI_ERROR_CLIENT_MAX);
}

__s32 function_send(struct function *function, const struct vmci_datagram *datagram)
{
	return inbound_push(function, datagram);
}

__s32 function_pair_event(struct function *function, enum vmci_event_id event,
			  struct vmci_handle handle)
{
	const struct vmci_event_data data = {
		.event = event,
		.u.qp.handle = handle,
		.u.qp.peer = VMCI_HOST_CONTEXT_ID,
	};

	return inbound_push_event(function, &data, VMCI_EVENT_QP_SIZE);
}

__s32 function_ring(struct function *function, struct vmci_handle handle)
{
	return doorbell_ring(function, handle);
}

/* Why the guest does not answer, as far as it can be seen from here */
static const char *obstacle(const struct function *function)
{
	if (!function->irqs)
		return "no virtual machine is there";
	if (function->failed)
		return "its memory is not shared";
	if (!function->regs.negotiated)
		return "no driver in it has started the device";
	if (!pci_bus_master(&function->pci))
		return "its device has no access to memory (bus mastering is off)";
	return "its driver does not answer";
}

void function_unreached(struct function *function, __u32 port)
{
	function_warn(function, "port %u of context %u cannot be reached: %s", port,
		      function->cid, obstacle(function));
}

__u32 function_cid(const struct function *function)
{
	return function->cid;
}
