// SPDX-License-Identifier: GPL-2.0-or-later
/* connect - making stream connections (vsock.md 4.5, 12.E)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-timeout: 120
 */
#include "vmtest.h"

/* A port that nobody has: it was free a moment ago and the counter moves on. */
static unsigned int unused_port(void)
{
	int fd = stream_bound(VMADDR_PORT_ANY);
	unsigned int port = port_of(fd);

	close(fd);
	return port;
}

static int error_of_connect(int fd)
{
	wait_for(fd, POLLERR | POLLOUT);
	return socket_error(fd);
}

static void unbound_port(void)
{
	int fd = stream_socket(), server = listener(1);
	long long start = now_ms();
	unsigned int port;

	expect_errno(connect_to(fd, vm_cid, unused_port()), ECONNRESET);
	expect(now_ms() - start < 1900);
	expect_errno(getpeername(fd, NULL, NULL), ENOTCONN);
	expect_is(socket_error(fd), 0);
	port = port_of(fd);
	expect(port >= 1024 && port != VMADDR_PORT_ANY);
	expect_errno(connect_to(fd, vm_cid, unused_port()), ECONNRESET);
	expect_ok(connect_to(fd, vm_cid, port_of(server)));
	expect_is(port_of(fd), port);
	expect_works(fd, need_ok(accept(server, NULL, NULL)));
}

static void idle_port(void)
{
	int fd = stream_socket(), idle = stream_bound(VMADDR_PORT_ANY);
	unsigned int port = port_of(idle);

	expect_errno(connect_to(fd, vm_cid, port), ECONNRESET);
	expect_addr(local_of(idle), VMADDR_CID_ANY, port);
	need_ok(listen(idle, 1));
	expect_ok(connect_to(fd, vm_cid, port));
	expect_works(fd, need_ok(accept(idle, NULL, NULL)));
}

static void no_loopback_cid(void)
{
	int fd = stream_socket(), server = listener(1);

	expect_errno(connect_to(fd, VMADDR_CID_LOCAL, port_of(server)), ENETUNREACH);
	expect_is(revents(server), 0);
	expect_ok(connect_to(fd, vm_cid, port_of(server)));
}

/* --- a peer that says nothing -------------------------------------------------------------- */

#define SILENT	7100u
#define CLIENT	7101u

/* A client whose requests nobody answers; connecting elsewhere it is like any other. */
static int unheard_client(void)
{
	silent_port(SILENT, CLIENT);
	return stream_bound(CLIENT);
}

static void expect_fit(int fd)
{
	int server = listener(1);

	set_blocking(fd, true);
	expect_ok(connect_to(fd, vm_cid, port_of(server)));
	expect_works(fd, need_ok(accept(server, NULL, NULL)));
}

static void set_connect_timeout(int fd, long ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	need_ok(setsockopt(fd, vm_family, SO_VMCI_CONNECT_TIMEOUT, &tv, sizeof(tv)));
}

/* The time is over, neither early nor as late as twice the time */
static void expect_after(long long start, long ms)
{
	long long took = now_ms() - start;

	if (!expect(took >= ms - 10 && took < 2 * ms))
		diag("after %lld ms, want %ld", took, ms);
}

static void silence_of(int fd, long ms)
{
	long long start = now_ms();

	expect_errno(connect_to(fd, vm_cid, SILENT), ETIMEDOUT);
	expect_after(start, ms);
	expect_is(socket_error(fd), 0);
	expect_errno(getpeername(fd, NULL, NULL), ENOTCONN);
}

static void silence(void)
{
	int fd = unheard_client();

	silence_of(fd, 2000);
	set_connect_timeout(fd, 5100);
	silence_of(fd, 5100);
	expect_fit(fd);
}

static void silence_nonblocking(void)
{
	int fd = unheard_client();
	long long start = now_ms();

	set_connect_timeout(fd, 700);
	set_blocking(fd, false);
	expect_errno(connect_to(fd, vm_cid, SILENT), EINPROGRESS);
	expect_errno(connect_to(fd, vm_cid, SILENT), EALREADY);
	expect_is(revents(fd), 0);
	wait_for(fd, POLLERR);
	expect_after(start, 700);
	expect_is(socket_error(fd), ETIMEDOUT);
	expect_is(socket_error(fd), 0);

	/* A second attempt is one: it ends by its own time */
	start = now_ms();
	expect_errno(connect_to(fd, vm_cid, SILENT), EINPROGRESS);
	expect_is(revents(fd), 0);
	wait_for(fd, POLLERR);
	expect_after(start, 700);
	expect_is(socket_error(fd), ETIMEDOUT);
	expect_fit(fd);
}

