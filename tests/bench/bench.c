// SPDX-License-Identifier: GPL-2.0-or-later
/* bench.c - streams, connections and datagrams within one kernel, one transport beside another
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Every measurement has a server, which is a process of its own, and a client. What is
 * measured is printed as one JSON object a line: the transport, the measurement, the run, the
 * value, and what it cost in context switches and (our transport) control packets. A
 * transport that is not there, or that cannot do something, is left out.
 *
 * vm-cflags: -Wno-unused-parameter
 *
 * Usage: bench [-r RUNS] [-s SECONDS] [-t TRANSPORT] [MEASUREMENT-PREFIX]
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vmci/ioctl.h>
#include <vmci_sockets.h>

#define KERNEL_VSOCK	40
#define LOOPBACK_CID	1
#define HOST_CID	2
#define PORT		7000
#define SAMPLES_MAX	1000000
#define BACKLOG		128
#define CONNECTIONS	1000	/* held open to see what memory one takes */

static double seconds = 1;
static int runs = 3;

/* --- transports --------------------------------------------------------------------------- */

struct address {
	struct sockaddr_storage storage;
	socklen_t len;
};

struct transport {
	const char *name;
	void (*address)(struct address *a, unsigned int port);
	int family;
	bool stream, datagram;
};

static int own_family;

static void unix_address(struct address *a, unsigned int port)
{
	struct sockaddr_un *un = (void *)&a->storage;

	un->sun_family = AF_UNIX;
	a->len = offsetof(struct sockaddr_un, sun_path) + 1 +
		 sprintf(un->sun_path + 1, "vmsock-bench-%u", port);
}

static void tcp_address(struct address *a, unsigned int port)
{
	struct sockaddr_in *in = (void *)&a->storage;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in->sin_port = htons(port);
	a->len = sizeof(*in);
}

static void vm_address(struct address *a, int family, unsigned int cid, unsigned int port)
{
	struct sockaddr_vm *vm = (void *)&a->storage;

	vm->svm_family = family;
	vm->svm_cid = cid;
	vm->svm_port = port;
	a->len = sizeof(*vm);
}

static void loopback_address(struct address *a, unsigned int port)
{
	vm_address(a, KERNEL_VSOCK, LOOPBACK_CID, port);
}

static void intree_address(struct address *a, unsigned int port)
{
	vm_address(a, KERNEL_VSOCK, HOST_CID, port);
}

static void vmsock_address(struct address *a, unsigned int port)
{
	vm_address(a, own_family, HOST_CID, port);
}

/* The kernel's own stack has no context 2 until a virtual machine has begun */
static void begin_virtual_machine(void)
{
	struct vmci_init_block block = { .cid = 1000 };
	int fd = open("/dev/vmci", O_RDWR | O_CLOEXEC), version = VMCI_VERSION_CURRENT;

	if (fd >= 0 && (ioctl(fd, IOCTL_VMCI_VERSION2, &version) < 0 ||
			ioctl(fd, IOCTL_VMCI_INIT_CONTEXT, &block) < 0))
		perror("bench: /dev/vmci");
}

static struct transport transports[] = {
	{ "unix", unix_address, AF_UNIX, true, true },
	{ "tcp", tcp_address, AF_INET, true, false },
	{ "vsock_loopback", loopback_address, KERNEL_VSOCK, true, false },
	{ "vmw_vmci", intree_address, KERNEL_VSOCK, false, true },
	{ "vmsock", vmsock_address, 0, true, true },
};

/* --- what both processes share ------------------------------------------------------------ */

struct shared {
	volatile bool ready, stop;
	volatile uint64_t bytes, datagrams, first_ns, last_ns, switches;
	double samples[SAMPLES_MAX];
};

static struct shared *shared;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	_exit(EXIT_FAILURE);
}

static uint64_t own_switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

/* Control packets of our transport since it was loaded */
static uint64_t control_packets(void)
{
	FILE *f = fopen("/sys/kernel/debug/vmsock/packets", "re");
	unsigned long long sent, total = 0;

	while (f && fscanf(f, "%*s sent %llu received %*u", &sent) == 1)
		total += sent;
	if (f)
		fclose(f);
	return total;
}

/* --- sockets ------------------------------------------------------------------------------ */

struct measurement;

struct job {
	const struct transport *transport;
	const struct measurement *measurement;
	unsigned int port;
};

struct measurement {
	const char *name, *unit;
	int type;
	size_t size;
	void (*server)(const struct job *job, int fd);
	double (*client)(const struct job *job);
};

