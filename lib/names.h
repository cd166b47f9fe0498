/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * names.h - names of contexts and ports that the administrator has given
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Two files, read anew for each question, in which a line is, as in /etc/hosts and /etc/services:
 *
 *	hosts:		CID NAME [NAME...]
 *	services:	NAME PORT[/stream|/dgram|/seqpacket] [NAME...]
 *
 * What follows a '#' is a remark.  Lines that make no sense are passed over, a file that is not
 * there has no names; the first line that fits counts, and case does not.
 */
#ifndef VMSOCK_NAMES_H
#define VMSOCK_NAMES_H

#include <gio/gio.h>

#define NAMES_DIRECTORY "/etc/vmsock"

gboolean _vmsock_names_find_cid(const char *name, guint32 *cid);

/* A port that is said to be for one kind of sockets is found for that and for an unknown kind. */
gboolean _vmsock_names_find_port(const char *name, GSocketType type, guint32 *port);

/* Number of bytes at the start of @text that could be a name. */
gsize _vmsock_names_span(const char *text);

/* The whole of @text as a number below 2^32, decimal or hexadecimal. */
gboolean _vmsock_names_parse_number(const char *text, guint32 *number);

/* For tests: where the files are.  Not for use beside other threads. */
void _vmsock_names_set_directory(const char *directory);

#endif