static void connect_interrupted(void *arg)
{
	int fd = *(int *)arg;

	expect_errno(connect_to(fd, vm_cid, SILENT), EINTR);
}

static void on_signal(int sig UNUSED)
{
}

static void silence_signal(void)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	int fd = unheard_client();
	struct task task;

	sigaction(SIGUSR1, &sa, NULL);
	set_connect_timeout(fd, 20000);
	for (int i = 0; i < 5; i++) {
		start_task(&task, connect_interrupted, &fd);
		wait_in_syscall(&task, SYS_connect);
		pthread_kill(task.thread, SIGUSR1);
		join_task(&task);
		expect_errno(getpeername(fd, NULL, NULL), ENOTCONN);
		expect_is(socket_error(fd), 0);
	}
	expect_fit(fd);
}

/* --- errors ------------------------------------------------------------------------------- */

/* Contexts that this machine has no way to: no device, no virtual machines. */
static void no_such_context(void)
{
	static const unsigned int cids[] = { 3, 77, 0xfffffffe };
	int fd = stream_socket(), server = listener(1);

	expect_errno(connect_to(fd, VMADDR_CID_ANY, port_of(server)), EINVAL);
	expect_errno(connect_to(fd, vm_cid, VMADDR_PORT_ANY), EINVAL);
	expect_addr(local_of(fd), VMADDR_CID_ANY, VMADDR_PORT_ANY);
	for (size_t i = 0; i < ARRAY_SIZE(cids); i++)
		expect_errno(connect_to(fd, cids[i], port_of(server)), EINVAL);
	/* Row 6 of 4.5: a machine that is no guest has no hypervisor */
	expect_errno(connect_to(fd, 0, port_of(server)), ENODEV);
	expect_is(revents(server), 0);
	expect_ok(connect_to(fd, vm_cid, port_of(server)));
}

static void from_listener(void)
{
	int a = listener(1), b = listener(1), client = stream_socket();

	expect_errno(connect_to(a, vm_cid, port_of(b)), EINVAL);
	expect_is(revents(b), 0);
	need_ok(connect_to(client, vm_cid, port_of(a)));
	expect_works(client, need_ok(accept(a, NULL, NULL)));
}

static void twice(void)
{
	struct pair pair = make_pair();
	unsigned int port = port_of(pair.listener);

	expect_errno(connect_to(pair.client, vm_cid, port), EISCONN);
	expect_errno(connect_to(pair.server, vm_cid, port), EISCONN);
	expect_is(revents(pair.listener), 0);
	expect_works(pair.client, pair.server);
}

static void after_shutdown(void)
{
	struct pair pair = make_pair();
	unsigned int port = port_of(pair.listener);

	need_ok(shutdown(pair.client, SHUT_WR));
	expect_errno(connect_to(pair.client, vm_cid, port), EINVAL);
	need_ok(shutdown(pair.client, SHUT_RD));
	expect_errno(connect_to(pair.client, vm_cid, port), EINVAL);
	expect_is(revents(pair.listener), 0);
}

/* Start connecting and ask at once again; was the attempt still under way? */
static bool again_while_connecting(unsigned int port, int listening)
{
	int fd = stream_socket(), accepted, error;

	set_blocking(fd, false);
	expect_errno(connect_to(fd, vm_cid, port), EINPROGRESS);
	errno = 0;
	expect(connect_to(fd, vm_cid, port) < 0);
	error = errno;
	expect(error == EALREADY || error == EISCONN);
	expect_is(error_of_connect(fd), 0);
	expect_errno(connect_to(fd, vm_cid, port), EISCONN);
	set_blocking(fd, true);
	accepted = need_ok(accept(listening, NULL, NULL));
	expect_works(fd, accepted);
	close(accepted);
	close(fd);
	return error == EALREADY;
}

/* The handshake may be faster than the second call: the row tries until it is not. */
static void nonblocking(void)
{
	int server = listener(1), tries = 0;

	while (!again_while_connecting(port_of(server), server) && ++tries < 3000)
		;
	expect(tries < 3000);
}

