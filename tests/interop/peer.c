// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peer - the host's part of tests that run in a guest
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * peer PATH [TCP-PORT SERIAL]: listens on PATH_PORT for the guest's connections to PORT of
 * context 2, connects to the guest through PATH, and does what interop.h says until it is killed.
 * For comparison, it measures over TCP on the loopback interface and through a serial port's UNIX
 * socket, too.
 *
 * peer --vsock FAMILY: the same with VMCI sockets of this host, for all of its guests; with 0 of
 * the family that vmci_sockets.h finds. What belongs to a guest is in a folder that its context
 * gives the name.
 */
#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vmci_sockets.h>

#include "interop.h"

#define PIECE	65521u
/* A machine with much to do may take longer than the usual time-out */
#define PATIENCE_S	60
#define SILENCE_S	2
/* Guests whose context IDs are neighbours */
#define GUESTS_MAX	64

static const char *base;	/* NULL with VMCI sockets */
static int family;
static unsigned int guest;	/* who is served; 0 without VMCI sockets */

static struct sockaddr_vm vm_address(unsigned int cid, unsigned int port)
{
	return (struct sockaddr_vm){ .svm_family = family, .svm_cid = cid, .svm_port = port };
}

/* A socket of that type, bound to a port of context 2 */
static int vm_socket(int type, unsigned int port)
{
	struct sockaddr_vm address = vm_address(VMADDR_CID_ANY, port);
	int fd = socket(family, type, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		err(EXIT_FAILURE, "port %u of VMCI", port);
	return fd;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		errx(EXIT_FAILURE, "%s: too long for a socket", path);
	strcpy(address.sun_path, path);
	return address;
}

static int listen_on_loopback(unsigned int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 1024))
		err(EXIT_FAILURE, "port %u of the loopback interface", port);
	return fd;
}

static int listen_on_vsock(unsigned int port)
{
	int fd = vm_socket(SOCK_STREAM, port);

	if (listen(fd, 1024))
		err(EXIT_FAILURE, "port %u of VMCI", port);
	return fd;
}

static int listen_on_path(unsigned int port)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(path, sizeof(path), "%s_%u", base, port);
	address = address_of(path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 1024))
		err(EXIT_FAILURE, "%s", path);
	return fd;
}

static int listen_for(unsigned int port)
{
	return base ? listen_on_path(port) : listen_on_vsock(port);
}

static bool send_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n = send(fd, at, size, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		at += n;
		size -= n;
	}
	return true;
}

static bool receive_all(int fd, void *data, size_t size)
{
	char *at = data;

	while (size) {
		ssize_t n = recv(fd, at, size, 0);

		if (n <= 0)
			return false;
		at += n;
		size -= n;
	}
	return true;
}

static bool tell(int fd, bool good)
{
	return send_all(fd, good ? (char[]){ VERDICT_GOOD } : (char[]){ VERDICT_BAD }, 1);
}

static bool echo(int fd)
{
	char buffer[PIECE];
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		if (!send_all(fd, buffer, n))
			return false;
	return n == 0 && !shutdown(fd, SHUT_WR);
}

static bool sink(int fd, uint64_t bytes)
{
	char buffer[PIECE];
	uint64_t at = 0;
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
		if (!good_bytes(buffer, at, n)) {
			warnx("wrong bytes behind %llu", (unsigned long long)at);
			return false;
		}
		at += n;
	}
	if (n < 0 || at != bytes)
		warn("%llu of %llu bytes", (unsigned long long)at, (unsigned long long)bytes);
	return n == 0 && at == bytes;
}

static bool source(int fd, uint64_t bytes)
{
	size_t n;

	for (uint64_t at = 0; at < bytes; at += n) {
		n = bytes - at < PIECE ? bytes - at : PIECE;
		if (!send_all(fd, bytes_at(at), n))
			return false;
	}
	return !shutdown(fd, SHUT_WR);
}

static bool both(int fd, uint64_t bytes)
{
	pid_t pid = fork();

	if (pid < 0)
		err(EXIT_FAILURE, "fork");
	if (pid == 0)
		_exit(source(fd, bytes) ? EXIT_SUCCESS : EXIT_FAILURE);
	return sink(fd, bytes);
}

static bool wait_for_end(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) == 0;
}

/* Plays a role on a connection; true if all went as it should */
static bool play(int fd, const struct order *order)
{
	bool good;

	switch (order->role) {
	case ROLE_ECHO:
		return echo(fd);
	case ROLE_SINK:
		good = sink(fd, order->bytes);
		return tell(fd, good) && good;
	case ROLE_SOURCE:
		return source(fd, order->bytes) && wait_for_end(fd);
	case ROLE_BOTH:
		return both(fd, order->bytes);
	case ROLE_ABORT:
		return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1) == 1;
	default:
		warnx("role %u", order->role);
		return false;
	}
}

