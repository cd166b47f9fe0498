// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * registers - fuzz target: a guest that reads and writes whatever it likes (vmci.md 12.2)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Each step is an access to a region, or some bytes of the guest's memory.
 */
#include "device.h"
#include "fuzz.h"
#include "vmci/regs.h"

/* Mostly where something is */
static uint64_t take_offset(struct input *in, uint32_t region)
{
	switch (region) {
	case VFIO_BAR0:
		return take(in, 1) % VMCI_PORT_BAR_SIZE;
	case VFIO_CONFIG:
		return take(in, 1);
	default:
		return VMCI_MMIO_REGS_OFFSET + take(in, 1) % 64;
	}
}

static void access_region(struct machine *machine, struct input *in, bool write)
{
	static const uint32_t regions[] = { VFIO_BAR0, VFIO_BAR1, VFIO_BAR1, VFIO_CONFIG };
	uint32_t region = regions[take(in, 1) % 4], count = 1u << take(in, 1) % 4;
	uint64_t offset = take_offset(in, region), value = take(in, count);
	uint8_t bytes[8];

	if (offset > machine->device.regions[region] - count)
		return;
	memcpy(bytes, &value, sizeof(bytes));
	if (write)
		machine->device.ops->write(machine->function, region, offset, bytes, count);
	else
		machine->device.ops->read(machine->function, region, offset, bytes, count);
}

/* Some bytes of the first pages, where buffers are likely */
static void poke(struct machine *machine, struct input *in)
{
	uint64_t offset = take(in, 2) % (ROM_AT - 64), count = take(in, 1) % 64;

	for (uint64_t i = 0; i < count; i++)
		machine->ram[offset + i] = (uint8_t)take(in, 1);
}

/* A buffer as a driver fills it, and its register */
static void send_buffer(struct machine *machine, struct input *in)
{
	struct vmci_dma_header header = { .busy = 1, .opcode = (uint32_t)take(in, 1) % 3 };
	uint8_t *at = machine->ram + 4096;
	uint64_t count = take(in, 1);

	header.size = (uint32_t)count;
	memcpy(at, &header, sizeof(header));
	for (uint64_t i = 0; i < count; i++)
		at[sizeof(header) + i] = (uint8_t)take(in, 1);
	machine_set(machine, header.opcode == 1 ? VMCI_REG_DATA_IN_LOW : VMCI_REG_DATA_OUT_LOW,
		    4096);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct machine *machine = machine_new((uint32_t)take(&in, 1));

	while (in.left) {
		switch (take(&in, 1) % 6) {
		case 0:
			access_region(machine, &in, false);
			break;
		case 1:
		case 2:
			access_region(machine, &in, true);
			break;
		case 3:
			poke(machine, &in);
			break;
		default:
			send_buffer(machine, &in);
			break;
		}
		machine_check(machine);
	}
	machine_free(machine);
	return 0;
}
