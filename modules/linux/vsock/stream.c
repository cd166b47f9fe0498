// SPDX-License-Identifier: GPL-2.0-only
/*
 * stream.c - the data of stream sockets: send, receive, poll
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md 4.6 to 4.9, 4.11, 6.  The socket lock makes one
 * producer and one consumer of the queue pair.  It is released while a process
 * sleeps; after waking everything is looked at again, and the queue is looked at
 * again after the process is on the wait queue, so that no wake-up is lost.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "vmsock.h"

/* ---- State ---- */

/* Fields of a new socket that are not zero; all types, so that tables and lists can be left */
void vmsock_stream_init(struct vmsock_sock *vsk)
{
	mutex_init(&vsk->lock);
	vmsock_handshake_init(&vsk->hs, vmsock_addr_any());
	vmsock_input_init(&vsk->input);
	INIT_DELAYED_WORK(&vsk->connect_timer, vmsock_connect_timeout);
	INIT_DELAYED_WORK(&vsk->unsent_timer, vmsock_unsent_timeout);
	INIT_DELAYED_WORK(&vsk->pending_timer, vmsock_child_timeout);
	INIT_LIST_HEAD(&vsk->child_node);
	spin_lock_init(&vsk->accept.lock);
	INIT_LIST_HEAD(&vsk->accept.pending);
	INIT_LIST_HEAD(&vsk->accept.ready);
}

/**
 * vmsock_stream_reset() - leave the connection or what there is of it; the port stays
 * @vsk: socket lock held, the caller has a reference
 */
void vmsock_stream_reset(struct vmsock_sock *vsk)
{
	vmsock_table_disconnect(vsk);
	vmsock_disarm(vsk, &vsk->unsent_timer);
	vsk->unsent = 0;
	if (vsk->qp)
		vmci_qpair_detach(&vsk->qp);
	vsk->detached = false;
	kvfree(vsk->stage.data);
	vsk->stage = (struct vmsock_stage){};
}

/*
 * A client that chose its port may use it again at once, with the same server.  What is on
 * its way between the two ports by now must not meet the next connection: once round for
 * the packets of this one, once more for what they are answered with.
 */
static void settle_port(const struct vmsock_sock *vsk, bool was_client)
{
	if (!was_client || vsk->autobound)
		return;
	vmci_flush();
	vmci_flush();
}

/**
 * vmsock_stream_close() - end of a socket: the peer learns it from the detach event
 * @vsk: socket lock not held
 *
 * When this returns nothing but the caller's reference keeps the socket.
 */
void vmsock_stream_close(struct vmsock_sock *vsk)
{
	struct sock *sk = &vsk->sk;
	bool was_client;

	vmsock_lock(vsk);
	was_client = vmsock_addr_bound(vsk->hs.peer) && !hlist_unhashed(&vsk->bound_node);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	sk->sk_state = TCP_CLOSE;
	vmsock_linger(vsk);
	vmsock_handshake_cancel(&vsk->hs);
	vmsock_input_close(vsk);
	vmsock_table_disconnect(vsk);
	vmsock_stream_reset(vsk);
	sock_orphan(sk);
	vmsock_unlock(vsk);
	settle_port(vsk, was_client);
	vmsock_table_remove(vsk);

	vmsock_listener_close(vsk);
	vmsock_disarm_sync(vsk, &vsk->connect_timer);
	vmsock_disarm_sync(vsk, &vsk->unsent_timer);
	vmsock_disarm_sync(vsk, &vsk->pending_timer);
	if (cancel_work_sync(&vsk->input.work))
		sock_put(sk);
}

static size_t staged(const struct vmsock_sock *vsk)
{
	return vsk->stage.tail - vsk->stage.head;
}

/**
 * vmsock_stream_unread() - bytes that recv can deliver
 * @vsk: socket lock held
 *
 * Return: bytes, or a VMCI error when the queue is corrupt.
 */
s64 vmsock_stream_unread(const struct vmsock_sock *vsk)
{
	s64 ready = vsk->qp ? vmci_qpair_consume_buf_ready(vsk->qp) : 0;

	return ready < 0 ? ready : ready + (s64)staged(vsk);
}

/* Bytes that send can take */
static s64 writable(const struct vmsock_sock *vsk)
{
	return vsk->qp ? vmci_qpair_produce_free_space(vsk->qp) : 0;
}

