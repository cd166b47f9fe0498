// SPDX-License-Identifier: GPL-2.0-or-later
/* guest-silent - a host that takes everything and says nothing (vsock.md 12.E-74 to 78)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-kernels: 6.1 7.3 debug
 * vm-modules: vmsock
 * vm-device: --cid 42 --uds %D/host --fault in:drop@1+
 * vm-timeout: 60
 */
#include "vmtest.h"

#include <sys/time.h>

#define HOST		2u
#define PORT		5000u
#define TIMEOUT_MS	2000	/* of a connect, unless set */

static int begin(int fd)
{
	set_blocking(fd, false);
	return connect_to(fd, HOST, PORT);
}

static void blocking(void)
{
	int fd = stream_socket();
	long long start = now_ms();

	expect_errno(connect_to(fd, HOST, PORT), ETIMEDOUT);
	expect(now_ms() - start >= TIMEOUT_MS - 100);
	close(fd);
}

static void not_blocking(void)
{
	int fd = stream_socket();

	expect_errno(begin(fd), EINPROGRESS);
	wait_for(fd, POLLOUT | POLLERR);
	expect_is(socket_error(fd), ETIMEDOUT);
	close(fd);
}

static void again(void)
{
	int fd = stream_socket();

	for (int i = 0; i < 2; i++) {
		expect_errno(begin(fd), EINPROGRESS);
		wait_for(fd, POLLOUT | POLLERR);
		expect_is(socket_error(fd), ETIMEDOUT);
	}
	close(fd);
}

static void interrupted(int sig UNUSED)
{
}

static void signal_ends_it(void)
{
	struct sigaction sa = { .sa_handler = interrupted };
	struct itimerval soon = { .it_value.tv_usec = 200000 };
	int fd = stream_socket();

	need_ok(sigaction(SIGALRM, &sa, NULL));
	need_ok(setitimer(ITIMER_REAL, &soon, NULL));
	expect_errno(connect_to(fd, HOST, PORT), EINTR);
	expect_errno(connect_to(fd, HOST, PORT), ETIMEDOUT);
	close(fd);
}

/* Nothing that a program sent or left keeps it from ending */
static void close_amid(void)
{
	int fd = stream_socket();

	expect_errno(begin(fd), EINPROGRESS);
	close(fd);
}

static const struct vmtest rows[] = {
	{ "12.E-75", "a silent host: ETIMEDOUT after the time-out", blocking },
	{ "12.E-74", "a silent host, without blocking: ETIMEDOUT", not_blocking },
	{ "12.E-78", "a silent host: a new attempt on the same socket", again },
	{ "12.E-76", "a silent host and a signal: EINTR, then a new attempt", signal_ends_it },
	{ "12.E-74", "a silent host: close during the attempt", close_amid },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
