// SPDX-License-Identifier: GPL-2.0-or-later
/* bits - a C program, built for 32 and 64 bits
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-bits: 64 32
 */
#include "tap.h"

int main(int argc, char **argv)
{
	const char *end = argc ? strrchr(argv[0], '-') : NULL;
	bool wants_32 = end && !strcmp(end, "-32");

	is_u64(sizeof(void *), wants_32 ? 4 : 8, "pointers have the size asked for");
	return done_testing();
}