static bool peer_sends(const struct vmsock_sock *vsk)
{
	return !(vsk->hs.peer_shutdown & VMSOCK_SHUTDOWN_SEND);
}

static bool peer_receives(const struct vmsock_sock *vsk)
{
	return !(vsk->hs.peer_shutdown & VMSOCK_SHUTDOWN_RECEIVE);
}

/* The peer broke the queue: the connection is over */
static int stream_corrupt(struct vmsock_sock *vsk)
{
	struct sock *sk = &vsk->sk;
	struct vmsock_packet pkt;

	vmsock_packet_init(&pkt, VMSOCK_PACKET_RST, vsk->hs.local, vsk->hs.peer);
	vmsock_send_packet(&pkt);
	vmsock_stream_reset(vsk);
	vmsock_step(vsk, vmsock_handshake_detached(&vsk->hs, false));
	WRITE_ONCE(sk->sk_err, ECONNRESET);
	return -ECONNRESET;
}

/* What a failed transfer means; NOSPACE and NODATA are no failures, 0 is returned for them */
static int transfer_errno(struct vmsock_sock *vsk, ssize_t result)
{
	switch (result) {
	case VMCI_ERROR_QUEUEPAIR_NOSPACE:
	case VMCI_ERROR_QUEUEPAIR_NODATA:
	case VMCI_ERROR_QUEUEPAIR_NOTATTACHED:	/* an event says so, too */
		return 0;
	case VMCI_ERROR_WOULD_BLOCK:		/* killed */
		return -EINTR;
	case VMCI_ERROR_INVALID_ARGS:
		return -EFAULT;
	case VMCI_ERROR_NO_MEM:
		return -ENOMEM;
	default:
		return stream_corrupt(vsk);
	}
}

/*
 * Bytes that are moved before the index is: an eighth of the queue, so that the other side
 * works on one part while this side works on the next.
 */
static size_t portion(const struct vmsock_sock *vsk, size_t len)
{
	return min_t(u64, len, max_t(u64, vsk->notify.size / 8, PAGE_SIZE));
}

/* ---- Sending ---- */

/* Rows 1 to 6 of vsock.md 4.6 */
static int send_check(const struct vmsock_sock *vsk, const struct msghdr *msg)
{
	const struct sock *sk = &vsk->sk;
	bool established = vsk->hs.state == VMSOCK_ESTABLISHED;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (msg->msg_namelen)
		return established ? -EISCONN : -EOPNOTSUPP;
	if ((sk->sk_shutdown & SEND_SHUTDOWN) || !peer_receives(vsk))
		return -EPIPE;
	if (!established)
		return vsk->hs.was_established ? -EPIPE : -ENOTCONN;
	if (msg->msg_flags & MSG_ZEROCOPY)
		return -EOPNOTSUPP;
	return 0;
}

/*
 * What is left of @timeout, which ends at @end. A sleep that a peer ends within the same jiffy
 * counts as none, so a mad one could keep a call for ever.
 */
static long time_left(long timeout, unsigned long end)
{
	if (!timeout || timeout == MAX_SCHEDULE_TIMEOUT)
		return timeout;
	return max((long)(end - jiffies), 0L);
}

/* Rows 8 to 12: wait until there is space; socket lock held, released while waiting */
static int send_wait(struct vmsock_sock *vsk, long *timeout)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = &vsk->sk;
	u64 tail = 0;
	int err = 0;

	add_wait_queue(sk_sleep(sk), &wait);
	vmci_qpair_get_produce_indexes(vsk->qp, &tail, NULL);
	vmsock_send_notifications(vsk, vmsock_notify_send_block(&vsk->notify, tail,
								writable(vsk)));
	if (!*timeout) {
		err = -EAGAIN;
	} else if (signal_pending(current)) {
		err = sock_intr_errno(*timeout);
	} else if (!writable(vsk)) {
		*timeout = vmsock_wait(vsk, &wait, *timeout);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	if (err)
		return err;
	if ((sk->sk_shutdown & SEND_SHUTDOWN) || !peer_receives(vsk) ||
	    vsk->hs.state != VMSOCK_ESTABLISHED)
		return -EPIPE;
	return sock_error(sk);
}

