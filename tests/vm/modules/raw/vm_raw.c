// SPDX-License-Identifier: GPL-2.0-only
/* vm_raw - what no socket would do, for tests: files in /sys/kernel/debug/vm_raw
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	send	whatever datagram is written there is sent.  A kernel client may name any endpoint
 *		of this machine as the source, the control channel of vmsock.ko as well; so a test
 *		can say what a peer of its own make would say.
 *	flood	the same many times while a socket is locked; it waits until somebody else uses
 *		that socket
 *	stall	while it is open vmci.ko delivers nothing, and each sender has to queue what it
 *		sends.  A number written there is how many control packets may wait.
 *	break	indexes that the peer of a connection did not write
 */
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <net/sock.h>
#include <vmci_api.h>

#include "vmci/qpair.h"
#include "vsock/vmsock.h"

static struct dentry *folder;

/* --- send, flood -------------------------------------------------------------------------- */

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

/* --- stall -------------------------------------------------------------------------------- */

#define PLENTY	65536	/* control packets that may wait, as many as vmsock.ko allows */

/**
 * struct stall - somebody who holds up all traffic, one for each open file
 * @handle: endpoint
 * @entered: its callback runs
 * @over: it may end
 */
struct stall {
	struct vmci_handle handle;
	struct completion entered;
	struct completion over;
};

static int hold_up(void *data, struct vmci_datagram *dg)
{
	struct stall *stall = data;

	complete(&stall->entered);
	wait_for_completion(&stall->over);
	return VMCI_SUCCESS;
}

static int stall_open(struct inode *inode, struct file *file)
{
	struct stall *stall = kzalloc(sizeof(*stall), GFP_KERNEL);
	struct vmci_datagram dg = {};

	if (!stall)
		return -ENOMEM;
	init_completion(&stall->entered);
	init_completion(&stall->over);
	if (vmci_datagram_create_handle(VMCI_INVALID_ID, 0, hold_up, stall, &stall->handle) < 0) {
		kfree(stall);
		return -EIO;
	}
	dg.dst = stall->handle;
	dg.src = stall->handle;
	if (vmci_datagram_send_gfp(&dg, GFP_KERNEL | __GFP_NOFAIL) > 0)
		wait_for_completion(&stall->entered);
	file->private_data = stall;
	return 0;
}

static void limit_control_packets(u32 count)
{
	struct vmci_handle control = { VMCI_HOST_CONTEXT_ID, VMCI_SOCKET_CONTROL_RID };

	vmci_datagram_set_quota(control, count);
}

static ssize_t stall_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	u32 count;
	int err = kstrtou32_from_user(buf, len, 0, &count);

	if (err)
		return err;
	limit_control_packets(count);
	return len;
}

static int stall_release(struct inode *inode, struct file *file)
{
	struct stall *stall = file->private_data;

	limit_control_packets(PLENTY);
	complete(&stall->over);
	vmci_datagram_destroy_handle(stall->handle);
	kfree(stall);
	return 0;
}

static const struct file_operations stall_fops = {
	.owner = THIS_MODULE,
	.open = stall_open,
	.write = stall_write,
	.release = stall_release,
};

/* --- break -------------------------------------------------------------------------------- */

/**
 * struct damage - what is written to the file
 * @fd: socket that finds it; the indexes are those of its peer
 * @pad: 0
 * @tail: of what the socket reads
 * @head: of what it writes
 */
struct damage {
	u32 fd;
	u32 pad;
	u64 tail;
	u64 head;
};

static ssize_t break_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct vmci_queue_header *header;
	struct damage damage;
	struct socket *sock;
	struct vmci_qp *qp;
	int err;

	if (len != sizeof(damage) || copy_from_user(&damage, buf, sizeof(damage)))
		return -EINVAL;
	sock = sockfd_lookup(damage.fd, &err);
	if (!sock)
		return err;
	mutex_lock(&vmsock_sk(sock->sk)->lock);
	qp = vmsock_sk(sock->sk)->qp;
	if (qp) {
		header = qp->consume->header;
		WRITE_ONCE(header->producer_tail, damage.tail);
		WRITE_ONCE(header->consumer_head, damage.head);
	}
	mutex_unlock(&vmsock_sk(sock->sk)->lock);
	sockfd_put(sock);
	return qp ? len : -ENOTCONN;
}

static const struct file_operations break_fops = {
	.owner = THIS_MODULE,
	.write = break_write,
};

/* --- module ------------------------------------------------------------------------------- */

static int __init raw_init(void)
{
	folder = debugfs_create_dir("vm_raw", NULL);
	if (IS_ERR(folder))
		return PTR_ERR(folder);
	debugfs_create_file("send", 0200, folder, NULL, &send_fops);
	debugfs_create_file("flood", 0200, folder, NULL, &flood_fops);
	debugfs_create_file("stall", 0200, folder, NULL, &stall_fops);
	debugfs_create_file("break", 0200, folder, NULL, &break_fops);
	return 0;
}

static void __exit raw_exit(void)
{
	debugfs_remove_recursive(folder);
}

module_init(raw_init);
module_exit(raw_exit);
MODULE_DESCRIPTION("What no socket would do, for tests");
MODULE_LICENSE("GPL");
