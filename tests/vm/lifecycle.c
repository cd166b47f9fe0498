// SPDX-License-Identifier: GPL-2.0-or-later
/* lifecycle - socket, bind, listen, accept and close (vsock.md 4.1-4.4, 4.9, 12.D)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-timeout: 120
 */
#include "vmtest.h"

#include <linux/capability.h>

static int make_socket(int type, int protocol)
{
	int fd = socket(vm_family, type, protocol);

	if (fd >= 0)
		close(fd);
	return fd;
}

static void socket_types(void)
{
	expect_errno(make_socket(SOCK_RAW, 0), ESOCKTNOSUPPORT);
	expect_errno(make_socket(SOCK_RDM, 0), ESOCKTNOSUPPORT);
	expect_errno(make_socket(SOCK_DCCP, 0), ESOCKTNOSUPPORT);
	expect_errno(make_socket(11, 0), EINVAL);
	expect_errno(make_socket(SOCK_STREAM, 7), EPROTONOSUPPORT);
	expect_errno(make_socket(SOCK_DGRAM, 7), EPROTONOSUPPORT);
	expect_ok(make_socket(SOCK_STREAM, 0));
	expect_ok(make_socket(SOCK_DGRAM, 0));
	expect_ok(make_socket(SOCK_STREAM, vm_family));
	expect_ok(make_socket(SOCK_DGRAM, vm_family));
}

static void no_socketpair(void)
{
	int fds[2];

	expect_errno(socketpair(vm_family, SOCK_STREAM, 0, fds), EOPNOTSUPP);
	expect_errno(socketpair(vm_family, SOCK_DGRAM, 0, fds), EOPNOTSUPP);
}

/* From now on this process has the capabilities @have, all below 32. */
static void set_capabilities(unsigned int have)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = have, .permitted = have } };

	need_ok(syscall(SYS_capset, &header, data));
}

/* This capability decides, and no other. */
static void the_capability(void)
{
	unsigned int bind_service = 1u << CAP_NET_BIND_SERVICE;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		set_capabilities(~bind_service);
		expect_errno(bind_to(stream_socket(), VMADDR_CID_ANY, 1023), EACCES);
		expect_errno(bind_to(dgram_socket(), VMADDR_CID_ANY, 1023), EACCES);
		_exit(0);
	}
	need(waitpid(pid, &status, 0) == pid && status == 0);
	set_capabilities(bind_service);
	stream_bound(1023);
	dgram_bound(1023);
}

static void privileged_ports(void)
{
	int fd;

	close(stream_bound(1023));
	close(dgram_bound(1023));
	close(stream_bound(0));
	drop_privileges();
	fd = stream_socket();
	expect_errno(bind_to(fd, VMADDR_CID_ANY, 1023), EACCES);
	expect_errno(bind_to(fd, vm_cid, 1023), EACCES);
	expect_errno(bind_to(fd, VMADDR_CID_ANY, 0), EACCES);
	expect_addr(local_of(fd), VMADDR_CID_ANY, VMADDR_PORT_ANY);
	fd = dgram_socket();
	expect_errno(bind_to(fd, VMADDR_CID_ANY, 1023), EACCES);
	expect_errno(bind_to(fd, VMADDR_CID_ANY, 2), EACCES);
	expect_addr(local_of(fd), VMADDR_CID_ANY, VMADDR_PORT_ANY);
}

static void unprivileged_ports(void)
{
	drop_privileges();
	expect_is(port_of(stream_bound(1024)), 1024);
	expect_is(port_of(dgram_bound(1024)), 1024);
}

static void foreign_cid_of(int fd)
{
	static const unsigned int cids[] = { 0, 1, 2, 3, 4, 1000, 0xfffffffe };

	for (size_t i = 0; i < ARRAY_SIZE(cids); i++)
		if (cids[i] != vm_cid)
			expect_errno(bind_to(fd, cids[i], 5000), EADDRNOTAVAIL);
	expect_addr(local_of(fd), VMADDR_CID_ANY, VMADDR_PORT_ANY);
}

static void foreign_cid(void)
{
	foreign_cid_of(stream_socket());
	foreign_cid_of(dgram_socket());
}