/* A blocking connect during an attempt waits for its result. */
static void join_attempt(void)
{
	int server = listener(200), fd;

	for (int i = 0; i < rounds(100); i++) {
		fd = stream_socket();
		set_blocking(fd, false);
		expect_errno(connect_to(fd, vm_cid, port_of(server)), EINPROGRESS);
		set_blocking(fd, true);
		if (connect_to(fd, vm_cid, port_of(server)) < 0)
			expect_is(errno, EISCONN);
		expect_works(fd, need_ok(accept(server, NULL, NULL)));
		close(fd);
	}
}

static void nonblocking_refused(void)
{
	int fd = stream_socket(), server = listener(1);

	set_blocking(fd, false);
	for (int i = 0; i < 20; i++) {
		expect_errno(connect_to(fd, vm_cid, unused_port()), EINPROGRESS);
		wait_for(fd, POLLERR);
		expect_is(socket_error(fd), ECONNRESET);
		expect_is(socket_error(fd), 0);
		expect_errno(getpeername(fd, NULL, NULL), ENOTCONN);
	}
	expect_errno(connect_to(fd, vm_cid, port_of(server)), EINPROGRESS);
	expect_is(error_of_connect(fd), 0);
	set_blocking(fd, true);
	expect_works(fd, need_ok(accept(server, NULL, NULL)));
}

/* The error nobody asked for does not spoil the next attempt. */
static void stale_error(void)
{
	int fd = stream_socket(), server = listener(1);

	set_blocking(fd, false);
	expect_errno(connect_to(fd, vm_cid, unused_port()), EINPROGRESS);
	wait_for(fd, POLLERR);
	set_blocking(fd, true);
	expect_ok(connect_to(fd, vm_cid, port_of(server)));
	expect_is(socket_error(fd), 0);
	expect_works(fd, need_ok(accept(server, NULL, NULL)));
}

static void arm(timer_t timer, long us)
{
	struct itimerspec its = { .it_value.tv_nsec = us * 1000 };

	timer_settime(timer, 0, &its, NULL);
}

/* Packets of an interrupted handshake may meet the next one from this port, and end it. */
static bool connect_met_leftovers(int fd, unsigned int port)
{
	return connect_to(fd, vm_cid, port) < 0 && (errno == ECONNRESET || errno == EPROTO);
}

static void connect_again(int fd, unsigned int port)
{
	expect_soon(!connect_met_leftovers(fd, port));
	expect_addr(peer_of(fd), vm_cid, port);
}

/* Connect with a signal due after @us; was it interrupted? Either way the socket is good. */
static bool connect_with_signal(timer_t timer, long us, int server)
{
	int fd = stream_socket(), ret, child;
	bool interrupted;
	char byte;

	arm(timer, us);
	ret = connect_to(fd, vm_cid, port_of(server));
	interrupted = ret < 0;
	arm(timer, 0);
	if (interrupted) {
		expect_is(errno, EINTR);
		expect_errno(getpeername(fd, NULL, NULL), ENOTCONN);
		connect_again(fd, port_of(server));
	}
	need_ok(send(fd, "s", 1, 0));
	do {	/* the interrupted attempt may have left a child that says nothing */
		child = need_ok(accept(server, NULL, NULL));
		ret = TEMP_FAILURE_RETRY(recv(child, &byte, 1, 0));
		if (ret < 1)
			close(child);
	} while (ret == 0);
	expect_works(fd, child);
	close(child);
	close(fd);
	return interrupted;
}

static timer_t signal_timer(int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	timer_t timer;

	sigaction(SIGUSR1, &sa, NULL);
	need(timer_create(CLOCK_MONOTONIC, &ev, &timer) == 0);
	return timer;
}

/*
 * Signals walk through the time that a handshake takes. One with a socket of this machine is over
 * before connect() could wait, so that an interruption is rare.
 */
static void connect_with_signals(int flags)
{
	timer_t timer = signal_timer(flags);
	int server = listener(100), interrupted = 0, connected = 0;

	for (int i = 0; i < rounds(400); i++) {
		if (connect_with_signal(timer, 1 + i * 7 % 1500, server))
			interrupted++;
		else
			connected++;
	}
	diag("%d interrupted, %d connected", interrupted, connected);
	expect(connected > 0);
}

static void signal_during(void)
{
	connect_with_signals(0);
}

/* An attempt that was given up is not taken up again by itself. */
static void signal_no_restart(void)
{
	connect_with_signals(SA_RESTART);
}

static void autobind(void)
{
	int server = listener(1), fd = stream_socket(), child;
	unsigned int port;

	need_ok(connect_to(fd, vm_cid, port_of(server)));
	port = port_of(fd);
	expect(port >= 1024 && port != VMADDR_PORT_ANY);
	expect_addr(local_of(fd), vm_cid, port);
	child = need_ok(accept(server, NULL, NULL));
	expect_addr(peer_of(child), vm_cid, port);
	expect_works(fd, child);
}

