/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vector.h - byte-level test vectors written as hexadecimal text
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The text of a vector is copied from docs/protocol, blanks and all, so that a
 * reader can search for it there.
 */
#ifndef TESTS_UNIT_VECTOR_H
#define TESTS_UNIT_VECTOR_H

#include <ctype.h>

#include "tap.h"

#define VECTOR_MAX	4096

static unsigned int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? (unsigned int)(c - '0') : (unsigned int)(c - 'a' + 10);
}

/* Bytes of @text, which is pairs of lower-case digits and blanks between them */
static size_t unhex(const char *text, uint8_t *bytes)
{
	size_t len = 0;

	for (; *text; text++) {
		if (isspace((unsigned char)*text))
			continue;
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
		    len == VECTOR_MAX) {
			printf("Bail out! bad vector at: %s\n", text);
			exit(EXIT_FAILURE);
		}
		bytes[len++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
		text++;
	}
	return len;
}

/** is_vector() - passes if @len bytes at @got are those that @text says, no more, no less */
__attribute__((unused))
static bool is_vector(const void *got, size_t len, const char *text, const char *name)
{
	uint8_t want[VECTOR_MAX];
	size_t want_len = unhex(text, want);

	if (want_len != len)
		return is_u64(len, want_len, "%s: length", name);
	return is_mem(got, want, len, "%s", name);
}

#endif /* TESTS_UNIT_VECTOR_H */
