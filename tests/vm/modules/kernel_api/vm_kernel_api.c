// SPDX-License-Identifier: GPL-2.0-only
/* vm_kernel_api - makes the calls of vmsock_api.h on request
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Parameters in /sys/module/vm_kernel_api/parameters:
 *   clients  (rw) write N to be registered N times
 *   family   (r)  what VMCISock_GetAFValue() returns now
 *   cid      (r)  what VMCISock_GetLocalCID() returns now
 *   dgram    (r)  what sock_create_kern() returns for a datagram socket that is closed at once
 */
#include <linux/module.h>
#include <linux/net.h>
#include <net/net_namespace.h>
#include <vmsock_api.h>

#define CLIENTS_MAX	100

static int clients;

static void register_clients(int wanted)
{
	for (; clients < wanted; clients++)
		VMCISock_KernelRegister();
	for (; clients > wanted; clients--)
		VMCISock_KernelDeregister();
}

static int clients_set(const char *text, const struct kernel_param *param)
{
	int wanted;
	int err = kstrtoint(text, 10, &wanted);

	if (err)
		return err;
	if (wanted < 0 || wanted > CLIENTS_MAX)
		return -ERANGE;
	register_clients(wanted);
	return 0;
}

static int clients_get(char *text, const struct kernel_param *param)
{
	return sysfs_emit(text, "%d\n", clients);
}

static const struct kernel_param_ops clients_ops = {
	.set = clients_set,
	.get = clients_get,
};
module_param_cb(clients, &clients_ops, NULL, 0600);
MODULE_PARM_DESC(clients, "times that this module is registered");

static int family_get(char *text, const struct kernel_param *param)
{
	return sysfs_emit(text, "%d\n", VMCISock_GetAFValue());
}

static const struct kernel_param_ops family_ops = {
	.get = family_get,
};
module_param_cb(family, &family_ops, NULL, 0400);
MODULE_PARM_DESC(family, "family number as a client sees it");

static int cid_get(char *text, const struct kernel_param *param)
{
	return sysfs_emit(text, "%d\n", VMCISock_GetLocalCID());
}

static const struct kernel_param_ops cid_ops = {
	.get = cid_get,
};
module_param_cb(cid, &cid_ops, NULL, 0400);
MODULE_PARM_DESC(cid, "local CID as a client sees it");

static int dgram_get(char *text, const struct kernel_param *param)
{
	struct socket *sock;
	int err = sock_create_kern(&init_net, VMCISock_GetAFValue(), SOCK_DGRAM, 0, &sock);

	if (!err)
		sock_release(sock);
	return sysfs_emit(text, "%d\n", err);
}

static const struct kernel_param_ops dgram_ops = {
	.get = dgram_get,
};
module_param_cb(dgram, &dgram_ops, NULL, 0400);
MODULE_PARM_DESC(dgram, "0, or why there is no datagram socket");

static int __init kernel_api_init(void)
{
	return 0;
}

static void __exit kernel_api_exit(void)
{
	register_clients(0);
}

module_init(kernel_api_init);
module_exit(kernel_api_exit);
MODULE_DESCRIPTION("Makes the calls of in-kernel clients, for tests");
MODULE_LICENSE("GPL");
