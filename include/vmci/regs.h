/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * regs.h - PCI identity, BARs, registers and bits of the VMCI device
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md section 2.  All registers are 32 bits wide and
 * little endian, except the two data ports, which are byte streams.
 */
#ifndef VMCI_REGS_H
#define VMCI_REGS_H

/* PCI identity (vmci.md 2.1) */
#define VMCI_PCI_VENDOR_ID		0x15ad
#define VMCI_PCI_DEVICE_ID		0x0740
#define VMCI_PCI_CLASS_CODE		0x088000
#define VMCI_PCI_REVISION		0x10

/* BARs (vmci.md 2.2), sizes and offsets in bytes */
#define VMCI_BAR_PORT			0
#define VMCI_BAR_MEMORY			1
#define VMCI_PORT_BAR_SIZE		64
#define VMCI_CLASSIC_BAR1_SIZE		0x2000
#define VMCI_MMIO_BAR1_SIZE		0x40000
#define VMCI_MMIO_REGS_OFFSET		0x20000
#define VMCI_MMIO_REGS_SIZE		0x10000
#define VMCI_CLASSIC_PBA_OFFSET		0x1000
#define VMCI_MMIO_PBA_OFFSET		0x10000

/* Registers (vmci.md 2.3), offsets from BAR 0 or the MMIO window */
#define VMCI_REG_STATUS			0x00
#define VMCI_REG_CONTROL		0x04
#define VMCI_REG_ICR			0x08	/* reading acknowledges */
#define VMCI_REG_IMR			0x0c
#define VMCI_REG_DATA_OUT		0x10	/* byte stream, BAR 0 only */
#define VMCI_REG_DATA_IN		0x14	/* byte stream, BAR 0 only */
#define VMCI_REG_CAPS			0x18
#define VMCI_REG_RESULT_LOW		0x1c
#define VMCI_REG_RESULT_HIGH		0x20
#define VMCI_REG_DATA_OUT_LOW		0x24	/* the write starts the send */
#define VMCI_REG_DATA_OUT_HIGH		0x28
#define VMCI_REG_DATA_IN_LOW		0x2c	/* the write starts the receive */
#define VMCI_REG_DATA_IN_HIGH		0x30
#define VMCI_REG_GUEST_PAGE_SHIFT	0x34

/* Bits (vmci.md 2.4) */
#define VMCI_STATUS_INT_ON		0x1u

#define VMCI_CONTROL_RESET		0x1u
#define VMCI_CONTROL_INT_ENABLE		0x2u
#define VMCI_CONTROL_INT_DISABLE	0x4u

#define VMCI_CAPS_HYPERCALL		0x01u
#define VMCI_CAPS_GUESTCALL		0x02u
#define VMCI_CAPS_DATAGRAM		0x04u
#define VMCI_CAPS_NOTIFICATIONS		0x08u
#define VMCI_CAPS_PPN64			0x10u
#define VMCI_CAPS_DMA_DATAGRAM		0x20u

/* Interrupt causes, the same in ICR and IMR; the MSI-X vector is the bit number */
#define VMCI_CAUSE_DATAGRAM		0x1u
#define VMCI_CAUSE_NOTIFICATION		0x2u
#define VMCI_CAUSE_DMA_DATAGRAM		0x4u

#define VMCI_MSIX_VECTORS_CLASSIC	2
#define VMCI_MSIX_VECTORS_MMIO		3
#define VMCI_MSIX_VECTORS_MAX		3

/* Page shift (vmci.md 2.6): assumed before GUEST_PAGE_SHIFT is written, and the sane range */
#define VMCI_PAGE_SHIFT_DEFAULT		12
#define VMCI_PAGE_SHIFT_MIN		12
#define VMCI_PAGE_SHIFT_MAX		16

/* A read from a device that is gone */
#define VMCI_REG_ABSENT			0xffffffffu

#endif /* VMCI_REGS_H */
