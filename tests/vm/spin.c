// SPDX-License-Identifier: GPL-2.0-or-later
/* spin - who waits for a quick answer looks for it before sleeping (parameter spin_us)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-boot: own
 * vm-timeout: 120
 *
 * Two threads pass one byte back and forth. How often they slept is what the kernel counted as
 * voluntary changes of context, so nothing here depends on how fast the machine is.
 */
#include "vmtest.h"

#include <sys/resource.h>

#define PARAMETER	"/sys/module/vmsock/parameters/spin_us"
#define ROUNDS		1000
#define ATTEMPTS	20

static int set_spin(const char *text)
{
	int fd = need_ok(open(PARAMETER, O_WRONLY | O_CLOEXEC));
	ssize_t n = write(fd, text, strlen(text));
	int error = n < 0 ? errno : 0;

	close(fd);
	return error;
}

static unsigned int spin(void)
{
	char text[32] = "";
	int fd = need_ok(open(PARAMETER, O_RDONLY | O_CLOEXEC));

	need_ok(read(fd, text, sizeof(text) - 1));
	close(fd);
	return strtoul(text, NULL, 10);
}

static void parameter(void)
{
	expect_is(spin(), 50);
	expect_is(set_spin("0"), 0);
	expect_is(spin(), 0);
	expect_is(set_spin("1000"), 0);
	expect_is(set_spin("1001"), EINVAL);
	expect_is(set_spin("-1"), EINVAL);
	expect_is(set_spin("much"), EINVAL);
	expect_is(spin(), 1000);
}

static void use_processor(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	need_ok(sched_setaffinity(0, sizeof(set), &set));
}

struct echo {
	int fd;
	int cpu;
};

static void reflect(void *arg)
{
	struct echo *echo = arg;
	char byte;

	use_processor(echo->cpu);
	while (recv(echo->fd, &byte, 1, 0) == 1)
		need(send(echo->fd, &byte, 1, 0) == 1);
}

/* Voluntary changes of context of the calling thread during ROUNDS round trips */
static long sleeps_of_rounds(int own_cpu, int peer_cpu)
{
	struct pair pair = make_pair();
	struct echo echo = { .fd = pair.server, .cpu = peer_cpu };
	struct rusage before, after;
	struct task task;

	use_processor(own_cpu);
	start_task(&task, reflect, &echo);
	need_ok(getrusage(RUSAGE_THREAD, &before));
	for (int i = 0; i < ROUNDS; i++) {
		char sent = i, got = ~sent;

		need(send(pair.client, &sent, 1, 0) == 1);
		need(recv(pair.client, &got, 1, 0) == 1);
		need(got == sent);
	}
	need_ok(getrusage(RUSAGE_THREAD, &after));
	need_ok(shutdown(pair.client, SHUT_RDWR));
	join_task(&task);
	close_pair(&pair);
	return after.ru_nvcsw - before.ru_nvcsw;
}

/* On a busy machine a processor of the guest may stand still for longer than anybody looks */
static void two_processors(void)
{
	bool saved = false;

	for (int i = 0; i < ATTEMPTS && !saved; i++) {
		long without, with;

		need(set_spin("0") == 0);
		without = sleeps_of_rounds(0, 1);
		need(set_spin("1000") == 0);
		with = sleeps_of_rounds(0, 1);
		diag("%d round trips: slept %ld times without, %ld times with", ROUNDS, without,
		     with);
		saved = without > ROUNDS / 2 && with < without * 2 / 3;
	}
	expect(saved);
}

/* The peer needs this processor to answer: looking for the answer would only delay it */
static void one_processor(void)
{
	need(set_spin("1000") == 0);
	expect(sleeps_of_rounds(0, 0) > 0);
}

static void interrupted(int sig UNUSED)
{
}

static void receive(void *arg)
{
	struct echo *echo = arg;
	char byte;

	for (int i = 0; i < ROUNDS; i++) {
		expect_errno(recv(echo->fd, &byte, 1, 0), EINTR);
		need_ok(send(echo->fd, "!", 1, 0));
	}
}

/* Who looks sees a signal as soon as who sleeps */
static void signal_ends_it(void)
{
	struct sigaction sa = { .sa_handler = interrupted };
	struct pair pair = make_pair();
	struct echo echo = { .fd = pair.server };
	struct task task;
	char byte;

	need(set_spin("1000") == 0);
	need_ok(sigaction(SIGUSR1, &sa, NULL));
	start_task(&task, receive, &echo);
	for (int i = 0; i < ROUNDS; i++) {
		wait_in_syscall(&task, SYS_recvfrom);
		need(pthread_kill(task.thread, SIGUSR1) == 0);
		need(recv(pair.client, &byte, 1, 0) == 1);
	}
	join_task(&task);
	close_pair(&pair);
}

static const struct vmtest rows[] = {
	{ "spin", "the parameter, its default and its bounds", parameter },
	{ "spin", "two processors: most waits end without sleeping", two_processors, 90 },
	{ "spin", "one processor: nothing hangs", one_processor },
	{ "spin", "a signal ends the wait", signal_ends_it },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
