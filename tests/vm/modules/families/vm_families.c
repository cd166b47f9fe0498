// SPDX-License-Identifier: GPL-2.0-only
/* vm_families - takes socket family numbers, so that tests see how vmsock.ko evades
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Parameters in /sys/module/vm_families/parameters:
 *   taken  (rw) write N to take a number, -N to give it back, "all" to take every free
 *               one; read: the numbers taken, separated by blanks
 *   owned  (r)  the numbers that some part of this kernel, loaded or not, would register
 *
 * socket() on a taken number fails with EPROTONOSUPPORT, on a free one with EAFNOSUPPORT.
 */
#include <linux/bitmap.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/socket.h>

/* Who would register which number, one row an owner. */
static const u8 owned[] = {
	AF_UNIX, AF_INET, AF_NETLINK,
#if IS_ENABLED(CONFIG_IPV6)
	AF_INET6,
#endif
#if IS_ENABLED(CONFIG_AX25)
	AF_AX25,
#endif
#if IS_ENABLED(CONFIG_IPX)
	AF_IPX,
#endif
#if IS_ENABLED(CONFIG_ATALK)
	AF_APPLETALK,
#endif
#if IS_ENABLED(CONFIG_NETROM)
	AF_NETROM,
#endif
#if IS_ENABLED(CONFIG_ATM)
	AF_ATMPVC, AF_ATMSVC,
#endif
#if IS_ENABLED(CONFIG_X25)
	AF_X25,
#endif
#if IS_ENABLED(CONFIG_ROSE)
	AF_ROSE,
#endif
#if IS_ENABLED(CONFIG_DECNET)
	12,
#endif
#if IS_ENABLED(CONFIG_NET_KEY)
	AF_KEY,
#endif
#if IS_ENABLED(CONFIG_PACKET)
	AF_PACKET,
#endif
#if IS_ENABLED(CONFIG_RDS)
	AF_RDS,
#endif
#if IS_ENABLED(CONFIG_IRDA)
	23,
#endif
#if IS_ENABLED(CONFIG_PPPOE)
	AF_PPPOX,
#endif
#if IS_ENABLED(CONFIG_LLC2)
	AF_LLC,
#endif
#if IS_ENABLED(CONFIG_CAN)
	AF_CAN,
#endif
#if IS_ENABLED(CONFIG_TIPC)
	AF_TIPC,
#endif
#if IS_ENABLED(CONFIG_BT)
	AF_BLUETOOTH,
#endif
#if IS_ENABLED(CONFIG_AFIUCV)
	AF_IUCV,
#endif
#if IS_ENABLED(CONFIG_AF_RXRPC)
	AF_RXRPC,
#endif
#if IS_ENABLED(CONFIG_MISDN)
	AF_ISDN,
#endif
#if IS_ENABLED(CONFIG_PHONET)
	AF_PHONET,
#endif
#if IS_ENABLED(CONFIG_IEEE802154_SOCKET)
	AF_IEEE802154,
#endif
#if IS_ENABLED(CONFIG_CAIF)
	37,
#endif
#if IS_ENABLED(CONFIG_CRYPTO_USER_API)
	AF_ALG,
#endif
#if IS_ENABLED(CONFIG_NFC)
	AF_NFC,
#endif
#if IS_ENABLED(CONFIG_VSOCKETS)
	AF_VSOCK,
#endif
#if IS_ENABLED(CONFIG_AF_KCM)
	AF_KCM,
#endif
#if IS_ENABLED(CONFIG_QRTR)
	AF_QIPCRTR,
#endif
#if IS_ENABLED(CONFIG_SMC)
	AF_SMC,
#endif
#if IS_ENABLED(CONFIG_XDP_SOCKETS)
	AF_XDP,
#endif
#if IS_ENABLED(CONFIG_MCTP)
	AF_MCTP,
#endif
};

static DEFINE_MUTEX(lock);
static DECLARE_BITMAP(taken, AF_MAX);	/* under lock */

static int create(struct net *net, struct socket *sock, int protocol, int kern)
{
	return -EPROTONOSUPPORT;
}

static struct net_proto_family families[AF_MAX];

static int take(int family)
{
	int err;

	families[family] = (struct net_proto_family) {
		.family = family,
		.create = create,
		.owner = THIS_MODULE,
	};
	err = sock_register(&families[family]);
	if (!err)
		set_bit(family, taken);
	return err;
}

static void give_back(int family)
{
	if (test_and_clear_bit(family, taken))
		sock_unregister(family);
}

static int take_one(int family)
{
	if (family <= -AF_MAX || family >= AF_MAX || !family)
		return -EINVAL;
	if (family > 0)
		return test_bit(family, taken) ? 0 : take(family);
	give_back(-family);
	return 0;
}

static void take_all(void)
{
	for (int family = 0; family < AF_MAX; family++)
		if (!test_bit(family, taken))
			take(family);
}

static int taken_set(const char *text, const struct kernel_param *param)
{
	int family;
	int err = 0;

	mutex_lock(&lock);
	if (sysfs_streq(text, "all"))
		take_all();
	else
		err = kstrtoint(text, 10, &family) ?: take_one(family);
	mutex_unlock(&lock);
	return err;
}

static int taken_get(char *text, const struct kernel_param *param)
{
	int family;
	int len = 0;

	for_each_set_bit(family, taken, AF_MAX)
		len += sysfs_emit_at(text, len, "%d ", family);
	return len + sysfs_emit_at(text, len, "\n");
}

static const struct kernel_param_ops taken_ops = {
	.set = taken_set,
	.get = taken_get,
};
module_param_cb(taken, &taken_ops, NULL, 0600);
MODULE_PARM_DESC(taken, "numbers taken; write N, -N or all");

static int owned_get(char *text, const struct kernel_param *param)
{
	int len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		len += sysfs_emit_at(text, len, "%d ", owned[i]);
	return len + sysfs_emit_at(text, len, "\n");
}

static const struct kernel_param_ops owned_ops = {
	.get = owned_get,
};
module_param_cb(owned, &owned_ops, NULL, 0400);
MODULE_PARM_DESC(owned, "numbers with an owner in this kernel's configuration");

static int __init families_init(void)
{
	return 0;
}

static void __exit families_exit(void)
{
	for (int family = 0; family < AF_MAX; family++)
		give_back(family);
}

module_init(families_init);
module_exit(families_exit);
MODULE_DESCRIPTION("Takes socket family numbers, for tests");
MODULE_LICENSE("GPL");
