/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * socket-table.c - the vsock sockets of this machine: ours, and those of the kernel's vsock
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Ours are listed in debugfs by vmsock.ko, the kernel's by its vsock_diag over netlink, which tells
 * neither bytes nor queues.
 */
#include "socket-table.h"

#include <errno.h>
#include <gio/gio.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/vm_sockets_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUR_FILE "/sys/kernel/debug/vmsock/sockets"
#define OUR_FAMILY "/sys/module/vmsock/parameters/family_in_use"
#define OUR_COLUMNS 11

/* Numbers as TCP has them */
static const char *state_name(guint state)
{
	static const char *const names[] = {
		[1] = "established", [2] = "connecting", [3] = "pending", [7] = "closed",
		[8] = "closing", [10] = "listening", [11] = "closing",
	};
	const char *name = state < G_N_ELEMENTS(names) ? names[state] : NULL;

	return name ? name : "unknown";
}

static const char *type_name(const char *given)
{
	static const char *const names[] = { "stream", "dgram", "seqpacket" };

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		if (strcmp(given, names[i]) == 0)
			return names[i];
	return "unknown";
}

/* Ours */

static guint64 number(const char *text)
{
	guint64 value;

	return g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64 - 1, &value, NULL) ?
	       value : SOCKET_UNKNOWN;
}

static void parse_address(const char *text, guint32 *cid, guint32 *port)
{
	const char *colon = strchr(text, ':');

	*cid = (guint32)g_ascii_strtoull(text, NULL, 10);
	*port = colon ? (guint32)g_ascii_strtoull(colon + 1, NULL, 10) : G_MAXUINT32;
}

/* "1 :2   x" has three words. */
static GPtrArray *words_of(const char *line)
{
	g_auto(GStrv) parts = g_strsplit_set(line, " \t", -1);
	GPtrArray *words = g_ptr_array_new_with_free_func(g_free);

	for (char **part = parts; *part; part++)
		if (**part)
			g_ptr_array_add(words, g_strdup(*part));
	return words;
}

static void parse_line(const char *line, int family, GArray *rows)
{
	g_autoptr(GPtrArray) words = words_of(line);
	char **word = (char **)words->pdata;
	struct socket_row row = { .family = family };

	if (words->len < OUR_COLUMNS)
		return;
	row.type = type_name(word[0]);
	row.state = state_name((guint)number(word[1]));
	parse_address(word[2], &row.local_cid, &row.local_port);
	parse_address(word[3], &row.peer_cid, &row.peer_port);
	row.inode = number(word[4]);
	row.sent = number(word[5]);
	row.received = number(word[6]);
	row.send_queue = number(word[7]);
	row.receive_queue = number(word[8]);
	row.send_size = number(word[9]);
	row.receive_size = number(word[10]);
	g_array_append_val(rows, row);
}

static int our_family(void)
{
	g_autofree char *text = NULL;

	return g_file_get_contents(OUR_FAMILY, &text, NULL, NULL) ? atoi(text) : 0;
}

bool socket_table_read_ours(GArray *rows, GError **error)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	int family = our_family();

	if (!family)
		return true;
	if (!g_file_get_contents(OUR_FILE, &text, NULL, NULL)) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(geteuid() ? EACCES : ENOENT),
			    "%s cannot be read; %s", OUR_FILE, geteuid() ? "only root may do that" :
			    "is debugfs there?  mount -t debugfs none /sys/kernel/debug");
		return false;
	}
	lines = g_strsplit(text, "\n", -1);
	for (guint i = 1; lines[0] && lines[i]; i++)
		parse_line(lines[i], family, rows);
	return true;
}

/* The kernel's */

struct request {
	struct nlmsghdr head;
	struct vsock_diag_req diag;
};

static bool send_request(int fd)
{
	const struct request request = {
		.head = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.diag = { .sdiag_family = AF_VSOCK, .vdiag_states = ~0U },
	};

	return send(fd, &request, sizeof(request), 0) == sizeof(request);
}

