// SPDX-License-Identifier: GPL-2.0-or-later
/* poll - what poll and epoll show, and whom they wake (vsock.md 4.11, 12.G)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-timeout: 120
 */
#include "vmtest.h"

#include <sys/epoll.h>
#include <sys/select.h>

#define READABLE	(POLLIN | POLLRDNORM)
#define WRITABLE	(POLLOUT | POLLWRNORM)

static void fresh(void)
{
	expect_is(revents(stream_socket()), WRITABLE);
	expect_is(revents(stream_bound(VMADDR_PORT_ANY)), WRITABLE);
	expect_is(revents(listener(1)), 0);
}

static void idle(void)
{
	struct pair pair = make_pair();

	expect_is(revents(pair.client), WRITABLE);
	expect_is(revents(pair.server), WRITABLE);
	expect_is(revents(pair.listener), 0);
}

static void data(void)
{
	struct pair pair = make_pair();

	need_ok(send(pair.client, "x", 1, 0));
	expect_revents(pair.server, READABLE | WRITABLE);
	expect_is(revents(pair.client), WRITABLE);
	need_ok(recv(pair.server, (char[1]){ 0 }, 1, 0));
	expect_is(revents(pair.server), WRITABLE);
}

static void full(void)
{
	static const unsigned int sizes[] = { 128, 4096, 262144 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct pair pair = make_pair_of(sizes[i]);
		size_t total = fill_queue(pair.client, 1);

		expect_is(revents(pair.client), 0);
		expect_is(revents_within(pair.client, POLLOUT, 100), 0);
		expect(receive_bytes(pair.server, total, 1, 0));
		expect_is(revents_within(pair.client, POLLOUT, SOON_MS), POLLOUT);
		expect_is(revents(pair.client), WRITABLE);
		close_pair(&pair);
	}
}

static void child_ready(void)
{
	struct pair pair = make_pair();

	need_ok(connect_to(stream_socket(), vm_cid, port_of(pair.listener)));
	expect_is(revents(pair.listener), READABLE);
	need_ok(accept(pair.listener, NULL, NULL));
	expect_is(revents(pair.listener), 0);
}

static void half_close(void)
{
	struct pair pair = make_pair();

	need_ok(shutdown(pair.client, SHUT_WR));
	expect_revents(pair.server, READABLE | POLLRDHUP | WRITABLE);
	expect_is(revents(pair.client), 0);
	need_ok(shutdown(pair.server, SHUT_WR));
	expect_is(revents(pair.server), READABLE | POLLRDHUP | POLLHUP);
	expect_revents(pair.client, READABLE | POLLRDHUP | POLLHUP);
}

static void own_read_end(void)
{
	struct pair pair = make_pair();

	need_ok(shutdown(pair.client, SHUT_RD));
	expect_is(revents(pair.client), READABLE | POLLRDHUP | WRITABLE);
}

static void own_end(void)
{
	struct pair pair = make_pair();

	need_ok(shutdown(pair.client, SHUT_RDWR));
	expect_is(revents(pair.client), READABLE | POLLRDHUP | POLLHUP);
}

static void peer_closed(void)
{
	struct pair pair = make_pair();

	need_ok(send(pair.client, "x", 1, 0));
	close(pair.client);
	expect_revents(pair.server, READABLE | POLLRDHUP | WRITABLE);
	need_ok(recv(pair.server, (char[1]){ 0 }, 1, 0));
	expect_revents(pair.server, READABLE | POLLRDHUP | WRITABLE);
	need_ok(shutdown(pair.server, SHUT_WR));
	expect_is(revents(pair.server) & ~POLLERR, READABLE | POLLRDHUP | POLLHUP);
	expect_is(revents(pair.server) & POLLERR, 0);
}

static void connecting(void)
{
	struct pair pair = make_pair();
	int fd = stream_socket();

	set_blocking(fd, false);
	expect_errno(connect_to(fd, vm_cid, port_of(pair.listener)), EINPROGRESS);
	expect_is(revents_within(fd, POLLOUT, SOON_MS), POLLOUT);
	expect_is(socket_error(fd), 0);
	expect_is(revents(fd), WRITABLE);
}

