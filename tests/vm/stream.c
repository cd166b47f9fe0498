// SPDX-License-Identifier: GPL-2.0-or-later
/* stream - sending and receiving on connected streams (vsock.md 4.6-4.10, 12.F)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-timeout: 180
 */
#include "vmtest.h"

static void one_byte(void)
{
	struct pair pair = make_pair();

	for (int i = 0; i < 100; i++)
		expect_works(pair.client, pair.server);
	expect_is(send(pair.client, "", 0, 0), 0);
	expect_works(pair.client, pair.server);
}

/* A scatter list on both sides, cut at different places. */
static void scatter(void)
{
	struct pair pair = make_pair();
	uint8_t out[300], in[300] = { 0 };
	struct iovec from[] = { { out, 1 }, { out + 1, 0 }, { out + 1, 199 }, { out + 200, 100 } };
	struct iovec to[] = { { in, 150 }, { in + 150, 7 }, { in + 157, 143 } };

	fill_bytes(out, sizeof(out), 3, 0);
	expect_is(expect_ok(writev(pair.client, from, ARRAY_SIZE(from))), 300);
	expect_is(expect_ok(readv(pair.server, to, ARRAY_SIZE(to))), 300);
	expect(memcmp(in, out, sizeof(in)) == 0);
}

static void fills_of(uint64_t size)
{
	struct pair pair = make_pair_of(size);

	expect_is(fill_queue(pair.client, 1), size - 1);
	expect_is(fill_queue(pair.server, 2), size - 1);
	expect_errno(send(pair.client, "x", 1, MSG_DONTWAIT), EAGAIN);
	expect(receive_bytes(pair.server, size - 1, 1, 0));
	expect(receive_bytes(pair.client, size - 1, 2, 0));
	expect_errno(recv(pair.server, &size, 1, MSG_DONTWAIT), EAGAIN);
	expect_works(pair.client, pair.server);
	close_pair(&pair);
}