static int new_socket(const struct job *job, int type)
{
	int fd = socket(job->transport->family, type | SOCK_CLOEXEC, 0), one = 1;

	must(fd >= 0, "socket");
	if (job->transport->family == AF_INET)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void bind_socket(const struct job *job, int fd, unsigned int port)
{
	struct address a = { };
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	job->transport->address(&a, port);
	must(bind(fd, (struct sockaddr *)&a.storage, a.len) == 0, "bind");
}

static int listening(const struct job *job)
{
	int fd = new_socket(job, job->measurement->type);

	bind_socket(job, fd, job->port);
	if (job->measurement->type == SOCK_STREAM)
		must(listen(fd, BACKLOG) == 0, "listen");
	return fd;
}

/* A backlog that is full for the moment shows in as many ways as there are families. */
static int try_connected(const struct job *job)
{
	int fd = new_socket(job, job->measurement->type);
	struct address a = { };

	job->transport->address(&a, job->port);
	if (connect(fd, (struct sockaddr *)&a.storage, a.len) == 0)
		return fd;
	close(fd);
	return -1;
}

static int connected(const struct job *job)
{
	int fd;

	for (int i = 0; i < 1000; i++) {
		fd = try_connected(job);
		if (fd >= 0)
			return fd;
		usleep(1000);
	}
	must(false, "connect");
	return -1;
}

static int accepted(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	must(fd >= 0, "accept");
	return fd;
}

static char buffer[1 << 20];

static void send_all(int fd, size_t len)
{
	while (len) {
		ssize_t n = send(fd, buffer, len, MSG_NOSIGNAL);

		must(n > 0, "send");
		len -= n;
	}
}

static void recv_all(int fd, size_t len)
{
	while (len) {
		ssize_t n = recv(fd, buffer, len, 0);

		must(n > 0, "recv");
		len -= n;
	}
}

/* --- throughput of a stream --------------------------------------------------------------- */

static void sink(const struct job *job, int listener)
{
	int fd = accepted(listener);
	ssize_t n;

	while ((n = recv(fd, buffer, job->measurement->size, 0)) > 0) {
		if (!shared->bytes)
			shared->first_ns = now_ns();
		shared->bytes += n;
	}
	must(n == 0, "recv");
	shared->last_ns = now_ns();
	send_all(fd, 1);
	close(fd);
}

static double throughput(const struct job *job)
{
	int fd = connected(job);
	uint64_t end = now_ns() + seconds * 1e9;

	while (now_ns() < end)
		for (int i = 0; i < 16; i++)
			send_all(fd, job->measurement->size);
	shutdown(fd, SHUT_WR);
	recv_all(fd, 1);
	close(fd);
	return shared->bytes / 1048576.0 / ((shared->last_ns - shared->first_ns) / 1e9);
}

/* --- round trips -------------------------------------------------------------------------- */

static void reflect_stream(const struct job *job, int listener)
{
	int fd = accepted(listener);
	ssize_t n;

	while ((n = recv(fd, buffer, job->measurement->size, 0)) > 0)
		send_all(fd, n);
	close(fd);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static unsigned int sample_round_trips(const struct job *job, int fd)
{
	uint64_t end = now_ns() + seconds * 1e9, start, stop = 0;
	unsigned int n;

	for (n = 0; n < SAMPLES_MAX && stop < end; n++) {
		start = now_ns();
		send_all(fd, job->measurement->size);
		recv_all(fd, job->measurement->size);
		stop = now_ns();
		shared->samples[n] = (stop - start) / 1e3;
	}
	qsort(shared->samples, n, sizeof(shared->samples[0]), compare);
	shared->bytes = n;	/* round trips */
	return n;
}

static double round_trip_at(const struct job *job, double quantile)
{
	int fd = connected(job);
	unsigned int n = sample_round_trips(job, fd);

	close(fd);
	return shared->samples[(unsigned int)(n * quantile)];
}

static double round_trip_median(const struct job *job)
{
	return round_trip_at(job, 0.5);
}

static double round_trip_p99(const struct job *job)
{
	return round_trip_at(job, 0.99);
}

/* --- connections -------------------------------------------------------------------------- */

static void close_first(const struct job *job, int listener)
{
	for (;;)
		close(accepted(listener));
}

static void close_second(const struct job *job, int listener)
{
	for (;;) {
		int fd = accepted(listener);

		must(recv(fd, buffer, 1, 0) == 0, "recv");
		close(fd);
	}
}

static double connections(const struct job *job, bool server_first)
{
	uint64_t start = now_ns(), end = start + seconds * 1e9;

	while (now_ns() < end) {
		int fd = try_connected(job);

		if (fd < 0)
			continue;
		if (server_first)
			must(recv(fd, buffer, 1, 0) == 0, "recv");
		close(fd);
		shared->bytes++;
	}
	return shared->bytes / ((now_ns() - start) / 1e9);
}

static double connections_server_first(const struct job *job)
{
	return connections(job, true);
}

static double connections_client_first(const struct job *job)
{
	return connections(job, false);
}

/* --- datagrams ---------------------------------------------------------------------------- */

static void reflect_datagrams(const struct job *job, int fd)
{
	struct sockaddr_storage from;

	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, buffer, sizeof(buffer), 0, (void *)&from, &len);

		must(n >= 0, "recvfrom");
		must(sendto(fd, buffer, n, 0, (void *)&from, len) == n, "sendto");
	}
}