static void refused(void)
{
	int idle_port = stream_bound(VMADDR_PORT_ANY), fd = stream_socket();

	set_blocking(fd, false);
	expect_errno(connect_to(fd, vm_cid, port_of(idle_port)), EINPROGRESS);
	expect_is(revents_within(fd, 0, SOON_MS), POLLERR);
	expect_is(revents(fd), POLLERR | WRITABLE);
	expect_is(socket_error(fd), ECONNRESET);
	expect_is(revents(fd), WRITABLE);
}

static void datagram(void)
{
	int fd = dgram_bound(VMADDR_PORT_ANY), from = dgram_socket();

	expect_is(revents(from), WRITABLE | POLLWRBAND);
	expect_is(revents(fd), WRITABLE | POLLWRBAND);
	need_ok(send_to(from, "x", 1, vm_cid, port_of(fd)));
	expect_revents(fd, READABLE | WRITABLE | POLLWRBAND);
	need_ok(recv(fd, (char[1]){ 0 }, 1, 0));
	expect_is(revents(fd), WRITABLE | POLLWRBAND);
	need_ok(connect_to(fd, vm_cid, port_of(from)));
	need_ok(shutdown(fd, SHUT_WR));
	expect_is(revents(fd), 0);
}

static void datagram_read_end(void)
{
	int fd = dgram_bound(VMADDR_PORT_ANY);

	need_ok(connect_to(fd, vm_cid, port_of(fd)));
	need_ok(shutdown(fd, SHUT_RD));
	expect_is(revents(fd), READABLE | POLLRDHUP | WRITABLE | POLLWRBAND);
	need_ok(shutdown(fd, SHUT_WR));
	expect_is(revents(fd), READABLE | POLLRDHUP | POLLHUP);
}

/* --- waking ------------------------------------------------------------------------------- */

/* A thread in poll() on one descriptor, for ever. */
struct watcher {
	int fd;
	int events;
	int revents;
	struct task task;
};

static void watch(void *arg)
{
	struct watcher *w = arg;
	struct pollfd pfd = { .fd = w->fd, .events = w->events };

	need_ok(poll(&pfd, 1, -1));
	w->revents = pfd.revents;
}

static void start_watch(struct watcher *w, int fd, int events)
{
	w->fd = fd;
	w->events = events;
	start_task(&w->task, watch, w);
	wait_in_syscall(&w->task, SYS_poll);
}

#define expect_woken(w, want) ({						\
	join_task(&(w)->task);							\
	expect_is((w)->revents, (want)); })

static void wakes(void)
{
	struct pair pair = make_pair();
	struct watcher w;
	int extra = stream_socket();
	size_t total;

	start_watch(&w, pair.server, POLLIN);
	need_ok(send(pair.client, "x", 1, 0));
	expect_woken(&w, POLLIN);
	need_ok(recv(pair.server, (char[1]){ 0 }, 1, 0));

	total = fill_queue(pair.client, 1);
	start_watch(&w, pair.client, POLLOUT);
	expect(receive_bytes(pair.server, total, 1, 0));
	expect_woken(&w, POLLOUT);

	start_watch(&w, pair.listener, POLLIN);
	need_ok(connect_to(extra, vm_cid, port_of(pair.listener)));
	expect_woken(&w, POLLIN);

	start_watch(&w, pair.server, POLLRDHUP);
	need_ok(shutdown(pair.client, SHUT_WR));
	expect_woken(&w, POLLRDHUP);

	start_watch(&w, extra, POLLRDHUP);
	close(pair.listener);
	expect_woken(&w, POLLRDHUP);
}

static void peer_takes_no_more(void)
{
	struct pair pair = make_pair();
	struct watcher w;

	fill_queue(pair.client, 1);
	start_watch(&w, pair.client, POLLOUT);
	need_ok(shutdown(pair.server, SHUT_RD));
	expect_woken(&w, POLLOUT);
	expect_errno(send(pair.client, "x", 1, MSG_NOSIGNAL), EPIPE);
}

