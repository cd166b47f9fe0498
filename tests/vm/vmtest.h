/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmtest.h - what guest tests of the socket calls share
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Theory of operation
 *
 * A test program is a table of struct vmtest and a main() that hands it to vmtest_main().  Each
 * row is one TAP line.  It runs in a process group of its own under a watchdog: a row that hangs or
 * crashes fails by itself and the next one starts afresh.  Inside a row expect*() note a failure
 * and go on, need*() end the row.  "./program 12.F-93" runs only the rows whose item contains the
 * argument.
 *
 * The two sides of a connection are threads of the row, or one thread where the call under test
 * does not block.  They meet at semaphores, at poll(), or at wait_in_syscall(), never after a
 * pause of some length.
 *
 * VMSOCK_TEST_FAMILY and VMSOCK_TEST_CID override the family and the own CID, to try a test on
 * another stack.
 */
#ifndef TESTS_VM_VMTEST_H
#define TESTS_VM_VMTEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vmci_sockets.h>

#include "../unit/tap.h"

/* A row may leave out its seconds. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define UNUSED		__attribute__((unused))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define SA(addr)	((struct sockaddr *)(addr))

#define DEFAULT_SIZE	262144u		/* of a queue, bytes */
#define SMALLEST_SIZE	128u
#define SOON_MS		10000		/* how long an event may take on a loaded machine */
#define ROW_SECONDS	30		/* how long a row may take unless it says otherwise */

struct vmtest {
	const char *item;	/* "12.F-93": section and number in vsock.md; or a name */
	const char *what;
	void (*run)(void);
	unsigned int seconds;	/* 0: ROW_SECONDS */
};

static int vm_family;		/* family number in use */
static unsigned int vm_cid;	/* own context */

static int *vm_failures;	/* of the row that runs, shared by its processes */

/* --- expectations ------------------------------------------------------------------------- */

UNUSED __attribute__((format(printf, 3, 4)))
static void vm_fail(const char *file, int line, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	char text[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	printf("# %s:%d: %s\n", base ? base + 1 : file, line, text);
	fflush(stdout);
	__atomic_add_fetch(vm_failures, 1, __ATOMIC_RELAXED);
}

UNUSED static bool vm_expect_is(long long got, long long want, const char *what,
				const char *file, int line)
{
	if (got != want)
		vm_fail(file, line, "%s: got %lld (0x%llx), want %lld (0x%llx)", what, got, got,
			want, want);
	return got == want;
}

UNUSED static bool vm_expect_errno(long long ret, int err, int want, const char *what,
				   const char *file, int line)
{
	if (ret >= 0)
		vm_fail(file, line, "%s: returned %lld, want %s", what, ret,
			strerrorname_np(want));
	else if (err != want)
		vm_fail(file, line, "%s: failed with %s, want %s", what, strerrorname_np(err),
			strerrorname_np(want));
	return ret < 0 && err == want;
}

UNUSED static long long vm_expect_ok(long long ret, int err, const char *what, const char *file,
				     int line)
{
	if (ret < 0)
		vm_fail(file, line, "%s: failed with %s", what, strerrorname_np(err));
	return ret;
}

/* The condition holds. */
#define expect(cond) ({								\
	bool good_ = (cond);							\
	if (!good_)								\
		vm_fail(__FILE__, __LINE__, "not so: %s", #cond);		\
	good_; })

/* Two integers are equal. */
#define expect_is(got, want) vm_expect_is((got), (want), #got, __FILE__, __LINE__)

/* A call returns -1 with this errno. */
#define expect_errno(call, want) ({						\
	errno = 0;								\
	long long ret_ = (call);						\
	vm_expect_errno(ret_, errno, (want), #call, __FILE__, __LINE__); })

/* A call does not fail; the value is what it returned. */
#define expect_ok(call) ({							\
	long long ret_ = (call);						\
	vm_expect_ok(ret_, errno, #call, __FILE__, __LINE__); })

/* As expect() and expect_ok(), but the row makes no sense without it and ends. */
#define need(cond)	({ if (!expect(cond)) _exit(1); })
#define need_ok(call) ({							\
	long long got_ = expect_ok(call);					\
	if (got_ < 0)								\
		_exit(1);							\
	got_; })

