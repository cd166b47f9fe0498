// SPDX-License-Identifier: GPL-2.0-only
/*
 * dgram.c - datagram sockets: one VMCI datagram is one socket datagram
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md section 7.  A bound socket is a datagram
 * endpoint of vmci.ko whose resource id is the port; its callback queues what
 * arrives on sk_receive_queue without the socket lock.  A connected socket
 * receives only from its peer, as UDP does.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

#include "vmsock.h"

/* The sender, in the control block of a queued skb */
static struct vmsock_addr *skb_sender(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct vmsock_addr) > sizeof(skb->cb));
	return (struct vmsock_addr *)skb->cb;
}

/* ---- Receiving ---- */

static struct sk_buff *skb_of(const struct vmci_datagram *dg)
{
	size_t size = dg->payload_size;
	size_t linear = min_t(size_t, size, SKB_MAX_ORDER(0, 0));
	struct sk_buff *skb;
	int err;

	skb = alloc_skb_with_frags(linear, size - linear, 0, &err, GFP_KERNEL);
	if (!skb)
		return NULL;
	skb_put(skb, linear);
	skb->data_len = size - linear;
	skb->len = size;
	skb_store_bits(skb, 0, dg + 1, size);
	*skb_sender(skb) = (struct vmsock_addr){ dg->src.context, dg->src.resource };
	return skb;
}

static bool dgram_wanted(const struct vmsock_sock *vsk, struct vmsock_addr sender)
{
	struct vmsock_addr peer = vsk->peer_addr;

	if (READ_ONCE(vsk->sk.sk_shutdown) & RCV_SHUTDOWN)
		return false;
	return !vmsock_addr_bound(peer) || vmsock_addr_equal(peer, sender);
}

/* Overflow is dropped silently, and counted where SO_RXQ_OVFL finds it */
static int dgram_received(void *data, struct vmci_datagram *dg)
{
	struct vmsock_sock *vsk = data;
	struct sk_buff *skb;

	if (!vmsock_peer_allowed(vsk, dg->src.context))
		return VMCI_ERROR_NO_ACCESS;
	if (!dgram_wanted(vsk, (struct vmsock_addr){ dg->src.context, dg->src.resource }))
		return VMCI_SUCCESS;
	skb = skb_of(dg);
	if (!skb)
		return VMCI_ERROR_NO_MEM;
	if (sock_queue_rcv_skb(&vsk->sk, skb))
		kfree_skb(skb);
	return VMCI_SUCCESS;
}

static int dgram_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct sock *sk = sock->sk;
	struct sk_buff *skb;
	size_t copied;
	int err;

	if (flags & (MSG_OOB | MSG_ERRQUEUE))
		return -EOPNOTSUPP;
	skb = skb_recv_datagram(sk, flags, &err);
	if (!skb)
		return err == -EAGAIN && (sk->sk_shutdown & RCV_SHUTDOWN) ? 0 : err;
	copied = min_t(size_t, len, skb->len);
	err = skb_copy_datagram_msg(skb, 0, msg, copied);
	if (err) {
		/* Nothing is lost by a bad buffer, and who sleeps meanwhile is told */
		if (!(flags & MSG_PEEK)) {
			skb_queue_head(&sk->sk_receive_queue, skb);
			sk->sk_data_ready(sk);
			return err;
		}
		goto out;
	}
	if (copied < skb->len)
		msg->msg_flags |= MSG_TRUNC;
	if (msg->msg_name) {
		vmsock_sockaddr_fill(msg->msg_name, sk->sk_family, *skb_sender(skb));
		msg->msg_namelen = sizeof(struct vmsock_sockaddr);
	}
	sock_recv_cmsgs(msg, sk, skb);
	err = flags & MSG_TRUNC ? skb->len : copied;
out:
	skb_free_datagram(sk, skb);
	return err;
}

/* ---- Sending ---- */

/* Steps 4 to 6 of vsock.md 7.2, and 3.2 for malformed addresses; socket lock held */
static int dgram_destination(struct vmsock_sock *vsk, const struct msghdr *msg,
			     struct vmsock_addr *dst)
{
	const struct vmsock_sockaddr *sa = msg->msg_name;

	if (vmsock_sockaddr_check(sa, msg->msg_namelen, vsk->sk.sk_family) == VMSOCK_ADDR_OK)
		*dst = (struct vmsock_addr){ sa->cid, sa->port };
	else if (vsk->sk.sk_socket->state == SS_CONNECTED)
		*dst = vsk->peer_addr;
	else
		return -EINVAL;
	if (dst->cid == VMSOCK_CID_ANY)
		dst->cid = vmci_get_context_id();
	if (dst->port == VMSOCK_PORT_ANY)
		return -EINVAL;
	if (dst->cid == VMCI_HYPERVISOR_CONTEXT_ID && dst->port != VMSOCK_HYPERVISOR_DGRAM_RID)
		return -EINVAL;
	return vmsock_net_talks(&vsk->sk) ? 0 : -EINVAL;
}

static int dgram_send(struct vmsock_sock *vsk, struct msghdr *msg, size_t len,
		      struct vmsock_addr dst)
{
	struct vmci_datagram *dg;
	int result;

	dg = kvmalloc(sizeof(*dg) + len, GFP_KERNEL_ACCOUNT);
	if (!dg)
		return -ENOMEM;
	dg->dst = (struct vmci_handle){ dst.cid, dst.port };
	dg->src = vsk->dgram;
	dg->payload_size = len;
	if (!copy_from_iter_full(dg + 1, len, &msg->msg_iter)) {
		kvfree(dg);
		return -EFAULT;
	}
	result = vmci_datagram_send_gfp(dg, GFP_KERNEL_ACCOUNT);
	kvfree(dg);
	return result < 0 ? vmsock_errno(result) : result - (int)sizeof(*dg);
}

