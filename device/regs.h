/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * regs.h - the registers of the VMCI function
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md 2.3 to 2.6.  Offsets are those of BAR0; BAR1 has the same at VMCI_MMIO_REGS_OFFSET.
 */
#ifndef DEVICE_REGS_H
#define DEVICE_REGS_H

#include <stdbool.h>

#include <linux/types.h>

struct function;

/* A buffer for a datagram, named while there is no access to memory */
struct deferred {
	__u64 buffer;
	bool waits;		/* not carried out yet */
};

struct regs {
	__u32 caps;		/* that the driver accepted */
	bool negotiated;	/* it has written CAPS */
	unsigned int page_shift;
	__u64 result;
	__u32 out_high;
	__u32 in_high;
	struct deferred send;
	struct deferred receive;
};

/* Which BAR is accessed: only the ports have the byte streams */
enum regs_space { REGS_PORTS, REGS_MEMORY };

void regs_reset(struct function *function);
void regs_set_result(struct function *function, __s64 result);

void regs_read(struct function *function, enum regs_space space, __u64 offset, __u8 *to,
	       __u32 count);
void regs_write(struct function *function, enum regs_space space, __u64 offset, const __u8 *from,
		__u32 count);

#endif /* DEVICE_REGS_H */