static void own_shutdown_wakes(void)
{
	struct pair pair = make_pair();
	struct watcher w;

	start_watch(&w, pair.client, POLLIN);
	need_ok(shutdown(pair.client, SHUT_RDWR));
	expect_woken(&w, POLLIN | POLLHUP);
}

static void datagram_wakes(void)
{
	int fd = dgram_bound(VMADDR_PORT_ANY), from = dgram_socket();
	struct watcher w;

	start_watch(&w, fd, POLLIN);
	need_ok(send_to(from, "x", 1, vm_cid, port_of(fd)));
	expect_woken(&w, POLLIN);
}

static void select_works(void)
{
	struct pair pair = make_pair();
	struct timeval tv = { .tv_sec = SOON_MS / 1000 };
	fd_set readable, writable;

	FD_ZERO(&readable);
	FD_ZERO(&writable);
	FD_SET(pair.server, &readable);
	FD_SET(pair.client, &writable);
	expect_is(select(FD_SETSIZE, &readable, &writable, NULL, &tv), 1);
	expect(!FD_ISSET(pair.server, &readable) && FD_ISSET(pair.client, &writable));
	need_ok(send(pair.client, "x", 1, 0));
	FD_SET(pair.server, &readable);
	expect_is(select(FD_SETSIZE, &readable, NULL, NULL, &tv), 1);
}

/* --- epoll -------------------------------------------------------------------------------- */

static int epoll_of(int fd, unsigned int events)
{
	int ep = need_ok(epoll_create1(EPOLL_CLOEXEC));
	struct epoll_event ev = { .events = events, .data.fd = fd };

	need_ok(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	return ep;
}

/* The events of the only descriptor, 0 if there are none within @ms. */
static unsigned int epoll_events(int ep, int ms)
{
	struct epoll_event ev = { 0 };

	need_ok(epoll_wait(ep, &ev, 1, ms));
	return ev.events;
}

static void epoll_level(void)
{
	struct pair pair = make_pair();
	int ep = epoll_of(pair.server, EPOLLIN | EPOLLRDHUP);

	expect_is(epoll_events(ep, 0), 0);
	need_ok(send(pair.client, "xy", 2, 0));
	expect_is(epoll_events(ep, SOON_MS), EPOLLIN);
	need_ok(recv(pair.server, (char[1]){ 0 }, 1, 0));
	expect_is(epoll_events(ep, 0), EPOLLIN);
	need_ok(recv(pair.server, (char[1]){ 0 }, 1, 0));
	expect_is(epoll_events(ep, 0), 0);
	close(pair.client);
	expect_is(epoll_events(ep, SOON_MS), EPOLLIN | EPOLLRDHUP);
}

/* An edge comes with every arrival in an empty queue and with room in a full one. */
static void epoll_edge(void)
{
	struct pair pair = make_pair_of(4096);
	int in = epoll_of(pair.server, EPOLLIN | EPOLLRDHUP | EPOLLET);
	int out = epoll_of(pair.client, EPOLLOUT | EPOLLET);

	expect_is(epoll_events(out, SOON_MS), EPOLLOUT);
	for (int i = 0; i < rounds(100); i++) {
		size_t total = fill_queue(pair.client, i);

		expect_is(epoll_events(in, SOON_MS), EPOLLIN);
		expect(receive_bytes(pair.server, total, i, 0));
		expect_is(epoll_events(out, SOON_MS), EPOLLOUT);
	}
	need_ok(shutdown(pair.client, SHUT_WR));
	expect_is(epoll_events(in, SOON_MS), EPOLLIN | EPOLLRDHUP);
}

static void epoll_oneshot(void)
{
	struct pair pair = make_pair();
	int ep = epoll_of(pair.server, EPOLLIN | EPOLLONESHOT);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT };

	for (int i = 0; i < 3; i++) {
		need_ok(send(pair.client, "x", 1, 0));
		expect_is(epoll_events(ep, SOON_MS), EPOLLIN);
		expect_is(epoll_events(ep, 0), 0);
		need_ok(epoll_ctl(ep, EPOLL_CTL_MOD, pair.server, &ev));
	}
	expect_is(epoll_events(ep, SOON_MS), EPOLLIN);
}

