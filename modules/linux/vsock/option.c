// SPDX-License-Identifier: GPL-2.0-only
/*
 * option.c - socket options
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md 4.13, 10.1, 10.2.  The level is the family
 * number; SOL_SOCKET options come here only for SO_ZEROCOPY, which the generic
 * code would judge without knowing what a VMCI socket can do.
 */
#include <linux/net.h>
#include <linux/sockptr.h>
#include <linux/time64.h>
#include <linux/uaccess.h>

#include "vmsock.h"

enum {
	OPTION_BUFFER_SIZE = 0,
	OPTION_BUFFER_MIN_SIZE = 1,
	OPTION_BUFFER_MAX_SIZE = 2,
	OPTION_CONNECT_TIMEOUT_OLD = 6,
	OPTION_CONNECT_TIMEOUT_NEW = 8,
};

/* Up to the minimum first, then down to the maximum, so that the maximum wins */
static void clamp_size(struct vmsock_limits *limits, u64 size)
{
	limits->size = min(max(size, limits->min), limits->max);
}

static int set_limit(struct vmsock_sock *vsk, int name, sockptr_t value, unsigned int len)
{
	struct vmsock_limits *limits = &vsk->limits;
	u64 bytes;

	if (len < sizeof(bytes))
		return -EINVAL;
	if (copy_from_sockptr(&bytes, value, sizeof(bytes)))
		return -EFAULT;
	if (name == OPTION_BUFFER_MIN_SIZE)
		limits->min = bytes;
	else if (name == OPTION_BUFFER_MAX_SIZE)
		limits->max = bytes;
	clamp_size(limits, name == OPTION_BUFFER_SIZE ? bytes : limits->size);
	return 0;
}

static int set_timeout(struct vmsock_sock *vsk, sockptr_t value, unsigned int len, bool old)
{
	struct __kernel_sock_timeval tv;
	int err;

	err = sock_copy_user_timeval(&tv, value, len, old);
	if (err)
		return err;
	if (tv.tv_sec < 0 || tv.tv_usec < 0 || tv.tv_usec >= USEC_PER_SEC ||
	    tv.tv_sec >= MAX_SCHEDULE_TIMEOUT / HZ - 1)
		return -ERANGE;
	vsk->connect_timeout = tv.tv_sec * HZ + DIV_ROUND_UP((long)tv.tv_usec, USEC_PER_SEC / HZ);
	if (!vsk->connect_timeout)
		vsk->connect_timeout = VMSOCK_CONNECT_TIMEOUT_S * HZ;
	return 0;
}

static int set_zerocopy(struct socket *sock, sockptr_t value, unsigned int len)
{
	int on;

	if (len < sizeof(on))
		return -EINVAL;
	if (copy_from_sockptr(&on, value, sizeof(on)))
		return -EFAULT;
	if (on < 0 || on > 1)
		return -EINVAL;
	if (vmsock_is_dgram(vmsock_sk(sock->sk)) || sock->state != SS_UNCONNECTED)
		return -EOPNOTSUPP;
	lock_sock(sock->sk);	/* the core's lock of sk_flags */
	sock_valbool_flag(sock->sk, SOCK_ZEROCOPY, on);
	release_sock(sock->sk);
	return 0;
}

int vmsock_setsockopt(struct socket *sock, int level, int name, sockptr_t value,
		      unsigned int len)
{
	struct sock *sk = sock->sk;
	int err;

	if (level == SOL_SOCKET)
		return name == SO_ZEROCOPY ? set_zerocopy(sock, value, len) :
					     sock_setsockopt(sock, level, name, value, len);
	if (vmsock_is_dgram(vmsock_sk(sk)))
		return -EOPNOTSUPP;
	if (level != sk->sk_family)
		return -ENOPROTOOPT;
	vmsock_lock(vmsock_sk(sk));
	switch (name) {
	case OPTION_BUFFER_SIZE:
	case OPTION_BUFFER_MIN_SIZE:
	case OPTION_BUFFER_MAX_SIZE:
		err = set_limit(vmsock_sk(sk), name, value, len);
		break;
	case OPTION_CONNECT_TIMEOUT_OLD:
	case OPTION_CONNECT_TIMEOUT_NEW:
		err = set_timeout(vmsock_sk(sk), value, len, name == OPTION_CONNECT_TIMEOUT_OLD);
		break;
	default:
		err = -ENOPROTOOPT;
	}
	vmsock_unlock(vmsock_sk(sk));
	return err;
}

static u64 get_limit(const struct vmsock_limits *limits, int name)
{
	switch (name) {
	case OPTION_BUFFER_MIN_SIZE:
		return limits->min;
	case OPTION_BUFFER_MAX_SIZE:
		return limits->max;
	default:
		return limits->size;
	}
}

int vmsock_getsockopt(struct socket *sock, int level, int name, char __user *value,
		      int __user *len)
{
	const struct vmsock_sock *vsk = vmsock_sk(sock->sk);
	union {
		u64 bytes;
		struct __kernel_old_timeval old_tv;
		struct __kernel_sock_timeval tv;
	} answer = {};
	int size = sizeof(answer.bytes);
	int room;

	if (vmsock_is_dgram(vsk))
		return -EOPNOTSUPP;
	if (level != sock->sk->sk_family)
		return -ENOPROTOOPT;
	if (get_user(room, len))
		return -EFAULT;
	switch (name) {
	case OPTION_BUFFER_SIZE:
	case OPTION_BUFFER_MIN_SIZE:
	case OPTION_BUFFER_MAX_SIZE:
		answer.bytes = get_limit(&vsk->limits, name);
		break;
	case OPTION_CONNECT_TIMEOUT_OLD:
	case OPTION_CONNECT_TIMEOUT_NEW:
		size = sock_get_timeout(vsk->connect_timeout, &answer,
					name == OPTION_CONNECT_TIMEOUT_OLD);
		break;
	default:
		return -ENOPROTOOPT;
	}
	if (room < size)
		return -EINVAL;
	if (copy_to_user(value, &answer, size) || put_user(size, len))
		return -EFAULT;
	return 0;
}
