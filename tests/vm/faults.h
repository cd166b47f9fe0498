/* SPDX-License-Identifier: GPL-2.0-or-later */
/* faults.h - make allocations and copies of user memory fail, and count how often they did
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Theory of operation
 *
 * The debug kernel has fault injection.  fail_nth(n) lets the n-th chance of a fault in the
 * calling thread be one, whatever it is: an object of the slab, a page, or a copy from or to user
 * memory.  fail_each() repeats a call with the first, the second, the third fault, until it needs
 * no more of them.  Whoever has a second way to memory does not mind one fault: fail_each_lasting()
 * lets all allocations after it fail, too.  What other threads of the kernel do can only fail by
 * chance: fail_often().
 */
#ifndef TESTS_VM_FAULTS_H
#define TESTS_VM_FAULTS_H

#include "module.h"

#define FAULT_BUDGET	1000000		/* more than a test ever injects */

static const char *const fault_kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };

UNUSED static void fault_setting(const char *kind, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", kind, name);
	need_ok(put_text(path, value));
}

/* A page fault is no call that could say that there is no memory: have all pages before. */
static void hold_memory(void)
{
	need_ok(mlockall(MCL_CURRENT | MCL_FUTURE));
}

/* Every kind may fail, in silence; nothing does yet. */
UNUSED static void faults_prepare(void)
{
	char budget[16];

	snprintf(budget, sizeof(budget), "%d", FAULT_BUDGET);
	for (size_t i = 0; i < ARRAY_SIZE(fault_kinds); i++) {
		fault_setting(fault_kinds[i], "probability", "0");
		fault_setting(fault_kinds[i], "task-filter", "Y");
		fault_setting(fault_kinds[i], "verbose", "0");
		fault_setting(fault_kinds[i], "times", budget);
	}
	fault_setting("failslab", "ignore-gfp-wait", "N");
	fault_setting("fail_page_alloc", "ignore-gfp-wait", "N");
	fault_setting("fail_page_alloc", "min-order", "0");
}

/* How many faults there have been since faults_prepare(). */
UNUSED static long faults_injected(void)
{
	long count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fault_kinds); i++) {
		const char *left = text_of("/sys/kernel/debug/%s/times", fault_kinds[i]);

		need(left);
		count += FAULT_BUDGET - atol(left);
	}
	return count;
}

/* --- allocations by chance ---------------------------------------------------------------- */

/*
 * This thread is, or is no longer, one that may fail; opened before, for opening needs memory.
 * Where user memory may fail, saying so may take a few attempts.
 */
UNUSED static void let_me_fail(bool may)
{
	static __thread int fd = -1;

	if (fd < 0)
		fd = need_ok(open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC));
	need(soon(pwrite(fd, may ? "1" : "0", 1, 0) == 1));
}

/* Of allocations by whoever may fail, that many in a hundred do */
UNUSED static void set_chance(const char *percent)
{
	fault_setting("failslab", "probability", percent);
	fault_setting("fail_page_alloc", "probability", percent);
}

/* --- the n-th chance of this thread ------------------------------------------------------- */

/* Opened once for each thread, before anything fails. */
static __thread int fail_nth_fd = -1;

UNUSED static void fail_nth(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (fail_nth_fd < 0) {
		fail_nth_fd = need_ok(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC));
		hold_memory();
	}
	need(pwrite(fail_nth_fd, text, len, 0) == len);
}

/*
 * Has the fault happened?  None will from here on.  Asking copies to and from user memory, so
 * that a fault which is still due may happen now.
 */
UNUSED static bool fault_was_used(void)
{
	char text[16] = "";
	ssize_t len = pread(fail_nth_fd, text, sizeof(text) - 1, 0);
	bool used = len > 0 && atoi(text) == 0;

	while (pwrite(fail_nth_fd, "0", 1, 0) < 0)
		;
	return used;
}

/**
 * struct attempt - a call that is repeated with each fault it can meet
 * @name: for the log
 * @prepare: what the call needs, made anew each time; may be NULL
 * @call: as a system call, -1 and errno or another value; little else, for that may fail, too
 * @check: with what @call returned: all is as it should be; takes everything away
 * @refusals: how many of the faults it must have reported at least
 * @connects: it may also say that the other side, or the way between, had no memory
 */