static int dgram_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	struct vmsock_sock *vsk = vmsock_sk(sk);
	struct vmsock_addr dst;
	int err;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	vmsock_lock(vsk);
	err = vmsock_autobind(vsk);
	if (!err)
		err = dgram_destination(vsk, msg, &dst);
	vmsock_unlock(vsk);
	if (err)
		return err;
	if (len > VMCI_MAX_DG_PAYLOAD_SIZE)
		return -EMSGSIZE;
	if (!vmsock_peer_allowed(vsk, dst.cid))
		return -EPERM;
	return dgram_send(vsk, msg, len, dst);
}

/* ---- Binding, connecting, closing ---- */

/**
 * vmsock_dgram_bind() - create the datagram endpoint
 * @vsk: not bound, socket lock held
 * @addr: port VMSOCK_PORT_ANY lets vmci.ko choose one
 */
int vmsock_dgram_bind(struct vmsock_sock *vsk, struct vmsock_addr addr)
{
	u32 flags = VMCI_FLAG_DG_DIRECT_CB;
	int result;

	if (addr.cid == VMSOCK_CID_ANY)
		flags |= VMCI_FLAG_ANYCID_DG_HND;
	if (!vmsock_net_talks(&vsk->sk))
		return -EINVAL;
	/* Events are addressed to resource 0 */
	if (addr.port == VMCI_EVENT_HANDLER)
		return -EADDRINUSE;
	result = vmci_datagram_create_handle_priv(addr.port, flags, VMCI_PRIVILEGE_FLAG_TRUSTED,
						  dgram_received, vsk, &vsk->dgram);
	if (result < 0)
		return vmsock_errno(result);
	vsk->bound = (struct vmsock_addr){ addr.cid, vsk->dgram.resource };
	return 0;
}

static void dgram_set_peer(struct socket *sock, struct vmsock_addr peer)
{
	bool connected = vmsock_addr_bound(peer);

	vmsock_sk(sock->sk)->peer_addr = peer;
	sock->state = connected ? SS_CONNECTED : SS_UNCONNECTED;
	sock->sk->sk_state = connected ? TCP_ESTABLISHED : TCP_CLOSE;
}

/* Checks of vsock.md 7.4, socket lock held */
static int dgram_check_peer(struct vmsock_sock *vsk, struct vmsock_addr *peer)
{
	if (peer->cid == VMSOCK_CID_ANY)
		peer->cid = vmci_get_context_id();
	if (peer->port == VMSOCK_PORT_ANY)
		return -EINVAL;
	if (peer->cid == VMCI_HYPERVISOR_CONTEXT_ID && peer->port != VMSOCK_HYPERVISOR_DGRAM_RID)
		return -EINVAL;
	return vmsock_net_talks(&vsk->sk) ? vmsock_autobind(vsk) : -EINVAL;
}

static int dgram_connect(struct socket *sock, struct sockaddr_unsized *addr, int len, int flags)
{
	const struct vmsock_sockaddr *sa = (const struct vmsock_sockaddr *)addr;
	struct sock *sk = sock->sk;
	enum vmsock_addr_error check = vmsock_sockaddr_check(sa, len, sk->sk_family);
	struct vmsock_addr peer;
	int err = 0;

	vmsock_lock(vmsock_sk(sk));
	if (check == VMSOCK_ADDR_FAMILY && sa->family == AF_UNSPEC) {
		dgram_set_peer(sock, vmsock_addr_any());
		goto out;
	}
	err = vmsock_addr_errno(check);
	if (err)
		goto out;
	peer = (struct vmsock_addr){ sa->cid, sa->port };
	err = dgram_check_peer(vmsock_sk(sk), &peer);
	if (!err)
		dgram_set_peer(sock, peer);
out:
	vmsock_unlock(vmsock_sk(sk));
	return err;
}

static __poll_t dgram_poll(struct file *file, struct socket *sock, struct poll_table_struct *wait)
{
	struct sock *sk = sock->sk;
	u8 shutdown = READ_ONCE(sk->sk_shutdown);
	__poll_t mask = 0;

	sock_poll_wait(file, sock, wait);
	if (READ_ONCE(sk->sk_err))
		mask |= EPOLLERR;
	if (shutdown == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLRDHUP;
	if (!skb_queue_empty_lockless(&sk->sk_receive_queue) || (shutdown & RCV_SHUTDOWN))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (!(shutdown & SEND_SHUTDOWN))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return mask;
}

/* The callback no longer runs when the endpoint is gone; what it queued is freed with the socket */
void vmsock_dgram_close(struct vmsock_sock *vsk)
{
	struct sock *sk = &vsk->sk;

	vmsock_lock(vsk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	sock_orphan(sk);
	vmsock_unlock(vsk);
	if (vmsock_addr_bound(vsk->bound))
		vmci_datagram_destroy_handle(vsk->dgram);
}

struct proto_ops vmsock_dgram_ops = {
	.owner = THIS_MODULE,
	.release = vmsock_release,
	.bind = vmsock_bind,
	.connect = dgram_connect,
	.socketpair = sock_no_socketpair,
	.accept = sock_no_accept,
	.getname = vmsock_getname,
	.poll = dgram_poll,
	.ioctl = vmsock_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = vmsock_compat_ioctl,
#endif
	.gettstamp = sock_gettstamp,
	.listen = sock_no_listen,
	.shutdown = vmsock_shutdown,
	.setsockopt = vmsock_setsockopt,
	.getsockopt = vmsock_getsockopt,
	.sendmsg = dgram_sendmsg,
	.recvmsg = dgram_recvmsg,
	.mmap = sock_no_mmap,
};
