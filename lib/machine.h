/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * machine.h - what this machine has that vsock could need
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A snapshot of modules and device nodes, and the sentence that follows from it; apart from the
 * stack so that every case can be tested on a made-up machine.
 */
#ifndef VMSOCK_MACHINE_H
#define VMSOCK_MACHINE_H

#include <glib.h>

enum machine_node {
	MACHINE_NODE_ABSENT,
	MACHINE_NODE_DENIED,
	MACHINE_NODE_BROKEN,	/* there, and open() fails for another reason */
	MACHINE_NODE_OPENS
};

struct machine {
	gboolean vmci;		/* our VMCI driver is loaded */
	gboolean vmsock;	/* our socket family is, under either of its names */
	gboolean kernel_vsock;	/* the kernel's own vsock is loaded or built in */
	enum machine_node own_node;
	enum machine_node default_node;
};

/* Look at the machine whose root directory is @root, "" for this one. */
void _vmsock_machine_read(struct machine *machine, const char *root);

/* Why no stack answers on @machine, and what to do. */
const char *_vmsock_machine_why_not(const struct machine *machine);

#endif
