// SPDX-License-Identifier: GPL-2.0-or-later
/* defects - what other VMCI stacks have been seen to do wrong
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-timeout: 240
 *
 * Each row fails on the defect it names. Those that fall out of a conformance item are there:
 * data unread at close 12.F-106, bad buffers 12.F-99 and datagram.c, MSG_TRUNC and strangers
 * datagram.c, bind to the own CID 12.D-47, SIGPIPE 12.F-102. Nested locks and leaks show on the
 * debug kernel, whatever runs there.
 */
#include "debugfs.h"

/* --- data right after accept ---------------------------------------------------------------- */

struct greeter {
	int listener;
	int rounds;
};

static void greet(void *arg)
{
	struct greeter *g = arg;

	for (int i = 0; i < g->rounds; i++) {
		int fd = need_ok(accept(g->listener, NULL, NULL));

		expect_is(expect_ok(send(fd, "hello", 5, MSG_NOSIGNAL)), 5);
		close(fd);
	}
}

/* Host-to-guest datagrams overtook each other: a connect failed if the server wrote at once. */
static void write_after_accept(void)
{
	struct greeter g = { .listener = listener(8), .rounds = rounds(1000) };
	struct task task;

	start_task(&task, greet, &g);
	for (int i = 0; i < g.rounds; i++) {
		int fd = stream_socket();
		char buf[8];

		need_ok(connect_to(fd, vm_cid, port_of(g.listener)));
		expect_is(recv(fd, buf, 5, MSG_WAITALL), 5);
		expect_is(recv(fd, buf, 5, 0), 0);
		close(fd);
	}
	join_task(&task);
}

/* --- memory --------------------------------------------------------------------------------- */

static volatile bool stop;

static void send_for_ever(void *arg)
{
	unsigned int port = *(unsigned int *)arg;
	char buf[500] = "";
	int fd = dgram_socket();

	while (!stop)
		send_to(fd, buf, sizeof(buf), vm_cid, port);
	close(fd);
}

/* Datagrams that arrived while their socket was closing stayed in memory for ever. */
static void datagrams_meet_close(void)
{
	unsigned int port = 5000;
	struct task task[2];

	for (int i = 0; i < 2; i++)
		start_task(&task[i], send_for_ever, &port);
	for (int i = 0; i < rounds(1000); i++)
		close(dgram_bound(port));
	stop = true;
	for (int i = 0; i < 2; i++)
		join_task(&task[i]);
	expect_soon(count_sockets() == 0);
}

/* --- order of datagrams --------------------------------------------------------------------- */

#define DATAGRAMS	10000
#define WINDOW		64	/* datagrams on their way; SO_RCVBUF has room for more */

struct flow {
	int from;
	int to;
	unsigned int port;
	sem_t window;
};

static void flow_send(void *arg)
{
	struct flow *f = arg;
	uint32_t count = rounds(DATAGRAMS);

	for (uint32_t i = 0; i < count; i++) {
		sem_wait(&f->window);
		need_ok(send_to(f->from, &i, sizeof(i), vm_cid, f->port));
	}
}

static void flow_receive(void *arg)
{
	struct flow *f = arg;
	uint32_t count = rounds(DATAGRAMS);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t got = ~0u;

		need(recv(f->to, &got, sizeof(got), 0) == sizeof(got));
		if (!expect_is(got, i))
			_exit(1);
		sem_post(&f->window);
	}
}

static void spin(void *arg UNUSED)
{
	while (!stop)
		;
}

/* Each datagram had a work item of its own: under load one in a hundred was overtaken. */
static void datagram_order(void)
{
	struct flow flows[3];
	struct task send[3], receive[3], load[2];

	for (int i = 0; i < 2; i++)
		start_task(&load[i], spin, NULL);
	for (int i = 0; i < 3; i++) {
		flows[i].from = dgram_socket();
		flows[i].to = dgram_bound(VMADDR_PORT_ANY);
		flows[i].port = port_of(flows[i].to);
		sem_init(&flows[i].window, 0, WINDOW);
		start_task(&receive[i], flow_receive, &flows[i]);
		start_task(&send[i], flow_send, &flows[i]);
	}
	for (int i = 0; i < 3; i++) {
		join_task(&send[i]);
		join_task(&receive[i]);
	}
	stop = true;
	for (int i = 0; i < 2; i++)
		join_task(&load[i]);
}