struct edge_reader {
	int fd;
	size_t total;
};

/* Reads on edges only: a lost one is a row that never ends. */
static void read_on_edges(void *arg)
{
	struct edge_reader *r = arg;
	int ep = epoll_of(r->fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
	uint8_t buf[1000];
	ssize_t n;

	do {
		if (!expect(epoll_events(ep, SOON_MS)))
			return;
		while ((n = recv(r->fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
			expect_is(first_wrong(buf, n, 4, r->total), n);
			r->total += n;
		}
	} while (n < 0);
}

/* And writes on edges only. */
static void epoll_edges_stream(void)
{
	struct pair pair = make_pair_of(4096);
	struct edge_reader r = { .fd = pair.server };
	int ep = epoll_of(pair.client, EPOLLOUT | EPOLLET);
	size_t want = rounds(2000000), sent = 0;
	uint8_t buf[777];
	struct task task;
	ssize_t n;

	start_task(&task, read_on_edges, &r);
	while (sent < want) {
		fill_bytes(buf, sizeof(buf), 4, sent);
		n = send(pair.client, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && !expect(epoll_events(ep, SOON_MS)))
			break;
		sent += n > 0 ? n : 0;
	}
	need_ok(shutdown(pair.client, SHUT_WR));
	join_task(&task);
	expect_is(r.total, sent);
}

/* What poll has put aside outlives a bad buffer, and MSG_PEEK. */
static void low_water_bad_buffer(void)
{
	struct pair pair = make_pair();
	int lowat = 100;
	char buf[100];

	need_ok(setsockopt(pair.server, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof(lowat)));
	need(send(pair.client, "low water", 9, 0) == 9);
	expect_is(revents(pair.server) & POLLIN, 0);
	expect_errno(recv(pair.server, (void *)8, 9, MSG_DONTWAIT), EFAULT);
	expect_is(recv(pair.server, buf, 3, MSG_PEEK | MSG_DONTWAIT), 3);
	expect_is(recv(pair.server, buf, sizeof(buf), MSG_DONTWAIT), 9);
	expect(memcmp(buf, "low water", 9) == 0);
}

static const struct vmtest rows[] = {
	{ "4.11", "fresh, bound and listening sockets", fresh },
	{ "12.G-109", "connected idle stream: OUT and WRNORM only", idle },
	{ "4.11", "data: IN and RDNORM", data },
	{ "12.G-110", "full queue: no OUT, after draining OUT", full },
	{ "12.G-111", "listener with a completed child: IN and RDNORM", child_ready },
	{ "12.G-112", "peer SHUT_WR: IN RDNORM RDHUP, own SHUT_WR: HUP", half_close },
	{ "4.11", "own SHUT_RD: IN RDNORM RDHUP", own_read_end },
	{ "12.G-113", "own SHUT_RDWR: HUP", own_end },
	{ "4.11", "after the peer closed", peer_closed },
	{ "4.11", "non-blocking connect: OUT when established", connecting },
	{ "12.G-114", "failed non-blocking connect: ERR", refused },
	{ "12.G-115", "datagram socket: OUT WRNORM WRBAND, IN with data", datagram },
	{ "4.11", "datagram socket after SHUT_RD and both", datagram_read_end },
	{ "4.11", "poll is woken by data, room, child and ends", wakes },
	{ "4.11", "full queue: poll is woken when the peer takes no more", peer_takes_no_more },
	{ "4.11", "poll is woken by the own shutdown", own_shutdown_wakes },
	{ "4.11", "poll is woken by a datagram", datagram_wakes },
	{ "4.11", "bytes below the low-water mark survive a bad buffer", low_water_bad_buffer },
	{ "4.11", "select", select_works },
	{ "4.11", "epoll, level-triggered", epoll_level },
	{ "4.11", "epoll, edge-triggered", epoll_edge },
	{ "4.11", "epoll, one shot", epoll_oneshot },
	{ "4.11", "a stream driven by edges alone loses none", epoll_edges_stream },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