static void own_cid(void)
{
	int fd = stream_socket();

	expect_ok(bind_to(fd, vm_cid, 5000));
	expect_addr(local_of(fd), vm_cid, 5000);
	fd = stream_socket();
	expect_ok(bind_to(fd, VMADDR_CID_ANY, 5001));
	expect_addr(local_of(fd), VMADDR_CID_ANY, 5001);
	fd = dgram_socket();
	expect_ok(bind_to(fd, vm_cid, 5000));
	expect_addr(local_of(fd), vm_cid, 5000);
	fd = dgram_socket();
	expect_ok(bind_to(fd, VMADDR_CID_ANY, 5001));
	expect_addr(local_of(fd), VMADDR_CID_ANY, 5001);
}

static void bind_twice_of(int fd)
{
	need_ok(bind_to(fd, VMADDR_CID_ANY, 5000));
	expect_errno(bind_to(fd, VMADDR_CID_ANY, 5001), EINVAL);
	expect_errno(bind_to(fd, VMADDR_CID_ANY, 5000), EINVAL);
	expect_addr(local_of(fd), VMADDR_CID_ANY, 5000);
}

static void bind_twice(void)
{
	bind_twice_of(stream_socket());
	bind_twice_of(dgram_socket());
}

/* Of two sockets bound to port 5000 the second is refused until the first has gone. */
static void expect_conflict(int type, unsigned int first, unsigned int second)
{
	int a = need_ok(socket(vm_family, type, 0)), b = need_ok(socket(vm_family, type, 0));
	int one = 1;

	need_ok(setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	need_ok(setsockopt(b, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	need_ok(bind_to(a, first, 5000));
	expect_errno(bind_to(b, second, 5000), EADDRINUSE);
	expect_addr(local_of(b), VMADDR_CID_ANY, VMADDR_PORT_ANY);
	close(a);
	expect_ok(bind_to(b, second, 5000));
	close(b);
}

static void port_taken(void)
{
	expect_conflict(SOCK_STREAM, vm_cid, vm_cid);
	expect_conflict(SOCK_STREAM, VMADDR_CID_ANY, VMADDR_CID_ANY);
	expect_conflict(SOCK_DGRAM, vm_cid, vm_cid);
	expect_conflict(SOCK_DGRAM, VMADDR_CID_ANY, VMADDR_CID_ANY);
}

static void any_conflicts(void)
{
	expect_conflict(SOCK_STREAM, VMADDR_CID_ANY, vm_cid);
	expect_conflict(SOCK_STREAM, vm_cid, VMADDR_CID_ANY);
	expect_conflict(SOCK_DGRAM, VMADDR_CID_ANY, vm_cid);
	expect_conflict(SOCK_DGRAM, vm_cid, VMADDR_CID_ANY);
}

static void types_apart(void)
{
	expect_is(port_of(stream_bound(5000)), 5000);
	expect_is(port_of(dgram_bound(5000)), 5000);
}

static void control_port(void)
{
	int fd = dgram_socket();

	expect_errno(bind_to(fd, VMADDR_CID_ANY, 1), EADDRINUSE);
	expect_errno(bind_to(fd, vm_cid, 1), EADDRINUSE);
	expect_errno(bind_to(fd, VMADDR_CID_ANY, 0), EADDRINUSE);
	expect_errno(bind_to(fd, vm_cid, 0), EADDRINUSE);
	expect_addr(local_of(fd), VMADDR_CID_ANY, VMADDR_PORT_ANY);
	expect_ok(bind_to(fd, VMADDR_CID_ANY, 2));
	expect_is(port_of(stream_bound(1)), 1);
}

static void expect_high_port(unsigned int port)
{
	expect(port >= 1024 && port != VMADDR_PORT_ANY);
}

static void bind_any(void)
{
	for (int i = 0; i < 100; i++) {
		expect_high_port(port_of(stream_bound(VMADDR_PORT_ANY)));
		expect_high_port(port_of(dgram_bound(VMADDR_PORT_ANY)));
	}
}

/* The port that the rolling counter of stream sockets comes to after @port. */
static unsigned int port_after(unsigned int port)
{
	return port + 1 == VMADDR_PORT_ANY ? 1024 : port + 1;
}

static void ports_exhausted(void)
{
	unsigned int port = port_of(stream_bound(VMADDR_PORT_ANY));
	int taken[24], fd = stream_socket();

	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		port = port_after(port);
		taken[i] = stream_bound(port);
	}
	expect_errno(bind_to(fd, VMADDR_CID_ANY, VMADDR_PORT_ANY), EADDRNOTAVAIL);
	expect_addr(local_of(fd), VMADDR_CID_ANY, VMADDR_PORT_ANY);
	expect_ok(bind_to(fd, VMADDR_CID_ANY, VMADDR_PORT_ANY));
	expect_is(port_of(fd), port_after(port));
}

static void port_reuse(void)
{
	for (int i = 0; i < 200; i++) {
		close(stream_bound(5000));
		close(dgram_bound(5000));
	}
	for (int i = 0; i < 20; i++) {
		int fd = stream_bound(5000), client = stream_bound(5001);

		need_ok(listen(fd, 1));
		need_ok(connect_to(client, vm_cid, 5000));
		close(i % 2 ? fd : client);
		close(i % 2 ? client : fd);
	}
}

static void listen_errors(void)
{
	struct pair pair = make_pair();

	expect_errno(listen(stream_socket(), 1), EINVAL);
	expect_errno(listen(dgram_socket(), 1), EOPNOTSUPP);
	expect_errno(listen(dgram_bound(5000), 1), EOPNOTSUPP);
	expect_errno(listen(pair.client, 1), EINVAL);
	expect_errno(listen(pair.server, 1), EINVAL);
	expect_works(pair.client, pair.server);
	need_ok(shutdown(pair.client, SHUT_WR));
	expect_errno(listen(pair.client, 1), EINVAL);
}

/* Connect until refused; returns how many were admitted. */
static int admitted(unsigned int port, int limit, int *clients)
{
	for (int n = 0; n < limit; n++) {
		clients[n] = stream_socket();
		if (connect_to(clients[n], vm_cid, port) < 0) {
			expect_is(errno, ECONNRESET);
			close(clients[n]);
			return n;
		}
	}
	return limit;
}

static void backlog_of(int backlog)
{
	int fd = listener(backlog), clients[16];
	int n = admitted(port_of(fd), ARRAY_SIZE(clients), clients);

	expect_is(n, backlog + 1);
	close(fd);
	while (n--)
		close(clients[n]);
}

static void backlog_limit(void)
{
	backlog_of(0);
	backlog_of(1);
	backlog_of(7);
}

static void backlog_default(void)
{
	int fd = listener(-1), clients[16];

	expect_is(admitted(port_of(fd), ARRAY_SIZE(clients), clients), ARRAY_SIZE(clients));
}

static void listen_again(void)
{
	int fd = listener(0), clients[16];

	expect_is(admitted(port_of(fd), 16, clients), 1);
	expect_ok(listen(fd, 3));
	expect_is(admitted(port_of(fd), 16, clients), 3);
	expect_ok(listen(fd, 1));
	expect_is(admitted(port_of(fd), 16, clients), 0);
	for (int i = 0; i < 4; i++)
		expect_ok(accept(fd, NULL, NULL));
	expect_is(admitted(port_of(fd), 16, clients), 2);
}

static void backlog_frees(void)
{
	int fd = listener(2), clients[16];

	expect_is(admitted(port_of(fd), 16, clients), 3);
	for (int i = 0; i < 10; i++) {
		expect_ok(accept(fd, NULL, NULL));
		expect_is(admitted(port_of(fd), 16, clients), 1);
	}
}

static void accept_errors(void)
{
	struct pair pair = make_pair();

	expect_errno(accept(stream_socket(), NULL, NULL), EINVAL);
	expect_errno(accept(stream_bound(VMADDR_PORT_ANY), NULL, NULL), EINVAL);
	expect_errno(accept(pair.client, NULL, NULL), EINVAL);
	expect_errno(accept(dgram_socket(), NULL, NULL), EOPNOTSUPP);
	expect_errno(accept(dgram_bound(VMADDR_PORT_ANY), NULL, NULL), EOPNOTSUPP);
}

static void accept_nonblock(void)
{
	int fd = listener(1), client = stream_socket(), child;

	set_blocking(fd, false);
	expect_errno(accept(fd, NULL, NULL), EAGAIN);
	need_ok(connect_to(client, vm_cid, port_of(fd)));
	child = expect_ok(accept(fd, NULL, NULL));
	expect_is(fcntl(child, F_GETFL) & O_NONBLOCK, 0);
	expect_errno(accept(fd, NULL, NULL), EAGAIN);
}

static void accept_timeout(void)
{
	int fd = listener(1);
	long long start;

	set_timeout(fd, SO_RCVTIMEO, 200);
	set_timeout(fd, SO_SNDTIMEO, 20000);
	start = now_ms();
	expect_errno(accept(fd, NULL, NULL), EAGAIN);
	expect(now_ms() - start >= 190);
	expect(now_ms() - start < 5000);
}

static void accept_one(void *arg)
{
	int *fds = arg;

	fds[1] = need_ok(accept(fds[0], NULL, NULL));
}

static void accept_wakes(void)
{
	int fds[2] = { listener(1) }, client = stream_socket();
	struct task task;

	start_task(&task, accept_one, fds);
	wait_in_syscall(&task, SYS_accept);
	need_ok(connect_to(client, vm_cid, port_of(fds[0])));
	join_task(&task);
	expect_works(client, fds[1]);
}

static void on_signal(int sig UNUSED)
{
}

static void accept_interrupted(void *arg)
{
	int fd = *(int *)arg;

	expect_errno(accept(fd, NULL, NULL), EINTR);
}

/* With a timeout a signal ends accept even where the handler asks for a restart. */
static void accept_signal(void)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	int fd = listener(1);
	struct task task;

	sigaction(SIGUSR1, &sa, NULL);
	set_timeout(fd, SO_RCVTIMEO, 20000);
	start_task(&task, accept_interrupted, &fd);
	wait_in_syscall(&task, SYS_accept);
	pthread_kill(task.thread, SIGUSR1);
	join_task(&task);
}

static void accept_order(void)
{
	int fd = listener(64), clients[50];

	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = stream_bound(VMADDR_PORT_ANY);
		need_ok(connect_to(clients[i], vm_cid, port_of(fd)));
	}
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		int child = need_ok(accept(fd, NULL, NULL));

		expect_is(peer_of(child).svm_port, port_of(clients[i]));
	}
}

