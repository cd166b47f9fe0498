// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench-host - how fast a guest and its host talk
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * bench-host TRANSPORT RUN TCP-PORT: the host's end is tests/interop/peer. Prints one JSON object
 * a line. Without a TCP port (0) the host's end is a kernel, and what is counted are interrupts of
 * this guest and how often this process slept.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <vmci/vmci_sockets.h>

#include "../interop/interop.h"

#define HOST		2u
#define PORT_CONTROL	4000	/* the device's command socket */
#define TCP_HOST	"10.0.2.2"	/* QEMU's user-mode network */
#define SERIAL		"/dev/virtio-ports/bench"
#define AF_KERNEL	40
#define SECONDS		1.0
#define ORDER_BYTES	(4u << 20)
#define PIECE		65536u
#define SAMPLES_MAX	5000

enum kind { STREAM_VMCI, STREAM_TCP, STREAM_SERIAL };

static const struct transport {
	const char *name;
	enum kind kind;
	int family;		/* 0: what vmci_sockets.h says */
} transports[] = {
	{ "vmsock", STREAM_VMCI, 0 },
	{ "vmw_vmci", STREAM_VMCI, AF_KERNEL },
	{ "virtio_vsock", STREAM_VMCI, AF_KERNEL },
	{ "tcp", STREAM_TCP, AF_INET },
	{ "serial", STREAM_SERIAL, 0 },
};

static const struct transport *transport;
static unsigned int tcp_port;
static char buffer[PIECE];
static double samples[SAMPLES_MAX];

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static int connect_vmci(unsigned int port)
{
	int family = transport->family ? transport->family : VMCISock_GetAFValue();
	struct sockaddr_vm address = {
		.svm_family = family,
		.svm_cid = HOST,
		.svm_port = port,
	};
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err(EXIT_FAILURE, "%s: port %u", transport->name, port);
	return fd;
}

static int connect_tcp(unsigned int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(tcp_port + (port == PORT_CLOSES_SECOND)),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, TCP_HOST, &address.sin_addr);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err(EXIT_FAILURE, "%s: port %u", transport->name, ntohs(address.sin_port));
	return fd;
}

static int connected(unsigned int port)
{
	int fd;

	switch (transport->kind) {
	case STREAM_TCP:
		return connect_tcp(port);
	case STREAM_VMCI:
		return connect_vmci(port);
	default:
		fd = open(SERIAL, O_RDWR);
		if (fd < 0)
			err(EXIT_FAILURE, SERIAL);
		return fd;
	}
}

static void write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n = write(fd, at, size);

		if (n <= 0)
			err(EXIT_FAILURE, "%s: write", transport->name);
		at += n;
		size -= n;
	}
}

static size_t read_some(int fd, size_t size)
{
	ssize_t n = read(fd, buffer, size);

	if (n <= 0)
		err(EXIT_FAILURE, "%s: read", transport->name);
	return n;
}

static void give_order(int fd, enum role role, uint64_t bytes)
{
	struct order order = { .role = role, .bytes = bytes };

	write_all(fd, &order, sizeof(order));
}

/* --- what is counted ---------------------------------------------------------------------- */

/* By the device; or, with a kernel as the host, by this guest */
struct counts {
	double packets;		/* datagrams in both directions; times that this process slept */
	double interrupts;
};

/* Of devices: the sum of all processors, of all lines whose device is one of these */
static double interrupts(void)
{
	FILE *file = fopen("/proc/interrupts", "re");
	char line[1024];
	double sum = 0;

	while (file && fgets(line, sizeof(line), file)) {
		char *at = strchr(line, ':'), *end;

		if (!at || (!strstr(at, "vmci") && !strstr(at, "virtio")))
			continue;
		for (at++; ; at = end) {
			unsigned long number = strtoul(at, &end, 10);

			if (end == at)
				break;
			sum += number;
		}
	}
	if (file)
		fclose(file);
	return sum;
}

static struct counts own_counts(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (struct counts){ usage.ru_nvcsw, interrupts() };
}

static double count_in(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	if (!at)
		errx(EXIT_FAILURE, "the device does not count %s", name);
	return strtod(at + strlen(name), NULL);
}

static struct counts device_counts(void)
{
	static const char command[] = "stats\n";
	char text[512];
	int fd = connected(PORT_CONTROL);
	ssize_t n;

