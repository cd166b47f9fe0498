// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_receive.c - datagrams from the VMCI device
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md 2.7.2, 3.7, 3.9, 12.2 S24 to S28, 12.3.
 *
 * Theory of operation
 *
 * A work item makes a pass over the receive channel each time the device says that something
 * waits; it may sleep, and so may the endpoints that it calls, in the order in which datagrams
 * came.  There is only one, so one receive is under way at a time.
 *
 * On the port channel bytes are read straight into the private inbox and handed out there.  On the
 * DMA channel the device writes to a buffer that it can change at any moment: the header of a
 * datagram is copied to the inbox, checked there, then the payload follows it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/string.h>

#include <common/receive.h>

#include "datagram.h"
#include "event.h"
#include "guest.h"

/* How long to look at the busy flag before a sleep; sleeps, and how long all of them may take */
#define SPINS			256
#define FIRST_WAIT_MS		1
#define LONGEST_WAIT_MS		100
#define PATIENCE_MS		5000

static bool is_over(const struct vmci_guest *guest)
{
	return READ_ONCE(guest->stopping) || READ_ONCE(guest->dead);
}

static bool has_filled(const struct vmci_dma_header *header)
{
	return READ_ONCE(header->busy);
}

static bool wait_for_device(struct vmci_guest *guest, const struct vmci_dma_header *header)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(PATIENCE_MS);
	unsigned int wait = FIRST_WAIT_MS;
	int i;

	for (i = 0; i < SPINS; i++) {
		if (has_filled(header))
			return true;
		cpu_relax();
	}
	/* Posted writes have arrived when a read is answered: mostly that is all it takes. */
	if (vmci_guest_gone(guest) || has_filled(header))
		return has_filled(header);
	/* A slow device: have it tell us, from now on */
	vmci_guest_irq_want(guest, VMCI_CAUSE_DMA_DATAGRAM);
	while (!is_over(guest) && time_before(jiffies, deadline)) {
		if (wait_event_timeout(guest->transferred, has_filled(header),
				       msecs_to_jiffies(wait)))
			return true;
		if (vmci_guest_gone(guest))
			return false;
		wait = min(2 * wait, LONGEST_WAIT_MS);
	}
	if (!is_over(guest))
		vmci_guest_kill(guest, "the device does not deliver");
	return has_filled(header);
}

/* Fills @length bytes of the data area from @offset on */
static bool read_by_dma(struct vmci_guest *guest, u32 offset, u32 length)
{
	struct vmci_dma_header *header = guest->receive.memory;
	struct vmci_dma_element *element = (void *)(header + 1);

	*header = (struct vmci_dma_header) {
		.opcode = VMCI_DMA_OPCODE_SCATTER,
		.size = 1,
	};
	*element = (struct vmci_dma_element) {
		.address = guest->receive.address + PAGE_SIZE + offset,
		.length = length,
	};
	/* The register write orders what was stored before it */
	vmci_guest_write(guest, VMCI_REG_DATA_IN_LOW, lower_32_bits(guest->receive.address));
	if (!wait_for_device(guest, header))
		return false;
	dma_rmb();
	return true;
}

static bool read_by_port(struct vmci_guest *guest, u32 offset, u32 length)
{
	ioread8_rep(guest->regs + VMCI_REG_DATA_IN, guest->inbox + offset, length);
	return true;
}

/* Where bytes of the channel arrive */
static void *arrivals(struct vmci_guest *guest)
{
	return guest->mmio ? guest->receive.memory + PAGE_SIZE : guest->inbox;
}

static bool fill(struct vmci_guest *guest, struct vmci_receive *pass)
{
	void *data = arrivals(guest);
	bool filled;

	memmove(data, data + pass->from, pass->kept);
	filled = guest->mmio ? read_by_dma(guest, pass->offset, pass->length) :
			       read_by_port(guest, pass->offset, pass->length);
	vmci_receive_filled(pass);
	return filled;
}

/*
 * Does it speak of a queue pair that is not there (vmci.md 12.2 S28)?  Nothing unusual: both
 * ends may leave at the same time.
 */
static bool is_late(const struct vmci_datagram *dg)
{
	const struct vmci_event_data *data = (const void *)(dg + 1);

	return dg->payload_size == VMCI_EVENT_QP_SIZE &&
	       (data->event == VMCI_EVENT_QP_PEER_ATTACH ||
		data->event == VMCI_EVENT_QP_PEER_DETACH) &&
	       !vmci_guest_qp_has(data->u.qp.handle);
}

static void dispatch_event(struct vmci_guest *guest, const struct vmci_datagram *dg)
{
	const struct vmci_event_data *data = (const void *)(dg + 1);
	int result;

	if (is_late(dg))
		return;
	result = vmci_event_dispatch(dg, false);
	if (result < 0)
		pr_warn_ratelimited("the device sent a bad event: result %d\n", result);
	else if (data->event == VMCI_EVENT_QP_RESUMED)
		vmci_guest_qp_report(guest);
}

/* Events come from {0, 0} and nowhere else */
static void dispatch(struct vmci_guest *guest, struct vmci_datagram *dg)
{
	int result = VMCI_SUCCESS;

	if (dg->src.context != VMCI_HYPERVISOR_CONTEXT_ID ||
	    dg->dst.resource != VMCI_EVENT_HANDLER)
		result = vmci_datagram_receive(dg);
	else if (dg->src.resource == VMCI_CONTEXT_RESOURCE_ID)
		dispatch_event(guest, dg);
	else
		result = VMCI_ERROR_NO_ACCESS;
	if (result < 0)
		pr_debug("datagram for resource %u from {%u, %u} dropped: result %d\n",
			 dg->dst.resource, dg->src.context, dg->src.resource, result);
}

/* Makes a private copy if there is none; the header has been copied and checked */
static struct vmci_datagram *take(struct vmci_guest *guest, const struct vmci_datagram *header,
				  u32 offset)
{
	struct vmci_datagram *dg = guest->inbox;

	if (!guest->mmio)
		return guest->inbox + offset;
	*dg = *header;
	memcpy(dg + 1, arrivals(guest) + offset + sizeof(*dg), header->payload_size);
	return dg;
}

/* How many may come is the device's decision, but others get their turn (vmci.md 12.3) */
void vmci_guest_receive_work(struct work_struct *work)
{
	struct vmci_guest *guest = container_of(work, struct vmci_guest, receive_work);
	enum vmci_receive_result found;
	struct vmci_datagram header;
	struct vmci_receive pass;
	u32 offset;

	vmci_receive_begin(&pass, guest->mmio ? 0 : PAGE_SIZE, VMCI_MAX_DG_SIZE);
	do {
		if (pass.length && (is_over(guest) || !fill(guest, &pass)))
			return;
		memcpy(&header, arrivals(guest) + pass.at, sizeof(header));
		found = vmci_receive_next(&pass, &header, &offset);
		if (found == VMCI_RECEIVE_DATAGRAM)
			dispatch(guest, take(guest, &header, offset));
		cond_resched();
	} while (found <= VMCI_RECEIVE_DATAGRAM);
	if (found == VMCI_RECEIVE_BROKEN)
		pr_warn_ratelimited("the device delivers a datagram of %llu bytes; dropped\n",
				    header.payload_size);
}
