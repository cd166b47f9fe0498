// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_device.c - registers, capabilities and buffers of the VMCI device
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md 2.2 to 2.7 and 2.13.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-mapping.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/printk.h>

#include "guest.h"

/* Header and elements in the first page, data behind it (vmci.md 2.7.2) */
#define DMA_BUFFER_SIZE		(PAGE_SIZE + VMCI_MAX_DG_SIZE)

/* 32 bits of page number and 12 within a page (vmci.md 2.5) */
#define PPN32_MASK_BITS		44

static bool has_mmio(struct pci_dev *pdev)
{
	return pci_resource_len(pdev, VMCI_BAR_MEMORY) == VMCI_MMIO_BAR1_SIZE;
}

static void __iomem *map_registers(struct vmci_guest *guest)
{
	struct pci_dev *pdev = guest->pdev;
	void __iomem *regs = NULL;

	if (has_mmio(pdev))
		regs = pci_iomap_range(pdev, VMCI_BAR_MEMORY, VMCI_MMIO_REGS_OFFSET,
				       VMCI_MMIO_REGS_SIZE);
	guest->mmio = regs;
	if (!regs && !IS_ENABLED(CONFIG_ARM64) &&
	    pci_resource_len(pdev, VMCI_BAR_PORT) >= VMCI_PORT_BAR_SIZE)
		regs = pci_iomap(pdev, VMCI_BAR_PORT, VMCI_PORT_BAR_SIZE);
	return regs;
}

static bool alloc_buffer(struct vmci_guest *guest, struct vmci_guest_buffer *buffer, size_t size)
{
	buffer->memory = dma_alloc_coherent(&guest->pdev->dev, size, &buffer->address, GFP_KERNEL);
	return buffer->memory;
}

static void free_buffer(struct vmci_guest *guest, struct vmci_guest_buffer *buffer, size_t size)
{
	if (buffer->memory)
		dma_free_coherent(&guest->pdev->dev, size, buffer->memory, buffer->address);
	buffer->memory = NULL;
}

/**
 * vmci_guest_map() - map the registers and allocate memory for datagrams
 * @guest: with its enabled PCI function
 *
 * Return: 0, -ENXIO without usable registers, -ENOMEM; the caller unmaps either way.
 */
int vmci_guest_map(struct vmci_guest *guest)
{
	guest->regs = map_registers(guest);
	if (!guest->regs)
		return -ENXIO;
	guest->inbox = kvmalloc(VMCI_MAX_DG_SIZE, GFP_KERNEL);
	if (!guest->inbox)
		return -ENOMEM;
	if (guest->mmio && (!alloc_buffer(guest, &guest->receive, DMA_BUFFER_SIZE) ||
			    !alloc_buffer(guest, &guest->transmit, DMA_BUFFER_SIZE)))
		return -ENOMEM;
	return 0;
}

/**
 * vmci_guest_unmap() - undo vmci_guest_map() and vmci_guest_negotiate()
 * @guest: reset; half-built ones, too
 */
void vmci_guest_unmap(struct vmci_guest *guest)
{
	free_buffer(guest, &guest->bitmap, PAGE_SIZE);
	free_buffer(guest, &guest->transmit, DMA_BUFFER_SIZE);
	free_buffer(guest, &guest->receive, DMA_BUFFER_SIZE);
	kvfree(guest->inbox);
	guest->inbox = NULL;
	if (guest->regs)
		pci_iounmap(guest->pdev, guest->regs);
	guest->regs = NULL;
}

static void set_dma_mask(struct vmci_guest *guest, u32 offered)
{
	unsigned int bits = offered & VMCI_CAPS_PPN64 ? 64 : PPN32_MASK_BITS;

	if (dma_set_mask_and_coherent(&guest->pdev->dev, DMA_BIT_MASK(bits)))
		pci_warn(guest->pdev, "no DMA with %u bits; carrying on\n", bits);
}

/* What of the offer is used, with the memory that it needs */
static u32 choose_caps(struct vmci_guest *guest, u32 offered)
{
	u32 caps = VMCI_CAPS_DATAGRAM | (offered & VMCI_CAPS_PPN64);

	if (offered & VMCI_CAPS_NOTIFICATIONS) {
		if (guest->bitmap.memory || alloc_buffer(guest, &guest->bitmap, PAGE_SIZE))
			caps |= VMCI_CAPS_NOTIFICATIONS;
		else
			pci_warn(guest->pdev, "no memory for doorbells; going on without\n");
	}
	if (guest->mmio)
		caps |= VMCI_CAPS_DMA_DATAGRAM;
	return caps;
}

static void set_addresses(struct vmci_guest *guest)
{
	vmci_guest_write(guest, VMCI_REG_GUEST_PAGE_SHIFT, PAGE_SHIFT);
	vmci_guest_write(guest, VMCI_REG_DATA_IN_HIGH, upper_32_bits(guest->receive.address));
	vmci_guest_write(guest, VMCI_REG_DATA_OUT_HIGH, upper_32_bits(guest->transmit.address));
}

/**
 * vmci_guest_negotiate() - agree on capabilities (steps 5 to 10 of vmci.md 2.10)
 * @guest: mapped, bus master
 *
 * Return: 0, or -ENXIO when the device lacks what is mandatory; it has not been written to then.
 */
int vmci_guest_negotiate(struct vmci_guest *guest)
{
	u32 offered = vmci_guest_read(guest, VMCI_REG_CAPS);
	u32 needed = VMCI_CAPS_DATAGRAM | (guest->mmio ? VMCI_CAPS_DMA_DATAGRAM : 0);

	if (offered == VMCI_REG_ABSENT || (offered & needed) != needed) {
		pci_err(guest->pdev, "capabilities 0x%x, but 0x%x is needed\n", offered, needed);
		return -ENXIO;
	}
	set_dma_mask(guest, offered);
	guest->caps = choose_caps(guest, offered);
	vmci_guest_write(guest, VMCI_REG_CAPS, guest->caps);
	if (guest->mmio)
		set_addresses(guest);
	WRITE_ONCE(guest->dead, false);
	return 0;
}

/**
 * vmci_guest_reset() - make the device let go of all memory
 * @guest: nothing is sent any more
 *
 * Writes may be posted; the answer to a read comes after them.
 */
void vmci_guest_reset(struct vmci_guest *guest)
{
	vmci_guest_write(guest, VMCI_REG_CONTROL, VMCI_CONTROL_RESET);
	vmci_guest_read(guest, VMCI_REG_STATUS);
	if (guest->bitmap.memory)
		memset(guest->bitmap.memory, 0, PAGE_SIZE);
}

/**
 * vmci_guest_kill() - give the device up until it is reset
 * @guest: the device
 * @why: said once
 *
 * Context: any but NMI.
 */
void vmci_guest_kill(struct vmci_guest *guest, const char *why)
{
	if (xchg(&guest->dead, true))
		return;
	pci_err(guest->pdev, "%s; it is not used until it is bound again\n", why);
	queue_work(guest->workqueue, &guest->dead_work);
}

/**
 * vmci_guest_gone() - has the device been removed without notice?
 * @guest: the device
 *
 * Context: any but NMI.
 */
bool vmci_guest_gone(struct vmci_guest *guest)
{
	if (vmci_guest_read(guest, VMCI_REG_CAPS) != VMCI_REG_ABSENT)
		return false;
	vmci_guest_kill(guest, "the device has gone");
	return true;
}