/* --- time --------------------------------------------------------------------------------- */

UNUSED static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

UNUSED static void breathe(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
}

/* Poll a condition that has no event of its own until it holds; false after SOON_MS. */
#define soon(cond) ({								\
	long long end_ = now_ms() + SOON_MS;					\
	bool good_;								\
	while (!(good_ = (cond)) && now_ms() < end_)				\
		breathe();							\
	good_; })

#define expect_soon(cond) ({							\
	bool soon_ = soon(cond);						\
	if (!soon_)								\
		vm_fail(__FILE__, __LINE__, "never so: %s", #cond);		\
	soon_; })

/* The debug kernel, known by its kmemleak, takes several times as long for everything. */
UNUSED static bool on_debug_kernel(void)
{
	return access("/sys/kernel/debug/kmemleak", F_OK) == 0;
}

/* How often to do what is done @full times for its races. */
UNUSED static int rounds(int full)
{
	return on_debug_kernel() ? full / 5 : full;
}

/* How long tests at random go on; tests/vm/run has it from its environment. */
UNUSED static unsigned int stress_seconds(void)
{
	const char *text = getenv("VMSOCK_STRESS_SECONDS");

	return text ? atoi(text) : 20;
}

/* --- threads ------------------------------------------------------------------------------ */

struct task {
	pthread_t thread;
	pid_t tid;
	sem_t started;
	void (*run)(void *arg);
	void *arg;
};

static void *vm_task_main(void *arg)
{
	struct task *task = arg;

	task->tid = syscall(SYS_gettid);
	sem_post(&task->started);
	task->run(task->arg);
	return NULL;
}

UNUSED static void start_task(struct task *task, void (*run)(void *arg), void *arg)
{
	pthread_attr_t attr;

	task->run = run;
	task->arg = arg;
	sem_init(&task->started, 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 * 1024);
	need(pthread_create(&task->thread, &attr, vm_task_main, task) == 0);
	pthread_attr_destroy(&attr);
	sem_wait(&task->started);
}

UNUSED static void join_task(struct task *task)
{
	pthread_join(task->thread, NULL);
	sem_destroy(&task->started);
}

/* Is thread @tid asleep inside system call @nr? */
UNUSED static bool sleeps_in(pid_t tid, long nr)
{
	char path[64], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return text[0] >= '0' && text[0] <= '9' && atol(text) == nr;
}

/* Wait until a task sleeps in a system call: the barrier before waking it. */
#define wait_in_syscall(task, nr) ({						\
	pid_t tid_ = (task)->tid;						\
	bool asleep_ = soon(sleeps_in(tid_, (nr)));				\
	need(asleep_); })

/* --- addresses ---------------------------------------------------------------------------- */

UNUSED static struct sockaddr_vm vm_addr(unsigned int cid, unsigned int port)
{
	struct sockaddr_vm addr;

	memset(&addr, 0, sizeof(addr));
	addr.svm_family = vm_family;
	addr.svm_cid = cid;
	addr.svm_port = port;
	return addr;
}

UNUSED static int bind_to(int fd, unsigned int cid, unsigned int port)
{
	struct sockaddr_vm addr = vm_addr(cid, port);

	return bind(fd, SA(&addr), sizeof(addr));
}

UNUSED static int connect_to(int fd, unsigned int cid, unsigned int port)
{
	struct sockaddr_vm addr = vm_addr(cid, port);

	return connect(fd, SA(&addr), sizeof(addr));
}

UNUSED static ssize_t send_to(int fd, const void *data, size_t len, unsigned int cid,
			      unsigned int port)
{
	struct sockaddr_vm addr = vm_addr(cid, port);

	return sendto(fd, data, len, 0, SA(&addr), sizeof(addr));
}

UNUSED static struct sockaddr_vm local_of(int fd)
{
	struct sockaddr_vm addr;
	socklen_t len = sizeof(addr);

	memset(&addr, 0xa5, sizeof(addr));
	need_ok(getsockname(fd, SA(&addr), &len));
	need(len == sizeof(addr));
	return addr;
}