static int datagram_client(const struct job *job)
{
	struct timeval patience = { .tv_sec = 5 };
	struct address a = { };
	int fd = new_socket(job, SOCK_DGRAM);

	bind_socket(job, fd, job->port + 1);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	job->transport->address(&a, job->port);
	must(connect(fd, (struct sockaddr *)&a.storage, a.len) == 0, "connect");
	return fd;
}

static double datagram_round_trips(const struct job *job)
{
	int fd = datagram_client(job);
	unsigned int n = sample_round_trips(job, fd);

	close(fd);
	return n / seconds;
}

static void count_datagrams(const struct job *job, int fd)
{
	for (;;) {
		must(recv(fd, buffer, sizeof(buffer), 0) >= 0, "recv");
		shared->bytes++;
		shared->last_ns = now_ns();
	}
}

/* Those that arrive; what a full queue drops is the sender's loss. */
static double datagrams_one_way(const struct job *job)
{
	int fd = datagram_client(job);
	uint64_t start = now_ns(), end = start + seconds * 1e9, seen;

	while (now_ns() < end)
		for (int i = 0; i < 16; i++)
			send(fd, buffer, job->measurement->size, MSG_NOSIGNAL);
	do {
		seen = shared->bytes;
		usleep(100000);
	} while (seen != shared->bytes);
	close(fd);
	must(seen > 0, "no datagram arrived");
	return seen / ((shared->last_ns - start) / 1e9);
}

/* --- memory ------------------------------------------------------------------------------- */

static void hold(const struct job *job, int listener)
{
	for (;;) {
		int fd = accepted(listener);

		recv_all(fd, job->measurement->size);
		send_all(fd, job->measurement->size);
		shared->bytes++;
	}
}

/* A line of /proc/meminfo */
static double meminfo(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			sscanf(line + strlen(name), ": %llu", &kib);
	if (f)
		fclose(f);
	return kib;
}

/* Objects in use, without those that a cache keeps for later */
static double slab_kib(void)
{
	FILE *f = fopen("/proc/slabinfo", "re");
	unsigned long long objects, size;
	double bytes = 0;
	char line[256];

	must(f != NULL, "/proc/slabinfo");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %llu %*u %llu", &objects, &size) == 2)
			bytes += (double)objects * size;
	fclose(f);
	return bytes / 1024;
}

/* Free pages that processors keep for themselves, which MemFree leaves out */
static double kept_kib(void)
{
	FILE *f = fopen("/proc/zoneinfo", "re");
	unsigned long pages, sum = 0;
	char line[256];

	must(f != NULL, "/proc/zoneinfo");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " count: %lu", &pages) == 1)
			sum += pages;
	fclose(f);
	return sum * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Kernel memory in use: objects, and pages that belong to no cache */
static double used_kib(void)
{
	return slab_kib() - meminfo("MemFree") - meminfo("Slab") - kept_kib();
}

/* Both ends, and the two file descriptors; @size bytes went each way and were read. */
static double memory(const struct job *job)
{
	int fds[CONNECTIONS];
	double before, after;

	fds[0] = connected(job);	/* what comes once is there by now */
	send_all(fds[0], job->measurement->size);
	recv_all(fds[0], job->measurement->size);
	sleep(1);
	before = used_kib();
	for (int i = 1; i < CONNECTIONS; i++) {
		fds[i] = connected(job);
		send_all(fds[i], job->measurement->size);
		recv_all(fds[i], job->measurement->size);
	}
	sleep(1);
	after = used_kib();
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	return (after - before) / (CONNECTIONS - 1);
}

/* --- running ------------------------------------------------------------------------------ */

