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
	bool wants_32 = argc && strlen(argv[0]) > 3 && !strcmp(argv[0] + strlen(argv[0]) - 3, "-32");

	is_u64(sizeof(void *), wants_32 ? 4 : 8, "pointers have the size asked for");
	return done_testing();
}