UNUSED static struct sockaddr_vm peer_of(int fd)
{
	struct sockaddr_vm addr;
	socklen_t len = sizeof(addr);

	memset(&addr, 0xa5, sizeof(addr));
	need_ok(getpeername(fd, SA(&addr), &len));
	need(len == sizeof(addr));
	return addr;
}

UNUSED static unsigned int port_of(int fd)
{
	struct sockaddr_vm addr = local_of(fd);

	return addr.svm_port;
}

/* All 16 bytes: family, CID and port as given, everything else 0. */
UNUSED static bool vm_expect_addr(struct sockaddr_vm got, unsigned int cid, unsigned int port,
				  const char *what, const char *file, int line)
{
	struct sockaddr_vm want = vm_addr(cid, port);
	bool same = memcmp(&got, &want, sizeof(got)) == 0;

	if (!same) {
		vm_fail(file, line, "%s: wrong address", what);
		tap_dump("#  got ", (const uint8_t *)&got, sizeof(got));
		tap_dump("# want ", (const uint8_t *)&want, sizeof(want));
	}
	return same;
}
#define expect_addr(got, cid, port) vm_expect_addr((got), (cid), (port), #got, __FILE__, __LINE__)

/* --- sockets ------------------------------------------------------------------------------ */

UNUSED static int stream_socket(void)
{
	return need_ok(socket(vm_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

UNUSED static int dgram_socket(void)
{
	return need_ok(socket(vm_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

UNUSED static void set_blocking(int fd, bool blocking)
{
	int flags = need_ok(fcntl(fd, F_GETFL));

	need_ok(fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK));
}

UNUSED static int stream_bound(unsigned int port)
{
	int fd = stream_socket();

	need_ok(bind_to(fd, VMADDR_CID_ANY, port));
	return fd;
}

UNUSED static int dgram_bound(unsigned int port)
{
	int fd = dgram_socket();

	need_ok(bind_to(fd, VMADDR_CID_ANY, port));
	return fd;
}

UNUSED static int listener(int backlog)
{
	int fd = stream_bound(VMADDR_PORT_ANY);

	need_ok(listen(fd, backlog));
	return fd;
}

/* Buffer size, and the limit that would be in its way, of a stream socket. */
UNUSED static void set_size(int fd, uint64_t size)
{
	if (size < SMALLEST_SIZE)
		need_ok(setsockopt(fd, vm_family, SO_VMCI_BUFFER_MIN_SIZE, &size, sizeof(size)));
	if (size > DEFAULT_SIZE)
		need_ok(setsockopt(fd, vm_family, SO_VMCI_BUFFER_MAX_SIZE, &size, sizeof(size)));
	need_ok(setsockopt(fd, vm_family, SO_VMCI_BUFFER_SIZE, &size, sizeof(size)));
}

UNUSED static void set_timeout(int fd, int option, long ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	need_ok(setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv)));
}

UNUSED static int socket_error(int fd)
{
	socklen_t len = sizeof(int);
	int error = -1;

	need_ok(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len));
	return error;
}

/* A connection of this machine with itself. */
struct pair {
	int listener;
	int client;
	int server;
};

UNUSED static struct pair make_pair_of(uint64_t size)
{
	struct pair pair;

	pair.listener = stream_bound(VMADDR_PORT_ANY);
	set_size(pair.listener, size);
	need_ok(listen(pair.listener, 8));
	pair.client = stream_socket();
	set_size(pair.client, size);
	need_ok(connect_to(pair.client, vm_cid, port_of(pair.listener)));
	pair.server = need_ok(accept4(pair.listener, NULL, NULL, SOCK_CLOEXEC));
	return pair;
}

UNUSED static struct pair make_pair(void)
{
	return make_pair_of(DEFAULT_SIZE);
}

UNUSED static void close_pair(struct pair *pair)
{
	close(pair->client);
	close(pair->server);
	close(pair->listener);
}

/* --- events and data ---------------------------------------------------------------------- */

#define POLL_ALL (POLLIN | POLLRDNORM | POLLRDBAND | POLLPRI | POLLOUT | POLLWRNORM | POLLWRBAND | \
		  POLLRDHUP)

/* What poll() says about a descriptor within @ms milliseconds. */
UNUSED static int revents_within(int fd, int events, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	need_ok(poll(&pfd, 1, ms));
	return pfd.revents;
}

UNUSED static int revents(int fd)
{
	return revents_within(fd, POLL_ALL, 0);
}

/* Wait until poll() shows any of @events. */
#define wait_for(fd, events)	need(revents_within((fd), (events), SOON_MS) & (events))

/* What poll() shows is exactly @want, at once or soon, and stays so. */
#define expect_revents(fd, want) ({						\
	int fd_ = (fd), want_ = (want);						\
	soon(revents(fd_) == want_);						\
	expect_is(revents(fd_), want_); })