static void stalled_peer(void)
{
	static const unsigned int sizes[] = { 2, 3, 128, 4095, 4096, 4097, 65536, 262144, 1048576 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		fills_of(sizes[i]);
}

struct sending {
	int fd;
	size_t len;
	ssize_t sent;
	int error;
};

static void send_all(void *arg)
{
	struct sending *s = arg;
	uint8_t *buf = malloc(s->len);

	fill_bytes(buf, s->len, 1, 0);
	s->sent = send(s->fd, buf, s->len, MSG_NOSIGNAL);
	s->error = errno;
	free(buf);
}

/* One send() of many times the queue, which is full before anybody reads. */
static void blocking_of(uint64_t size, size_t len)
{
	struct pair pair = make_pair_of(size);
	struct sending s = { .fd = pair.client, .len = len };
	struct task task;

	start_task(&task, send_all, &s);
	wait_in_syscall(&task, SYS_sendto);
	expect(receive_bytes(pair.server, len, 1, 0));
	join_task(&task);
	expect_is(s.sent, len);
	close_pair(&pair);
}

static void blocking_send(void)
{
	blocking_of(128, 5000);
	blocking_of(4096, 100000);
	blocking_of(262144, 1000000);
}

static void partial_send(void)
{
	struct pair pair = make_pair_of(4096);
	uint8_t buf[3000];

	fill_bytes(buf, 3000, 1, 0);
	expect_is(send(pair.client, buf, 3000, MSG_DONTWAIT), 3000);
	fill_bytes(buf, 3000, 1, 3000);
	expect_is(send(pair.client, buf, 3000, MSG_DONTWAIT), 1095);
	expect_errno(send(pair.client, buf, 3000, MSG_DONTWAIT), EAGAIN);
	expect(receive_bytes(pair.server, 4095, 1, 0));
	set_blocking(pair.client, false);
	expect_is(send(pair.client, buf, 3000, 0), 3000);
}

static void out_of_band(void)
{
	struct pair pair = make_pair();
	char byte;

	expect_errno(send(pair.client, "x", 1, MSG_OOB), EOPNOTSUPP);
	expect_errno(send(stream_socket(), "x", 1, MSG_OOB), EOPNOTSUPP);
	expect_errno(recv(pair.server, &byte, 1, MSG_OOB), EOPNOTSUPP);
	expect_errno(recv(pair.server, &byte, 1, MSG_DONTWAIT), EAGAIN);
	expect_works(pair.client, pair.server);
}

static void send_with_address(void)
{
	struct pair pair = make_pair();
	struct sockaddr_vm bad = { .svm_family = 77 };

	expect_errno(send_to(pair.client, "x", 1, vm_cid, 5000), EISCONN);
	expect_errno(sendto(pair.client, "x", 1, 0, SA(&bad), 3), EISCONN);
	expect_errno(send_to(stream_socket(), "x", 1, vm_cid, 5000), EOPNOTSUPP);
	expect_errno(send_to(pair.listener, "x", 1, vm_cid, 5000), EOPNOTSUPP);
	expect_is(revents_within(pair.server, POLLIN, 50), 0);
	expect_works(pair.client, pair.server);
}

static void expect_not_connected(int fd)
{
	char byte;

	expect_errno(send(fd, "x", 1, MSG_NOSIGNAL), ENOTCONN);
	expect_errno(recv(fd, &byte, 1, 0), ENOTCONN);
	expect_errno(recv(fd, &byte, 1, MSG_PEEK), ENOTCONN);
}

static void unconnected(void)
{
	expect_not_connected(stream_socket());
	expect_not_connected(stream_bound(VMADDR_PORT_ANY));
	expect_not_connected(listener(1));
}

static void empty_recv(void)
{
	struct pair pair = make_pair();
	char byte = 0;

	expect_is(recv(pair.server, &byte, 0, 0), 0);
	need_ok(send(pair.client, "z", 1, 0));
	wait_for(pair.server, POLLIN);
	expect_is(recv(pair.server, &byte, 0, 0), 0);
	expect_is(recv(pair.server, &byte, 1, 0), 1);
	expect_is(byte, 'z');
}

static void peek(void)
{
	struct pair pair = make_pair();
	char buf[16] = "";

	need_ok(send(pair.client, "peekaboo", 8, 0));
	wait_for(pair.server, POLLIN);
	expect_is(recv(pair.server, buf, 4, MSG_PEEK), 4);
	expect_is(recv(pair.server, buf, sizeof(buf), MSG_PEEK), 8);
	expect_is(recv(pair.server, buf, sizeof(buf), MSG_PEEK), 8);
	expect_is(recv(pair.server, buf, 4, 0), 4);
	expect(memcmp(buf, "peek", 4) == 0);
	expect_is(recv(pair.server, buf, sizeof(buf), MSG_PEEK), 4);
	expect_is(recv(pair.server, buf, sizeof(buf), 0), 4);
	expect(memcmp(buf, "aboo", 4) == 0);
}

static void peek_empty(void)
{
	struct pair pair = make_pair();
	char byte;

	expect_errno(recv(pair.server, &byte, 1, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
	expect_works(pair.client, pair.server);
}

/* MSG_TRUNC means nothing here and the error queue is always empty. */
static void other_flags(void)
{
	struct pair pair = make_pair();
	char buf[8] = "";

	need_ok(send(pair.client, "abcdef", 6, 0));
	wait_for(pair.server, POLLIN);
	expect_is(recv(pair.server, buf, 4, MSG_TRUNC), 4);
	expect(memcmp(buf, "abcd", 4) == 0);
	expect_is(recv(pair.server, buf, 2, MSG_NOSIGNAL), 2);
	expect_errno(recv(pair.server, buf, 1, MSG_ERRQUEUE), EAGAIN);
	expect_errno(send(pair.client, "x", 1, MSG_ZEROCOPY), EOPNOTSUPP);
	expect_works(pair.client, pair.server);
}

struct receiving {
	int fd;
	size_t len;
	int flags;
	uint8_t buf[4096];
	ssize_t got;
};

static void receive(void *arg)
{
	struct receiving *r = arg;

	r->got = recv(r->fd, r->buf, r->len, r->flags);
}

static void wait_all(void)
{
	struct pair pair = make_pair_of(4096);
	struct receiving r = { .fd = pair.server, .len = 1000, .flags = MSG_WAITALL };
	uint8_t buf[250];
	struct task task;

	start_task(&task, receive, &r);
	for (int i = 0; i < 4; i++) {
		wait_in_syscall(&task, SYS_recvfrom);
		fill_bytes(buf, sizeof(buf), 9, i * sizeof(buf));
		need_ok(send(pair.client, buf, sizeof(buf), 0));
	}
	join_task(&task);
	expect_is(r.got, 1000);
	expect_is(first_wrong(r.buf, 1000, 9, 0), 1000);
}

static void wait_all_ends(void)
{
	struct pair pair = make_pair_of(4096);
	struct receiving r = { .fd = pair.server, .len = 1000, .flags = MSG_WAITALL };
	struct task task;

	start_task(&task, receive, &r);
	wait_in_syscall(&task, SYS_recvfrom);
	need_ok(send(pair.client, "12345", 5, 0));
	need_ok(shutdown(pair.client, SHUT_WR));
	join_task(&task);
	expect_is(r.got, 5);
	expect_eof(pair.server);
}

static void wait_all_too_much(void)
{
	struct pair pair = make_pair_of(4096);
	uint8_t buf[5000];

	expect_errno(recv(pair.server, buf, 4096, MSG_WAITALL | MSG_DONTWAIT), ENOMEM);
	fill_queue(pair.client, 1);
	expect_errno(recv(pair.server, buf, 4096, MSG_WAITALL), ENOMEM);
	expect_errno(recv(pair.server, buf, 5000, MSG_WAITALL), ENOMEM);
	expect_is(recv(pair.server, buf, 4095, MSG_WAITALL), 4095);
	expect_is(first_wrong(buf, 4095, 1, 0), 4095);
}

static int set_lowat(int fd, int value)
{
	return setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof(value));
}

static int lowat(int fd)
{
	socklen_t len = sizeof(int);
	int value = -1;

	need_ok(getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &value, &len));
	return value;
}

static void low_water(void)
{
	struct pair pair = make_pair();
	uint8_t buf[256] = { 0 };

	expect_ok(set_lowat(pair.server, 128));
	need_ok(send(pair.client, buf, 127, 0));
	expect_is(revents_within(pair.server, POLLIN, 200), 0);
	need_ok(send(pair.client, buf, 1, 0));
	expect_is(revents_within(pair.server, POLLIN, SOON_MS), POLLIN);
	expect_is(recv(pair.server, buf, sizeof(buf), 0), 128);
	expect_errno(set_lowat(pair.server, DEFAULT_SIZE + 1), EINVAL);
	expect_is(lowat(pair.server), 128);
	expect_ok(set_lowat(pair.server, 0));
	expect_is(lowat(pair.server), 1);
}

static void low_water_recv(void)
{
	struct pair pair = make_pair();
	struct receiving r = { .fd = pair.server, .len = 4000 };
	uint8_t buf[128] = { 0 };
	struct task task;

	expect_ok(set_lowat(pair.server, 128));
	start_task(&task, receive, &r);
	wait_in_syscall(&task, SYS_recvfrom);
	need_ok(send(pair.client, buf, 100, 0));
	wait_in_syscall(&task, SYS_recvfrom);
	need_ok(send(pair.client, buf, 100, 0));
	join_task(&task);
	expect_is(r.got, 200);
}

/* How long a call that times out takes; the best of three tries on a busy machine. */
static long long time_to_eagain(int fd, bool sending)
{
	long long best = 1000000;

	for (int i = 0; i < 3; i++) {
		long long start = now_ms();
		char byte = 0;

		if (sending)
			expect_errno(send(fd, &byte, 1, 0), EAGAIN);
		else
			expect_errno(recv(fd, &byte, 1, 0), EAGAIN);
		start = now_ms() - start;
		expect(start >= 390);
		best = start < best ? start : best;
	}
	return best;
}

static void timeouts(void)
{
	struct pair pair = make_pair_of(128);

	set_timeout(pair.server, SO_RCVTIMEO, 400);
	set_timeout(pair.client, SO_SNDTIMEO, 400);
	expect(time_to_eagain(pair.server, false) <= 650);
	expect_is(fill_queue(pair.client, 1), 127);
	expect(time_to_eagain(pair.client, true) <= 650);
	expect(receive_bytes(pair.server, 127, 1, 0));
	expect_works(pair.client, pair.server);
}

static void on_signal(int sig UNUSED)
{
}

/* A signal ends a blocked call: with what was done, or EINTR. */
static void interrupted(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct pair pair = make_pair_of(128);
	struct sending s = { .fd = pair.client, .len = 500 };
	struct task task;

	sigaction(SIGUSR1, &sa, NULL);
	start_task(&task, send_all, &s);
	wait_in_syscall(&task, SYS_sendto);
	pthread_kill(task.thread, SIGUSR1);
	join_task(&task);
	expect_is(s.sent, 127);
	start_task(&task, send_all, &s);
	wait_in_syscall(&task, SYS_sendto);
	pthread_kill(task.thread, SIGUSR1);
	join_task(&task);
	expect_is(s.sent, -1);
	expect_is(s.error, EINTR);
	expect(receive_bytes(pair.server, 127, 1, 0));
	expect_works(pair.client, pair.server);
}

/* Two pages, the second of which is not there; the address of the second. */
static uint8_t *page_edge(void)
{
	uint8_t *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			      -1, 0);

	need(pages != MAP_FAILED);
	need_ok(munmap(pages + 4096, 4096));
	return pages + 4096;
}

