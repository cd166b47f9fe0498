// SPDX-License-Identifier: GPL-2.0-only
/*
 * host_device.c - /dev/vmci, by which a monitor gives its virtual machine a place on this host
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md 8.1 to 8.5, 8.11.
 *
 * Theory of operation
 *
 * A file is a monitor.  It declares a version, then its virtual machine with INIT_CONTEXT, and
 * has that until it is closed; monitor->lock guards these two steps.  After them nothing of the
 * monitor changes, so all other requests run side by side, and what they work on has locks of
 * its own.  A request keeps its file, so the virtual machine does not go while one runs.
 *
 * The node is in a device class of our own: a misc device of this name, as the kernel's own
 * driver has one, collides with it in /dev only, where the first one has the name.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cdev.h>
#include <linux/compat.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "context.h"
#include "host.h"
#include "host_qp.h"
#include "personality.h"

/**
 * struct monitor - an open file
 * @lock: guards @version and the setting of @context
 * @version: declared with VERSION2, 0 before
 * @context: its virtual machine, NULL before INIT_CONTEXT and then constant
 */
struct monitor {
	struct mutex lock;
	s32 version;
	struct vmci_context *context;
};

static struct class vmci_class = {
	.name = "vmci",
};
static struct cdev vmci_cdev;
static dev_t vmci_devt;

/* Who is too old for queue pairs with the host is answered with its own version */
static s32 answer_version(s32 declared)
{
	return declared > 0 && declared < VMCI_VERSION_HOSTQP ? declared : VMCI_VERSION_CURRENT;
}

static long version(struct monitor *monitor)
{
	return answer_version(READ_ONCE(monitor->version));
}

/* A virtual machine keeps the version that it was made with */
static long set_version(struct monitor *monitor, const s32 __user *arg)
{
	s32 declared;
	bool fixed;

	if (get_user(declared, arg))
		return -EFAULT;
	if (declared < 0)
		return -EINVAL;
	mutex_lock(&monitor->lock);
	fixed = monitor->context && declared != monitor->version;
	if (!fixed)
		WRITE_ONCE(monitor->version, declared);
	mutex_unlock(&monitor->lock);
	return fixed ? -EINVAL : answer_version(declared);
}

/* The file has a virtual machine only when the monitor knows its id; monitor->lock is held */
static int create_context(struct monitor *monitor, struct vmci_init_block *block,
			  struct vmci_init_block __user *arg)
{
	struct vmci_context *context;
	int err;

	if (monitor->context || !monitor->version)
		return -EINVAL;
	err = vmci_context_create(block->cid, block->flags, monitor->version, &context);
	if (err)
		return err;
	block->cid = context->cid;
	if (copy_to_user(arg, block, sizeof(*block))) {
		vmci_context_remove(context);
		return -EFAULT;
	}
	vmci_host_vm_begins();
	smp_store_release(&monitor->context, context);
	return 0;
}

/* Ids 0 and 1 would make a virtual machine the hypervisor (vmci.md 12.4 no. 1) */
static bool is_allowed_id(u32 cid)
{
	return cid >= VMCI_HOST_CONTEXT_ID && cid != VMCI_INVALID_ID;
}

static long init_context(struct monitor *monitor, struct vmci_init_block __user *arg)
{
	struct vmci_init_block block;
	int err;

	if (copy_from_user(&block, arg, sizeof(block)))
		return -EFAULT;
	if ((block.flags & ~VMCI_PRIVILEGE_FLAG_RESTRICTED) || !is_allowed_id(block.cid))
		return -EINVAL;
	mutex_lock(&monitor->lock);
	err = create_context(monitor, &block, arg);
	mutex_unlock(&monitor->lock);
	return err;
}

static long run(struct vmci_context *context, const struct vmci_host_request *request,
		void __user *user)
{
	union vmci_host_argument arg = {};
	int err;

	if (copy_from_user(&arg, user, request->size))
		return -EFAULT;
	err = request->run(context, &arg);
	if (err || !copy_to_user(user, &arg, request->size))
		return err;
	if (request->undo)
		request->undo(context, &arg);
	return -EFAULT;
}

