// SPDX-License-Identifier: GPL-2.0-only
/*
 * accept.c - listeners and their children
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md 4.3, 4.4, 5.6.  A request makes a child, which is in
 * the connected table from the start and takes its own packets; what it shares
 * with the listener is struct vmsock_accept.  A child is in accept.pending
 * until its handshake is complete, then in accept.ready until accept() takes
 * it.  Either list holds one reference, and one count of the backlog.
 *
 * When the listener closes, the children are the closer's: a child that ends by
 * itself meanwhile leaves its place to him.
 */
#include <linux/net.h>
#include <linux/sched/signal.h>

#include "vmsock.h"

/* Takes the place of a child in a list of its listener; false if the closer has it */
static bool child_leave(struct vmsock_sock *child)
{
	struct vmsock_sock *listener = child->listener;
	bool left;

	spin_lock(&listener->accept.lock);
	left = !listener->accept.closed && !list_empty(&child->child_node);
	if (left) {
		list_del_init(&child->child_node);
		sk_acceptq_removed(&listener->sk);
	}
	spin_unlock(&listener->accept.lock);
	return left;
}

static void child_forget_listener(struct vmsock_sock *child)
{
	struct vmsock_sock *listener = child->listener;

	child->listener = NULL;
	if (listener)
		sock_put(&listener->sk);
}

/* The handshake failed: no trace is left; child's socket lock held, the caller has a reference */
void vmsock_child_drop(struct vmsock_sock *child)
{
	if (!child_leave(child))
		return;
	vmsock_disarm(child, &child->pending_timer);
	vmsock_input_stop(child);
	vmsock_table_remove(child);
	child_forget_listener(child);
	sock_put(&child->sk);
}

/* Silent clients are forgotten after a second, without a packet */
void vmsock_child_timeout(struct work_struct *work)
{
	struct vmsock_sock *child = container_of(work, struct vmsock_sock, pending_timer.work);

	vmsock_lock(child);
	if (child->listener && child->hs.state == VMSOCK_PENDING) {
		vmsock_handshake_cancel(&child->hs);
		vmsock_stream_reset(child);
		vmsock_child_drop(child);
	}
	vmsock_unlock(child);
	sock_put(&child->sk);
}

/**
 * vmsock_child_ready() - the handshake is complete: to the accept queue
 * @child: socket lock held
 */
void vmsock_child_ready(struct vmsock_sock *child)
{
	struct vmsock_accept *accept = &child->listener->accept;
	struct sock *listener = &child->listener->sk;

	vmsock_disarm(child, &child->pending_timer);
	spin_lock(&accept->lock);
	if (!accept->closed)
		list_move_tail(&child->child_node, &accept->ready);
	spin_unlock(&accept->lock);
	listener->sk_data_ready(listener);
}

/*
 * Nobody else adds children, and the listener is not closing: packets are handled under its
 * socket lock, and not any more when vmsock_stream_close() has had that.
 */
static void child_enter(struct vmsock_sock *child, struct vmsock_sock *listener)
{
	sock_hold(&listener->sk);
	child->listener = listener;
	spin_lock(&listener->accept.lock);
	list_add_tail(&child->child_node, &listener->accept.pending);
	sk_acceptq_added(&listener->sk);
	spin_unlock(&listener->accept.lock);
}

/* A socket for this request, not yet known to anybody; NULL if it cannot be admitted */
static struct vmsock_sock *child_alloc(struct vmsock_sock *listener,
				       const struct vmsock_packet *pkt)
{
	bool request = pkt->type == VMSOCK_PACKET_REQUEST || pkt->type == VMSOCK_PACKET_REQUEST2;
	struct vmsock_sock *child;

	if (!request || listener->sk.sk_type != SOCK_STREAM ||
	    sk_acceptq_is_full(&listener->sk))
		return NULL;
	child = vmsock_sock_alloc(sock_net(&listener->sk), NULL, SOCK_STREAM, 0, listener);
	if (IS_ERR(child))
		return NULL;
	child_enter(child, listener);
	return child;
}

/**
 * vmsock_accept_request() - a packet reached a listener
 * @listener: socket lock held
 * @pkt: the packet
 */
