/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stat.c - the vsock sockets of this machine
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "format.h"
#include "interrupt.h"
#include "json.h"
#include "socket-table.h"
#include "tool.h"

static struct {
	char *state, *type, *process;
	char *cid_text;
	guint32 port, cid;
	guint64 pid;
	guint watch_ms;
} options = { .port = VMSOCK_PORT_ANY };

/* Filters */

static bool is_in(const char *list, const char *word)
{
	g_auto(GStrv) words = NULL;

	if (!list)
		return true;
	words = g_strsplit(list, ",", -1);
	return g_strv_contains((const char *const *)words, word);
}

static bool is_wanted(const struct socket_row *row)
{
	return is_in(options.state, row->state) && is_in(options.type, row->type) &&
	       (options.port == VMSOCK_PORT_ANY || row->local_port == options.port ||
		row->peer_port == options.port) &&
	       (!options.cid_text || row->local_cid == options.cid ||
		row->peer_cid == options.cid) &&
	       (!options.pid || row->pid == options.pid) &&
	       (!options.process || strcmp(row->process, options.process) == 0);
}

/* What is printed */

static char *address(guint32 cid, guint32 port)
{
	g_autofree char *cid_text = cid == VMSOCK_CID_ANY ? g_strdup("*") :
				    g_strdup_printf("%u", cid);
	g_autofree char *port_text = port == VMSOCK_PORT_ANY ? g_strdup("*") :
				     g_strdup_printf("%u", port);

	return g_strconcat(cid_text, ":", port_text, NULL);
}

static char *amount(guint64 bytes)
{
	return bytes == SOCKET_UNKNOWN ? g_strdup("-") : format_bytes((double)bytes);
}

/* "12/256K": fill and size */
static char *fill(guint64 queue, guint64 size)
{
	if (queue == SOCKET_UNKNOWN || size == SOCKET_UNKNOWN)
		return g_strdup("-");
	return g_strdup_printf("%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT, queue, size);
}

static void print_row(const struct socket_row *row)
{
	g_autofree char *local = address(row->local_cid, row->local_port);
	g_autofree char *peer = address(row->peer_cid, row->peer_port);
	g_autofree char *sent = amount(row->sent), *received = amount(row->received);
	g_autofree char *out = fill(row->send_queue, row->send_size);
	g_autofree char *in = fill(row->receive_queue, row->receive_size);

	printf("%-3d %-9s %-11s %-15s %-15s %9s %9s %13s %13s ", row->family, row->type,
	       row->state, local, peer, sent, received, out, in);
	if (row->pid)
		printf("%u/%s\n", row->pid, row->process);
	else
		puts("-");
}

static void write_number(struct json *json, const char *name, guint64 value)
{
	if (value == SOCKET_UNKNOWN)
		json_string(json, name, NULL);
	else
		json_number(json, name, (gint64)value);
}

static void write_row(struct json *json, const struct socket_row *row)
{
	json_open(json, NULL, '{');
	json_number(json, "family", row->family);
	json_string(json, "type", row->type);
	json_string(json, "state", row->state);
	json_number(json, "local_cid", row->local_cid);
	json_number(json, "local_port", row->local_port);
	json_number(json, "peer_cid", row->peer_cid);
	json_number(json, "peer_port", row->peer_port);
	json_number(json, "inode", (gint64)row->inode);
	write_number(json, "sent", row->sent);
	write_number(json, "received", row->received);
	write_number(json, "send_queue", row->send_queue);
	write_number(json, "receive_queue", row->receive_queue);
	write_number(json, "send_size", row->send_size);
	write_number(json, "receive_size", row->receive_size);
	write_number(json, "pid", row->pid ? row->pid : SOCKET_UNKNOWN);
	json_string(json, "process", row->pid ? row->process : NULL);
	json_close(json, '}');
}

static void write_rows(GArray *rows)
{
	struct json json;

	json_start_line(&json);
	json_open(&json, "sockets", '[');
	for (guint i = 0; i < rows->len; i++)
		if (is_wanted(&g_array_index(rows, struct socket_row, i)))
			write_row(&json, &g_array_index(rows, struct socket_row, i));
	json_close(&json, ']');
	json_finish(&json);
}

static void print_rows(GArray *rows)
{
	if (options.watch_ms && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	if (!common.quiet)
		printf("%-3s %-9s %-11s %-15s %-15s %9s %9s %13s %13s %s\n", "AF", "TYPE", "STATE",
		       "LOCAL", "PEER", "SENT", "RECEIVED", "SEND-QUEUE", "RECV-QUEUE", "PROCESS");
	for (guint i = 0; i < rows->len; i++)
		if (is_wanted(&g_array_index(rows, struct socket_row, i)))
			print_row(&g_array_index(rows, struct socket_row, i));
	fflush(stdout);
}

/* Both tables, unless --family says which; the codes of what went wrong. */

static enum tool_exit complain(const GError *error)
{
	tool_complain("%s", error->message);
	return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED) ? TOOL_DENIED :
	       TOOL_IO;
}

static bool is_family(const char *name)
{
	return !common.family || strcmp(common.family, "auto") == 0 ||
	       (strcmp(common.family, "40") == 0) == (strcmp(name, "40") == 0);
}

static enum tool_exit show(void)
{
	g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(struct socket_row));
	enum tool_exit code = TOOL_OK;
	guint ours;

	if (is_family("ours")) {
		g_autoptr(GError) error = NULL;

		if (!socket_table_read_ours(rows, &error))
			code = complain(error);
	}
	ours = rows->len;
	if (is_family("40")) {
		g_autoptr(GError) error = NULL;

		if (!socket_table_read_kernel(rows, &error))
			code = complain(error);
	}
	tool_remark("%u sockets, %u of them of the kernel's own vsock", rows->len,
		    rows->len - ours);
	socket_table_find_processes(rows);
	if (common.json)
		write_rows(rows);
	else
		print_rows(rows);
	return code;
}