/* Bytes that are different at each place: position @at of stream @seed. */
UNUSED static uint8_t byte_at(uint64_t seed, uint64_t at)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15u + at / 8;

	x = (x ^ x >> 31) * 0xbf58476d1ce4e5b9u;
	x ^= x >> 29;
	return x >> at % 8 * 8;
}

UNUSED static void fill_bytes(uint8_t *buf, size_t len, uint64_t seed, uint64_t at)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = byte_at(seed, at + i);
}

/* Index of the first byte of @buf that differs from the stream, or @len. */
UNUSED static size_t first_wrong(const uint8_t *buf, size_t len, uint64_t seed, uint64_t at)
{
	size_t i = 0;

	while (i < len && buf[i] == byte_at(seed, at + i))
		i++;
	return i;
}

/* Send without blocking until the queue is full; returns how much it took. */
UNUSED static size_t fill_queue(int fd, uint64_t seed)
{
	uint8_t buf[4096];
	size_t total = 0;
	ssize_t n;

	do {
		fill_bytes(buf, sizeof(buf), seed, total);
		n = send(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			total += n;
	} while (n > 0);
	if (n == 0 || errno != EAGAIN)
		vm_fail(__FILE__, __LINE__, "full queue: %zd, %s", n, strerrorname_np(errno));
	return total;
}

/* Receive exactly @len bytes of the stream, with however many calls. */
UNUSED static bool receive_bytes(int fd, size_t len, uint64_t seed, uint64_t at)
{
	uint8_t buf[4096];

	while (len) {
		ssize_t n = recv(fd, buf, len < sizeof(buf) ? len : sizeof(buf), 0);

		if (!expect(n > 0))
			return false;
		if (!expect_is(first_wrong(buf, n, seed, at), n))
			return false;
		at += n;
		len -= n;
	}
	return true;
}

/* The other side's end of file is here: recv() says 0, again and again. */
#define expect_eof(fd) ({							\
	char eof_[16];								\
	expect_is(expect_ok(recv((fd), eof_, sizeof(eof_), 0)), 0);		\
	expect_is(expect_ok(recv((fd), eof_, sizeof(eof_), 0)), 0); })

/* The two ends of a connection work: one byte each way. */
UNUSED static void vm_expect_works(int a, int b, const char *file, int line)
{
	char there = 'x', back = 'y';

	if (send(a, &there, 1, MSG_NOSIGNAL) != 1 || recv(b, &back, 1, 0) != 1 || back != 'x' ||
	    send(b, &there, 1, MSG_NOSIGNAL) != 1 || recv(a, &back, 1, 0) != 1)
		vm_fail(file, line, "the connection does not work (%s)", strerrorname_np(errno));
}
#define expect_works(a, b) vm_expect_works((a), (b), __FILE__, __LINE__)

/*
 * A port that takes what comes from port @peer of this machine and never answers: it has unread
 * data of a connection with that port, so it is still open, but nobody needs to be told anything.
 * The peer's port is free.
 */
UNUSED static int silent_port(unsigned int port, unsigned int peer)
{
	int server = stream_bound(peer), fd = stream_bound(port), child;

	need_ok(listen(server, 1));
	need_ok(connect_to(fd, vm_cid, peer));
	child = need_ok(accept(server, NULL, NULL));
	need_ok(send(child, "unread", 6, 0));
	close(child);
	close(server);
	wait_for(fd, POLLRDHUP);
	return fd;
}

