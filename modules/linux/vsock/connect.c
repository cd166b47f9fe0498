// SPDX-License-Identifier: GPL-2.0-only
/*
 * connect.c - the client's side of a connection
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md 4.5, 5.5.  An attempt ends exactly once, in
 * vmsock_connect_done(): by the handshake, by the timer of a non-blocking
 * attempt, or by the waiting process (time-out, signal).  Whoever waits looks at
 * what became of the attempt before it looks at signals and time, so that an
 * established connection is never torn down.
 */
#include <linux/net.h>
#include <linux/sched/signal.h>

#include "vmsock.h"

/**
 * vmsock_connect_done() - the attempt has ended
 * @vsk: socket lock held
 * @error: 0 or a positive errno
 */
void vmsock_connect_done(struct vmsock_sock *vsk, int error)
{
	struct sock *sk = &vsk->sk;
	struct socket *sock = sk->sk_socket;

	vmsock_disarm(vsk, &vsk->connect_timer);
	vsk->input.deferred = false;
	vsk->connect_error = error;
	WRITE_ONCE(sk->sk_err, error);
	sk->sk_state = error ? TCP_CLOSE : TCP_ESTABLISHED;
	if (sock && sock->state == SS_CONNECTING)
		sock->state = error ? SS_UNCONNECTED : SS_CONNECTED;
	sk->sk_state_change(sk);
}

/* Time-out or signal: nobody is told */
static void connect_give_up(struct vmsock_sock *vsk, int error)
{
	vmsock_handshake_cancel(&vsk->hs);
	vmsock_stream_reset(vsk);
	vmsock_connect_done(vsk, error);
}

static bool connect_in_progress(const struct vmsock_sock *vsk)
{
	return vsk->sk.sk_state == TCP_SYN_SENT;
}

void vmsock_connect_timeout(struct work_struct *work)
{
	struct vmsock_sock *vsk = container_of(work, struct vmsock_sock, connect_timer.work);

	vmsock_lock(vsk);
	/* The attempt may be another one already, begun while this waited for the lock */
	if (connect_in_progress(vsk) && time_after_eq(jiffies, vsk->connect_deadline))
		connect_give_up(vsk, ETIMEDOUT);
	vmsock_unlock(vsk);
	sock_put(&vsk->sk);
}

/* Rows 5 to 8 of vsock.md 4.5 */
static int connect_check(const struct vmsock_sock *vsk, const struct vmsock_sockaddr *sa, int len)
{
	const struct sock *sk = &vsk->sk;

	if (sk->sk_state == TCP_LISTEN)
		return -EINVAL;
	if (vmsock_sockaddr_check(sa, len, sk->sk_family) != VMSOCK_ADDR_OK)
		return -EINVAL;
	if (sa->cid == VMSOCK_CID_ANY || sa->port == VMSOCK_PORT_ANY)
		return -EINVAL;
	if (sk->sk_type != SOCK_STREAM)
		return -ESOCKTNOSUPPORT;
	if (sa->cid == VMCI_HYPERVISOR_CONTEXT_ID &&
	    vmci_get_context_id() == VMCI_HOST_CONTEXT_ID)
		return -ENODEV;
	if (sa->cid == VMCI_WELL_KNOWN_CONTEXT_ID || !vmsock_net_talks(sk))
		return -ENETUNREACH;
	if (sock_flag(sk, SOCK_ZEROCOPY))
		return -EOPNOTSUPP;
	if (!vmsock_peer_allowed(vsk, sa->cid))
		return -EPERM;
	return 0;
}

/*
 * An attempt that was given up may still be answered, and nothing in the answer tells it
 * from one to the next attempt but the port it goes to.
 */
static void connect_forget_port(struct vmsock_sock *vsk)
{
	bool given_up = vsk->connect_error == ETIMEDOUT || vsk->connect_error == EINTR;

	if (!given_up || !vsk->autobound)
		return;
	vmsock_table_remove(vsk);
	vsk->bound = vmsock_addr_any();
}

/* Start an attempt: the request is sent; socket lock held */
static int connect_start(struct vmsock_sock *vsk, const struct vmsock_sockaddr *sa,
			 bool nonblock)
{
	struct sock *sk = &vsk->sk;
	struct vmsock_step step;
	int err;

	connect_forget_port(vsk);
	err = vmsock_autobind(vsk);
	if (err)
		return err;
	vsk->peer_addr = (struct vmsock_addr){ sa->cid, sa->port };
	vsk->connect_deadline = jiffies + vsk->connect_timeout;
	vsk->connect_error = 0;
	WRITE_ONCE(sk->sk_err, 0);
	vsk->hs.local = vsk->bound;
	step = vmsock_handshake_connect(&vsk->hs, vsk->peer_addr, vsk->limits, false);
	sk->sk_state = TCP_SYN_SENT;
	sk->sk_socket->state = SS_CONNECTING;
	vmsock_table_connect(vsk);
	/* An attempt in the background is still under way when connect() returns */
	vsk->input.deferred = nonblock;
	vmsock_step(vsk, step);
	if (!vsk->connect_error)
		return 0;
	/* The request could not even be sent: this call reports it */
	WRITE_ONCE(sk->sk_err, 0);
	return -vsk->connect_error;
}

/* Does it?  A peer on this machine has answered by the time that the packet was sent */
static bool connect_goes_on(struct vmsock_sock *vsk)
{
	vmsock_input_run(vsk);
	return connect_in_progress(vsk);
}

/* Wait for the end of the attempt; socket lock held, released while waiting */
static void connect_wait(struct vmsock_sock *vsk)
{
	struct sock *sk = &vsk->sk;
	long timeout = vsk->connect_timeout;
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	add_wait_queue(sk_sleep(sk), &wait);
	while (connect_goes_on(vsk)) {
		if (signal_pending(current)) {
			connect_give_up(vsk, EINTR);
			break;
		}
		if (!timeout) {
			connect_give_up(vsk, ETIMEDOUT);
			break;
		}
		timeout = vmsock_wait(vsk, &wait, timeout);
	}
	remove_wait_queue(sk_sleep(sk), &wait);
}

/* The result of an attempt that has ended; the error is reported here and not once more */
static int connect_result(struct vmsock_sock *vsk)
{
	if (!vsk->connect_error)
		return 0;
	WRITE_ONCE(vsk->sk.sk_err, 0);
	return -vsk->connect_error;
}

/* Socket lock held */
static int connect_locked(struct socket *sock, const struct vmsock_sockaddr *sa, int len,
			  int flags)
{
	struct vmsock_sock *vsk = vmsock_sk(sock->sk);
	bool nonblock = flags & O_NONBLOCK;
	int err;

	switch (sock->state) {
	case SS_CONNECTED:
		return -EISCONN;
	case SS_DISCONNECTING:
		return -EINVAL;
	case SS_CONNECTING:
		if (nonblock)
			return -EALREADY;
		break;
	default:
		err = connect_check(vsk, sa, len) ?: connect_start(vsk, sa, nonblock);
		if (err)
			return err;
		if (nonblock) {
			vmsock_arm(vsk, &vsk->connect_timer, vsk->connect_timeout);
			return -EINPROGRESS;
		}
	}
	vsk->input.deferred = false;
	connect_wait(vsk);
	return connect_result(vsk);
}

int vmsock_stream_connect(struct socket *sock, struct sockaddr_unsized *addr, int len, int flags)
{
	int err;

	vmsock_lock(vmsock_sk(sock->sk));
	err = connect_locked(sock, (const struct vmsock_sockaddr *)addr, len, flags);
	vmsock_unlock(vmsock_sk(sock->sk));
	return err;
}
