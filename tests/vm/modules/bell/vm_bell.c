// SPDX-License-Identifier: GPL-2.0-only
/* vm_bell - a doorbell that is there as long as the module is, and who rings others
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Its name and how often it rang are parameters; "CONTEXT RESOURCE" written to another one rings
 * the doorbell of that name.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#ifdef OF_KERNEL_DRIVER
#include <linux/vmw_vmci_defs.h>
#include <linux/vmw_vmci_api.h>
#else
#include <vmci_api.h>
#endif

static uint context;
module_param(context, uint, 0444);
MODULE_PARM_DESC(context, "of its handle");

static uint resource;
module_param(resource, uint, 0444);
MODULE_PARM_DESC(resource, "of its handle");

static uint rung;
module_param(rung, uint, 0444);
MODULE_PARM_DESC(rung, "how often it rang");

static struct vmci_handle handle = { VMCI_INVALID_ID, VMCI_INVALID_ID };

/* One at a time */
static void ring(void *data)
{
	WRITE_ONCE(rung, rung + 1);
}

/* The kernel's own driver of 7.3 lets nobody ring */
#ifndef OF_KERNEL_DRIVER
static int ring_other(const char *text, const struct kernel_param *param)
{
	struct vmci_handle other;

	if (sscanf(text, "%u %u", &other.context, &other.resource) != 2)
		return -EINVAL;
	return vmci_doorbell_notify(other, 0) < 0 ? -ENXIO : 0;
}

static const struct kernel_param_ops ring_ops = {
	.set = ring_other,
};
module_param_cb(ring, &ring_ops, NULL, 0200);
MODULE_PARM_DESC(ring, "write context and resource of a doorbell to ring it");
#endif

static int __init bell_init(void)
{
	if (vmci_doorbell_create(&handle, 0, 0, ring, NULL) < 0)
		return -ENXIO;
	context = handle.context;
	resource = handle.resource;
	return 0;
}

static void __exit bell_exit(void)
{
	vmci_doorbell_destroy(handle);
}

module_init(bell_init);
module_exit(bell_exit);
MODULE_DESCRIPTION("A doorbell, for tests");
MODULE_LICENSE("GPL");
