/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backend_host.h - the host end in the kernel: /dev/vmci
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md section 8, vfio-user.md 9.2.  Programs of the host have VMCI sockets, and nothing of a
 * stream comes through this process: the kernel has the guest's pages.
 */
#ifndef DEVICE_BACKEND_HOST_H
#define DEVICE_BACKEND_HOST_H

#include <glib.h>
#include <stdbool.h>

#include "host.h"

struct backend_host;
struct loop;

/* What the administrator chose */
struct backend_host_options {
	const char *node;	/* /dev/vmci */
	__u32 cid;		/* of the guest, and of no other on this host */
	bool restricted;	/* only trusted ends may talk to the guest (vmci.md 1.4) */
};

/**
 * backend_host_new() - become the monitor of a virtual machine
 * @loop: which waits for what the guest is to get
 * @options: as chosen
 * @error: says which step failed, and what may help
 *
 * The context is there from now on, until backend_host_free(); opens a file.
 *
 * Return: the host end, or NULL.
 */
struct backend_host *backend_host_new(struct loop *loop,
				      const struct backend_host_options *options, GError **error);
/* After the function, whose pairs it has */
void backend_host_free(struct backend_host *backend);

struct host *backend_host_host(struct backend_host *backend);

/* The descriptor of the node, and each request that it is used with from now on; 0 ends the list */
int backend_host_fd(const struct backend_host *backend);
const unsigned int *backend_host_requests(void);

#endif /* DEVICE_BACKEND_HOST_H */
