// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pci - configuration space of the VMCI function
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <string.h>

#include "pci.h"
#include "vmci/regs.h"

/* Registers of a type 0 header, and the capability that follows it */
#define REG_VENDOR		0x00
#define REG_DEVICE		0x02
#define REG_COMMAND		0x04
#define REG_STATUS		0x06
#define REG_REVISION		0x08
#define REG_CACHE_LINE		0x0c
#define REG_LATENCY		0x0d
#define REG_BAR0		0x10
#define REG_SUBSYSTEM_VENDOR	0x2c
#define REG_SUBSYSTEM		0x2e
#define REG_CAPABILITIES	0x34
#define REG_LINE		0x3c
#define REG_PIN			0x3d
#define REG_CAPABILITY		0x40
#define REG_CAPABILITY_CONTROL	(REG_CAPABILITY + 2)

#define COMMAND_WRITABLE	0x0547u
#define COMMAND_BUS_MASTER	0x0004u
#define COMMAND_NO_INTX		0x0400u
#define STATUS_CAPABILITIES	0x0010u
#define BAR_PORTS		0x01u
#define PIN_A			1u

#define CAPABILITY_MSI		0x05u
#define MSI_CONTROL		0x0080u		/* 64-bit address, one message */
#define MSI_ENABLE		0x0001u
#define CAPABILITY_MSIX		0x11u
#define MSIX_ENABLE		0x8000u
#define MSIX_MASK_ALL		0x4000u

static void set16(uint8_t *bytes, unsigned int offset, uint16_t value)
{
	bytes[offset] = (uint8_t)value;
	bytes[offset + 1] = (uint8_t)(value >> 8);
}

static uint16_t get16(const uint8_t *bytes, unsigned int offset)
{
	return (uint16_t)(bytes[offset] | bytes[offset + 1] << 8);
}

static void set32(uint8_t *bytes, unsigned int offset, uint32_t value)
{
	set16(bytes, offset, (uint16_t)value);
	set16(bytes, offset + 2, (uint16_t)(value >> 16));
}

static void add_msix(struct pci *pci, unsigned int vectors, uint32_t pba)
{
	uint8_t *bytes = pci->initial;

	bytes[REG_CAPABILITY] = CAPABILITY_MSIX;
	set16(bytes, REG_CAPABILITY_CONTROL, (uint16_t)(vectors - 1));
	set16(pci->writable, REG_CAPABILITY_CONTROL, MSIX_ENABLE | MSIX_MASK_ALL);
	set32(bytes, REG_CAPABILITY + 4, VMCI_BAR_MEMORY);
	set32(bytes, REG_CAPABILITY + 8, pba | VMCI_BAR_MEMORY);
}

/* Control, 64-bit address, data */
static void add_msi(struct pci *pci)
{
	pci->initial[REG_CAPABILITY] = CAPABILITY_MSI;
	set16(pci->initial, REG_CAPABILITY_CONTROL, MSI_CONTROL);
	set16(pci->writable, REG_CAPABILITY_CONTROL, MSI_ENABLE);
	memset(pci->writable + REG_CAPABILITY + 4, 0xff, 10);
}

void pci_init(struct pci *pci, enum pci_interrupts interrupts, unsigned int vectors, uint32_t pba)
{
	uint8_t *bytes = pci->initial;

	memset(pci, 0, sizeof(*pci));
	set16(bytes, REG_VENDOR, VMCI_PCI_VENDOR_ID);
	set16(bytes, REG_DEVICE, VMCI_PCI_DEVICE_ID);
	set16(bytes, REG_SUBSYSTEM_VENDOR, VMCI_PCI_VENDOR_ID);
	set16(bytes, REG_SUBSYSTEM, VMCI_PCI_DEVICE_ID);
	set32(bytes, REG_REVISION, VMCI_PCI_CLASS_CODE << 8 | VMCI_PCI_REVISION);
	bytes[REG_BAR0] = BAR_PORTS;
	bytes[REG_PIN] = PIN_A;
	set16(pci->writable, REG_COMMAND, COMMAND_WRITABLE);
	pci->writable[REG_CACHE_LINE] = 0xff;
	pci->writable[REG_LATENCY] = 0xff;
	pci->writable[REG_LINE] = 0xff;
	if (interrupts != PCI_INTX) {
		set16(bytes, REG_STATUS, STATUS_CAPABILITIES);
		bytes[REG_CAPABILITIES] = REG_CAPABILITY;
	}
	if (interrupts == PCI_MSI)
		add_msi(pci);
	else if (interrupts != PCI_INTX)
		add_msix(pci, vectors, pba);
	pci_reset(pci);
}

void pci_reset(struct pci *pci)
{
	memcpy(pci->bytes, pci->initial, sizeof(pci->bytes));
}

void pci_read(const struct pci *pci, uint64_t offset, uint8_t *to, uint32_t count)
{
	memcpy(to, pci->bytes + offset, count);
}

void pci_write(struct pci *pci, uint64_t offset, const uint8_t *from, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *byte = &pci->bytes[offset + i], mask = pci->writable[offset + i];

		*byte = (uint8_t)((*byte & ~mask) | (from[i] & mask));
	}
}

bool pci_bus_master(const struct pci *pci)
{
	return get16(pci->bytes, REG_COMMAND) & COMMAND_BUS_MASTER;
}

bool pci_intx(const struct pci *pci)
{
	return !(get16(pci->bytes, REG_COMMAND) & COMMAND_NO_INTX);
}

bool pci_msix(const struct pci *pci)
{
	return pci->bytes[REG_CAPABILITY] == CAPABILITY_MSIX &&
	       (get16(pci->bytes, REG_CAPABILITY_CONTROL) & MSIX_ENABLE);
}