static void bound_client(void)
{
	int server = listener(1), fd = stream_socket();
	struct sockaddr_vm peer;
	socklen_t len = sizeof(peer);

	need_ok(bind_to(fd, VMADDR_CID_ANY, 1022));
	need_ok(connect_to(fd, vm_cid, port_of(server)));
	expect_addr(local_of(fd), vm_cid, 1022);
	need_ok(accept(server, SA(&peer), &len));
	expect_addr(peer, vm_cid, 1022);
}

struct crossing {
	pthread_barrier_t *meet;
	int fd;
	unsigned int port;
};

static void connect_across(void *arg)
{
	struct crossing *c = arg;

	pthread_barrier_wait(c->meet);
	if (expect(connect_to(c->fd, vm_cid, c->port) < 0))
		expect(errno == EPROTO || errno == ECONNRESET);
}

static void simultaneous(void)
{
	pthread_barrier_t meet;
	struct crossing c[2] = { { .meet = &meet }, { .meet = &meet } };
	struct task task[2];

	pthread_barrier_init(&meet, NULL, 2);
	for (int round = 0; round < rounds(200); round++) {
		c[0].fd = stream_bound(VMADDR_PORT_ANY);
		c[1].fd = stream_bound(VMADDR_PORT_ANY);
		for (int i = 0; i < 2; i++) {
			c[i].port = port_of(c[!i].fd);
			start_task(&task[i], connect_across, &c[i]);
		}
		for (int i = 0; i < 2; i++)
			join_task(&task[i]);
		close(c[0].fd);
		close(c[1].fd);
	}
}

static void to_itself(void)
{
	int fd = stream_bound(VMADDR_PORT_ANY), server = listener(1);

	if (expect(connect_to(fd, vm_cid, port_of(fd)) < 0))
		expect(errno == EPROTO || errno == ECONNRESET);
	expect_ok(connect_to(fd, vm_cid, port_of(server)));
	expect_works(fd, need_ok(accept(server, NULL, NULL)));
}

static void seqpacket(void)
{
	int server = listener(1), fd = socket(vm_family, SOCK_SEQPACKET, 0);

	need_ok(fd);
	expect_errno(connect_to(fd, vm_cid, port_of(server)), ESOCKTNOSUPPORT);
	expect_is(revents(server), 0);
}

/* The port stays with its socket whatever it tried to reach, and goes with it. */
static void expect_still_bound(int fd, unsigned int port)
{
	int other = stream_socket();

	expect_is(port_of(fd), port);
	expect_errno(bind_to(other, VMADDR_CID_ANY, port), EADDRINUSE);
	close(other);
}

static void changing_cids(void)
{
	static const unsigned int cids[] = { 3, 0, VMADDR_CID_HOST, 77, 1, 0xfffffffe };
	unsigned int idle = unused_port(), port;

	for (int bound = 0; bound < 2; bound++) {
		int fd = bound ? stream_bound(CLIENT) : stream_socket(), server = listener(1);

		expect(connect_to(fd, vm_cid, idle) < 0);
		port = port_of(fd);
		for (int i = 0; i < 60; i++) {
			expect(connect_to(fd, cids[i % ARRAY_SIZE(cids)], idle) < 0);
			expect_still_bound(fd, port);
		}
		need_ok(connect_to(fd, vm_cid, port_of(server)));
		expect_still_bound(fd, port);
		close(fd);
		close(stream_bound(port));
	}
}

/* The two ends agree on a size or the connect fails with EINVAL (5.8). */
static void sizes_agreed(void)
{
	int fd = stream_socket(), server = listener(4), child;

	set_size(fd, 4096);
	need_ok(connect_to(fd, vm_cid, port_of(server)));
	child = need_ok(accept(server, NULL, NULL));
	expect_is(fill_queue(child, 1), 4095);
	expect_is(fill_queue(fd, 1), 4095);

	fd = stream_socket();
	set_size(fd, 1048576);
	need_ok(connect_to(fd, vm_cid, port_of(server)));
	child = need_ok(accept(server, NULL, NULL));
	expect_is(fill_queue(fd, 1), DEFAULT_SIZE - 1);
}

