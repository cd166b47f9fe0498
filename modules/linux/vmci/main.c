// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c - vmci.ko: what it consists of
 *
 * Copyright (C) 2026 The vmsock authors
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/module.h>
#include <linux/printk.h>

#include <vmci/wire_check.h>

#include "context.h"
#include "delivery.h"
#include "event.h"
#include "guest.h"
#include "host.h"
#include "local_qp.h"
#include "personality.h"

static int __init vmci_init(void)
{
	int err;

	vmci_event_init();
	vmci_local_qp_init();
	err = vmci_delivery_init();
	if (err)
		return err;
	err = vmci_context_init();
	if (err)
		goto exit_delivery;
	vmci_personality_set(VMCI_ROUTE_HOST, &vmci_host_personality);
	err = vmci_host_device_init();
	if (err)
		goto exit_host;
	pr_info("version %s, this machine is context %u\n", VMSOCK_VERSION, VMCI_HOST_CONTEXT_ID);
	err = vmci_guest_init();
	if (err)
		goto exit_device;
	vmci_host_debug_init();
	return 0;

exit_device:
	vmci_host_device_exit();
exit_host:
	vmci_personality_set(VMCI_ROUTE_HOST, NULL);
	vmci_context_exit();
exit_delivery:
	vmci_delivery_exit();
	return err;
}

static void __exit vmci_exit(void)
{
	vmci_host_debug_exit();
	vmci_guest_exit();
	vmci_host_device_exit();
	vmci_personality_set(VMCI_ROUTE_HOST, NULL);
	vmci_context_exit();
	vmci_delivery_exit();
}

module_init(vmci_init);
module_exit(vmci_exit);

MODULE_DESCRIPTION("Virtual Machine Communication Interface");
MODULE_AUTHOR("The vmsock authors");
MODULE_VERSION(VMSOCK_VERSION);
MODULE_LICENSE("GPL");
