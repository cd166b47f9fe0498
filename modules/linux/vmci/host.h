/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host.h - this machine as the host of virtual machines: what its parts share
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	context.c	the virtual machines
 *	inbox.c		what waits for one of them
 *	host.c		what clients in the kernel ask of this half of the driver
 *	host_device.c	/dev/vmci, what monitors ask
 *	host_request.c	their requests, one by one
 *	host_qp.c	the broker of queue pairs
 *	host_debug.c	what root sees of all that
 *	user_pages.c	memory of a monitor
 */
#ifndef VMSOCK_VMCI_HOST_H
#define VMSOCK_VMCI_HOST_H

#include <linux/types.h>
#include <vmci/ioctl.h>

struct vmci_context;

/* What a request takes and gives back, in the layouts of vmci.md 8.4 */
union vmci_host_argument {
	struct vmci_datagram_block datagram;
	struct vmci_qp_alloc_block qp_alloc;
	struct vmci_qp_alloc_block_old qp_alloc_old;
	struct vmci_qp_setva_block qp_setva;
	struct vmci_qp_page_file_block qp_page_file;
	struct vmci_qp_detach_block qp_detach;
	struct vmci_ctx_notification_block notification;
	struct vmci_checkpoint_block checkpoint;
	struct vmci_set_notify_block set_notify;
	struct vmci_notify_resource_block notify_resource;
	struct vmci_notifications_receive_block notifications;
};

/**
 * struct vmci_host_request - what a monitor with a virtual machine may ask
 * @number: of the request
 * @since: first version that may
 * @until: last version that may
 * @size: bytes of the argument
 * @run: process it; returns 0, with what came of it in the argument, or a negative errno
 * @undo: the caller will not learn that it succeeded; NULL where that does not matter
 */
struct vmci_host_request {
	unsigned int number;
	s32 since;
	s32 until;
	u32 size;
	int (*run)(struct vmci_context *context, union vmci_host_argument *arg);
	void (*undo)(struct vmci_context *context, const union vmci_host_argument *arg);
};

/* host_request.c */
const struct vmci_host_request *vmci_host_request_find(unsigned int number, s32 version);

/* host_device.c */
int vmci_host_device_init(void);
void vmci_host_device_exit(void);

/* host_debug.c */
void vmci_host_debug_init(void);
void vmci_host_debug_exit(void);

#endif /* VMSOCK_VMCI_HOST_H */