/* --- ends ----------------------------------------------------------------------------------- */

/* The other side saw it up to a second later: a hundred times took most of a hundred seconds. */
static void acceptor_closes_first(void)
{
	long long start = now_ms();

	for (int i = 0; i < rounds(100); i++) {
		struct pair pair = make_pair();

		close(pair.server);
		wait_for(pair.client, POLLRDHUP);
		expect_eof(pair.client);
		close_pair(&pair);
	}
	expect(now_ms() - start < 20000);
}

/* A message and the end behind it, before the other side has accepted or looked. */
static void say_and_leave(void)
{
	int server = listener(8);
	uint8_t buf[5000];

	for (int i = 0; i < rounds(1000); i++) {
		int fd = stream_socket(), child;

		need_ok(connect_to(fd, vm_cid, port_of(server)));
		fill_bytes(buf, sizeof(buf), i, 0);
		need(send(fd, buf, sizeof(buf), 0) == sizeof(buf));
		if (i % 2)
			close(fd);
		child = need_ok(accept(server, NULL, NULL));
		if (i % 2 == 0)
			close(fd);
		if (!expect(receive_bytes(child, sizeof(buf), i, 0)))
			return;
		expect_eof(child);
		close(child);
	}
}

static void reuse_of(unsigned int client_port, bool server_first)
{
	int fd = stream_bound(5000), client = stream_bound(client_port), child;

	need_ok(listen(fd, 1));
	need_ok(connect_to(client, vm_cid, 5000));
	child = need_ok(accept(fd, NULL, NULL));
	expect_works(client, child);
	if (server_first) {
		close(fd);
		close(child);
		close(client);
	} else {
		close(client);
		close(child);
		close(fd);
	}
}

/* A port used again soon after its close reset the next client. */
static void port_again(void)
{
	for (int i = 0; i < rounds(300); i++)
		reuse_of(VMADDR_PORT_ANY, i % 2);
	expect_soon(count_sockets() == 0);
}

/* Clients that bind to the same privileged port each time do both. */
static void both_ports_again(void)
{
	for (int i = 0; i < rounds(300); i++)
		reuse_of(1023, i % 2);
	expect_soon(count_sockets() == 0);
}

/* --- low-water mark ------------------------------------------------------------------------- */

struct watcher {
	int fd;
	int woken;
};

static void watch(void *arg)
{
	struct watcher *w = arg;

	w->woken = revents_within(w->fd, POLLIN, -1);
}

/* The last of @parts sends reaches the mark; the sleeper was told of the first only. */
static void low_water_of(int mark, int parts)
{
	struct pair pair = make_pair();
	struct watcher w = { .fd = pair.server };
	uint8_t buf[4096] = { 0 };
	struct task task;
	int sent = 0;

	need_ok(setsockopt(pair.server, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)));
	start_task(&task, watch, &w);
	for (int i = 1; i <= parts; i++) {
		int until = mark * i / parts;

		wait_in_syscall(&task, SYS_poll);
		need(send(pair.client, buf, until - sent, 0) == until - sent);
		sent = until;
	}
	join_task(&task);
	expect_is(w.woken, POLLIN);
	expect_is(recv(pair.server, buf, sizeof(buf), MSG_DONTWAIT), mark);
	close_pair(&pair);
}

/* poll() slept on although the bytes it waited for were there. */
static void low_water_wakes(void)
{
	low_water_of(2, 2);
	low_water_of(128, 2);
	low_water_of(1000, 10);
	low_water_of(4000, 40);
}

static const struct vmtest rows[] = {
	{ "12.J-167 defect-2", "data right after accept does not fail the connect",
	  write_after_accept },
	{ "defect-4", "datagrams that meet a close", datagrams_meet_close },
	{ "defect-5", "datagrams of this machine keep their order", datagram_order, 60 },
	{ "defect-6", "the accepting side closes first and is seen at once",
	  acceptor_closes_first },
	{ "defect-7", "a message survives the close behind it", say_and_leave },
	{ "defect-8", "poll with SO_RCVLOWAT is woken by the last byte", low_water_wakes },
	{ "defect-9", "a port can be used again at once", port_again },
	{ "defect-9", "so can the pair of ports of a connection", both_ports_again },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
