// SPDX-License-Identifier: GPL-2.0-only
/* vm_control_rid - owns control resource 1 of vmci.ko, so that vmsock.ko cannot
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * As another VMCI transport would (vsock.md 2.4).
 */
#include <linux/module.h>
#include <vmci_api.h>

static struct vmci_handle handle;

static int receive(void *data, struct vmci_datagram *dg)
{
	return 0;
}

static int __init control_rid_init(void)
{
	int result = vmci_datagram_create_handle(VMCI_SOCKET_CONTROL_RID, VMCI_FLAG_ANYCID_DG_HND,
						 receive, NULL, &handle);

	return result < 0 ? -EADDRINUSE : 0;
}

static void __exit control_rid_exit(void)
{
	vmci_datagram_destroy_handle(handle);
}

module_init(control_rid_init);
module_exit(control_rid_exit);
MODULE_DESCRIPTION("Owns the control resource of VMCI sockets, for tests");
MODULE_LICENSE("GPL");
