// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmsock_client - sends a message to an echo server from inside the kernel
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The family number is dynamic: a client registers first, asks for the number, and may open
 * sockets until it deregisters. Registration alone keeps the number (vsock.md 2.2).
 *
 * The message goes out once while the module loads, and the module loads whatever the result is:
 * the parameter "result" has it, and the kernel log says what happened. Until it is unloaded the
 * module remains registered.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/net.h>
#include <linux/string.h>
#include <linux/vm_sockets.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <vmsock_api.h>

#define MESSAGE_MAX	128
#define WAIT_SECONDS	5

static unsigned int cid = VMADDR_CID_HOST;
module_param(cid, uint, 0444);
MODULE_PARM_DESC(cid, "context ID of the server");

static unsigned int port = 7;
module_param(port, uint, 0444);
MODULE_PARM_DESC(port, "port of the server");

static bool datagram;
module_param(datagram, bool, 0444);
MODULE_PARM_DESC(datagram, "send a datagram instead of a stream");

static char *message = "hello from the kernel";
module_param(message, charp, 0444);
MODULE_PARM_DESC(message, "what to send");

static int result;
module_param(result, int, 0444);
MODULE_PARM_DESC(result, "bytes that came back, or a negative errno");

static int send_message(struct socket *sock, size_t len)
{
	struct msghdr msg = { };
	struct kvec vec = { .iov_base = message, .iov_len = len };

	return kernel_sendmsg(sock, &msg, &vec, 1, len);
}

/* A datagram arrives as a whole; of a stream, wait for all that was sent. */
static int receive_echo(struct socket *sock, char *echo, size_t len)
{
	struct msghdr msg = { };
	struct kvec vec = { .iov_base = echo, .iov_len = len };

	return kernel_recvmsg(sock, &msg, &vec, 1, len, datagram ? 0 : MSG_WAITALL);
}

/* Returns the bytes of the echo, -EBADMSG if it differs from the message. */
static int talk(struct socket *sock)
{
	size_t len = strnlen(message, MESSAGE_MAX);
	char echo[MESSAGE_MAX];
	int ret;

	ret = send_message(sock, len);
	if (ret < 0)
		return ret;
	ret = receive_echo(sock, echo, len);
	if (ret < 0)
		return ret;
	if (ret != len || memcmp(echo, message, len))
		return -EBADMSG;
	return ret;
}

/* Opens a socket of the family, connects it, and talks. */
static int visit_server(int family)
{
	struct sockaddr_vm server = {
		.svm_family = family,
		.svm_cid = cid,
		.svm_port = port,
	};
	struct socket *sock;
	int ret;

	ret = sock_create_kern(&init_net, family, datagram ? SOCK_DGRAM : SOCK_STREAM, 0, &sock);
	if (ret)
		return ret;
	sock->sk->sk_rcvtimeo = WAIT_SECONDS * HZ;
	/* The type of the pointer differs between kernels, the bytes do not. */
	ret = kernel_connect(sock, (void *)&server, sizeof(server), 0);
	if (!ret)
		ret = talk(sock);
	sock_release(sock);
	return ret;
}

static int __init client_init(void)
{
	int family;

	VMCISock_KernelRegister();
	family = VMCISock_GetAFValue();
	pr_info("family %d, local CID %u\n", family, VMCISock_GetLocalCID());
	result = family < 0 ? family : visit_server(family);
	if (result < 0)
		pr_info("no echo from %u:%u: error %d\n", cid, port, result);
	else
		pr_info("echo of %d bytes from %u:%u\n", result, cid, port);
	return 0;
}

static void __exit client_exit(void)
{
	VMCISock_KernelDeregister();
}

module_init(client_init);
module_exit(client_exit);
MODULE_DESCRIPTION("Sample client of VMCI sockets inside the kernel");
MODULE_LICENSE("GPL");
