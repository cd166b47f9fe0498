/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz.h - what the fuzz targets share: reading the input, and laws that must hold
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A target is one file NAME.c that defines LLVMFuzzerTestOneInput(). It takes numbers from the
 * input with take(), does something with them, and says with require() what must be true.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *bytes;
	size_t left;
};

#define require(law)								\
	do {									\
		if (!(law)) {							\
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #law); \
			abort();						\
		}								\
	} while (0)

/** take() - a number of @size bytes, low byte first; what the input lacks is 0 */
__attribute__((unused))
static uint64_t take(struct input *in, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size && in->left; i++, in->left--)
		value |= (uint64_t)*in->bytes++ << (8 * i);
	return value;
}

/** take_size() - mostly a size as people use it, sometimes any number */
__attribute__((unused))
static uint64_t take_size(struct input *in)
{
	uint64_t form = take(in, 1);

	if (form == 255)
		return take(in, 8);
	return take(in, 2) >> (form % 16);
}

#endif /* TESTS_FUZZ_FUZZ_H */