/* A portion, or as much of it as fits; bytes, 0 when the queue is full, or an error */
static ssize_t send_some(struct vmsock_sock *vsk, struct msghdr *msg, size_t len)
{
	ssize_t count;
	u64 tail = 0;

	vmci_qpair_get_produce_indexes(vsk->qp, &tail, NULL);
	count = vmci_qpair_enquev(vsk->qp, msg, portion(vsk, len));
	if (count < 0)
		return transfer_errno(vsk, count);
	/* Pairs with the barrier of the reader: our tail is visible before its head is read */
	smp_mb();
	vmsock_send_notifications(vsk, vmsock_notify_enqueued(&vsk->notify, count, tail,
				  vmci_qpair_produce_buf_ready(vsk->qp)));
	return count;
}

/* Socket lock held */
static ssize_t send_locked(struct vmsock_sock *vsk, struct msghdr *msg, size_t len)
{
	long timeout = sock_sndtimeo(&vsk->sk, msg->msg_flags & MSG_DONTWAIT);
	unsigned long end = jiffies + timeout;
	size_t sent = 0;
	ssize_t count;

	while (sent < len) {
		timeout = time_left(timeout, end);
		count = send_some(vsk, msg, len - sent);
		if (!count)
			count = send_wait(vsk, &timeout);
		if (count < 0)
			return sent ?: count;
		sent += count;
		WRITE_ONCE(vsk->bytes_sent, vsk->bytes_sent + count);
	}
	return sent;
}

static int stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	struct vmsock_sock *vsk = vmsock_sk(sk);
	ssize_t result;

	vmsock_lock(vsk);
	result = send_check(vsk, msg);
	if (!result)
		result = send_locked(vsk, msg, len);
	if (result == -EPIPE)
		result = sk_stream_error(sk, msg->msg_flags, -EPIPE);
	vmsock_unlock(vsk);
	return result;
}

/* ---- Receiving ---- */

/* Before bytes leave the queue pair, to be told to the notification layer afterwards */
static u64 consume_head(const struct vmsock_sock *vsk)
{
	u64 head = 0;

	vmci_qpair_get_consume_indexes(vsk->qp, NULL, &head);
	return head;
}

static void consumed(struct vmsock_sock *vsk, size_t count, u64 head)
{
	/* Pairs with the barrier of the writer: our head is visible before its tail is read */
	smp_mb();
	vmsock_send_notifications(vsk, vmsock_notify_dequeued(&vsk->notify, count, head,
				  vmci_qpair_consume_free_space(vsk->qp)));
}

/* From the stage; bytes or an error, nothing is lost by a bad buffer */
static ssize_t recv_staged(struct vmsock_sock *vsk, struct msghdr *msg, size_t len, bool peek)
{
	struct vmsock_stage *stage = &vsk->stage;
	size_t count = min(len, staged(vsk));
	size_t copied = copy_to_iter(stage->data + stage->head, count, &msg->msg_iter);

	if (copied < count) {
		iov_iter_revert(&msg->msg_iter, copied);
		return -EFAULT;
	}
	if (!peek)
		stage->head += count;
	return count;
}

/* From the queue pair, portion by portion; bytes, 0 when there are none, or an error */
static ssize_t recv_queued(struct vmsock_sock *vsk, struct msghdr *msg, size_t len)
{
	size_t done = 0;

	while (done < len) {
		u64 head = consume_head(vsk);
		ssize_t count = vmci_qpair_dequev(vsk->qp, msg, portion(vsk, len - done));

		if (count < 0)
			return done ?: transfer_errno(vsk, count);
		if (!count)
			break;
		consumed(vsk, count, head);
		done += count;
	}
	return done;
}

static ssize_t peek_queued(struct vmsock_sock *vsk, struct msghdr *msg, size_t len)
{
	ssize_t count = vmci_qpair_peekv(vsk->qp, msg, len);

	return count < 0 ? transfer_errno(vsk, count) : count;
}

static ssize_t recv_some(struct vmsock_sock *vsk, struct msghdr *msg, size_t len, bool peek)
{
	ssize_t first = 0, second = 0;

	if (staged(vsk)) {
		first = recv_staged(vsk, msg, len, peek);
		if (first < 0 || first == len)
			return first;
	}
	if (vsk->qp)
		second = peek ? peek_queued(vsk, msg, len - first) :
				recv_queued(vsk, msg, len - first);
	return second < 0 && !first ? second : first + max(second, 0);
}