static void accept_gone_child(void)
{
	int fd = listener(4), silent = stream_socket(), talker = stream_socket(), child;
	char byte;

	need_ok(connect_to(silent, vm_cid, port_of(fd)));
	close(silent);
	need_ok(connect_to(talker, vm_cid, port_of(fd)));
	need_ok(send(talker, "t", 1, 0));
	close(talker);

	child = need_ok(accept(fd, NULL, NULL));
	expect_eof(child);
	expect_errno(send(child, "x", 1, MSG_NOSIGNAL), EPIPE);
	child = need_ok(accept(fd, NULL, NULL));
	expect_is(recv(child, &byte, 1, 0), 1);
	expect_is(byte, 't');
	expect_eof(child);
	expect_errno(send(child, "x", 1, MSG_NOSIGNAL), EPIPE);
}

static void listener_closes(void)
{
	int fd = listener(8), clients[5];

	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = stream_socket();
		need_ok(connect_to(clients[i], vm_cid, port_of(fd)));
	}
	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		wait_for(clients[i], POLLRDHUP);
		expect_eof(clients[i]);
		expect_errno(send(clients[i], "x", 1, MSG_NOSIGNAL), EPIPE);
	}
}

static uint64_t option(int fd, int number)
{
	uint64_t value = 0;
	socklen_t len = sizeof(value);

	need_ok(getsockopt(fd, vm_family, number, &value, &len));
	return value;
}

