// SPDX-License-Identifier: GPL-2.0-only
/*
 * family.c - the socket family number: taken when somebody asks, given back when nobody needs it
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md 2.2.  Three kinds of holders are counted:
 * open descriptors of the control device, sockets, and kernel clients.  The
 * first to ask for the number registers the family, and when the last holder
 * is gone it is unregistered.  create() can still run after sock_unregister()
 * has returned, therefore it counts its socket under the mutex and only while
 * a number is held.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kconfig.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>

#include "vmsock.h"
#include "vmsock_api.h"

static int family_wanted;
module_param_named(family, family_wanted, int, 0444);
MODULE_PARM_DESC(family, "Family number to use, 0 (default) chooses a free one");

/* Nobody's: these were never used, or their owners have left the kernel */
static const u8 family_free[] = {
	AF_SNA, AF_ASH, AF_NETBEUI, AF_SECURITY, AF_ECONET, AF_WANPIPE, AF_IRDA, AF_DECnet, AF_IPX,
};

/* Owners that could still come, loaded or not, autoloaded or by name */
static const struct {
	u8 family;
	bool enabled;
} family_owners[] = {
	{ AF_UNIX,	IS_ENABLED(CONFIG_UNIX) },
	{ AF_INET,	true },
	{ AF_AX25,	IS_ENABLED(CONFIG_AX25) },
	{ AF_IPX,	IS_ENABLED(CONFIG_IPX) },
	{ AF_APPLETALK,	IS_ENABLED(CONFIG_ATALK) },
	{ AF_NETROM,	IS_ENABLED(CONFIG_NETROM) },
	{ AF_BRIDGE,	IS_ENABLED(CONFIG_BRIDGE) },
	{ AF_ATMPVC,	IS_ENABLED(CONFIG_ATM) },
	{ AF_X25,	IS_ENABLED(CONFIG_X25) },
	{ AF_INET6,	IS_ENABLED(CONFIG_IPV6) },
	{ AF_ROSE,	IS_ENABLED(CONFIG_ROSE) },
	{ AF_DECnet,	IS_ENABLED(CONFIG_DECNET) },
	{ AF_KEY,	IS_ENABLED(CONFIG_NET_KEY) },
	{ AF_NETLINK,	true },
	{ AF_PACKET,	IS_ENABLED(CONFIG_PACKET) },
	{ AF_ATMSVC,	IS_ENABLED(CONFIG_ATM) },
	{ AF_RDS,	IS_ENABLED(CONFIG_RDS) },
	{ AF_IRDA,	IS_ENABLED(CONFIG_IRDA) },
	{ AF_PPPOX,	IS_ENABLED(CONFIG_PPPOE) || IS_ENABLED(CONFIG_PPTP) ||
			IS_ENABLED(CONFIG_PPPOL2TP) },
	{ AF_LLC,	IS_ENABLED(CONFIG_LLC2) },
	{ AF_IB,	IS_ENABLED(CONFIG_INFINIBAND) },
	{ AF_MPLS,	IS_ENABLED(CONFIG_MPLS) },
	{ AF_CAN,	IS_ENABLED(CONFIG_CAN) },
	{ AF_TIPC,	IS_ENABLED(CONFIG_TIPC) },
	{ AF_BLUETOOTH,	IS_ENABLED(CONFIG_BT) },
	{ AF_IUCV,	IS_ENABLED(CONFIG_AFIUCV) },
	{ AF_RXRPC,	IS_ENABLED(CONFIG_AF_RXRPC) },
	{ AF_ISDN,	IS_ENABLED(CONFIG_MISDN) },
	{ AF_PHONET,	IS_ENABLED(CONFIG_PHONET) },
	{ AF_IEEE802154, IS_ENABLED(CONFIG_IEEE802154_SOCKET) },
	{ AF_CAIF,	IS_ENABLED(CONFIG_CAIF) },
	{ AF_ALG,	IS_ENABLED(CONFIG_CRYPTO_USER_API) },
	{ AF_NFC,	IS_ENABLED(CONFIG_NFC) },
	{ AF_VSOCK,	IS_ENABLED(CONFIG_VSOCKETS) },
	{ AF_KCM,	IS_ENABLED(CONFIG_AF_KCM) },
	{ AF_QIPCRTR,	IS_ENABLED(CONFIG_QRTR) },
	{ AF_SMC,	IS_ENABLED(CONFIG_SMC) },
	{ AF_XDP,	IS_ENABLED(CONFIG_XDP_SOCKETS) },
	{ AF_MCTP,	IS_ENABLED(CONFIG_MCTP) },
};

#define FAMILY_FIRST	1
#define FAMILY_LOWEST	3	/* automatic choice ends here */
#define FAMILY_HIGHEST	45	/* and above it starts below this one */

static DEFINE_MUTEX(family_mutex);

/* All under family_mutex */
static struct {
	int number;		/* 0 while none is held */
	unsigned int opens;
	unsigned int sockets;
	unsigned int clients;
} family;

static struct net_proto_family family_ops = {
	.create = vmsock_create,
	.owner = THIS_MODULE,
};

static bool family_has_owner(int number)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(family_owners); i++)
		if (family_owners[i].family == number && family_owners[i].enabled)
			return true;
	return false;
}

