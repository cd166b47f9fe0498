// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_irq.c - interrupts of the VMCI device
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md 2.8.
 *
 * A handler finds out why the device interrupts, from the vector when there is one for each cause,
 * from the cause register otherwise, and starts the work.  Reading that register acknowledges: a
 * level interrupt is gone when the handler returns, so the line needs no masking and may be
 * shared.
 */
#include <linux/interrupt.h>
#include <linux/moduleparam.h>

#include "guest.h"

static bool disable_msi;
module_param(disable_msi, bool, 0444);
MODULE_PARM_DESC(disable_msi, "do not use MSI interrupts of the VMCI device");

static bool disable_msix;
module_param(disable_msix, bool, 0444);
MODULE_PARM_DESC(disable_msix, "do not use MSI-X interrupts of the VMCI device");

static void act(struct vmci_guest *guest, u32 causes)
{
	if (causes & VMCI_CAUSE_DATAGRAM)
		queue_work(guest->workqueue, &guest->receive_work);
	if ((causes & VMCI_CAUSE_NOTIFICATION) && guest->bitmap.memory)
		queue_work(guest->workqueue, &guest->bell_work);
	if (causes & VMCI_CAUSE_DMA_DATAGRAM)
		wake_up(&guest->transferred);
}

static irqreturn_t datagram_vector(int irq, void *data)
{
	act(data, VMCI_CAUSE_DATAGRAM);
	return IRQ_HANDLED;
}

static irqreturn_t notification_vector(int irq, void *data)
{
	act(data, VMCI_CAUSE_NOTIFICATION);
	return IRQ_HANDLED;
}

static irqreturn_t dma_vector(int irq, void *data)
{
	act(data, VMCI_CAUSE_DMA_DATAGRAM);
	return IRQ_HANDLED;
}

static irqreturn_t only_vector(int irq, void *data)
{
	struct vmci_guest *guest = data;
	u32 causes = vmci_guest_read(guest, VMCI_REG_ICR);

	if (causes == VMCI_REG_ABSENT)
		vmci_guest_kill(guest, "the device has gone");
	if (!causes || causes == VMCI_REG_ABSENT)
		return IRQ_NONE;
	act(guest, causes);
	return IRQ_HANDLED;
}

/* By vector, when there are several (the numbers of the bits in ICR) */
static const irq_handler_t handlers[VMCI_MSIX_VECTORS_MAX] = {
	datagram_vector,
	notification_vector,
	dma_vector,
};

static int alloc_vectors(struct vmci_guest *guest)
{
	int full = guest->mmio ? VMCI_MSIX_VECTORS_MMIO : VMCI_MSIX_VECTORS_CLASSIC;
	unsigned int kinds = PCI_IRQ_ALL_TYPES;

	if (disable_msix)
		kinds &= ~PCI_IRQ_MSIX;
	if (disable_msi)
		kinds &= ~PCI_IRQ_MSI;
	if (!disable_msix &&
	    pci_alloc_irq_vectors(guest->pdev, full, full, PCI_IRQ_MSIX) == full)
		return full;
	return pci_alloc_irq_vectors(guest->pdev, 1, 1, kinds);
}

static void free_irqs(struct vmci_guest *guest, int count)
{
	while (count--)
		pci_free_irq(guest->pdev, count, guest);
}

static int request_irqs(struct vmci_guest *guest)
{
	struct pci_dev *pdev = guest->pdev;
	int i, err;

	for (i = 0; i < guest->vectors; i++) {
		err = pci_request_irq(pdev, i, guest->vectors == 1 ? only_vector : handlers[i],
				      NULL, guest, "vmci %s %d", pci_name(pdev), i);
		if (err) {
			free_irqs(guest, i);
			return err;
		}
	}
	return 0;
}

/**
 * vmci_guest_irq_start() - install handlers (steps 15 and 16 of vmci.md 2.10)
 * @guest: all that they need is there; the device does not interrupt yet
 *
 * Return: 0 or a negative errno.
 */
int vmci_guest_irq_start(struct vmci_guest *guest)
{
	int err;

	guest->causes = 0;
	guest->vectors = alloc_vectors(guest);
	if (guest->vectors < 0)
		return guest->vectors;
	err = request_irqs(guest);
	if (err)
		pci_free_irq_vectors(guest->pdev);
	return err;
}

/**
 * vmci_guest_irq_want() - let the device interrupt for these causes, too
 * @guest: with handlers
 * @causes: VMCI_CAUSE_*
 */
void vmci_guest_irq_want(struct vmci_guest *guest, u32 causes)
{
	causes |= guest->causes;
	if (causes == guest->causes)
		return;
	guest->causes = causes;
	vmci_guest_write(guest, VMCI_REG_IMR, causes);
}

/* No handler runs, and no work that they started, when this returns */
void vmci_guest_irq_stop(struct vmci_guest *guest)
{
	free_irqs(guest, guest->vectors);
	pci_free_irq_vectors(guest->pdev);
}

/* For the log */
const char *vmci_guest_irq_mode(const struct vmci_guest *guest)
{
	if (guest->vectors > 1)
		return "MSI-X with all vectors";
	if (guest->pdev->msix_enabled)
		return "MSI-X with one vector";
	return guest->pdev->msi_enabled ? "MSI" : "INTx";
}