static void append_message(const struct vsock_diag_msg *message, GArray *rows)
{
	static const char *const types[] = {
		[SOCK_STREAM] = "stream", [SOCK_DGRAM] = "dgram", [SOCK_SEQPACKET] = "seqpacket",
	};
	struct socket_row row = {
		.family = AF_VSOCK,
		.type = message->vdiag_type < G_N_ELEMENTS(types) && types[message->vdiag_type] ?
			types[message->vdiag_type] : "unknown",
		.state = state_name(message->vdiag_state),
		.local_cid = message->vdiag_src_cid,
		.local_port = message->vdiag_src_port,
		.peer_cid = message->vdiag_dst_cid,
		.peer_port = message->vdiag_dst_port,
		.inode = message->vdiag_ino,
		.sent = SOCKET_UNKNOWN, .received = SOCKET_UNKNOWN,
		.send_queue = SOCKET_UNKNOWN, .receive_queue = SOCKET_UNKNOWN,
		.send_size = SOCKET_UNKNOWN, .receive_size = SOCKET_UNKNOWN,
	};

	g_array_append_val(rows, row);
}

static int error_of(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = NLMSG_DATA(message);

	return message->nlmsg_len < NLMSG_LENGTH(sizeof(*error)) ? -EPROTO : error->error;
}

/* 1: more messages follow; 0: that was all; or a negative errno. */
static int take_messages(const struct nlmsghdr *message, gsize left, GArray *rows)
{
	for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
		if (message->nlmsg_type == NLMSG_DONE)
			return 0;
		if (message->nlmsg_type == NLMSG_ERROR)
			return error_of(message);
		if (message->nlmsg_len >= NLMSG_LENGTH(sizeof(struct vsock_diag_msg)))
			append_message(NLMSG_DATA(message), rows);
	}
	return 1;
}

static int receive_all(int fd, GArray *rows)
{
	union {
		struct nlmsghdr message;
		char bytes[32768];
	} buffer;
	ssize_t got;
	int more = 1;

	while (more > 0) {
		got = recv(fd, &buffer, sizeof(buffer), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EPROTO;
		more = take_messages(&buffer.message, (gsize)got, rows);
	}
	return more;
}

bool socket_table_read_kernel(GArray *rows, GError **error)
{
	int fd = -1, result;

	if (!g_file_test("/sys/module/vsock", G_FILE_TEST_EXISTS))
		return true;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	result = fd < 0 || !send_request(fd) ? -errno : receive_all(fd, rows);
	if (fd >= 0)
		close(fd);
	if (result < 0)
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(-result),
			    "sockets of family 40: %s%s", g_strerror(-result),
			    result == -ENOENT ? "; try: modprobe vsock_diag" : "");
	return result >= 0;
}

/* Processes */

static guint64 inode_of(const char *link)
{
	return g_str_has_prefix(link, "socket:[") ?
	       g_ascii_strtoull(link + strlen("socket:["), NULL, 10) : 0;
}

/* @rows is a table from inodes. */
static void note_process(GHashTable *rows, guint64 inode, const char *pid)
{
	struct socket_row *row = g_hash_table_lookup(rows, &inode);
	g_autofree char *path = NULL, *name = NULL;

	if (!row || row->pid)
		return;
	row->pid = (guint)atoi(pid);
	path = g_build_filename("/proc", pid, "comm", NULL);
	if (g_file_get_contents(path, &name, NULL, NULL))
		g_strlcpy(row->process, g_strchomp(name), sizeof(row->process));
}

static void look_into(const char *pid, GHashTable *rows)
{
	g_autofree char *path = g_build_filename("/proc", pid, "fd", NULL);
	g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
	const char *name;

	while (folder && (name = g_dir_read_name(folder))) {
		g_autofree char *file = g_build_filename(path, name, NULL);
		g_autofree char *link = g_file_read_link(file, NULL);
		guint64 inode = link ? inode_of(link) : 0;

		if (inode)
			note_process(rows, inode, pid);
	}
}

void socket_table_find_processes(GArray *rows)
{
	g_autoptr(GHashTable) by_inode = g_hash_table_new(g_int64_hash, g_int64_equal);
	g_autoptr(GDir) folder = g_dir_open("/proc", 0, NULL);
	const char *name;

	for (guint i = 0; i < rows->len; i++) {
		struct socket_row *row = &g_array_index(rows, struct socket_row, i);

		g_hash_table_insert(by_inode, &row->inode, row);
	}
	while (folder && (name = g_dir_read_name(folder)))
		if (g_ascii_isdigit(*name))
			look_into(name, by_inode);
}
