// SPDX-License-Identifier: GPL-2.0-only
/*
 * socket.c - creation and end of a socket, and the calls that all types share
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md 4.1, 4.2, 4.8 to 4.10, 4.12.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/sockios.h>
#include <linux/termios.h>
#include <linux/uaccess.h>
#include <vmci/errors.h>

#include "vmsock.h"

struct proto vmsock_proto = {
	.name = "AF_VMCI",
	.owner = THIS_MODULE,
	.obj_size = sizeof(struct vmsock_sock),
};

/* ---- Errors and rules ---- */

/**
 * vmsock_errno() - the one place where a VMCI result becomes an errno (vsock.md 1.5)
 * @result: below 0
 *
 * Return: negative errno.
 */
int vmsock_errno(int result)
{
	switch (result) {
	case VMCI_ERROR_NO_MEM:
		return -ENOMEM;
	case VMCI_ERROR_DUPLICATE_ENTRY:
	case VMCI_ERROR_ALREADY_EXISTS:
		return -EADDRINUSE;
	case VMCI_ERROR_NO_ACCESS:
		return -EPERM;
	case VMCI_ERROR_NO_RESOURCES:
		return -ENOBUFS;
	case VMCI_ERROR_INVALID_RESOURCE:
		return -EHOSTUNREACH;
	default:
		return -EINVAL;
	}
}

static bool is_local(u32 cid)
{
	return cid == VMSOCK_CID_ANY || cid == vmci_get_context_id();
}

/**
 * vmsock_trusted() - is this socket trusted towards a context (vsock.md 5.13)
 * @vsk: local socket
 * @cid: the other context
 */
bool vmsock_trusted(const struct vmsock_sock *vsk, u32 cid)
{
	return vsk->trusted || vmci_is_context_owner(cid, vsk->owner->uid);
}

/**
 * vmsock_peer_allowed() - the trust rule of vsock.md 5.13
 * @vsk: local socket
 * @cid: the other context
 */
bool vmsock_peer_allowed(const struct vmsock_sock *vsk, u32 cid)
{
	if (cid == VMCI_HYPERVISOR_CONTEXT_ID)
		return true;
	if (!(vmci_context_get_priv_flags(cid) & VMCI_PRIVILEGE_FLAG_RESTRICTED))
		return true;
	/* A virtual machine is no context of its own table, and may talk to itself */
	return cid == vmci_get_context_id() || vmsock_trusted(vsk, cid);
}

/* ---- Creation and end ---- */

static void sock_destruct(struct sock *sk)
{
	struct vmsock_sock *vsk = vmsock_sk(sk);

	vmsock_table_delist(vsk);
	skb_queue_purge(&sk->sk_receive_queue);
	put_cred(vsk->owner);
	vmsock_family_put_socket();
}

static void inherit(struct vmsock_sock *vsk, const struct vmsock_sock *listener)
{
	vsk->trusted = listener->trusted;
	vsk->owner = get_cred(listener->owner);
	vsk->limits = listener->limits;
	vsk->connect_timeout = listener->connect_timeout;
}

static void set_defaults(struct vmsock_sock *vsk)
{
	vsk->trusted = ns_capable_noaudit(&init_user_ns, CAP_NET_ADMIN);
	vsk->owner = get_current_cred();
	vsk->limits.size = VMSOCK_DEFAULT_BUFFER_SIZE;
	vsk->limits.min = VMSOCK_DEFAULT_BUFFER_MIN;
	vsk->limits.max = VMSOCK_DEFAULT_BUFFER_MAX;
	vsk->connect_timeout = VMSOCK_CONNECT_TIMEOUT_S * HZ;
}

/**
 * vmsock_sock_alloc() - a new, counted socket
 * @net: network namespace
 * @sock: of a program, NULL for a child
 * @type: SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET
 * @kern: made by the kernel
 * @listener: of a child, whose settings it inherits, or NULL
 *
 * Return: one reference, or ERR_PTR: -ENOMEM, -EAFNOSUPPORT when the family was given back.
 */
