/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port.h - datagrams through the two data ports, byte by byte
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md 3.4 and 3.8.
 */
#ifndef DEVICE_PORT_H
#define DEVICE_PORT_H

#include <stddef.h>

#include "vmci/wire.h"

struct function;

struct port {
	/* The datagram that is being written */
	__u8 *out;			/* room for the largest; NULL before the first byte */
	size_t out_have;
	__u64 swallow;			/* bytes still to come of one that is too large */

	/* The window that is being read */
	__u8 in[VMCI_MAX_DG_SIZE];
	size_t in_size;			/* of the window; 0 for none */
	size_t in_done;
};

void port_reset(struct function *function);
void port_write(struct function *function, const __u8 *bytes, size_t count);
void port_read(struct function *function, __u8 *bytes, size_t count);

/* The result is about to be read: a datagram that is not complete never will be */
void port_result_read(struct function *function);

#endif /* DEVICE_PORT_H */
