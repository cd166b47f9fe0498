// SPDX-License-Identifier: GPL-2.0-or-later
/* guest-events - what the device says by itself, true or not
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-kernels: 6.1 7.3 debug
 * vm-modules: vmsock
 * vm-device: --cid 42 --uds %D/host --control %D/host_4000
 * vm-timeout: 300
 */
#include "guest-device.h"

/* --- true events -------------------------------------------------------------------------- */

static void commands(void)
{
	expect(command_device("stats"));
	expect(!command_device("nonsense"));
}

/* Whose top bit may be set.  Connections with the host go on (vsock.md 5.12). */
static void new_context(void)
{
	int fd = call_host(), commands = commander();

	need(fd >= 0 && commands >= 0);
	expect_echo(fd);
	order_device(commands, "ctx-id-update 0x8d51c0de");
	expect_soon(VMCISock_GetLocalCID() == 0x8d51c0deu);
	set_timeout(fd, SO_RCVTIMEO, SOON_MS);
	expect_echo(fd);
	expect_host();
	expect_itself(0x8d51c0deu);
	order_device(commands, "ctx-id-update 42");
	expect_soon(VMCISock_GetLocalCID() == DEVICE_CID);
	expect_echo(fd);
	expect_host();
	expect_itself(DEVICE_CID);
	close(fd);
	close(commands);
}

/* The connection goes on, and has the new name with the next packet of its peer */
static void moved(void)
{
	int fd = call_host(), commands = commander();

	need(fd >= 0 && commands >= 0);
	expect_echo(fd);
	expect_is(local_of(fd).svm_cid, DEVICE_CID);
	order_device(commands, "ctx-id-update 43");
	expect_soon(VMCISock_GetLocalCID() == 43);
	expect_echo(fd);
	expect_soon(local_of(fd).svm_cid == 43);
	close(commands);
	commands = commander();
	need(commands >= 0);
	order_device(commands, "ctx-id-update 42");
	expect_soon(VMCISock_GetLocalCID() == DEVICE_CID);
	expect_echo(fd);
	expect_soon(local_of(fd).svm_cid == DEVICE_CID);
}

static void resumed(void)
{
	int first = call_host(), second = call_host(), listening, a, b, commands = commander();

	need(first >= 0 && second >= 0 && commands >= 0);
	listening = stream_bound(VMADDR_PORT_ANY);
	a = stream_socket();
	need_ok(listen(listening, 1));
	need_ok(connect_to(a, DEVICE_CID, port_of(listening)));
	b = need_ok(accept(listening, NULL, NULL));
	expect_echo(first);
	order_device(commands, "qp-resumed");
	expect_ended(first);
	expect_ended(second);
	expect_works(a, b);
	close(first);
	close(second);
	expect_host();
}

/* --- false ones --------------------------------------------------------------------------- */

#define WHILE_MS	3000

/* With this kind of lies, traffic may end, but not hang and do no harm */
static void lies(const char *kind)
{
	char on[32], off[32];
	volatile bool stop = false;
	struct task tasks[3];
	int fd = commander();

	need(fd >= 0);
	snprintf(on, sizeof(on), "hostile %s on", kind);
	snprintf(off, sizeof(off), "hostile %s off", kind);
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		start_task(&tasks[i], chatter, (void *)&stop);
	order_device(fd, on);
	usleep(WHILE_MS * 1000);
	stop = true;
	if (send(fd, off, strlen(off), MSG_NOSIGNAL) < 0 || send(fd, "\n", 1, MSG_NOSIGNAL) < 0)
		diag("the connection for commands is gone, too");
	expect_soon(command_device(off));
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		join_task(&tasks[i]);
	close(fd);
	expect_is(VMCISock_GetLocalCID(), DEVICE_CID);
	expect_host();
	expect_itself(DEVICE_CID);
}

static void events(void)
{
	lies("events");
}

static void rings(void)
{
	lies("rings");
}

/* The last row: what cannot be undone from here.  Everything that is refused is refused soon. */
static void stuck(void)
{
	int idle = call_host(), fd = commander();
	long long before = now_ms();

	find_function();
	need(idle >= 0 && fd >= 0);
	order_device(fd, "hostile stuck on");
	expect_soon(call_host() < 0);
	expect_ended(idle);
	expect(now_ms() - before < SOON_MS);
	expect_is(VMCISock_GetLocalCID(), DEVICE_CID);
	expect_itself(DEVICE_CID);
	unbind();
	expect_itself(HOST);
	expect(!put(DRIVER "/bind", function));
	expect_itself(HOST);
}

static const struct vmtest rows[] = {
	{ "guest-events", "the device takes commands", commands },
	{ "guest-events", "7.2 another context id", new_context },
	{ "12.L-184", "a connection survives another context id", moved },
	{ "12.L-183", "queue pairs are gone after a resume", resumed },
	{ "guest-events", "12.2 S25,S26,S28 events that are none", events, 60 },
	{ "guest-events", "12.2 S1 rings gone mad", rings, 60 },
	{ "guest-events", "12.3 the device hangs", stuck, 60 },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