struct attempt {
	const char *name;
	void (*prepare)(void);
	long (*call)(void);
	void (*check)(long result);
	unsigned int refusals;
	bool connects;
};

/* What a call may say for want of memory, or when user memory faults. */
static bool proper_refusal(int error)
{
	return error == ENOMEM || error == ENOBUFS || error == ENFILE || error == EFAULT;
}

/* How an attempt to connect may end when the other side or the way between has no memory. */
static bool proper_end(int error)
{
	return proper_refusal(error) || error == ECONNRESET || error == ETIMEDOUT ||
	       error == EPROTO;
}

static bool lasting;	/* no allocation succeeds after the fault */

/* One call with its @nth fault; false if it did not get so far. */
static bool fail_once(const struct attempt *attempt, unsigned int nth, unsigned int *refused)
{
	int failures = *vm_failures, error;
	bool used;
	long result;

	if (attempt->prepare)
		attempt->prepare();
	let_me_fail(lasting);
	fail_nth(nth);
	errno = 0;
	result = attempt->call();
	error = errno;
	used = fault_was_used();
	let_me_fail(false);
	if (result < 0) {
		(*refused)++;
		expect(used);
		if (!(attempt->connects ? proper_end(error) : proper_refusal(error)))
			vm_fail(__FILE__, __LINE__, "%s", strerrorname_np(error));
	}
	attempt->check(result);
	if (*vm_failures > failures)
		diag("%s, fault %u: returned %ld", attempt->name, nth, result);
	return used;
}

/* Once with each fault; returns how many were reported. */
static unsigned int fail_in_turn(const struct attempt *attempt)
{
	unsigned int nth = 0, refused = 0;

	fail_nth(0);		/* what it needs is there before anything fails */
	do
		nth++;
	while (fail_once(attempt, nth, &refused) && !*vm_failures);
	diag("%s: %u faults, %u reported", attempt->name, nth - 1, refused);
	return refused;
}

static void expect_refusals(const struct attempt *attempt, unsigned int refused)
{
	if (!*vm_failures && refused < attempt->refusals)
		vm_fail(__FILE__, __LINE__, "%s: fewer than %u", attempt->name, attempt->refusals);
}

/* For a call that takes long and allocates little of its own. */
UNUSED static void fail_each_once(const struct attempt *attempt)
{
	expect_refusals(attempt, fail_in_turn(attempt));
}

/* Twice, as said above. */
UNUSED static void fail_each(const struct attempt *attempt)
{
	unsigned int refused = fail_in_turn(attempt);

	fault_setting("fail_page_alloc", "min-order", "100");
	refused += fail_in_turn(attempt);
	fault_setting("fail_page_alloc", "min-order", "0");
	expect_refusals(attempt, refused);
}

/* Once with each fault and no memory after it. */
UNUSED static void fail_each_lasting(const struct attempt *attempt)
{
	lasting = true;
	set_chance("100");
	expect_refusals(attempt, fail_in_turn(attempt));
	set_chance("0");
	lasting = false;
}

/* --- anybody, by chance ------------------------------------------------------------------- */

/* Threads of the kernel that run work items: new ones come, so it is done again and again. */
UNUSED static void let_workers_fail(const char *value)
{
	char path[300];
	const char *comm;
	struct dirent *entry;
	DIR *proc = opendir("/proc");

	need(proc);
	while ((entry = readdir(proc))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		comm = text_of("/proc/%s/comm", entry->d_name);
		if (!comm || strncmp(comm, "kworker/", 8))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/make-it-fail", entry->d_name);
		put_text(path, value);		/* it may have gone */
	}
	closedir(proc);
}

/* From now on each allocation of the workers fails with this chance in percent. */
UNUSED static void fail_often(const char *percent)
{
	hold_memory();
	let_workers_fail("1");
	set_chance(percent);
}

UNUSED static void fail_no_more(void)
{
	set_chance("0");
	let_workers_fail("0");
}

#endif /* TESTS_VM_FAULTS_H */
