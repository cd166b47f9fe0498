/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net.h - the accept() of Linux 6.10 in struct proto_ops
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

#endif /* COMPAT_LINUX_NET_H */
