/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pci.h - configuration space of the VMCI function
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md 2.1 and 2.2, vfio-user.md section 4.  The client emulates most of it; what is written
 * here is what it asks for.
 */
#ifndef DEVICE_PCI_H
#define DEVICE_PCI_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_CONFIG_SIZE 256u

/* Which interrupts the function offers */
enum pci_interrupts {
	PCI_MSIX,		/* as many vectors as there are causes */
	PCI_MSIX_ONE,
	PCI_MSI,
	PCI_INTX
};

struct pci {
	uint8_t bytes[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE];	/* mask of bits */
	uint8_t initial[PCI_CONFIG_SIZE];	/* after reset */
};

/* @vectors: of MSI-X; @pba: where in BAR1 its pending bits are */
void pci_init(struct pci *pci, enum pci_interrupts interrupts, unsigned int vectors, uint32_t pba);
void pci_reset(struct pci *pci);
void pci_read(const struct pci *pci, uint64_t offset, uint8_t *to, uint32_t count);
void pci_write(struct pci *pci, uint64_t offset, const uint8_t *from, uint32_t count);

/* What the guest's system has switched on */
bool pci_bus_master(const struct pci *pci);
bool pci_intx(const struct pci *pci);
bool pci_msix(const struct pci *pci);

#endif /* DEVICE_PCI_H */
