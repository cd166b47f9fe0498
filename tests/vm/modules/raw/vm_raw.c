// SPDX-License-Identifier: GPL-2.0-only
/* vm_raw - sends whatever datagram is written to /sys/kernel/debug/vm_raw
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A kernel client may name any endpoint of this machine as the source, the control channel of
 * vmsock.ko as well.  So a test can say what a peer of its own make would say.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <vmci_api.h>

static struct dentry *file;

/* Header and payload, one datagram a call; EINVAL if the sizes disagree, EIO if it is refused */
static ssize_t raw_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct vmci_datagram *dg;
	ssize_t result = len;

	if (len < sizeof(*dg) || len > VMCI_MAX_DG_SIZE)
		return -EINVAL;
	dg = memdup_user(buf, len);
	if (IS_ERR(dg))
		return PTR_ERR(dg);
	if (dg->payload_size != len - sizeof(*dg))
		result = -EINVAL;
	else if (vmci_datagram_send_gfp(dg, GFP_KERNEL) < 0)
		result = -EIO;
	kfree(dg);
	return result;
}

static const struct file_operations raw_fops = {
	.owner = THIS_MODULE,
	.write = raw_write,
};

static int __init raw_init(void)
{
	file = debugfs_create_file("vm_raw", 0200, NULL, NULL, &raw_fops);
	return PTR_ERR_OR_ZERO(file);
}

static void __exit raw_exit(void)
{
	debugfs_remove(file);
}

module_init(raw_init);
module_exit(raw_exit);
MODULE_DESCRIPTION("Sends raw datagrams, for tests");
MODULE_LICENSE("GPL");
