// SPDX-License-Identifier: GPL-2.0-or-later
/* shutdown - half-close, close and end of file (vsock.md 4.8, 4.9, 12.F 101-108)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-timeout: 120
 */
#include "vmtest.h"

static void data_then_eof(void)
{
	struct pair pair = make_pair();

	need_ok(send(pair.client, "last words", 10, 0));
	need_ok(shutdown(pair.client, SHUT_WR));
	wait_for(pair.server, POLLRDHUP);
	expect(recv(pair.server, (char[4]){ 0 }, 4, 0) == 4);
	expect(recv(pair.server, (char[16]){ 0 }, 16, 0) == 6);
	expect_eof(pair.server);
}

static void full_queue_then_eof(void)
{
	struct pair pair = make_pair();
	size_t total = fill_queue(pair.client, 5);

	need_ok(shutdown(pair.client, SHUT_WR));
	wait_for(pair.server, POLLRDHUP);
	expect(receive_bytes(pair.server, total, 5, 0));
	expect_eof(pair.server);
}

static volatile int signals;

static void on_sigpipe(int sig UNUSED)
{
	signals++;
}

/* Nothing tells a sender that its peer has stopped reading, except the error. */
static bool send_breaks(int fd)
{
	return send(fd, "x", 1, MSG_NOSIGNAL) < 0;
}

static void peer_stops_reading(void)
{
	struct pair pair = make_pair();
	char byte;

	signal(SIGPIPE, on_sigpipe);
	need_ok(shutdown(pair.server, SHUT_RD));
	expect_soon(send_breaks(pair.client));
	expect_errno(send(pair.client, "x", 1, MSG_NOSIGNAL), EPIPE);
	expect_is(signals, 0);
	expect_errno(send(pair.client, "x", 1, 0), EPIPE);
	expect_is(signals, 1);
	expect_errno(write(pair.client, "x", 1), EPIPE);
	expect_is(signals, 2);
	need_ok(send(pair.server, "b", 1, 0));
	expect_is(recv(pair.client, &byte, 1, 0), 1);
	expect_is(byte, 'b');
}

static void own_write_end(void)
{
	struct pair pair = make_pair();
	char byte = 0;

	signal(SIGPIPE, on_sigpipe);
	need_ok(shutdown(pair.client, SHUT_WR));
	expect_errno(send(pair.client, "x", 1, MSG_NOSIGNAL), EPIPE);
	expect_is(signals, 0);
	expect_errno(send(pair.client, "x", 1, 0), EPIPE);
	expect_is(signals, 1);
	expect_errno(send(pair.client, "", 0, MSG_NOSIGNAL), EPIPE);
	need_ok(send(pair.server, "r", 1, 0));
	expect_is(recv(pair.client, &byte, 1, 0), 1);
	expect_is(byte, 'r');
}

static void own_read_end(void)
{
	struct pair pair = make_pair();
	char byte;

	need_ok(send(pair.client, "unread", 6, 0));
	wait_for(pair.server, POLLIN);
	need_ok(shutdown(pair.server, SHUT_RD));
	expect_eof(pair.server);
	need_ok(send(pair.server, "w", 1, 0));
	expect_is(recv(pair.client, &byte, 1, 0), 1);
}

static void send_after_eof(void)
{
	struct pair pair = make_pair();
	char buf[4];

	need_ok(send(pair.client, "q", 1, 0));
	need_ok(shutdown(pair.client, SHUT_WR));
	wait_for(pair.server, POLLRDHUP);
	expect_is(recv(pair.server, buf, 4, 0), 1);
	expect_eof(pair.server);
	for (int i = 0; i < 10; i++)
		expect_is(expect_ok(send(pair.server, "answer", 6, 0)), 6);
	need_ok(shutdown(pair.server, SHUT_WR));
	for (int i = 0; i < 15; i++)
		expect_is(recv(pair.client, buf, 4, MSG_WAITALL), 4);
	expect_eof(pair.client);
}

static void peer_closes(void)
{
	struct pair pair = make_pair();
	size_t total = fill_queue(pair.client, 6);

	close(pair.client);
	wait_for(pair.server, POLLRDHUP);
	expect_errno(send(pair.server, "x", 1, MSG_NOSIGNAL), EPIPE);
	expect(receive_bytes(pair.server, total, 6, 0));
	expect_eof(pair.server);
	expect_errno(send(pair.server, "x", 1, MSG_NOSIGNAL), EPIPE);
	expect_is(socket_error(pair.server), 0);
}

/* Data one end left behind can be peeked at, counted, and read in parts. */
static void peer_closes_peek(void)
{
	struct pair pair = make_pair();
	char buf[8];

	need_ok(send(pair.server, "remains", 7, 0));
	close(pair.server);
	wait_for(pair.client, POLLRDHUP);
	expect_is(recv(pair.client, buf, 8, MSG_PEEK), 7);
	expect_is(recv(pair.client, buf, 3, MSG_WAITALL), 3);
	expect_is(recv(pair.client, buf, 8, MSG_WAITALL), 4);
	expect(memcmp(buf, "ains", 4) == 0);
	expect_eof(pair.client);
}

