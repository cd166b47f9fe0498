/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor.h - a virtual machine's monitor with one UNIX socket, as far as a client sees it
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A thread takes one connection after the other and does with each what a script says: "<TEXT"
 * expects that text, ">TEXT" sends it, "." waits for the client to end or a moment, "~" waits a
 * moment, "|" echoes to the end.  Then it closes.  Parts of a script are separated by spaces, and
 * "_" in a text is a space, "$" the end of the line.
 */
#ifndef TESTS_LIB_MONITOR_H
#define TESTS_LIB_MONITOR_H

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <gio/gunixsocketaddress.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOMENT_MS 40

struct monitor {
	char *folder, *path;
	GSocket *listener;
	GThread *thread;
	const char *script;
	int end[2];		/* a pipe: closed, it ends the thread */
	gint served, surprises;	/* connections; parts of scripts that went otherwise */
};

static void monitor_expect(struct monitor *monitor, int fd, const char *text)
{
	for (; *text; text++) {
		char want = *text == '_' ? ' ' : *text == '$' ? '\n' : *text;
		char got;

		if (recv(fd, &got, 1, 0) == 1 && got == want)
			continue;
		g_atomic_int_inc(&monitor->surprises);
		return;
	}
}

static void monitor_send(int fd, const char *text)
{
	g_autofree char *bytes = g_strdup(text);

	g_strdelimit(bytes, "_", ' ');
	g_strdelimit(bytes, "$", '\n');
	send(fd, bytes, strlen(bytes), MSG_NOSIGNAL);
}

static void monitor_echo(int fd)
{
	char buffer[4096];
	ssize_t got;

	while ((got = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		send(fd, buffer, (size_t)got, MSG_NOSIGNAL);
}

static void monitor_wait(int fd, int milliseconds)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	poll(&poll_fd, fd >= 0, milliseconds);
}

static void monitor_play(struct monitor *monitor, int fd)
{
	g_auto(GStrv) parts = g_strsplit(g_atomic_pointer_get(&monitor->script), " ", -1);

	for (char **part = parts; *part; part++) {
		switch (**part) {
		case '<': monitor_expect(monitor, fd, *part + 1); break;
		case '>': monitor_send(fd, *part + 1); break;
		case '|': monitor_echo(fd); break;
		case '~': monitor_wait(-1, MOMENT_MS); break;
		case '.': monitor_wait(fd, 10000); break;
		}
	}
}

static gpointer monitor_run(gpointer data)
{
	struct monitor *monitor = data;
	struct pollfd poll_fds[] = {
		{ .fd = g_socket_get_fd(monitor->listener), .events = POLLIN },
		{ .fd = monitor->end[0], .events = POLLIN },
	};

	while (poll(poll_fds, 2, -1) > 0 && !poll_fds[1].revents) {
		int fd = accept(poll_fds[0].fd, NULL, NULL);

		g_atomic_int_inc(&monitor->served);
		monitor_play(monitor, fd);
		close(fd);
	}
	return NULL;
}

/* Begin to listen at the path, which monitor_init() has chosen. */
static void monitor_start(struct monitor *monitor)
{
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(monitor->path);

	monitor->listener = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, NULL);
	if (!g_socket_bind(monitor->listener, address, TRUE, NULL) ||
	    !g_socket_listen(monitor->listener, NULL) || pipe(monitor->end) < 0)
		g_error("no monitor at %s", monitor->path);
	monitor->thread = g_thread_new("monitor", monitor_run, monitor);
}

static void monitor_stop(struct monitor *monitor)
{
	if (!monitor->thread)
		return;
	close(monitor->end[1]);
	g_thread_join(g_steal_pointer(&monitor->thread));
	close(monitor->end[0]);
	g_clear_object(&monitor->listener);
	g_unlink(monitor->path);
}

static void monitor_init(struct monitor *monitor, const char *script)
{
	*monitor = (struct monitor){ .script = script };
	monitor->folder = g_dir_make_tmp("vmsock-monitor-XXXXXX", NULL);
	monitor->path = g_build_filename(monitor->folder, "vm.sock", NULL);
}

static void monitor_clear(struct monitor *monitor)
{
	monitor_stop(monitor);
	g_rmdir(monitor->folder);
	g_free(monitor->folder);
	g_free(monitor->path);
}

#endif
