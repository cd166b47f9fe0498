/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * socket.h - struct sockaddr_unsized of Linux 6.19
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef COMPAT_LINUX_SOCKET_H
#define COMPAT_LINUX_SOCKET_H

#include_next <linux/socket.h>

/* The type that bind and connect of struct proto_ops take; both start with sa_family */
#ifndef COMPAT_HAVE_SOCKADDR_UNSIZED
#define sockaddr_unsized	sockaddr
#endif

#endif /* COMPAT_LINUX_SOCKET_H */