static void bad_buffer(void)
{
	struct pair pair = make_pair();
	uint8_t *edge = page_edge();

	expect_errno(send(pair.client, edge, 10, 0), EFAULT);
	expect_is(revents_within(pair.server, POLLIN, 50), 0);
	fill_queue(pair.client, 7);
	expect_errno(recv(pair.server, edge, 100, 0), EFAULT);
	expect_errno(recv(pair.server, edge, 100, MSG_PEEK), EFAULT);
	expect_errno(recv(pair.server, edge, 100, MSG_WAITALL), EFAULT);
	expect(receive_bytes(pair.server, DEFAULT_SIZE - 1, 7, 0));
	expect_works(pair.client, pair.server);
}

/* A buffer that ends in the middle of what there is: the bytes are handed out once, in order. */
static void half_bad_buffer(void)
{
	struct pair pair = make_pair();
	uint8_t *edge = page_edge();
	size_t total = fill_queue(pair.client, 7), at = 0;
	ssize_t got = recv(pair.server, edge - 100, 200, 0);

	if (got < 0) {
		expect_is(errno, EFAULT);
	} else {
		expect(got <= 100);
		expect_is(first_wrong(edge - 100, got, 7, 0), got);
		at = got;
	}
	expect(receive_bytes(pair.server, total - at, 7, at));
	expect_works(pair.client, pair.server);
}