/* Row 8: no data, and none will come; 1 if there may be some, 0 for the end, or an error */
static int recv_end(struct vmsock_sock *vsk)
{
	struct sock *sk = &vsk->sk;
	int err = sock_error(sk);

	if (err)
		return err;
	return !(sk->sk_shutdown & RCV_SHUTDOWN) && peer_sends(vsk) &&
	       vsk->hs.state == VMSOCK_ESTABLISHED;
}

/* Rows 9 and 10: wait for data; socket lock held, released while waiting */
static int recv_wait(struct vmsock_sock *vsk, size_t target, long *timeout)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = &vsk->sk;
	int err = 0;

	add_wait_queue(sk_sleep(sk), &wait);
	if (!*timeout) {
		err = -EAGAIN;
	} else if (signal_pending(current)) {
		err = sock_intr_errno(*timeout);
	} else {
		vmsock_send_notifications(vsk, vmsock_notify_recv_block(&vsk->notify,
					  consume_head(vsk),
					  vmci_qpair_consume_free_space(vsk->qp), target, false));
		if (!vmsock_stream_unread(vsk))
			*timeout = vmsock_wait(vsk, &wait, *timeout);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
	return err;
}

/* Socket lock held, connection established, len > 0 */
static ssize_t recv_locked(struct vmsock_sock *vsk, struct msghdr *msg, size_t len, int flags)
{
	size_t target = sock_rcvlowat(&vsk->sk, flags & MSG_WAITALL, len);
	long timeout = sock_rcvtimeo(&vsk->sk, flags & MSG_DONTWAIT);
	unsigned long end = jiffies + timeout;
	bool peek = flags & MSG_PEEK;
	size_t copied = 0;
	ssize_t result;

	if (target >= vsk->notify.size)
		return -ENOMEM;
	vmsock_notify_recv_begin(&vsk->notify, target);
	do {
		timeout = time_left(timeout, end);
		result = recv_some(vsk, msg, len - copied, peek);
		if (result > 0) {
			copied += result;
			if (peek)
				break;
			WRITE_ONCE(vsk->bytes_received, vsk->bytes_received + result);
			continue;
		}
		if (!result)
			result = recv_end(vsk);
		if (result > 0)
			result = recv_wait(vsk, target, &timeout) ?: 1;
		if (result <= 0)
			break;
	} while (copied < target);
	return copied ?: min_t(ssize_t, result, 0);
}

/* Rows 1 to 5 of vsock.md 4.7; 1 if there is something to be done */
static int recv_check(const struct vmsock_sock *vsk, size_t len, int flags)
{
	if (flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (vsk->hs.state != VMSOCK_ESTABLISHED)
		return vsk->hs.was_established ? 0 : -ENOTCONN;
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	return !(vsk->sk.sk_shutdown & RCV_SHUTDOWN) && len;
}

static int stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct sock *sk = sock->sk;
	struct vmsock_sock *vsk = vmsock_sk(sk);
	ssize_t result;

	vmsock_lock(vsk);
	result = recv_check(vsk, len, flags);
	if (result > 0)
		result = recv_locked(vsk, msg, len, flags);
	vmsock_unlock(vsk);
	return result;
}

/* ---- poll ---- */

/* Empty the queue into the stage, see struct vmsock_stage; false when memory is short */
static bool stage_fill(struct vmsock_sock *vsk)
{
	size_t old = staged(vsk);
	u64 head = consume_head(vsk);
	ssize_t count;
	u8 *data;

	/* There is less than SO_RCVLOWAT now; new bytes may come while we look */
	data = kvmalloc(old + vsk->sk.sk_rcvlowat, GFP_KERNEL_ACCOUNT);
	if (!data)
		return false;
	if (old)
		memcpy(data, vsk->stage.data + vsk->stage.head, old);
	count = vmci_qpair_dequeue(vsk->qp, data + old, vsk->sk.sk_rcvlowat);
	kvfree(vsk->stage.data);
	vsk->stage = (struct vmsock_stage){ data, 0, old + max_t(ssize_t, count, 0) };
	if (count > 0)
		consumed(vsk, count, head);
	return true;
}

