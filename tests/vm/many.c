// SPDX-License-Identifier: GPL-2.0-or-later
/* many - many sockets at once (vsock.md 12.F-100)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-timeout: 240
 * vm-memory: 1536
 */
#include "debugfs.h"
#include "memory.h"

#define CONNECTIONS	100

static void hundred(void)
{
	int server = listener(CONNECTIONS), clients[CONNECTIONS], children[CONNECTIONS];
	char byte;

	for (int i = 0; i < CONNECTIONS; i++) {
		clients[i] = stream_socket();
		need_ok(connect_to(clients[i], vm_cid, port_of(server)));
	}
	for (int i = 0; i < CONNECTIONS; i++)
		children[i] = need_ok(accept(server, NULL, NULL));
	for (int i = 0; i < CONNECTIONS; i++) {
		byte = i;
		need_ok(send(clients[i], &byte, 1, 0));
		byte = ~i;
		need_ok(send(children[i], &byte, 1, 0));
	}
	for (int i = CONNECTIONS; i--;) {
		expect(recv(children[i], &byte, 1, 0) == 1 && byte == (char)i);
		expect(recv(clients[i], &byte, 1, 0) == 1 && byte == (char)~i);
	}
}

struct client {
	pthread_barrier_t *meet;
	unsigned int port;
	int number;
};

/* Connect with all the others, say who we are, hear it back; the debug kernel takes its time. */
static void connect_and_ask(void *arg)
{
	struct client *c = arg;
	int fd = stream_socket(), answer = -1;
	struct timeval patience = { .tv_sec = 30 };

	need_ok(setsockopt(fd, vm_family, SO_VMCI_CONNECT_TIMEOUT, &patience, sizeof(patience)));
	pthread_barrier_wait(c->meet);
	need_ok(connect_to(fd, vm_cid, c->port));
	need(send(fd, &c->number, sizeof(int), 0) == sizeof(int));
	need(recv(fd, &answer, sizeof(int), MSG_WAITALL) == sizeof(int));
	expect_is(answer, c->number);
	close(fd);
}

static void answer_one(int server)
{
	int fd = need_ok(accept(server, NULL, NULL)), number;

	need(recv(fd, &number, sizeof(int), MSG_WAITALL) == sizeof(int));
	need(send(fd, &number, sizeof(int), 0) == sizeof(int));
	expect_eof(fd);
	close(fd);
}

static void all_at_once(void)
{
	int server = listener(CONNECTIONS);
	struct client clients[CONNECTIONS];
	struct task tasks[CONNECTIONS];
	pthread_barrier_t meet;

	pthread_barrier_init(&meet, NULL, CONNECTIONS);
	for (int i = 0; i < CONNECTIONS; i++) {
		clients[i] = (struct client){ &meet, port_of(server), i };
		start_task(&tasks[i], connect_and_ask, &clients[i]);
	}
	for (int i = 0; i < CONNECTIONS; i++)
		answer_one(server);
	for (int i = 0; i < CONNECTIONS; i++)
		join_task(&tasks[i]);
}

#define PAIRS	5000	/* connections: two sockets each */
#define BOUND	5000	/* of each type */

static void open_thousands(void)
{
	int server = stream_bound(VMADDR_PORT_ANY), fd;

	set_size(server, SMALLEST_SIZE);
	need_ok(listen(server, 1));
	for (int i = 0; i < PAIRS; i++) {
		fd = stream_socket();
		set_size(fd, SMALLEST_SIZE);
		need_ok(connect_to(fd, vm_cid, port_of(server)));
		need_ok(accept(server, NULL, NULL));
	}
	for (int i = 0; i < BOUND; i++) {
		stream_bound(VMADDR_PORT_ANY);
		dgram_bound(VMADDR_PORT_ANY);
	}
	close(server);
}

/* Open twenty thousand, count them, let the kernel close them at once. */
static void open_and_count(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		open_thousands();
		expect_is(count_sockets(), 2 * PAIRS + 2 * BOUND);
		show_memory("all open", memory_now());
		_exit(0);
	}
	need(waitpid(pid, &status, 0) == pid && status == 0);
	expect_soon(count_sockets() == 0);
}

/* The first time fills caches; after that the memory is the same again and again. */
static void thousands(void)
{
	struct rlimit limit = { 24000, 24000 };
	struct memory before;

	need_ok(setrlimit(RLIMIT_NOFILE, &limit));
	open_and_count();
	before = memory_now();
	show_memory("before", before);
	open_and_count();
	expect_soon(memory_is_back(before));
	show_memory("after", memory_now());
	make_pair();
}

static const struct vmtest rows[] = {
	{ "12.F-100", "100 connections carry a byte each way", hundred },
	{ "12.F-100", "100 clients connect at once", all_at_once },
	{ "many", "20,000 sockets, then none", thousands, 120 },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