static const struct measurement measurements[] = {
	{ "stream 64 B", "MiB/s", SOCK_STREAM, 64, sink, throughput },
	{ "stream 4 KiB", "MiB/s", SOCK_STREAM, 4096, sink, throughput },
	{ "stream 64 KiB", "MiB/s", SOCK_STREAM, 65536, sink, throughput },
	{ "stream 256 KiB", "MiB/s", SOCK_STREAM, 262144, sink, throughput },
	{ "round trip median", "us", SOCK_STREAM, 1, reflect_stream, round_trip_median },
	{ "round trip p99", "us", SOCK_STREAM, 1, reflect_stream, round_trip_p99 },
	{ "connections, server closes first", "1/s", SOCK_STREAM, 0, close_first,
	  connections_server_first },
	{ "connections, client closes first", "1/s", SOCK_STREAM, 0, close_second,
	  connections_client_first },
	{ "datagram round trips 64 B", "1/s", SOCK_DGRAM, 64, reflect_datagrams,
	  datagram_round_trips },
	{ "datagram round trips 4 KiB", "1/s", SOCK_DGRAM, 4096, reflect_datagrams,
	  datagram_round_trips },
	{ "datagrams one way 64 B", "1/s", SOCK_DGRAM, 64, count_datagrams, datagrams_one_way },
	{ "datagrams one way 4 KiB", "1/s", SOCK_DGRAM, 4096, count_datagrams,
	  datagrams_one_way },
	{ "memory of an idle connection", "KiB", SOCK_STREAM, 0, hold, memory },
	{ "memory of an active connection", "KiB", SOCK_STREAM, 65536, hold, memory },
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void at_end(int signal)
{
	shared->switches = own_switches();
	_exit(0);
}

static pid_t start_server(const struct job *job)
{
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (pid == 0) {
		int fd = listening(job);

		signal(SIGTERM, at_end);
		shared->ready = true;
		job->measurement->server(job, fd);
		pause();
	}
	for (int i = 0; !shared->ready && i < 10000; i++)
		usleep(1000);
	return pid;
}

static bool end_server(pid_t pid)
{
	int status;

	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	return status == 0;
}

/* What one unit of the measurement costs: a MiB, a round trip, a connection, a datagram */
static double units(const struct measurement *m)
{
	bool bytes = m->client == throughput;
	double n = bytes ? shared->bytes / 1048576.0 : shared->bytes;

	return n > 0 ? n : 1;
}

static void run_client(const struct job *job)
{
	uint64_t packets = control_packets();
	double value = job->measurement->client(job);

	shared->samples[0] = value;
	shared->samples[1] = own_switches();
	shared->samples[2] = control_packets() - packets;
}

static void measure(const struct job *job, int run)
{
	const struct measurement *m = job->measurement;
	pid_t server, client;
	int status = 0;

	memset(shared, 0, offsetof(struct shared, samples));
	server = start_server(job);
	client = fork();
	must(client >= 0, "fork");
	if (client == 0) {
		run_client(job);
		_exit(0);
	}
	waitpid(client, &status, 0);
	if (!end_server(server) || status) {
		fprintf(stderr, "bench: %s: %s failed\n", job->transport->name, m->name);
		exit(EXIT_FAILURE);
	}
	printf("{\"measurement\":\"%s\",\"unit\":\"%s\",\"transport\":\"%s\",\"run\":%d,"
	       "\"value\":%.2f,\"switches\":%.3f,\"packets\":%.3f}\n",
	       m->name, m->unit, job->transport->name, run, shared->samples[0],
	       (shared->samples[1] + shared->switches) / units(m),
	       shared->samples[2] / units(m));
}

/* Both ends of all connections that are held open */
static void allow_descriptors(void)
{
	struct rlimit limit = { 4096, 4096 };

	must(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
}

static bool available(const struct transport *t)
{
	int fd = socket(t->family, t->stream ? SOCK_STREAM : SOCK_DGRAM, 0);

	close(fd);
	return fd >= 0;
}

static void measure_all(const char *only_transport, const char *prefix, int run)
{
	static unsigned int port = PORT;

	for (size_t m = 0; m < COUNT(measurements); m++)
		for (size_t t = 0; t < COUNT(transports); t++) {
			const struct measurement *which = &measurements[m];
			struct job job = { &transports[t], which, port += 2 };
			bool able = which->type == SOCK_STREAM ? job.transport->stream :
								 job.transport->datagram;

			if (!able || strncmp(which->name, prefix, strlen(prefix)) ||
			    (only_transport && strcmp(job.transport->name, only_transport)) ||
			    !available(job.transport))
				continue;
			measure(&job, run);
		}
}

static void usage(void)
{
	fputs("Usage: bench [-r RUNS] [-s SECONDS] [-t TRANSPORT] [MEASUREMENT-PREFIX]\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	const char *transport = NULL;
	int option;

	while ((option = getopt(argc, argv, "r:s:t:")) != -1) {
		switch (option) {
		case 'r': runs = atoi(optarg); break;
		case 's': seconds = atof(optarg); break;
		case 't': transport = optarg; break;
		default: usage();
		}
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	allow_descriptors();
	begin_virtual_machine();
	own_family = VMCISock_GetAFValue();
	transports[COUNT(transports) - 1].family = own_family;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	must(shared != MAP_FAILED, "mmap");
	for (int run = 1; run <= runs; run++)
		measure_all(transport, argv[optind] ?: "", run);
	return 0;
}