/* Less than the low-water mark: be told of the next byte; true if there is enough after all */
static bool poll_gather(struct vmsock_sock *vsk)
{
	vmsock_send_notifications(vsk, vmsock_notify_recv_block(&vsk->notify, consume_head(vsk),
				  vmci_qpair_consume_free_space(vsk->qp), 1, true));
	while (vmci_qpair_consume_buf_ready(vsk->qp) > 0)
		if (!stage_fill(vsk) || staged(vsk) >= vsk->sk.sk_rcvlowat)
			return true;
	return false;
}

static bool poll_readable(struct vmsock_sock *vsk)
{
	s64 unread;

	if (!vsk->qp || (vsk->sk.sk_shutdown & RCV_SHUTDOWN))
		return false;
	unread = vmsock_stream_unread(vsk);
	if (unread < 0 || unread >= vsk->sk.sk_rcvlowat)
		return true;
	if (vsk->hs.state != VMSOCK_ESTABLISHED || !peer_sends(vsk))
		return unread > 0;
	return poll_gather(vsk);
}

static bool poll_writable(struct vmsock_sock *vsk)
{
	struct sock *sk = &vsk->sk;
	s64 free;
	u64 tail = 0;

	if (sk->sk_shutdown & SEND_SHUTDOWN)
		return false;
	if (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_CLOSING)
		return true;
	if (vsk->hs.state != VMSOCK_ESTABLISHED || !vsk->qp)
		return false;
	free = writable(vsk);
	if (!free) {
		vmci_qpair_get_produce_indexes(vsk->qp, &tail, NULL);
		vmsock_send_notifications(vsk, vmsock_notify_send_block(&vsk->notify, tail, free));
		free = writable(vsk);
	}
	return free || !peer_receives(vsk);
}

static __poll_t poll_listener(struct vmsock_sock *vsk)
{
	return list_empty_careful(&vsk->accept.ready) ? 0 : EPOLLIN | EPOLLRDNORM;
}

static __poll_t poll_connection(struct vmsock_sock *vsk)
{
	u8 shutdown = vsk->sk.sk_shutdown;
	__poll_t mask = 0;

	if (vsk->sk.sk_err)
		mask |= EPOLLERR;
	if (shutdown == SHUTDOWN_MASK || ((shutdown & SEND_SHUTDOWN) && !peer_sends(vsk)))
		mask |= EPOLLHUP;
	if ((shutdown & RCV_SHUTDOWN) || !peer_sends(vsk))
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (poll_readable(vsk))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (poll_writable(vsk))
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

static __poll_t stream_poll(struct file *file, struct socket *sock, struct poll_table_struct *wait)
{
	struct sock *sk = sock->sk;
	struct vmsock_sock *vsk = vmsock_sk(sk);
	__poll_t mask;

	sock_poll_wait(file, sock, wait);
	vmsock_lock(vsk);
	mask = sk->sk_state == TCP_LISTEN ? poll_listener(vsk) : poll_connection(vsk);
	vmsock_unlock(vsk);
	return mask;
}

/* Called with the core's lock of the socket held */
static int stream_set_rcvlowat(struct sock *sk, int value)
{
	struct vmsock_sock *vsk = vmsock_sk(sk);
	bool fits;

	vmsock_lock(vsk);
	fits = value <= vsk->limits.size;
	if (fits)
		WRITE_ONCE(sk->sk_rcvlowat, value ?: 1);
	vmsock_unlock(vsk);
	return fits ? 0 : -EINVAL;
}

DEFINE_PROTO_ACCEPT(vmsock_accept);

struct proto_ops vmsock_stream_ops = {
	.owner = THIS_MODULE,
	.release = vmsock_release,
	.bind = vmsock_bind,
	.connect = vmsock_stream_connect,
	.socketpair = sock_no_socketpair,
	.accept = PROTO_ACCEPT(vmsock_accept),
	.getname = vmsock_getname,
	.poll = stream_poll,
	.ioctl = vmsock_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = vmsock_compat_ioctl,
#endif
	.gettstamp = sock_gettstamp,
	.listen = vmsock_listen,
	.shutdown = vmsock_shutdown,
	.setsockopt = vmsock_setsockopt,
	.getsockopt = vmsock_getsockopt,
	.sendmsg = stream_sendmsg,
	.recvmsg = stream_recvmsg,
	.mmap = sock_no_mmap,
	.set_rcvlowat = stream_set_rcvlowat,
};