/* A child of a listener with these settings, for a client that asks for @size. */
static int child_for(uint64_t size)
{
	static const struct { int number; uint64_t value; } set[] = {
		{ SO_VMCI_BUFFER_MAX_SIZE, 16384 }, { SO_VMCI_BUFFER_MIN_SIZE, 256 },
		{ SO_VMCI_BUFFER_SIZE, 8192 },
	};
	struct timeval tv = { .tv_sec = 7 };
	int fd = stream_bound(VMADDR_PORT_ANY), client = stream_socket();

	for (size_t i = 0; i < ARRAY_SIZE(set); i++)
		need_ok(setsockopt(fd, vm_family, set[i].number, &set[i].value,
				   sizeof(set[i].value)));
	need_ok(setsockopt(fd, vm_family, SO_VMCI_CONNECT_TIMEOUT, &tv, sizeof(tv)));
	need_ok(listen(fd, 1));
	set_size(client, size);
	need_ok(connect_to(client, vm_cid, port_of(fd)));
	return need_ok(accept(fd, NULL, NULL));
}

static void child_inherits(void)
{
	int child = child_for(100000);
	struct timeval tv;
	socklen_t len = sizeof(tv);

	expect_is(option(child, SO_VMCI_BUFFER_MAX_SIZE), 16384);
	expect_is(option(child, SO_VMCI_BUFFER_MIN_SIZE), 256);
	expect_is(option(child, SO_VMCI_BUFFER_SIZE), 8192);
	expect_ok(getsockopt(child, vm_family, SO_VMCI_CONNECT_TIMEOUT, &tv, &len));
	expect(tv.tv_sec == 7 && tv.tv_usec == 0);
	expect_is(fill_queue(child, 1), 8191);
	expect_is(option(child_for(4096), SO_VMCI_BUFFER_SIZE), 4096);
}