	write_all(fd, command, sizeof(command) - 1);
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		err(EXIT_FAILURE, "the device's counts");
	text[n] = '\0';
	close(fd);
	return (struct counts) {
		.packets = count_in(text, "to-host=") + count_in(text, "to-guest="),
		.interrupts = count_in(text, "interrupts="),
	};
}

static struct counts counted(void)
{
	return tcp_port ? device_counts() : own_counts();
}

static struct counts difference(struct counts a, struct counts b)
{
	return (struct counts){ a.packets - b.packets, a.interrupts - b.interrupts };
}

/* --- measurements; each tells how many units it has seen: MiB, round trips, connections --- */

static double units;

static double throughput(enum role role)
{
	double start = now(), bytes = 0;
	int fd = connected(PORT_MEASURES);

	do {
		give_order(fd, role, ORDER_BYTES);
		if (role == ROLE_TAKE) {
			for (unsigned int i = 0; i < ORDER_BYTES / PIECE; i++)
				write_all(fd, buffer, PIECE);
			read_some(fd, 1);
		} else {
			for (size_t left = ORDER_BYTES; left;)
				left -= read_some(fd, left < PIECE ? left : PIECE);
		}
		bytes += ORDER_BYTES;
	} while (now() - start < SECONDS);
	close(fd);
	units = bytes / (1 << 20);
	return units / (now() - start);
}

static double to_host(void)
{
	return throughput(ROLE_TAKE);
}

static double from_host(void)
{
	return throughput(ROLE_GIVE);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median, in microseconds */
static double round_trip(void)
{
	double end = now() + SECONDS, stop = 0;
	int fd = connected(PORT_MEASURES);
	unsigned int n;

	give_order(fd, ROLE_REFLECT, SAMPLES_MAX);
	for (n = 0; n < SAMPLES_MAX && (stop < end || transport->kind == STREAM_SERIAL); n++) {
		double start = now();

		write_all(fd, buffer, 1);
		read_some(fd, 1);
		stop = now();
		samples[n] = (stop - start) * 1e6;
	}
	close(fd);
	units = n;
	qsort(samples, n, sizeof(samples[0]), compare);
	return samples[n / 2];
}

static double connections(void)
{
	double start = now();
	unsigned int n = 0;

	do {
		close(connected(PORT_CLOSES_SECOND));
		n++;
	} while (now() - start < SECONDS);
	units = n;
	return n / (now() - start);
}

static const struct {
	const char *name, *unit;
	double (*measure)(void);
	bool serial;		/* also through a serial port */
} measurements[] = {
	{ "stream to the host", "MiB/s", to_host, true },
	{ "stream from the host", "MiB/s", from_host, true },
	{ "round trip median", "us", round_trip, true },
	{ "connections", "1/s", connections, false },
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Counting is a connection, too: what it costs is what two in a row count */
static struct counts cost_of_counting(void)
{
	struct counts first = counted();

	return difference(counted(), first);
}

static void measure(size_t which, int run)
{
	bool counting = transport->kind == STREAM_VMCI;
	struct counts cost = { 0, 0 }, before = cost, seen = cost;
	double value;

	if (counting) {
		cost = cost_of_counting();
		before = counted();
	}
	value = measurements[which].measure();
	if (counting)
		seen = difference(difference(counted(), before), cost);
	printf("{\"measurement\":\"%s\",\"unit\":\"%s\",\"transport\":\"%s\",\"run\":%d,"
	       "\"value\":%.2f,\"%s\":%.3f,\"interrupts\":%.3f}\n",
	       measurements[which].name, measurements[which].unit, transport->name, run, value,
	       tcp_port ? "packets" : "switches", seen.packets / units, seen.interrupts / units);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(EXIT_FAILURE, "usage: bench-host TRANSPORT RUN TCP-PORT");
	for (size_t i = 0; i < COUNT(transports); i++)
		if (!strcmp(transports[i].name, argv[1]))
			transport = &transports[i];
	if (!transport)
		errx(EXIT_FAILURE, "%s: no transport", argv[1]);
	tcp_port = atoi(argv[3]);
	for (size_t i = 0; i < COUNT(measurements); i++)
		if (transport->kind != STREAM_SERIAL || measurements[i].serial)
			measure(i, atoi(argv[2]));
	return 0;
}