/* What a pipe got from a stream is its own: the queue is used again meanwhile. */
static void splice_out(void)
{
	struct pair pair = make_pair_of(4096);
	uint8_t got[100], sent[100];
	int ends[2];

	fill_bytes(sent, sizeof(sent), 8, 0);
	need_ok(pipe2(ends, O_CLOEXEC));
	need(send(pair.client, sent, sizeof(sent), 0) == sizeof(sent));
	expect_is(expect_ok(splice(pair.server, NULL, ends[1], NULL, sizeof(sent), 0)),
		  sizeof(sent));
	for (int i = 0; i < 3; i++)
		need(receive_bytes(pair.server, fill_queue(pair.client, 9), 9, 0));
	expect_is(expect_ok(read(ends[0], got, sizeof(got))), sizeof(got));
	expect(!memcmp(got, sent, sizeof(got)));
	expect_works(pair.client, pair.server);
}

static const struct vmtest rows[] = {
	{ "12.F-85", "one byte each way", one_byte },
	{ "4.6", "scatter lists", scatter },
	{ "12.F-86", "a stalled peer takes size-1 bytes, then EAGAIN", stalled_peer },
	{ "12.F-87", "a blocking send completes when the peer reads", blocking_send },
	{ "12.F-88", "MSG_DONTWAIT sends a part", partial_send },
	{ "12.F-89", "MSG_OOB gives EOPNOTSUPP", out_of_band },
	{ "12.F-90", "an address gives EISCONN or EOPNOTSUPP", send_with_address },
	{ "12.F-91", "unconnected streams give ENOTCONN", unconnected },
	{ "12.F-92", "recv with length 0 consumes nothing", empty_recv },
	{ "12.F-93", "MSG_PEEK returns the bytes of the following recv", peek },
	{ "12.F-94", "MSG_PEEK on an empty queue gives EAGAIN", peek_empty },
	{ "4.7", "MSG_TRUNC, MSG_ERRQUEUE and MSG_ZEROCOPY", other_flags },
	{ "12.F-95", "MSG_WAITALL waits for several sends", wait_all },
	{ "4.7", "MSG_WAITALL ends with the stream", wait_all_ends },
	{ "12.F-96", "MSG_WAITALL for the queue size gives ENOMEM", wait_all_too_much },
	{ "12.F-97", "SO_RCVLOWAT and poll", low_water },
	{ "4.7", "SO_RCVLOWAT and recv", low_water_recv },
	{ "12.F-98", "SO_RCVTIMEO and SO_SNDTIMEO", timeouts },
	{ "4.6", "a signal interrupts a blocked send", interrupted },
	{ "12.F-99", "recv into an unmapped buffer gives EFAULT, loses nothing", bad_buffer },
	{ "12.F-99", "recv into a half-mapped buffer loses nothing", half_bad_buffer },
	{ "4.7", "splice to a pipe", splice_out },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
