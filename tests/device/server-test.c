// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * server-test - clients that come, go, and come too many; commands of tests
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vfio-user.md 1.1, 6.6, 7.3 and 9.1; vmci-device(8) for the commands.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"
#include "function.h"
#include "host.h"
#include "loop.h"
#include "server.h"
#include "tap.h"
#include "vfio_user.h"
#include "vmci/regs.h"

static struct loop *loop;
static struct function *function;
static char folder[] = "/tmp/vmsock-XXXXXX";
static char path[64], control_path[64];

static void stop(__attribute__((unused)) void *data)
{
	loop_quit(loop);
}

static void pump(void)
{
	struct timer *timer = loop_timer(loop, stop, NULL);

	for (int i = 0; i < 3; i++) {
		timer_set(timer, 0);
		loop_run(loop);
	}
	timer_remove(timer);
}

static int dial(const char *to)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, to);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	pump();
	return fd;
}

/* What VERSION brings: bytes, 0 for an end, -1 for nothing */
static ssize_t greet(int fd)
{
	static const uint8_t version[20] = { 0, 0, 1, 0, 20 };
	uint8_t reply[256];

	if (send(fd, version, sizeof(version), MSG_NOSIGNAL) < 0)
		return 0;
	pump();
	return recv(fd, reply, sizeof(reply), MSG_DONTWAIT);
}

static void test_clients(struct server *server)
{
	int first = dial(path), second = dial(path), third;
	uint32_t value;

	ok(greet(first) > 20, "the first client is answered");
	is_s64(greet(second), 0, "7.3 a second one is turned away at once");
	ok(server_connected(server), "the first one stays");
	ok(greet(first) == 16, "and is served");
	close(second);
	function->regs.caps = 0x3c;
	close(first);
	pump();
	ok(!server_connected(server), "7.3 the first one has gone");
	is_u64(function->regs.caps, 0, "6.6 and nothing of it is left");
	third = dial(path);
	ok(greet(third) > 20, "7.3 another may come");
	value = 0xffffffff;
	ok(send(third, &value, 3, MSG_NOSIGNAL) == 3, "it says half a header");
	close(third);
	pump();
	ok(!server_connected(server), "7.3 and is killed");
	third = dial(path);
	value = 0xff;
	for (int i = 0; i < 16; i++)
		send(third, &value, 4, MSG_NOSIGNAL);
	pump();
	ok(!server_connected(server), "7.3 one that talks nonsense is dropped");
	close(third);
}

/* What the log said last */
static char said[256];

static void listen_to_log(const char *domain, GLogLevelFlags level, const char *text, void *data)
{
	(void)domain;
	(void)level;
	(void)data;
	snprintf(said, sizeof(said), "%s", text);
}

static void expect_obstacle(const char *what)
{
	said[0] = '\0';
	function_unreached(function, 5000);
	ok(strstr(said, "port 5000 of context 42") && strstr(said, what),
	   "9.1 a connect to the guest: \"%s\"", said);
}

/* A program of the host is only refused: who looks after the machine finds the reason in the log */
static void test_obstacles(void)
{
	const uint8_t master[2] = { 4, 0 };
	GLogFunc before = g_log_set_default_handler(listen_to_log, NULL);
	int fd;

	expect_obstacle("no virtual machine");
	fd = dial(path);
	greet(fd);
	expect_obstacle("no driver");
	function->regs.negotiated = true;
	expect_obstacle("bus mastering is off");
	pci_write(&function->pci, 4, master, sizeof(master));
	expect_obstacle("does not answer");
	function->failed = true;
	expect_obstacle("memory is not shared");
	close(fd);
	pump();
	expect_obstacle("no virtual machine");
	g_log_set_default_handler(before, NULL);
}

static void test_paths(void)
{
	char other[80];
	GError *error = NULL;
	struct server *server;
	struct stat status;

	ok(stat(path, &status) == 0 && (status.st_mode & 0777) == 0640, "1.1 permissions");
	ok(!server_new(loop, path, 0600, function, &error), "1.1 a path that is served");
	ok(error && strstr(error->message, "another server has it"), "says so: %s",
	   error ? error->message : "");
	g_clear_error(&error);
	snprintf(other, sizeof(other), "%s/none/vm", folder);
	ok(!server_new(loop, other, 0600, function, &error), "a folder that is not there");
	g_clear_error(&error);
	snprintf(other, sizeof(other), "%s/old", folder);
	server = server_new(loop, other, 0600, function, &error);
	ok(server, "a new path");
	ok(rename(other, control_path) == 0, "the socket is moved, as if its server had died");
	server_free(server);
	server = server_new(loop, control_path, 0600, function, &error);
	ok(server, "1.1 a socket that nobody listens on is replaced: %s",
	   error ? error->message : "");
	server_free(server);
	ok(access(control_path, F_OK) < 0, "and removed at the end");
}

