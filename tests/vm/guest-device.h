/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest-device.h - the VMCI device of the guest, as its administrator sees it
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The host's part is tests/interop/peer.  Commands for the device go through it, too: with
 * --control %D/host_4000 a connection to port 4000 of the host is one to its command socket.
 */
#ifndef TESTS_VM_GUEST_DEVICE_H
#define TESTS_VM_GUEST_DEVICE_H

#include <glob.h>

#include "vmtest.h"
#include "../interop/interop.h"

#define HOST		2u
#define DEVICE_CID	42u
#define PORT_COMMANDS	4000u
#define DRIVER		"/sys/bus/pci/drivers/vmci"

/* --- the host ----------------------------------------------------------------------------- */

/* A ring gone mad may look full for ever, so no send() waits for ever. */
UNUSED static int call_host(void)
{
	struct order order = { .role = ROLE_ECHO };
	int fd = stream_socket();

	set_timeout(fd, SO_SNDTIMEO, SOON_MS / 4);
	if (connect_to(fd, HOST, PORT_ORDERS) ||
	    send(fd, &order, sizeof(order), MSG_NOSIGNAL) != sizeof(order)) {
		close(fd);
		return -1;
	}
	return fd;
}

UNUSED static void expect_echo(int fd)
{
	char got[6] = "";

	expect_is(send(fd, "hello", 5, MSG_NOSIGNAL), 5);
	expect_is(recv(fd, got, 5, MSG_WAITALL), 5);
	expect(!strcmp(got, "hello"));
}

UNUSED static void expect_host(void)
{
	int fd = call_host();

	need(fd >= 0);
	expect_echo(fd);
	close(fd);
}

/* Of this machine, with whatever context id it has */
UNUSED static void expect_itself(unsigned int cid)
{
	int listening = stream_bound(VMADDR_PORT_ANY), a = stream_socket(), b;

	expect_is(VMCISock_GetLocalCID(), cid);
	need_ok(listen(listening, 1));
	need_ok(connect_to(a, cid, port_of(listening)));
	b = need_ok(accept(listening, NULL, NULL));
	expect_works(a, b);
	close(a);
	close(b);
	close(listening);
}

/* --- sysfs -------------------------------------------------------------------------------- */

static char function[32];

UNUSED static void find_function(void)
{
	glob_t found;

	need(glob(DRIVER "/0000:*", 0, NULL, &found) == 0 && found.gl_pathc == 1);
	snprintf(function, sizeof(function), "%s", strrchr(found.gl_pathv[0], '/') + 1);
	globfree(&found);
}

UNUSED static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

UNUSED static void unbind(void)
{
	need(put(DRIVER "/unbind", function));
}

UNUSED static void bind_again(void)
{
	need(put(DRIVER "/bind", function));
}

/* A peer that lies can make a connection stand still */
UNUSED static void lose_patience(int fd)
{
	static const struct timeval second = { .tv_sec = 1 };

	need_ok(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)));
	need_ok(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second)));
}

/* --- commands ----------------------------------------------------------------------------- */

/* A connection for commands to the device */
UNUSED static int commander(void)
{
	int fd = stream_socket();

	set_timeout(fd, SO_SNDTIMEO, SOON_MS / 4);
	if (connect_to(fd, HOST, PORT_COMMANDS)) {
		close(fd);
		return -1;
	}
	return fd;
}

UNUSED static bool write_command(int fd, const char *command)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%s\n", command);

	return send(fd, line, n, MSG_NOSIGNAL) == n;
}

UNUSED static void order_device(int fd, const char *command)
{
	expect(write_command(fd, command));
}

/* Gives the command on a connection of its own, which may fail; true if the device says ok */
UNUSED static bool command_device(const char *command)
{
	int fd = commander();
	char answer[256] = "";
	bool good;

	if (fd < 0)
		return false;
	lose_patience(fd);
	good = write_command(fd, command) && recv(fd, answer, sizeof(answer) - 1, 0) > 0 &&
	       !strncmp(answer, "ok", 2);
	if (!good)
		diag("%s: %s", command, answer);
	close(fd);
	return good;
}

/* --- what becomes of connections ---------------------------------------------------------- */

UNUSED static void expect_ended(int fd)
{
	char byte;

	wait_for(fd, POLLIN | POLLHUP | POLLERR);
	expect(recv(fd, &byte, 1, 0) <= 0);
	expect(send(fd, "x", 1, MSG_NOSIGNAL) < 0 && (errno == EPIPE || errno == ECONNRESET));
}

/* Connections to the host, used for as long as they go, until *@arg */
UNUSED static void chatter(void *arg)
{
	volatile bool *stop = arg;
	static char bytes[100000];
	int fd;

	while (!*stop) {
		fd = call_host();
		if (fd >= 0)
			lose_patience(fd);
		while (fd >= 0 && !*stop && send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0 &&
		       recv(fd, bytes, sizeof(bytes), 0) > 0)
			;
		if (fd >= 0)
			close(fd);
		breathe();
	}
}

/* Something done to the device, again and again, while programs use it */
UNUSED static void under_traffic(void (*deed)(void), int times)
{
	volatile bool stop = false;
	struct task tasks[4];
	int i;

	find_function();
	for (i = 0; i < 4; i++)
		start_task(&tasks[i], chatter, (void *)&stop);
	for (i = 0; i < times; i++) {
		usleep(100000);
		deed();
	}
	stop = true;
	for (i = 0; i < 4; i++)
		join_task(&tasks[i]);
	expect_host();
}

UNUSED static void rebind(void)
{
	unbind();
	usleep(20000);
	bind_again();
}

#endif /* TESTS_VM_GUEST_DEVICE_H */