static const struct vmtest rows[] = {
	{ "12.D-42", "unknown types and protocols are refused", socket_types },
	{ "12.D-43", "socketpair gives EOPNOTSUPP", no_socketpair },
	{ "12.D-44", "ports to 1023 need CAP_NET_BIND_SERVICE", privileged_ports },
	{ "12.D-44", "that one and no other", the_capability },
	{ "12.D-45", "port 1024 needs no capability", unprivileged_ports },
	{ "12.D-46", "bind to a foreign CID gives EADDRNOTAVAIL", foreign_cid },
	{ "12.D-47", "bind to the own CID and to any", own_cid },
	{ "12.D-48", "a second bind gives EINVAL", bind_twice },
	{ "12.D-49", "the same port and CID give EADDRINUSE", port_taken },
	{ "12.D-50", "any and own CID conflict in both orders", any_conflicts },
	{ "12.D-51", "stream and datagram ports are apart", types_apart },
	{ "12.D-52", "datagram ports 0 and 1 are taken", control_port },
	{ "12.D-53", "bind to any port yields 1024 or more", bind_any },
	{ "12.D-54", "24 taken candidates give EADDRNOTAVAIL", ports_exhausted },
	{ "12.D-55", "a port is free at once after close", port_reuse },
	{ "12.D-56", "listen refuses unbound, datagram and connected sockets", listen_errors },
	{ "12.D-57", "listen again changes the backlog", listen_again },
	{ "12.D-58", "accept refuses what does not listen", accept_errors },
	{ "12.D-59", "accept without waiting gives EAGAIN", accept_nonblock },
	{ "12.D-60", "accept honours SO_RCVTIMEO", accept_timeout },
	{ "12.D-61", "backlog N admits N+1", backlog_limit },
	{ "4.3", "a negative backlog is the system's maximum", backlog_default },
	{ "12.D-62", "accepting one admits one more", backlog_frees },
	{ "4.4", "a connection wakes accept", accept_wakes },
	{ "4.4", "a signal interrupts accept", accept_signal },
	{ "12.D-63", "children are accepted in order", accept_order },
	{ "12.D-64", "a child that has gone is accepted, read, and ends", accept_gone_child },
	{ "12.D-65", "closing a listener ends unaccepted connections", listener_closes },
	{ "12.D-66", "the accepted socket inherits sizes and timeout", child_inherits },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