void vmsock_accept_request(struct vmsock_sock *listener, const struct vmsock_packet *pkt)
{
	struct vmsock_sock *child = child_alloc(listener, pkt);
	struct vmsock_handshake hs = {};
	struct vmsock_step step;

	step = vmsock_handshake_listen(&hs, listener->limits, pkt, child);
	if (!child) {
		vmsock_step(listener, step);
		return;
	}
	vmsock_lock_child(child);
	sock_hold(&child->sk);
	if (hs.state == VMSOCK_PENDING) {
		child->hs = hs;
		child->limits.size = hs.size;
		child->bound = hs.local;
		child->peer_addr = hs.peer;
		child->sk.sk_state = TCP_SYN_RECV;
		vmsock_arm(child, &child->pending_timer, VMSOCK_PENDING_TIMEOUT_S * HZ);
		vmsock_table_connect(child);
	} else {
		vmsock_child_drop(child);
	}
	vmsock_step(child, step);
	vmsock_unlock(child);
	sock_put(&child->sk);
}

int vmsock_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	int err = -EINVAL;

	vmsock_lock(vmsock_sk(sk));
	if (sock->state == SS_UNCONNECTED && vmsock_addr_bound(vmsock_sk(sk)->bound)) {
		WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
		sk->sk_state = TCP_LISTEN;
		err = 0;
	}
	vmsock_unlock(vmsock_sk(sk));
	return err;
}

/* The first child that is ready, with the reference of the queue */
static struct vmsock_sock *accept_pop(struct vmsock_sock *listener)
{
	struct vmsock_sock *child;

	spin_lock(&listener->accept.lock);
	child = list_first_entry_or_null(&listener->accept.ready, struct vmsock_sock, child_node);
	if (child) {
		list_del_init(&child->child_node);
		sk_acceptq_removed(&listener->sk);
	}
	spin_unlock(&listener->accept.lock);
	return child;
}

/* Socket lock of the listener held, released while waiting */
static struct vmsock_sock *accept_wait(struct vmsock_sock *listener, int flags, int *err)
{
	struct sock *sk = &listener->sk;
	long timeout = sock_rcvtimeo(sk, flags & O_NONBLOCK);
	struct vmsock_sock *child;
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	add_wait_queue_exclusive(sk_sleep(sk), &wait);
	for (;;) {
		*err = sk->sk_state == TCP_LISTEN ? 0 : -EINVAL;
		child = *err ? NULL : accept_pop(listener);
		if (child || *err)
			break;
		*err = -EAGAIN;
		if (!timeout)
			break;
		*err = sock_intr_errno(timeout);
		if (signal_pending(current))
			break;
		timeout = vmsock_wait(listener, &wait, timeout);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return child;
}

int vmsock_accept(struct socket *sock, struct socket *newsock, struct proto_accept_arg *arg)
{
	struct sock *sk = sock->sk;
	struct vmsock_sock *child;
	int err;

	vmsock_lock(vmsock_sk(sk));
	child = accept_wait(vmsock_sk(sk), arg->flags, &err);
	vmsock_unlock(vmsock_sk(sk));
	if (!child)
		return err;
	vmsock_lock(child);
	child_forget_listener(child);
	sock_graft(&child->sk, newsock);
	newsock->state = SS_CONNECTED;
	sock_take_sol_options(newsock);
	vmsock_unlock(child);
	return 0;
}

static void children_close(struct list_head *children)
{
	struct vmsock_sock *child, *next;

	list_for_each_entry_safe(child, next, children, child_node) {
		list_del_init(&child->child_node);
		vmsock_stream_close(child);
		child_forget_listener(child);
		sock_put(&child->sk);
	}
}

/**
 * vmsock_listener_close() - end of a listener: its children are closed as connections are
 * @vsk: out of the tables, socket lock not held; a socket that never listened is fine
 */
void vmsock_listener_close(struct vmsock_sock *vsk)
{
	LIST_HEAD(children);

	spin_lock(&vsk->accept.lock);
	vsk->accept.closed = true;
	list_splice_init(&vsk->accept.pending, &children);
	list_splice_init(&vsk->accept.ready, &children);
	spin_unlock(&vsk->accept.lock);
	children_close(&children);
}
