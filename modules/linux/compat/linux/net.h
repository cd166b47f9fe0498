/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net.h - accept() and socket options as struct proto_ops of the newest kernel has them
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * An accept function is written for the newest kernel:
 *
 *	static int my_accept(struct socket *sock, struct socket *newsock,
 *			     struct proto_accept_arg *arg) { ... }
 *	DEFINE_PROTO_ACCEPT(my_accept);
 *	static const struct proto_ops my_ops = {
 *		.accept = PROTO_ACCEPT(my_accept),
 */
#ifndef COMPAT_LINUX_NET_H
#define COMPAT_LINUX_NET_H

#include_next <linux/net.h>
#include <linux/socket.h>

#ifdef COMPAT_HAVE_PROTO_ACCEPT_ARG

#define DEFINE_PROTO_ACCEPT(function)	static_assert(true)
#define PROTO_ACCEPT(function)		function

#else

struct proto_accept_arg {
	int flags;
	bool kern;
};

#define DEFINE_PROTO_ACCEPT(function) \
	static int function##_flags(struct socket *sock, struct socket *newsock, int flags, \
				    bool kern) \
	{ \
		struct proto_accept_arg arg = { .flags = flags, .kern = kern }; \
		return function(sock, newsock, &arg); \
	} \
	static_assert(true)
#define PROTO_ACCEPT(function)		function##_flags

#endif

/* 6.5 lets a socket judge SOL_SOCKET options itself; before, only those of MPTCP could */
static inline void sock_take_sol_options(struct socket *sock)
{
#ifdef COMPAT_HAVE_SOCK_CUSTOM_SOCKOPT
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
#endif
}

#endif /* COMPAT_LINUX_NET_H */
