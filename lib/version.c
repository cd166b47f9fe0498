/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * version.c - which version is running
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "private.h"

/**
 * vmsock_check_version:
 * @major: the major version that a program needs
 * @minor: the minor version
 * @micro: the micro version
 *
 * Compares the running library with what a program needs, usually what it was compiled with. A
 * library with another major version is another library.
 *
 * Returns: (nullable): %NULL if all is well, else what is wrong
 */
const char *vmsock_check_version(guint major, guint minor, guint micro)
{
	const guint64 running = (guint64)VMSOCK_MINOR_VERSION << 32 | VMSOCK_MICRO_VERSION;

	if (major != VMSOCK_MAJOR_VERSION)
		return "libvmsock has another major version";
	return running >= ((guint64)minor << 32 | micro) ? NULL : "libvmsock is too old";
}