struct vmsock_sock *vmsock_sock_alloc(struct net *net, struct socket *sock, int type, int kern,
				      struct vmsock_sock *listener)
{
	int family = listener ? listener->sk.sk_family : vmsock_stream_ops.family;
	struct vmsock_sock *vsk;
	struct sock *sk;
	int err;

	sk = sk_alloc(net, family, GFP_KERNEL, &vmsock_proto, kern);
	if (!sk)
		return ERR_PTR(-ENOMEM);
	err = vmsock_family_hold_socket(sk);
	if (err) {
		sk_free(sk);
		return ERR_PTR(err);
	}
	sock_init_data(sock, sk);
	sk->sk_type = type;
	sk->sk_state = TCP_CLOSE;
	sk->sk_destruct = sock_destruct;
	vsk = vmsock_sk(sk);
	vsk->bound = vmsock_addr_any();
	vsk->peer_addr = vmsock_addr_any();
	vsk->dgram = (struct vmci_handle){ VMCI_INVALID_ID, VMCI_INVALID_ID };
	if (listener)
		inherit(vsk, listener);
	else
		set_defaults(vsk);
	vmsock_stream_init(vsk);
	vmsock_table_enlist(vsk);
	return vsk;
}

/**
 * vmsock_create() - socket(2)
 * @net: network namespace
 * @sock: to be filled
 * @protocol: 0 or the family number
 * @kern: made by the kernel
 */
int vmsock_create(struct net *net, struct socket *sock, int protocol, int kern)
{
	struct vmsock_sock *vsk;

	if (protocol && protocol != vmsock_stream_ops.family)
		return -EPROTONOSUPPORT;
	switch (sock->type) {
	case SOCK_STREAM:
	case SOCK_SEQPACKET:	/* exists, but connects to nobody (vsock.md 10.3) */
		sock->ops = &vmsock_stream_ops;
		break;
	case SOCK_DGRAM:
		sock->ops = &vmsock_dgram_ops;
		break;
	default:
		return -ESOCKTNOSUPPORT;
	}
	sock->state = SS_UNCONNECTED;
	vsk = vmsock_sock_alloc(net, sock, sock->type, kern, NULL);
	if (IS_ERR(vsk))
		return PTR_ERR(vsk);
	sock_take_sol_options(sock);
	return 0;
}

int vmsock_release(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct vmsock_sock *vsk = vmsock_sk(sk);

	if (!sk)
		return 0;
	if (vmsock_is_dgram(vsk))
		vmsock_dgram_close(vsk);
	else
		vmsock_stream_close(vsk);
	sock->sk = NULL;
	sock->state = SS_FREE;
	sock_put(sk);
	return 0;
}

/* ---- bind, names ---- */

int vmsock_addr_errno(enum vmsock_addr_error error)
{
	return error == VMSOCK_ADDR_OK ? 0 : -EINVAL;
}

/* Socket lock held; checks 2 to 7 of vsock.md 4.2 */
static int bind_locked(struct vmsock_sock *vsk, struct vmsock_addr addr)
{
	int err;

	if (vmsock_addr_bound(vsk->bound))
		return -EINVAL;
	if (!is_local(addr.cid))
		return -EADDRNOTAVAIL;
	if (vmsock_port_privileged(addr.port) &&
	    !ns_capable(&init_user_ns, CAP_NET_BIND_SERVICE))
		return -EACCES;
	err = vmsock_is_dgram(vsk) ? vmsock_dgram_bind(vsk, addr) : vmsock_table_bind(vsk, addr);
	if (!err)
		vsk->hs.local = vsk->bound;
	return err;
}

/* Bind to (any, any) if not bound; socket lock held */
int vmsock_autobind(struct vmsock_sock *vsk)
{
	int err;

	if (vmsock_addr_bound(vsk->bound))
		return 0;
	err = bind_locked(vsk, vmsock_addr_any());
	vsk->autobound = !err;
	return err;
}