/* The answer to a line */
static const char *ask(int fd, const char *line)
{
	static char answer[1024];
	ssize_t got;

	send(fd, line, strlen(line), MSG_NOSIGNAL);
	pump();
	got = recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT);
	answer[got > 0 ? got : 0] = '\0';
	return answer;
}

static const struct {
	const char *line, *answer;
} commands[] = {
	{ "ctx-id-update 77\n", "ok\n" },
	{ "ctx-id-update 15\n", "error: bad value \"15\"\n" },
	{ "ctx-id-update 4294967295\n", "error: bad value \"4294967295\"\n" },
	{ "ctx-id-update 99999999999\n", "error: bad value \"99999999999\"\n" },
	{ "ctx-id-update\n", "error: no such command: ctx-id-update\n" },
	{ "qp-resumed\n", "ok\n" },
	{ "ring 42:1\n", "ok -21\n" },
	{ "ring 42\n", "error: bad value \"42\"\n" },
	{ "ring 42:\n", "error: bad value \"42:\"\n" },
	{ "all-ones maybe\n", "error: bad value \"maybe\"\n" },
	{ "all-ones on\n", "ok\n" },
	{ "all-ones off\n", "ok\n" },
	{ "hostile everything on\n", "error: \"everything\" is nothing hostile; sizes, events, "
	  "stuck, rings, cid, mute and gone are\n" },
	{ "fault out:drop@1\n", "ok\n" },
	{ "fault out:drop\n", "error: \"out:drop\" is no fault; one is, say, out:drop@5\n" },
	{ "fault out:drop@0\n", "error: \"out:drop@0\" is no fault; one is, say, out:drop@5\n" },
	{ "fault up:drop@1\n", "error: \"up:drop@1\" is no fault; one is, say, out:drop@5\n" },
	{ "fault out\n", "error: \"out\" is no fault; one is, say, out:drop@5\n" },
	{ "\n", "error: no such command: \n" },
	{ "reset\nreset\n", "ok\nok\n" },
	{ "re", "" },
	{ "set\n", "ok\n" },
};

static void test_control(struct server *server)
{
	GError *error = NULL;
	struct control *control = control_new(loop, control_path, 0600, function, server, &error);
	char flood[300];
	int fd;

	ok(control, "a control socket: %s", error ? error->message : "");
	fd = dial(control_path);
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
		is_str(ask(fd, commands[i].line), commands[i].answer, "%.*s",
		       (int)strcspn(commands[i].line, "\n"), commands[i].line);
	ok(strstr(ask(fd, "stats\n"), "cid=77 connected=0"), "stats");
	memset(flood, 'x', sizeof(flood));
	send(fd, flood, sizeof(flood), MSG_NOSIGNAL);
	pump();
	ok(recv(fd, flood, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET,
	   "who sends no line is dropped");
	close(fd);
	control_free(control);
}

int main(void)
{
	const struct function_options options = {
		.cid = 42, .caps = 0x3c, .interrupts = PCI_MSIX,
		.pair_memory = 1 << 20, .pair_count = 16,
	};
	GError *error = NULL;
	struct server *server;

	if (!mkdtemp(folder))
		return EXIT_FAILURE;
	snprintf(path, sizeof(path), "%s/vm", folder);
	snprintf(control_path, sizeof(control_path), "%s/control", folder);
	loop = loop_new();
	function = function_new(loop, &options);
	server = server_new(loop, path, 0640, function, &error);
	ok(server, "a server: %s", error ? error->message : "");
	test_clients(server);
	test_obstacles();
	test_paths();
	test_control(server);
	server_free(server);
	ok(access(path, F_OK) < 0, "the socket has gone");
	function_free(function);
	loop_free(loop);
	rmdir(folder);
	return done_testing();
}