static void bad_shutdown(void)
{
	struct pair pair = make_pair();

	expect_errno(shutdown(pair.client, 7), EINVAL);
	expect_errno(shutdown(pair.client, 3), EINVAL);
	expect_errno(shutdown(pair.client, -1), EINVAL);
	expect_works(pair.client, pair.server);
	expect_errno(shutdown(stream_socket(), SHUT_RDWR), ENOTCONN);
	expect_errno(shutdown(stream_bound(VMADDR_PORT_ANY), SHUT_RD), ENOTCONN);
	expect_errno(shutdown(pair.listener, SHUT_RDWR), ENOTCONN);
	expect_errno(shutdown(stream_socket(), 7), EINVAL);
	need_ok(connect_to(stream_socket(), vm_cid, port_of(pair.listener)));
}

static void shutdown_again(void)
{
	struct pair pair = make_pair();

	for (int i = 0; i < 3; i++) {
		expect_ok(shutdown(pair.client, SHUT_WR));
		expect_ok(shutdown(pair.client, SHUT_RDWR));
		expect_ok(shutdown(pair.client, SHUT_RD));
	}
	expect_eof(pair.server);
}

static void names_after_shutdown(void)
{
	struct pair pair = make_pair();
	struct sockaddr_vm addr;
	socklen_t len = sizeof(addr);
	unsigned int port = port_of(pair.client);

	need_ok(shutdown(pair.client, SHUT_WR));
	expect_errno(getpeername(pair.client, SA(&addr), &len), ENOTCONN);
	expect_addr(local_of(pair.client), vm_cid, port);
	expect_addr(peer_of(pair.server), vm_cid, port);
}

/* Calls that sleep when the connection ends under them. */
struct sleeper {
	int fd;
	ssize_t ret;
	int error;
};

static void sleep_in_recv(void *arg)
{
	struct sleeper *s = arg;
	char byte;

	s->ret = recv(s->fd, &byte, 1, 0);
	s->error = errno;
}

static void sleep_in_send(void *arg)
{
	struct sleeper *s = arg;
	char byte = 0;

	s->ret = send(s->fd, &byte, 1, MSG_NOSIGNAL);
	s->error = errno;
}

static void peer_shutdown(struct pair *pair)
{
	need_ok(shutdown(pair->server, SHUT_RDWR));
}

static void own_shutdown(struct pair *pair)
{
	need_ok(shutdown(pair->client, SHUT_RDWR));
}

static void peer_close(struct pair *pair)
{
	close(pair->server);
}

static void (*const endings[])(struct pair *) = { peer_shutdown, own_shutdown, peer_close };

static void wakes_recv(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		struct pair pair = make_pair();
		struct sleeper s = { .fd = pair.client };
		struct task task;

		start_task(&task, sleep_in_recv, &s);
		wait_in_syscall(&task, SYS_recvfrom);
		endings[i](&pair);
		join_task(&task);
		expect_is(s.ret, 0);
	}
}

static void wakes_send(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		struct pair pair = make_pair_of(128);
		struct sleeper s = { .fd = pair.client };
		struct task task;

		fill_queue(pair.client, 1);
		start_task(&task, sleep_in_send, &s);
		wait_in_syscall(&task, SYS_sendto);
		endings[i](&pair);
		join_task(&task);
		expect_is(s.ret, -1);
		expect_is(s.error, EPIPE);
	}
}

/* SO_LINGER is taken and changes nothing: close is quick and the data arrives. */
static void linger_of(struct linger linger)
{
	struct pair pair = make_pair();
	size_t total = fill_queue(pair.client, 8);
	long long start = now_ms();

	need_ok(setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(pair.client);
	expect(now_ms() - start < 5000);
	expect(receive_bytes(pair.server, total, 8, 0));
	expect_eof(pair.server);
	close_pair(&pair);
}

static void linger(void)
{
	linger_of((struct linger){ .l_onoff = 1, .l_linger = 20 });
	linger_of((struct linger){ .l_onoff = 1, .l_linger = 0 });
}

static const struct vmtest rows[] = {
	{ "12.F-101", "data before SHUT_WR is readable, then end of file", data_then_eof },
	{ "12.F-101", "a full queue before SHUT_WR is readable", full_queue_then_eof },
	{ "12.F-102", "after the peer's SHUT_RD: EPIPE and SIGPIPE", peer_stops_reading },
	{ "12.F-103", "after the own SHUT_WR: EPIPE, recv works", own_write_end },
	{ "12.F-104", "after the own SHUT_RD recv returns 0", own_read_end },
	{ "12.F-105", "send works after reading to the end", send_after_eof },
	{ "12.F-106", "after the peer closed unread data is readable", peer_closes },
	{ "12.F-106", "what the accepting side left behind, in parts", peer_closes_peek },
	{ "12.F-107", "shutdown refuses bad modes and unconnected streams", bad_shutdown },
	{ "4.8", "shutdown can be repeated", shutdown_again },
	{ "12.F-108", "getpeername after shutdown gives ENOTCONN", names_after_shutdown },
	{ "4.8", "an end wakes a blocked recv", wakes_recv },
	{ "4.8", "an end wakes a blocked send", wakes_send },
	{ "4.9", "SO_LINGER has no effect", linger },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