static long vmci_ioctl(struct file *file, unsigned int number, unsigned long arg)
{
	struct monitor *monitor = file->private_data;
	const struct vmci_host_request *request;
	void __user *user = (void __user *)arg;
	struct vmci_context *context;

	switch (number) {
	case IOCTL_VMCI_VERSION:
		return version(monitor);
	case IOCTL_VMCI_VERSION2:
		return set_version(monitor, user);
	case IOCTL_VMCI_INIT_CONTEXT:
		return init_context(monitor, user);
	case IOCTL_VMCI_GET_CONTEXT_ID:
		return put_user(VMCI_HOST_CONTEXT_ID, (u32 __user *)user);
	}
	context = smp_load_acquire(&monitor->context);
	request = context ? vmci_host_request_find(number, context->version) : NULL;
	return request ? run(context, request, user) : -EINVAL;
}

static __poll_t vmci_poll(struct file *file, poll_table *table)
{
	struct monitor *monitor = file->private_data;
	struct vmci_context *context = smp_load_acquire(&monitor->context);

	return context ? vmci_inbox_poll(&context->inbox, file, table) : 0;
}

static int vmci_open(struct inode *inode, struct file *file)
{
	struct monitor *monitor = kzalloc(sizeof(*monitor), GFP_KERNEL_ACCOUNT);

	if (!monitor)
		return -ENOMEM;
	mutex_init(&monitor->lock);
	file->private_data = monitor;
	return nonseekable_open(inode, file);
}

static int vmci_release(struct inode *inode, struct file *file)
{
	struct monitor *monitor = file->private_data;

	if (monitor->context) {
		vmci_host_qp_vm_leave_all(monitor->context);
		vmci_context_remove(monitor->context);
		vmci_host_vm_ends();
	}
	kfree(monitor);
	return 0;
}

static const struct file_operations vmci_fops = {
	.owner = THIS_MODULE,
	.open = vmci_open,
	.release = vmci_release,
	.poll = vmci_poll,
	.unlocked_ioctl = vmci_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static int create_node(void)
{
	return PTR_ERR_OR_ZERO(device_create(&vmci_class, NULL, vmci_devt, NULL, "vmci"));
}

/* The node that we did not get because the kernel's driver was first is ours when that has gone */
static int module_event(struct notifier_block *nb, unsigned long event, void *data)
{
	struct module *mod = data;

	if (event == MODULE_STATE_GOING && mod != THIS_MODULE && !strcmp(mod->name, "vmw_vmci")) {
		device_destroy(&vmci_class, vmci_devt);
		if (create_node())
			pr_warn("cannot make /dev/vmci\n");
	}
	return NOTIFY_DONE;
}

static struct notifier_block module_notifier = {
	.notifier_call = module_event,
};

/**
 * vmci_host_device_init() - make the node
 *
 * Return: 0 or a negative errno.
 */
int vmci_host_device_init(void)
{
	int err = alloc_chrdev_region(&vmci_devt, 0, 1, "vmci");

	if (err)
		return err;
	err = class_register(&vmci_class);
	if (err)
		goto unregister_region;
	cdev_init(&vmci_cdev, &vmci_fops);
	vmci_cdev.owner = THIS_MODULE;
	err = cdev_add(&vmci_cdev, vmci_devt, 1);
	if (err)
		goto unregister_class;
	err = create_node();
	if (err)
		goto delete_cdev;
	register_module_notifier(&module_notifier);	/* allocates nothing, cannot fail */
	return 0;

delete_cdev:
	cdev_del(&vmci_cdev);
unregister_class:
	class_unregister(&vmci_class);
unregister_region:
	unregister_chrdev_region(vmci_devt, 1);
	return err;
}

void vmci_host_device_exit(void)
{
	unregister_module_notifier(&module_notifier);
	device_destroy(&vmci_class, vmci_devt);
	cdev_del(&vmci_cdev);
	class_unregister(&vmci_class);
	unregister_chrdev_region(vmci_devt, 1);
}
