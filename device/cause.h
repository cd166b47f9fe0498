/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cause.h - why the guest is interrupted, and how
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md 2.8, vfio-user.md 4.4 to 4.6 and 5.4.  A cause is VMCI_CAUSE_*.
 */
#ifndef DEVICE_CAUSE_H
#define DEVICE_CAUSE_H

#include <stdbool.h>

#include <linux/types.h>

struct function;

struct causes {
	__u32 pending;		/* ICR */
	__u32 mask;		/* IMR */
	bool enabled;		/* by CONTROL */
};

void cause_raise(struct function *function, __u32 causes);

/* ICR is read: what was pending no longer is */
__u32 cause_acknowledge(struct function *function);

/* IMR or CONTROL was written, interrupts or eventfds have changed: what is pending counts again */
void cause_update(struct function *function);

void cause_reset(struct function *function);

#endif /* DEVICE_CAUSE_H */
