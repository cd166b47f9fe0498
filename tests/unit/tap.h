/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap.h - a few helpers to write a TAP test program in C
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A test is one file NAME-test.c with a main() that calls ok() and its
 * relatives and ends in "return done_testing();". There is no plan to keep in
 * step: the plan line comes last, and a program that dies early has none, which
 * the harness counts as a failure. Descriptions are printf formats.
 */
#ifndef TESTS_UNIT_TAP_H
#define TESTS_UNIT_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAP_PRINTF(fmt, args)	__attribute__((format(printf, fmt, args), unused))

static unsigned int tap_run, tap_failed;

static void tap_result(bool good, const char *fmt, va_list args)
{
	printf("%sok %u - ", good ? "" : "not ", ++tap_run);
	vprintf(fmt, args);
	putchar('\n');
	fflush(stdout);
	if (!good)
		tap_failed++;
}

/** ok() - one test: @good says whether it passed; returns @good */
TAP_PRINTF(2, 3)
static bool ok(bool good, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tap_result(good, fmt, args);
	va_end(args);
	return good;
}

/** is_u64() - passes if @got equals @want; prints both if not */
TAP_PRINTF(3, 4)
static bool is_u64(uint64_t got, uint64_t want, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tap_result(got == want, fmt, args);
	va_end(args);
	if (got != want)
		printf("#  got %" PRIu64 " (0x%" PRIx64 ")\n# want %" PRIu64 " (0x%" PRIx64 ")\n",
		       got, got, want, want);
	return got == want;
}

/** is_s64() - as is_u64(), for signed values such as result codes */
TAP_PRINTF(3, 4)
static bool is_s64(int64_t got, int64_t want, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tap_result(got == want, fmt, args);
	va_end(args);
	if (got != want)
		printf("#  got %" PRId64 "\n# want %" PRId64 "\n", got, want);
	return got == want;
}

/** is_str() - passes if both strings are equal; NULL equals NULL only */
TAP_PRINTF(3, 4)
static bool is_str(const char *got, const char *want, const char *fmt, ...)
{
	bool same = got && want ? strcmp(got, want) == 0 : got == want;
	va_list args;

	va_start(args, fmt);
	tap_result(same, fmt, args);
	va_end(args);
	if (!same)
		printf("#  got %s\n# want %s\n", got ? got : "(null)", want ? want : "(null)");
	return same;
}

__attribute__((unused))
static void tap_dump(const char *label, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%s%02x%s", i % 16 ? " " : label, bytes[i],
		       i % 16 == 15 || i + 1 == len ? "\n" : "");
}

/** is_mem() - passes if @len bytes are equal; dumps both in hex if not */
TAP_PRINTF(4, 5)
static bool is_mem(const void *got, const void *want, size_t len, const char *fmt, ...)
{
	bool same = memcmp(got, want, len) == 0;
	va_list args;

	va_start(args, fmt);
	tap_result(same, fmt, args);
	va_end(args);
	if (!same) {
		tap_dump("#  got ", got, len);
		tap_dump("# want ", want, len);
	}
	return same;
}

/** diag() - a remark for the reader of the log */
TAP_PRINTF(1, 2)
static void diag(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("# ");
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

/** skip_all() - ends the program: this machine lacks what the test needs */
TAP_PRINTF(1, 2)
static void skip_all(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("1..0 # SKIP ");
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	exit(77);
}

/** done_testing() - prints the plan; returns the exit status for main() */
__attribute__((unused))
static int done_testing(void)
{
	if (!tap_run) {
		puts("Bail out! the program ran no test");
		return EXIT_FAILURE;
	}
	printf("1..%u\n", tap_run);
	return tap_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif /* TESTS_UNIT_TAP_H */
