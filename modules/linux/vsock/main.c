// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c - module entry of vmsock.ko
 *
 * Copyright (C) 2026 The vmsock authors
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <vmci/wire_check.h>

#include "vmsock.h"

struct workqueue_struct *vmsock_wq;

static int __init vmsock_init(void)
{
	int err = -ENOMEM;

	vmsock_wq = alloc_workqueue("vmsock", WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (!vmsock_wq)
		return err;
	err = proto_register(&vmsock_proto, 1);
	if (err)
		goto destroy_wq;
	err = vmsock_family_init();
	if (err)
		goto unregister_proto;
	err = vmsock_transport_init();
	if (err)
		goto exit_family;
	err = vmsock_device_init();
	if (err)
		goto exit_transport;
	vmsock_stats_init();
	return 0;

exit_transport:
	vmsock_transport_exit();
exit_family:
	vmsock_family_exit();
unregister_proto:
	proto_unregister(&vmsock_proto);
destroy_wq:
	destroy_workqueue(vmsock_wq);
	return err;
}

static void __exit vmsock_exit(void)
{
	vmsock_stats_exit();
	vmsock_device_exit();
	vmsock_transport_exit();
	vmsock_family_exit();
	vmsock_linger_exit();
	destroy_workqueue(vmsock_wq);
	proto_unregister(&vmsock_proto);
}

module_init(vmsock_init);
module_exit(vmsock_exit);

MODULE_DESCRIPTION("VMCI sockets");
MODULE_AUTHOR("The vmsock authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(VMSOCK_VERSION);
MODULE_ALIAS("vmware_vsock");
