/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktap.h - tables of tests inside the kernel, results as TAP in debugfs
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A test module's init function calls ktap_run(), its exit function ktap_end(). In
 * between, /sys/kernel/debug/ktap/NAME has the results.
 */
#ifndef TESTS_VM_KTAP_H
#define TESTS_VM_KTAP_H

#include <linux/compiler.h>
#include <linux/types.h>

/**
 * struct ktap_test - a row of the table
 * @what: what must be true
 * @run: finds out, with the expect macros; process context
 */
struct ktap_test {
	const char *what;
	void (*run)(void);
};

int ktap_run(const char *name, const struct ktap_test *tests, size_t count);
void ktap_end(void);
__printf(3, 4) void ktap_fail(const char *file, int line, const char *format, ...);

/* All may be used by the threads of a test, too; true if it is as expected. */
#define expect(condition) ({								\
	bool good_ = (condition);							\
	if (!good_)									\
		ktap_fail(__FILE__, __LINE__, "not true: %s", #condition);		\
	good_; })

#define expect_is(value, want) ({							\
	long long value_ = (value), want_ = (want);					\
	if (value_ != want_)								\
		ktap_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #value, value_,	\
			  want_);							\
	value_ == want_; })

#endif /* TESTS_VM_KTAP_H */