static void sizes_disagreed(void)
{
	int fd = stream_socket(), server = listener(4);
	uint64_t size = 524288;

	set_size(fd, size);
	need_ok(setsockopt(fd, vm_family, SO_VMCI_BUFFER_MIN_SIZE, &size, sizeof(size)));
	expect_errno(connect_to(fd, vm_cid, port_of(server)), EINVAL);
	expect_is(revents(server), 0);
	size = 128;
	need_ok(setsockopt(fd, vm_family, SO_VMCI_BUFFER_MIN_SIZE, &size, sizeof(size)));
	expect_ok(connect_to(fd, vm_cid, port_of(server)));
	expect_works(fd, need_ok(accept(server, NULL, NULL)));
}

/* More than the 128 MiB that a queue pair may have. */
static void size_too_large(void)
{
	int fd = stream_socket(), server = stream_bound(VMADDR_PORT_ANY);

	set_size(fd, 128u << 20);
	set_size(server, 128u << 20);
	need_ok(listen(server, 1));
	expect_errno(connect_to(fd, vm_cid, port_of(server)), ENOBUFS);
	expect_is(revents(server), 0);
	set_size(fd, 4096);
	expect_ok(connect_to(fd, vm_cid, port_of(server)));
	expect_works(fd, need_ok(accept(server, NULL, NULL)));
}

/* Trust is asked for, but nobody of this machine needs it. */
static void unprivileged(void)
{
	struct pair pair;

	drop_privileges();
	pair = make_pair();
	expect_works(pair.client, pair.server);
	expect_errno(connect_to(stream_socket(), vm_cid, unused_port()), ECONNRESET);
}

/* What nobody knows counts as restricted: who made the socket had to be privileged. */
static void unprivileged_out_of_reach(void)
{
	int server = listener(1), trusted = stream_socket(), fd;

	drop_privileges();
	fd = stream_socket();
	expect_errno(connect_to(fd, 77, port_of(server)), EPERM);
	expect_errno(connect_to(trusted, 77, port_of(server)), EINVAL);
	expect_ok(connect_to(fd, vm_cid, port_of(server)));
}

static const struct vmtest rows[] = {
	{ "12.E-67", "an unbound port gives ECONNRESET, then connect again", unbound_port },
	{ "12.E-68", "a port that does not listen gives ECONNRESET", idle_port },
	{ "12.E-69", "CID 1 gives ENETUNREACH", no_loopback_cid },
	{ "4.5", "contexts out of reach and wildcards give EINVAL, CID 0 ENODEV", no_such_context },
	{ "12.E-70", "connect on a listener gives EINVAL", from_listener },
	{ "12.E-71", "connect on a connected socket gives EISCONN", twice },
	{ "12.E-72", "connect after shutdown gives EINVAL", after_shutdown },
	{ "12.E-73", "non-blocking: EINPROGRESS, EALREADY, EISCONN", nonblocking },
	{ "4.5", "a blocking connect joins the attempt in progress", join_attempt },
	{ "12.E-74,78", "a silent peer, non-blocking: ETIMEDOUT, then a new attempt",
	  silence_nonblocking },
	{ "12.E-75", "a silent peer: ETIMEDOUT after 2 s, or 5.1 s if so set", silence },
	{ "12.E-76", "a silent peer: a signal gives EINTR", silence_signal },
	{ "12.E-76,77", "a signal gives EINTR and a retry, or 0", signal_during },
	{ "12.E-76,77", "and so it does with SA_RESTART", signal_no_restart },
	{ "12.E-78", "a failed non-blocking connect can start again", nonblocking_refused },
	{ "4.5", "a stale error is cleared by the next attempt", stale_error },
	{ "12.E-80", "an unbound client is bound and learns its CID", autobind },
	{ "12.E-81", "accept sees the port that the client is bound to", bound_client },
	{ "12.E-82", "two clients connecting to each other both fail", simultaneous },
	{ "12.E-82", "a client connecting to itself fails", to_itself },
	{ "5.13", "who has no privileges connects, too", unprivileged },
	{ "5.13", "but gets EPERM for contexts out of reach", unprivileged_out_of_reach },
	{ "12.E-84", "SEQPACKET gives ESOCKTNOSUPPORT", seqpacket },
	{ "12.L-189", "changing CIDs leave the port alone", changing_cids },
	{ "12.J-143", "both ends settle on a size", sizes_agreed },
	{ "5.8", "a size below the own minimum gives EINVAL", sizes_disagreed },
	{ "4.13", "a size above the core's limit gives ENOBUFS", size_too_large },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