/* Give up all capabilities and the user id for the rest of the row. */
UNUSED static void drop_privileges(void)
{
	need_ok(setgroups(0, NULL));
	need_ok(setresgid(65534, 65534, 65534));
	need_ok(setresuid(65534, 65534, 65534));
}

/* --- running the table -------------------------------------------------------------------- */

static void vm_show(pid_t pid, const char *file)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		printf("# %s", line);
	if (f)
		fclose(f);
	fflush(stdout);
}

/* Where each thread of a process is in the kernel */
static void vm_show_threads(pid_t pid)
{
	char path[64];
	struct dirent *task;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (task = readdir(tasks)))
		if (task->d_name[0] != '.') {
			printf("# thread %s\n", task->d_name);
			vm_show(atoi(task->d_name), "stack");
		}
	if (tasks)
		closedir(tasks);
}

/* Wait for a row; after its time kill all it has. False if even that does not end it. */
static bool vm_watch(pid_t pid, unsigned int seconds, int *status)
{
	struct pollfd pfd = { .fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	int tries;

	for (tries = 0; tries < 2 && poll(&pfd, 1, seconds * 1000) == 0; tries++) {
		printf("# %s\n", tries ? "cannot be killed" : "timed out");
		vm_show_threads(pid);
		kill(-pid, SIGKILL);
		seconds = 10;
	}
	close(pfd.fd);
	return tries < 2 && waitpid(pid, status, 0) == pid;
}

static unsigned int vm_seconds(const struct vmtest *row)
{
	return (on_debug_kernel() ? 4 : 1) * (row->seconds ? row->seconds : ROW_SECONDS);
}

static void vm_run_row(const struct vmtest *row)
{
	long long start = now_ms();
	int status = -1;
	pid_t pid;

	*vm_failures = 0;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		row->run();
		_exit(0);
	}
	setpgid(pid, pid);
	if (!vm_watch(pid, vm_seconds(row), &status))
		printf("# left behind\n");
	else if (WIFSIGNALED(status))
		printf("# ended by signal %d\n", WTERMSIG(status));
	kill(-pid, SIGKILL);
	ok(status == 0 && !*vm_failures, "%s %s", row->item, row->what);
	if (now_ms() - start > 5000)
		diag("took %lld ms", now_ms() - start);
}

/* Find the family and hold it for the life of the program; false if there is none. */
static bool vm_find_family(void)
{
	const char *family = getenv("VMSOCK_TEST_FAMILY");
	const char *cid = getenv("VMSOCK_TEST_CID");
	int fd;

	vm_family = family ? atoi(family) : VMCISock_GetAFValueFd(&fd);
	vm_cid = cid ? strtoul(cid, NULL, 0) : VMCISock_GetLocalCID();
	return vm_family > 0 && vm_cid != VMADDR_CID_ANY;
}

/* What comes before the rows; vmtest_main() does it, unless a program has to do more before. */
static void vmtest_begin(void)
{
	if (vm_failures)
		return;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!vm_find_family()) {
		printf("Bail out! no VMCI sockets here: %s\n", strerror(errno));
		exit(EXIT_FAILURE);
	}
	vm_failures = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);
}

/* VMTEST_LEAVE_OUT has lines "ITEM WHAT": rows that are not to be run */
static bool vm_left_out(const struct vmtest *row)
{
	const char *list = getenv("VMTEST_LEAVE_OUT");
	char line[200];

	snprintf(line, sizeof(line), "%s %s\n", row->item, row->what);
	return list && strstr(list, line);
}

UNUSED static int vmtest_main(int argc, char **argv, const struct vmtest *rows, size_t count)
{
	vmtest_begin();
	for (size_t i = 0; i < count; i++)
		if ((argc < 2 || strstr(rows[i].item, argv[1])) && !vm_left_out(&rows[i]))
			vm_run_row(&rows[i]);
	return done_testing();
}

#endif /* TESTS_VM_VMTEST_H */