static int run(int argc G_GNUC_UNUSED, char **argv G_GNUC_UNUSED)
{
	GCancellable *interrupt;
	enum tool_exit code;
	gint64 next;

	if (options.cid_text && !tool_parse_cid(options.cid_text, &options.cid))
		return TOOL_USAGE;
	if (!options.watch_ms)
		return show();
	interrupt = interrupt_catch();
	do {
		next = g_get_monotonic_time() + (gint64)options.watch_ms * 1000;
		code = show();
	} while (code == TOOL_OK && interrupt_sleep(interrupt, next));
	return code;
}

static const struct option option_table[] = {
	{ "state", 's', OPTION_TEXT, &options.state, "STATES", "only these, as listening,closed",
	  "Only sockets in these states:\n.Cm closed , connecting , pending , established ,\n"
	  ".Cm closing\nor\n.Cm listening .",
	  "closed connecting pending established closing listening" },
	{ "type", 't', OPTION_TEXT, &options.type, "TYPES", "only these, as stream,dgram",
	  "Only these types:\n.Cm stream , dgram\nor\n.Cm seqpacket .", "stream dgram seqpacket" },
	{ "port", 'p', OPTION_PORT, &options.port, "PORT", "only with this port, here or there",
	  NULL, NULL },
	{ "cid", 'c', OPTION_TEXT, &options.cid_text, "CID", "only with this CID, here or there",
	  "Only with this context ID, here or there.", NULL },
	{ "pid", 'P', OPTION_COUNT, &options.pid, "N", "only those of this process", NULL, NULL },
	{ "process", 'n', OPTION_TEXT, &options.process, "NAME", "only those of programs so named",
	  NULL, NULL },
	{ "watch", 'W', OPTION_SECONDS, &options.watch_ms, "SECONDS", "print again and again",
	  "Print again after so many seconds, until interrupted; on a terminal in place.", NULL },
	{ 0 }
};

const struct command stat_command = {
	.name = "stat",
	.summary = "sockets with state, peer, bytes, queues and process",
	.purpose = "Lists vsock sockets with state, peer, bytes, fill of queues, and process.",
	.common = COMMON_FAMILY | COMMON_JSON | COMMON_QUIET | COMMON_VERBOSE,
	.options = option_table,
	.run = run,
};