static int family_try(int number)
{
	int err;

	if (number >= NPROTO)
		return -ENOBUFS;
	family_ops.family = number;
	vmsock_stream_ops.family = number;
	vmsock_dgram_ops.family = number;
	err = sock_register(&family_ops);
	if (!err) {
		WRITE_ONCE(family.number, number);
		pr_info_ratelimited("socket family %d registered\n", number);
	}
	return err;
}

static int family_try_unowned(int number)
{
	return family_has_owner(number) ? -EEXIST : family_try(number);
}

/* The kernel's own number where the kernel does not know it, then the unused ones, then the rest */
static int family_search(void)
{
	int err = family_try_unowned(AF_VSOCK);
	int i;

	for (i = 0; err && i < ARRAY_SIZE(family_free); i++)
		err = family_try_unowned(family_free[i]);
	for (i = FAMILY_HIGHEST; err && i >= FAMILY_LOWEST; i--)
		err = family_try_unowned(i);
	return err;
}

static int family_register(void)
{
	int err;

	lockdep_assert_held(&family_mutex);
	if (family.number)
		return 0;
	err = family_wanted ? family_try(family_wanted) : family_search();
	if (err)
		pr_err_ratelimited("no socket family: %s\n",
				   family_wanted ? "the number asked for is taken" :
						   "every number is taken");
	return err;
}

static void family_unregister(void)
{
	if (!family.number)
		return;
	sock_unregister(family.number);
	pr_info_ratelimited("socket family %d given back\n", family.number);
	WRITE_ONCE(family.number, 0);
}

/* The test of vsock.md 2.2, after each kind of release */
static void family_put(unsigned int *holders)
{
	mutex_lock(&family_mutex);
	--*holders;
	if (!family.opens && !family.sockets && !family.clients)
		family_unregister();
	mutex_unlock(&family_mutex);
}

static void family_count(unsigned int *holders)
{
	mutex_lock(&family_mutex);
	++*holders;
	mutex_unlock(&family_mutex);
}

/**
 * vmsock_family_get() - the number, registered if it was not; the caller is a counted holder
 *
 * Return: the number or a negative errno.
 */
int vmsock_family_get(void)
{
	int err;

	mutex_lock(&family_mutex);
	err = family_register();
	if (!err)
		err = family.number;
	mutex_unlock(&family_mutex);
	return err;
}

/**
 * vmsock_family_hold_socket() - count a new socket
 * @sk: the socket; its sk_family was the number when create() was called
 *
 * Return: 0, or -EAFNOSUPPORT when the number was given back meanwhile.
 */
int vmsock_family_hold_socket(struct sock *sk)
{
	int err = 0;

	mutex_lock(&family_mutex);
	if (family.number == sk->sk_family)
		family.sockets++;
	else
		err = -EAFNOSUPPORT;
	mutex_unlock(&family_mutex);
	return err;
}

void vmsock_family_put_socket(void)
{
	family_put(&family.sockets);
}

void vmsock_family_open(void)
{
	family_count(&family.opens);
}

void vmsock_family_close(void)
{
	family_put(&family.opens);
}

void VMCISock_KernelRegister(void)
{
	family_count(&family.clients);
}
EXPORT_SYMBOL(VMCISock_KernelRegister);

void VMCISock_KernelDeregister(void)
{
	family_put(&family.clients);
}
EXPORT_SYMBOL(VMCISock_KernelDeregister);

static bool family_has_client(void)
{
	bool has;

	mutex_lock(&family_mutex);
	has = family.clients;
	mutex_unlock(&family_mutex);
	return has;
}

int VMCISock_GetAFValue(void)
{
	return family_has_client() ? vmsock_family_get() : -1;
}
EXPORT_SYMBOL(VMCISock_GetAFValue);

int VMCISock_GetLocalCID(void)
{
	return family_has_client() ? (int)vmci_get_context_id() : -1;
}
EXPORT_SYMBOL(VMCISock_GetLocalCID);

static int family_in_use_get(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%d\n", READ_ONCE(family.number));
}

static const struct kernel_param_ops family_in_use_ops = {
	.get = family_in_use_get,
};
module_param_cb(family_in_use, &family_in_use_ops, NULL, 0444);
MODULE_PARM_DESC(family_in_use, "Family number registered now, 0 when none is (read only)");

/*
 * A fixed number is tried once at load, so that a refusal is seen at once.  EEXIST would tell
 * modprobe that the module is loaded already.
 */
int vmsock_family_init(void)
{
	int err;

	if (!family_wanted)
		return 0;
	if (family_wanted < FAMILY_FIRST || family_wanted >= NPROTO) {
		pr_err("family=%d is not between %d and %d\n", family_wanted, FAMILY_FIRST,
		       NPROTO - 1);
		return -EINVAL;
	}
	mutex_lock(&family_mutex);
	family_ops.family = family_wanted;
	err = sock_register(&family_ops);
	if (!err)
		sock_unregister(family_wanted);
	mutex_unlock(&family_mutex);
	if (err)
		pr_err("family=%d is taken%s; choose another number or none\n", family_wanted,
		       family_wanted == AF_VSOCK ? " by the kernel's vsock" : "");
	return err == -EEXIST ? -EBUSY : err;
}

void vmsock_family_exit(void)
{
	mutex_lock(&family_mutex);
	family_unregister();
	mutex_unlock(&family_mutex);
}
