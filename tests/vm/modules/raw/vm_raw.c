// SPDX-License-Identifier: GPL-2.0-only
/* vm_raw - sends whatever datagram is written to /sys/kernel/debug/vm_raw/send
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A kernel client may name any endpoint of this machine as the source, the control channel of
 * vmsock.ko as well.  So a test can say what a peer of its own make would say.
 *
 * What is written to /sys/kernel/debug/vm_raw/flood is sent many times while a socket is locked,
 * and waits until somebody else uses that socket.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <net/sock.h>
#include <vmci_api.h>

#include "vsock/vmsock.h"

static struct dentry *folder;

/* Header and payload, one datagram @count times; EINVAL if the sizes disagree, EIO if refused */
static ssize_t send(const char __user *buf, size_t len, u32 count)
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
	while (count-- && result > 0)
		if (vmci_datagram_send_gfp(dg, GFP_KERNEL) < 0)
			result = -EIO;
	kfree(dg);
	return result;
}

static ssize_t send_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	return send(buf, len, 1);
}

static const struct file_operations send_fops = {
	.owner = THIS_MODULE,
	.write = send_write,
};

/**
 * struct flood - what is written to the second file
 * @fd: descriptor of the socket
 * @count: how often
 * @dg: to be sent
 */
struct flood {
	u32 fd;
	u32 count;
	u8 dg[];
};

static ssize_t flood_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct flood flood;
	struct socket *sock;
	ssize_t result;
	int err;

	if (len < sizeof(flood) || copy_from_user(&flood, buf, sizeof(flood)))
		return -EINVAL;
	sock = sockfd_lookup(flood.fd, &err);
	if (!sock)
		return err;
	mutex_lock(&vmsock_sk(sock->sk)->lock);
	result = send(buf + sizeof(flood), len - sizeof(flood), flood.count);
	vmci_flush();
	mutex_unlock(&vmsock_sk(sock->sk)->lock);
	sockfd_put(sock);
	return result < 0 ? result : len;
}

static const struct file_operations flood_fops = {
	.owner = THIS_MODULE,
	.write = flood_write,
};

static int __init raw_init(void)
{
	folder = debugfs_create_dir("vm_raw", NULL);
	if (IS_ERR(folder))
		return PTR_ERR(folder);
	debugfs_create_file("send", 0200, folder, NULL, &send_fops);
	debugfs_create_file("flood", 0200, folder, NULL, &flood_fops);
	return 0;
}

static void __exit raw_exit(void)
{
	debugfs_remove_recursive(folder);
}

module_init(raw_init);
module_exit(raw_exit);
MODULE_DESCRIPTION("Sends raw datagrams, for tests");
MODULE_LICENSE("GPL");