/* As dial(), for so long; errno says why not */
static int dial_vsock(unsigned int port, unsigned int seconds)
{
	struct sockaddr_vm address = vm_address(guest, port);
	struct timeval patience = { .tv_sec = seconds };
	int fd = socket(family, SOCK_STREAM, 0), number;

	if (fd < 0 || setsockopt(fd, family, SO_VMCI_CONNECT_TIMEOUT, &patience,
				 sizeof(patience)))
		err(EXIT_FAILURE, "socket");
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	number = errno;
	close(fd);
	errno = number;
	return -1;
}

static int dial_path(unsigned int port)
{
	struct sockaddr_un address = address_of(base);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char line[32];
	size_t n = 0;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err(EXIT_FAILURE, "%s", base);
	snprintf(line, sizeof(line), "CONNECT %u\n", port);
	if (!send_all(fd, line, strlen(line)))
		goto refused;
	do {
		if (n == sizeof(line) - 1 || recv(fd, line + n, 1, 0) != 1)
			goto refused;
	} while (line[n++] != '\n');
	if (!strncmp(line, "OK ", 3))
		return fd;
refused:
	close(fd);
	return -1;
}

/* A connection to a port of the guest, -1 if there is none */
static int dial(unsigned int port)
{
	return base ? dial_path(port) : dial_vsock(port, PATIENCE_S);
}

/*
 * From now on the guest gets nothing.  What a connection to it ends with is for the log, since it
 * could not be told.
 */
static void fall_silent(unsigned int port)
{
	static const char command[] = "fault in:drop@1+\n";
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char path[32], answer[16];

	snprintf(path, sizeof(path), "%u/control", guest);
	address = address_of(path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    !send_all(fd, command, sizeof(command) - 1) ||
	    recv(fd, answer, sizeof(answer), 0) < 2 || memcmp(answer, "ok", 2))
		err(EXIT_FAILURE, "%s", path);
	if (dial_vsock(port, SILENCE_S) < 0)
		warn("guest %u, which gets nothing", guest);
	else
		warnx("guest %u, which gets nothing: connected", guest);
}

static void do_order(int fd)
{
	struct order order;
	int other;

	if (!receive_all(fd, &order, sizeof(order)))
		return;
	if (order.role == ROLE_SILENCE) {
		fall_silent(order.port);
		return;
	}
	if (!order.port) {
		play(fd, &order);
		return;
	}
	other = dial(order.port);
	tell(fd, other >= 0);
	if (other < 0)
		return;
	tell(fd, play(other, &order));
	close(other);
}

/* Counted roles, one after the other, until the connection ends */
static void measure(int fd)
{
	static char buffer[PIECE];
	struct order order;

	while (receive_all(fd, &order, sizeof(order))) {
		for (uint64_t at = 0; at < order.bytes;) {
			size_t n = order.bytes - at < PIECE ? order.bytes - at : PIECE;
			ssize_t got = n;

			if (order.role != ROLE_GIVE && (got = recv(fd, buffer, n, 0)) <= 0)
				return;
			if (order.role != ROLE_TAKE && !send_all(fd, buffer, got))
				return;
			at += got;
		}
		if (order.role == ROLE_TAKE)
			tell(fd, true);
	}
}