int vmsock_bind(struct socket *sock, struct sockaddr_unsized *addr, int len)
{
	const struct vmsock_sockaddr *sa = (const struct vmsock_sockaddr *)addr;
	struct sock *sk = sock->sk;
	int err;

	err = vmsock_addr_errno(vmsock_sockaddr_check(sa, len, sk->sk_family));
	if (err)
		return err;
	vmsock_lock(vmsock_sk(sk));
	err = bind_locked(vmsock_sk(sk), (struct vmsock_addr){ sa->cid, sa->port });
	vmsock_unlock(vmsock_sk(sk));
	return err;
}

int vmsock_getname(struct socket *sock, struct sockaddr *addr, int peer)
{
	struct sock *sk = sock->sk;
	struct vmsock_sock *vsk = vmsock_sk(sk);
	int err = 0;

	vmsock_lock(vsk);
	if (peer && sock->state != SS_CONNECTED)
		err = -ENOTCONN;
	else
		vmsock_sockaddr_fill((struct vmsock_sockaddr *)addr, sk->sk_family,
				     peer ? vsk->peer_addr : vsk->hs.local);
	vmsock_unlock(vsk);
	return err ?: sizeof(struct vmsock_sockaddr);
}

/* ---- shutdown ---- */

/* SHUT_RD, SHUT_WR, SHUT_RDWR are one less than the bits of sk_shutdown and of SHUTDOWN */
int vmsock_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	struct vmsock_sock *vsk = vmsock_sk(sk);
	u8 mode = how + 1;
	int err = 0;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	vmsock_lock(vsk);
	if (sock->state == SS_UNCONNECTED) {
		err = -ENOTCONN;
		if (!vmsock_is_dgram(vsk))
			goto out;
	} else {
		sock->state = SS_DISCONNECTING;
	}
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | mode);
	sk->sk_state_change(sk);
	if (!vmsock_is_dgram(vsk))
		vmsock_step(vsk, vmsock_handshake_shutdown(&vsk->hs, mode));
out:
	vmsock_unlock(vsk);
	return err;
}

/* ---- ioctl ---- */

/* Bytes to read: of the first datagram, or of the stream */
static s64 bytes_in(struct vmsock_sock *vsk)
{
	struct sk_buff *skb;
	s64 bytes = 0;

	if (!vmsock_is_dgram(vsk))
		return vmsock_stream_unread(vsk);
	spin_lock_bh(&vsk->sk.sk_receive_queue.lock);
	skb = skb_peek(&vsk->sk.sk_receive_queue);
	if (skb)
		bytes = skb->len;
	spin_unlock_bh(&vsk->sk.sk_receive_queue.lock);
	return bytes;
}

/* Bytes written that the peer has not read */
static s64 bytes_out(struct vmsock_sock *vsk)
{
	return vsk->qp ? vmci_qpair_produce_buf_ready(vsk->qp) : 0;
}

int vmsock_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct sock *sk = sock->sk;
	s64 bytes;

	if (cmd != SIOCINQ && cmd != SIOCOUTQ)
		return -ENOIOCTLCMD;
	vmsock_lock(vmsock_sk(sk));
	if (sk->sk_state == TCP_LISTEN)
		bytes = -EINVAL;
	else
		bytes = cmd == SIOCINQ ? bytes_in(vmsock_sk(sk)) : bytes_out(vmsock_sk(sk));
	vmsock_unlock(vmsock_sk(sk));
	if (bytes < 0)
		return bytes == VMCI_ERROR_INVALID_SIZE ? -ECONNRESET : bytes;
	return put_user((int)bytes, (int __user *)arg);
}

#ifdef CONFIG_COMPAT
int vmsock_compat_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	return vmsock_ioctl(sock, cmd, (unsigned long)compat_ptr(arg));
}
#endif
