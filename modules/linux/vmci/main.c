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
#include "local_qp.h"
#include "personality.h"

/* The kernel's own driver of the VMCI device was there first: it keeps the device */
static bool vmw_vmci_is_loaded(void)
{
	static const char its_symbol[] = "vmci_datagram_send";
	bool loaded = __symbol_get(its_symbol);

	if (loaded)
		__symbol_put(its_symbol);
	return loaded;
}

static int __init vmci_init(void)
{
	int err;

	vmci_event_init();
	vmci_local_qp_init();
	err = vmci_delivery_init();
	if (err)
		return err;
	vmci_context_init();
	vmci_personality_set(VMCI_ROUTE_HOST, &vmci_host_personality);
	pr_info("version %s, this machine is context %u%s\n", VMSOCK_VERSION,
		VMCI_HOST_CONTEXT_ID,
		vmw_vmci_is_loaded() ? "; vmw_vmci came first and keeps the VMCI device" : "");
	return 0;
}

static void __exit vmci_exit(void)
{
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
