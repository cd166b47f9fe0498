/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bytes.c - many bytes that can be told from others: bytes send|check SEED NUMBER
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * What "send" writes to standard output, "check" wants on standard input, and then its end.  Each
 * byte depends on the seed and on its place.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 65536

static unsigned char block[BLOCK], wanted[BLOCK];

/* The bytes of the block that begins at @at. */
static void fill(uint64_t *words, uint64_t seed, uint64_t at)
{
	uint64_t word = (seed + 1) * 0x9e3779b97f4a7c15u + at;

	for (size_t i = 0; i < BLOCK / sizeof(*words); i++) {
		word = word * 6364136223846793005u + 1442695040888963407u;
		words[i] = word ^ word >> 32;
	}
}

static size_t part(uint64_t left)
{
	return left < BLOCK ? (size_t)left : BLOCK;
}

static int fail(const char *what, uint64_t at)
{
	fprintf(stderr, "bytes: %s at %" PRIu64 "\n", what, at);
	return 1;
}

static int send_bytes(uint64_t seed, uint64_t number)
{
	uint64_t at = 0;

	while (at < number) {
		size_t size = part(number - at), done = 0;

		fill((uint64_t *)(void *)block, seed, at);
		while (done < size) {
			ssize_t put = write(STDOUT_FILENO, block + done, size - done);

			if (put < 0)
				return fail(strerror(errno), at + done);
			done += (size_t)put;
		}
		at += size;
	}
	return 0;
}

static int check_bytes(uint64_t seed, uint64_t number)
{
	uint64_t at = 0;
	ssize_t got;

	while ((got = read(STDIN_FILENO, block, BLOCK - at % BLOCK)) > 0) {
		size_t from = at % BLOCK;

		if (!from)
			fill((uint64_t *)(void *)wanted, seed, at);
		if ((uint64_t)got > number - at)
			return fail("there are more than expected", number);
		if (memcmp(block, wanted + from, (size_t)got))
			return fail("others than expected", at);
		at += (uint64_t)got;
	}
	if (got < 0)
		return fail(strerror(errno), at);
	return at == number ? 0 : fail("the end", at);
}

int main(int argc, char **argv)
{
	uint64_t seed, number;

	if (argc != 4) {
		fputs("usage: bytes send|check SEED NUMBER\n", stderr);
		return 1;
	}
	seed = strtoull(argv[2], NULL, 10);
	number = strtoull(argv[3], NULL, 10);
	return strcmp(argv[1], "send") == 0 ? send_bytes(seed, number) : check_bytes(seed, number);
}