/* The serial port's other end; QEMU listens, perhaps later */
static void measure_serial(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	while (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		usleep(100000);
	measure(fd);
}

/* A datagram goes back as it came: the head says who has sent it, and then who is to get it */
static void return_path_datagrams(void)
{
	static char datagram[8 + DATAGRAM_MAX];
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	ssize_t n;

	snprintf(path, sizeof(path), "%s_%u.dgram", base, PORT_DATAGRAMS);
	address = address_of(path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		err(EXIT_FAILURE, "%s", path);
	snprintf(path, sizeof(path), "%s.dgram", base);
	address = address_of(path);
	while ((n = recv(fd, datagram, sizeof(datagram), 0)) >= 0)
		if (sendto(fd, datagram, n, 0, (struct sockaddr *)&address, sizeof(address)) != n)
			warn("%s", path);
	err(EXIT_FAILURE, "recv");
}

static void return_vsock_datagrams(void)
{
	static char datagram[DATAGRAM_MAX];
	struct sockaddr_vm from = { 0 };
	socklen_t size = sizeof(from);
	int fd = vm_socket(SOCK_DGRAM, PORT_DATAGRAMS);
	ssize_t n;

	while ((n = recvfrom(fd, datagram, sizeof(datagram), 0, (struct sockaddr *)&from,
			     &size)) >= 0)
		if (sendto(fd, datagram, n, 0, (struct sockaddr *)&from, size) != n)
			warn("datagram of %zd bytes to %u:%u", n, from.svm_cid, from.svm_port);
	err(EXIT_FAILURE, "recvfrom");
}

static void return_datagrams(void)
{
	if (base)
		return_path_datagrams();
	return_vsock_datagrams();
}

/* QEMU has written its number there */
static void kill_guest(void)
{
	char path[32] = "qemu.pid";
	int pid = 0;
	FILE *file;

	if (guest)
		snprintf(path, sizeof(path), "%u/qemu.pid", guest);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%d", &pid) != 1 || pid <= 1 || kill(pid, SIGKILL))
		warn("%s", path);
}

static unsigned int counted[GUESTS_MAX];

/* Who is at the other end */
static void find_guest(int fd)
{
	struct sockaddr_vm address = { 0 };
	socklen_t size = sizeof(address);

	if (!base && !getpeername(fd, (struct sockaddr *)&address, &size))
		guest = address.svm_cid;
}

static void serve(unsigned int port, int fd)
{
	switch (port) {
	case PORT_ORDERS:
		do_order(fd);
		break;
	case PORT_CLOSES_SECOND:
		wait_for_end(fd);
		break;
	case PORT_MEASURES:
		measure(fd);
		break;
	case PORT_COUNTS:
		receive_all(fd, &(char){ 0 }, 1);
		send_all(fd, (char[]){ counted[guest % GUESTS_MAX] }, 1);
		wait_for_end(fd);
		break;
	case PORT_SPEAKS:
		send_all(fd, (char[]){ VERDICT_GOOD }, 1);
		wait_for_end(fd);
		break;
	case PORT_KILLS:
		kill_guest();
		break;
	}
}

static void accept_one(unsigned int port, int listener)
{
	int fd = accept(listener, NULL, NULL);
	pid_t pid;

	if (fd < 0)
		err(EXIT_FAILURE, "accept");
	find_guest(fd);
	counted[guest % GUESTS_MAX] += port == PORT_COUNTS;
	pid = port == PORT_CLOSES_FIRST ? 1 : fork();
	if (pid < 0)
		err(EXIT_FAILURE, "fork");
	if (pid == 0) {
		close(listener);
		serve(port, fd);
		_exit(EXIT_SUCCESS);
	}
	close(fd);
}

#define SERVICES_MAX 9

struct service {
	unsigned int port;
	int fd;
};

static void serve_all(const struct service *services, unsigned int count)
{
	struct pollfd fds[SERVICES_MAX];

	for (unsigned int i = 0; i < count; i++)
		fds[i] = (struct pollfd){ .fd = services[i].fd, .events = POLLIN };
	while (poll(fds, count, -1) > 0)
		for (unsigned int i = 0; i < count; i++)
			if (fds[i].revents)
				accept_one(services[i].port, fds[i].fd);
	err(EXIT_FAILURE, "poll");
}

int main(int argc, char **argv)
{
	static const unsigned int ports[] = {
		PORT_ORDERS, PORT_CLOSES_FIRST, PORT_CLOSES_SECOND,
		PORT_MEASURES, PORT_COUNTS, PORT_KILLS, PORT_SPEAKS,
	};
	struct service services[SERVICES_MAX];
	unsigned int count = 0;

	if (argc < 2 || argc > 4)
		errx(EXIT_FAILURE, "usage: peer PATH [TCP-PORT SERIAL] | --vsock FAMILY");
	if (argc == 3)
		family = atoi(argv[2]) ?: VMCISock_GetAFValue();
	else
		base = argv[1];
	make_interop_bytes();
	signal(SIGCHLD, SIG_IGN);
	for (unsigned int i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		services[count++] = (struct service){ ports[i], listen_for(ports[i]) };
	if (fork() == 0)
		return_datagrams();
	if (argc == 4) {
		int port = atoi(argv[2]);

		services[count++] = (struct service){ PORT_MEASURES, listen_on_loopback(port) };
		services[count++] = (struct service){ PORT_CLOSES_SECOND,
						      listen_on_loopback(port + 1) };
		if (fork() == 0) {
			measure_serial(argv[3]);
			_exit(EXIT_SUCCESS);
		}
	}
	serve_all(services, count);
}
