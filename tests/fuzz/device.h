/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * device.h - a VMCI function for fuzz targets, and laws that hold whatever a guest does
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef TESTS_FUZZ_DEVICE_H
#define TESTS_FUZZ_DEVICE_H

#include "function.h"
#include "vfio_user.h"

#define RAM_SIZE	(256u << 10)	/* at address 0, the second half also at HIGH */
#define ROM_AT		(128u << 10)	/* a page of it that may only be read */
#define HIGH		0x100000000ull

struct machine {
	struct loop *loop;
	struct function *function;
	struct vfio_device device;
	uint8_t *ram;
};

/* The machine has its driver's capabilities @caps and bus mastering, and a host end */
struct machine *machine_new(uint32_t caps);
void machine_free(struct machine *machine);

/* A register, by 4 bytes through BAR1 */
uint32_t machine_get(struct machine *machine, uint32_t reg);
void machine_set(struct machine *machine, uint32_t reg, uint32_t value);

/* What must be true at any time */
void machine_check(const struct machine *machine);

#endif /* TESTS_FUZZ_DEVICE_H */
