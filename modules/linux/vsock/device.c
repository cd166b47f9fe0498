// SPDX-License-Identifier: GPL-2.0-only
/*
 * device.c - the control device: /dev/vmsock and /dev/vsock
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md section 9.  Both nodes are the same device;
 * /dev/vsock is the name that programs built with the classic header know.  The
 * kernel's own vsock wants that name too.  Our nodes are in a class of our
 * own, so neither driver fails: whoever came first has the node in /dev.  When
 * the kernel's module has gone our node is made again.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cdev.h>
#include <linux/compat.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/uaccess.h>
#include <vmci/ioctl.h>

#include "vmsock.h"

/* What request 1972 reports: the last published driver whose interface this one offers */
#define VMSOCK_DRIVER_VERSION	VMCI_SOCKETS_MAKE_VERSION(9, 8, 1)

enum { MINOR_VMSOCK, MINOR_VSOCK, MINOR_COUNT };

static const char * const node_names[MINOR_COUNT] = {
	[MINOR_VMSOCK] = "vmsock",
	[MINOR_VSOCK] = "vsock",
};

static struct class control_class = {
	.name = "vmsock",
};
static struct cdev control_cdev;
static dev_t control_devt;

static int control_open(struct inode *inode, struct file *file)
{
	vmsock_family_open();
	return nonseekable_open(inode, file);
}

static int control_release(struct inode *inode, struct file *file)
{
	vmsock_family_close();
	return 0;
}

static long control_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	u32 __user *answer = (u32 __user *)arg;

	switch (cmd) {
	case IOCTL_VMCI_SOCKETS_VERSION:
		return put_user(VMSOCK_DRIVER_VERSION, answer);
	case IOCTL_VMCI_SOCKETS_GET_AF_VALUE:
		/* A bad pointer takes no number; failing to get one is said inside the value */
		return put_user((u32)-1, answer) ?: put_user((u32)vmsock_family_get(), answer);
	case IOCTL_VMCI_SOCKETS_GET_LOCAL_CID:
		return put_user(vmci_get_context_id(), answer);
	default:
		return -EINVAL;
	}
}

static const struct file_operations control_fops = {
	.owner = THIS_MODULE,
	.open = control_open,
	.release = control_release,
	.unlocked_ioctl = control_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static int node_create(int minor)
{
	struct device *dev = device_create(&control_class, NULL, control_devt + minor, NULL, "%s",
					   node_names[minor]);

	return PTR_ERR_OR_ZERO(dev);
}

static void node_destroy(int minor)
{
	device_destroy(&control_class, control_devt + minor);
}

/* GOING comes after the exit function of the module, and after one that failed to load */
static int module_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct module *mod = data;

	if (event == MODULE_STATE_GOING && mod != THIS_MODULE && !strcmp(mod->name, "vsock")) {
		node_destroy(MINOR_VSOCK);
		if (node_create(MINOR_VSOCK))
			pr_warn("cannot make /dev/vsock; /dev/vmsock remains\n");
	}
	return NOTIFY_DONE;
}

static struct notifier_block module_notifier = {
	.notifier_call = module_event,
};

static int nodes_create(void)
{
	int minor, err;

	for (minor = 0; minor < MINOR_COUNT; minor++) {
		err = node_create(minor);
		if (err)
			goto undo;
	}
	return 0;

undo:
	while (minor--)
		node_destroy(minor);
	return err;
}

int vmsock_device_init(void)
{
	int err = alloc_chrdev_region(&control_devt, 0, MINOR_COUNT, "vmsock");

	if (err)
		return err;
	err = class_register(&control_class);
	if (err)
		goto unregister_region;
	cdev_init(&control_cdev, &control_fops);
	control_cdev.owner = THIS_MODULE;
	err = cdev_add(&control_cdev, control_devt, MINOR_COUNT);
	if (err)
		goto unregister_class;
	err = nodes_create();
	if (err)
		goto delete_cdev;
	register_module_notifier(&module_notifier);	/* allocates nothing, cannot fail */
	return 0;

delete_cdev:
	cdev_del(&control_cdev);
unregister_class:
	class_unregister(&control_class);
unregister_region:
	unregister_chrdev_region(control_devt, MINOR_COUNT);
	return err;
}

void vmsock_device_exit(void)
{
	unregister_module_notifier(&module_notifier);
	node_destroy(MINOR_VSOCK);
	node_destroy(MINOR_VMSOCK);
	cdev_del(&control_cdev);
	class_unregister(&control_class);
	unregister_chrdev_region(control_devt, MINOR_COUNT);
}
