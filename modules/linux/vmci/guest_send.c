// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_send.c - datagrams to the VMCI device
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md 2.7.1, 3.3 to 3.6, 12.3.
 *
 * Theory of operation
 *
 * One message at a time, under a spinlock with interrupts off, because a client may send in any
 * context; the result is there before the call returns.  On the port channel a message is a string
 * of bytes and the result a register.  On the DMA channel the message is copied to a buffer and a
 * register written; the device answers in the header of the buffer, within that write or soon
 * after it.  The result is taken from there, which saves the way to the device that reading the
 * register would cost.  A device that only fills the register leaves the mark that was put
 * into the header before, then the register is read.
 *
 * The wait is counted in delays, not in time: with interrupts off the clock may stand still.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "guest.h"

/* No result is this number: it is the extension of no 32 bits */
#define NO_RESULT		0x5aa5000000000000ull

/* How long to spin at once, then with pauses of a microsecond, a second in all */
#define SPINS			256
#define PAUSES			1000000
#define PAUSES_BETWEEN_LOOKS	4096

static int read_result(struct vmci_guest *guest)
{
	return (int)vmci_guest_read(guest, VMCI_REG_RESULT_LOW);
}

static int send_by_port(struct vmci_guest *guest, const struct vmci_datagram *dg, size_t size)
{
	int result;

	iowrite8_rep(guest->regs + VMCI_REG_DATA_OUT, dg, size);
	result = read_result(guest);
	if ((u32)result == VMCI_REG_ABSENT && vmci_guest_gone(guest))
		return VMCI_ERROR_UNAVAILABLE;
	return result;
}

static bool is_done(const struct vmci_dma_header *header)
{
	return !READ_ONCE(header->busy);
}

/* Posted writes have arrived when a read is answered: mostly that is all it takes. */
static int wait_for_device(struct vmci_guest *guest, const struct vmci_dma_header *header)
{
	unsigned int i;

	for (i = 0; i < SPINS; i++) {
		if (is_done(header))
			return VMCI_SUCCESS;
		cpu_relax();
	}
	for (i = 0; i < PAUSES; i++) {
		if (i % PAUSES_BETWEEN_LOOKS == 0 && vmci_guest_gone(guest))
			return VMCI_ERROR_UNAVAILABLE;
		if (is_done(header))
			return VMCI_SUCCESS;
		udelay(1);
	}
	vmci_guest_kill(guest, "the device does not take a message");
	return VMCI_ERROR_TIMEOUT;
}

static int dma_result(struct vmci_guest *guest, const struct vmci_dma_header *header)
{
	s64 result = (s64)READ_ONCE(header->result);

	if (result < INT_MIN || result > U32_MAX)
		return read_result(guest);
	return (int)result;
}

static int send_by_dma(struct vmci_guest *guest, const struct vmci_datagram *dg, size_t size)
{
	struct vmci_dma_header *header = guest->transmit.memory;
	int result;

	memcpy(header + 1, dg, size);
	*header = (struct vmci_dma_header) {
		.busy = 1,
		.opcode = VMCI_DMA_OPCODE_INLINE,
		.size = size,
		.result = NO_RESULT,
	};
	/* The register write orders what was stored before it */
	vmci_guest_write(guest, VMCI_REG_DATA_OUT_LOW, lower_32_bits(guest->transmit.address));
	result = wait_for_device(guest, header);
	if (result < 0)
		return result;
	dma_rmb();
	return dma_result(guest, header);
}

/* Largest message that the channel takes (vmci.md 1.5) */
static u64 limit(const struct vmci_guest *guest)
{
	return guest->mmio ? VMCI_MAX_DG_SIZE : VMCI_MAX_HYPERCALL_DG_SIZE;
}

/**
 * vmci_guest_send() - send a message and get its result
 * @guest: the device
 * @dg: header and payload
 *
 * Context: any but NMI; interrupts are off while the device works.
 * Return: what the device says; NO_RESOURCES when the message is too large, UNAVAILABLE without
 * a working device, TIMEOUT when it stopped working now.
 */
int vmci_guest_send(struct vmci_guest *guest, const struct vmci_datagram *dg)
{
	unsigned long flags;
	size_t size;
	int result;

	spin_lock_irqsave(&guest->send_lock, flags);
	if (!guest->sends || READ_ONCE(guest->dead)) {
		result = VMCI_ERROR_UNAVAILABLE;
	} else if (dg->payload_size > limit(guest) - sizeof(*dg)) {
		result = VMCI_ERROR_NO_RESOURCES;
	} else {
		size = sizeof(*dg) + dg->payload_size;
		result = guest->mmio ? send_by_dma(guest, dg, size) :
				       send_by_port(guest, dg, size);
	}
	spin_unlock_irqrestore(&guest->send_lock, flags);
	return result;
}

/**
 * vmci_guest_send_open() - may messages be sent
 * @guest: the device
 * @open: from now on, or never again when this returns
 */
void vmci_guest_send_open(struct vmci_guest *guest, bool open)
{
	unsigned long flags;

	spin_lock_irqsave(&guest->send_lock, flags);
	guest->sends = open;
	spin_unlock_irqrestore(&guest->send_lock, flags);
}
