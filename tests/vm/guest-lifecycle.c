// SPDX-License-Identifier: GPL-2.0-or-later
/* guest-lifecycle - the device goes and comes back, while sockets are open
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Through sysfs: unbinding, reset, a suspend that stops when all devices sleep.
 *
 * vm-modules: vmsock
 * vm-device: --cid 42 --uds %D/host
 * vm-timeout: 300
 */
#include <glob.h>

#include "vmtest.h"
#include "../interop/interop.h"

#define HOST		2u
#define DEVICE_CID	42u
#define DRIVER		"/sys/bus/pci/drivers/vmci"

/* --- the host ----------------------------------------------------------------------------- */

static int call_host(void)
{
	struct order order = { .role = ROLE_ECHO };
	int fd = stream_socket();

	if (connect_to(fd, HOST, PORT_ORDERS) ||
	    send(fd, &order, sizeof(order), MSG_NOSIGNAL) != sizeof(order)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void expect_echo(int fd)
{
	char got[6] = "";

	expect_is(send(fd, "hello", 5, MSG_NOSIGNAL), 5);
	expect_is(recv(fd, got, 5, MSG_WAITALL), 5);
	expect(!strcmp(got, "hello"));
}

static void expect_host(void)
{
	int fd = call_host();

	need(fd >= 0);
	expect_echo(fd);
	close(fd);
}

/* Of this machine, with whatever context id it has */
static void expect_itself(unsigned int cid)
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

static void find_function(void)
{
	glob_t found;

	need(glob(DRIVER "/0000:*", 0, NULL, &found) == 0 && found.gl_pathc == 1);
	snprintf(function, sizeof(function), "%s", strrchr(found.gl_pathv[0], '/') + 1);
	globfree(&found);
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

static void unbind(void)
{
	need(put(DRIVER "/unbind", function));
}

static void bind_again(void)
{
	need(put(DRIVER "/bind", function));
}

/* --- rows --------------------------------------------------------------------------------- */

static void expect_ended(int fd)
{
	char byte;

	wait_for(fd, POLLIN | POLLHUP | POLLERR);
	expect(recv(fd, &byte, 1, 0) <= 0);
	expect(send(fd, "x", 1, MSG_NOSIGNAL) < 0 && (errno == EPIPE || errno == ECONNRESET));
}

static void unbound(void)
{
	int fd, idle, other;

	find_function();
	fd = call_host();
	idle = call_host();
	need(fd >= 0 && idle >= 0);
	expect_echo(fd);
	unbind();
	expect_ended(fd);
	expect_ended(idle);
	expect_itself(HOST);
	other = stream_socket();
	expect(connect_to(other, HOST, PORT_ORDERS) < 0);
	close(other);
	bind_again();
	expect_itself(DEVICE_CID);
	expect_ended(fd);
	close(fd);
	expect_host();
	close(idle);
	expect_host();
}

/* What was received before the device went can still be read */
static void unread(void)
{
	char got[6] = "";
	int fd;

	find_function();
	fd = call_host();
	need(fd >= 0);
	need(send(fd, "hello", 5, 0) == 5);
	wait_for(fd, POLLIN);
	need(soon(recv(fd, got, 5, MSG_PEEK) == 5));
	unbind();
	expect_is(recv(fd, got, 5, 0), 5);
	expect(!strcmp(got, "hello"));
	expect(recv(fd, got, 5, 0) <= 0);
	close(fd);
	bind_again();
	expect_host();
}

static void chatter(void *arg)
{
	static char bytes[100000];
	volatile bool *stop = arg;
	int fd;

	while (!*stop) {
		fd = call_host();
		while (fd >= 0 && !*stop && send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0 &&
		       recv(fd, bytes, sizeof(bytes), 0) > 0)
			;
		if (fd >= 0)
			close(fd);
		breathe();
	}
}

static void under_traffic(void)
{
	volatile bool stop = false;
	struct task tasks[4];
	int i;

	find_function();
	for (i = 0; i < 4; i++)
		start_task(&tasks[i], chatter, (void *)&stop);
	for (i = 0; i < rounds(20); i++) {
		usleep(100000);
		unbind();
		usleep(20000);
		bind_again();
	}
	stop = true;
	for (i = 0; i < 4; i++)
		join_task(&tasks[i]);
	expect_host();
	expect_itself(DEVICE_CID);
}

static void was_reset(void)
{
	char path[128];
	int fd;

	find_function();
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", function);
	if (access(path, W_OK)) {
		diag("this function cannot be reset");
		return;
	}
	fd = call_host();
	need(fd >= 0);
	need(put(path, "1"));
	expect_ended(fd);
	close(fd);
	expect_itself(DEVICE_CID);
	expect_host();
}

static void suspended(void)
{
	int fd;

	find_function();
	if (access("/sys/power/pm_test", W_OK)) {
		diag("this kernel does not test suspending");
		return;
	}
	fd = call_host();
	need(fd >= 0);
	need(put("/sys/power/pm_test", "devices"));
	need(put("/sys/power/state", "freeze"));
	expect_ended(fd);
	close(fd);
	expect_itself(DEVICE_CID);
	expect_host();
	put("/sys/power/pm_test", "none");
}

static void hibernated(void)
{
	int fd;

	find_function();
	if (access("/sys/power/pm_test", W_OK)) {
		diag("this kernel does not test hibernating");
		return;
	}
	fd = call_host();
	need(fd >= 0);
	need(put("/sys/power/pm_test", "devices"));
	if (put("/sys/power/state", "disk"))
		expect_ended(fd);
	else
		diag("this kernel does not hibernate: %s", strerror(errno));
	close(fd);
	expect_itself(DEVICE_CID);
	expect_host();
	put("/sys/power/pm_test", "none");
}

static const struct vmtest rows[] = {
	{ "guest-lifecycle", "2.12 unbinding ends connections, binding brings new ones", unbound },
	{ "guest-lifecycle", "2.12 what was received stays", unread },
	{ "guest-lifecycle", "2.12 unbinding and binding under traffic", under_traffic, 120 },
	{ "guest-lifecycle", "2.13 a reset of the function", was_reset },
	{ "guest-lifecycle", "2.14 suspending", suspended, 60 },
	{ "guest-lifecycle", "2.14 hibernating", hibernated, 60 },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
