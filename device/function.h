/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * function.h - the VMCI function of one virtual machine: all that its parts share
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The parts are files that each own a member of struct function: pci.c, regs.c, cause.c,
 * inbound.c, port.c, dma.c, doorbell.c and pairs.c.  datagram.c and hypercall.c carry out what
 * the guest sends.  Everything is of one thread, and each call returns at once.
 */
#ifndef DEVICE_FUNCTION_H
#define DEVICE_FUNCTION_H

#include <glib.h>

#include "cause.h"
#include "doorbell.h"
#include "host.h"
#include "inbound.h"
#include "pairs.h"
#include "pci.h"
#include "port.h"
#include "regs.h"

struct faults;
struct irqs;
struct loop;
struct memory;
struct trace;
struct vfio_device;

/* What the administrator chose */
struct function_options {
	__u32 cid;
	__u32 caps;			/* offered; VMCI_CAPS_* */
	enum pci_interrupts interrupts;
	bool classic;			/* BAR1 of 8 KiB: no registers there */
	__u64 pair_memory;		/* bytes of all queue pairs together */
	__u32 pair_count;
};

/* What has happened since the program began */
struct function_stats {
	__u64 to_host;			/* datagrams and calls from the guest */
	__u64 to_guest;
	__u64 refused;			/* of either, with an error */
	__u64 interrupts;
	__u64 rings;			/* of doorbells of the guest */
	__u64 resets;
};

struct function {
	struct function_options options;
	struct function_stats stats;
	__u32 cid;
	struct loop *loop;
	struct memory *memory;
	struct irqs *irqs;		/* of the connection; NULL without one */
	struct host *host;		/* NULL: there is nobody in context 2 */
	struct trace *trace;		/* NULL: nobody wants to see */
	struct faults *faults;		/* NULL: nothing goes wrong on purpose */
	bool failed;			/* the guest's memory proved to be private */
	bool memory_proved;		/* ... or not to be */
	bool gone;			/* plays a function that was pulled out */

	struct pci pci;
	struct regs regs;
	struct causes causes;
	struct inbound inbound;
	struct port port;
	struct doorbells doorbells;
	struct pairs pairs;
};

struct function *function_new(struct loop *loop, const struct function_options *options);
void function_free(struct function *function);

/* Before the first connection; @host stays the caller's and outlives the function */
void function_set_host(struct function *function, struct host *host);

/* What a vfio-user connection needs to know of @function */
void function_describe(struct function *function, struct vfio_device *device);

/* A connection begins, or with NULL has ended: the guest is new, or gone */
void function_connect(struct function *function, struct irqs *irqs);

/* As by the guest's own reset, vmci.md 2.13 */
void function_reset(struct function *function);

/* The guest's memory proved not to be shared (vfio-user.md 6.3) */
void function_fail(struct function *function);

/*
 * Before the first access to the guest's memory that a driver of the ports asks for: no machine
 * has a first MiB of zeros, so one that reads so is not the guest's.  False when it has failed.
 */
bool function_prove(struct function *function);

/*
 * Another CID from now on; the guest is told (vmci.md 2.14).  False, and nothing happens, where the
 * host end cannot have that.
 */
bool function_set_cid(struct function *function, __u32 cid);

/* As after a snapshot: queue pairs have ended, the guest is told (vmci.md 2.14) */
void function_resumed(struct function *function);

/* May a VM have this CID (vmci.md 1.2, 4.3)? */
bool function_good_cid(__u32 cid);

/* Says something that the administrator should know; seldom, however often it happens */
void function_warn(struct function *function, const char *format, ...) G_GNUC_PRINTF(2, 3);

#endif /* DEVICE_FUNCTION_H */
