/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * version.h - which version this is, and what a program may use
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A program that is to work with an older version, too, defines %VMSOCK_VERSION_MAX_ALLOWED as that
 * one's number, %VMSOCK_VERSION_0_1 say, before it includes anything: then the compiler warns of
 * what came later.
 */
#ifndef VMSOCK_VERSION_H
#define VMSOCK_VERSION_H

#include <glib.h>

G_BEGIN_DECLS

/**
 * VMSOCK_MAJOR_VERSION:
 *
 * The major version of the headers.
 */
#define VMSOCK_MAJOR_VERSION 0

/**
 * VMSOCK_MINOR_VERSION:
 *
 * The minor version of the headers.
 */
#define VMSOCK_MINOR_VERSION 1

/**
 * VMSOCK_MICRO_VERSION:
 *
 * The micro version of the headers.
 */
#define VMSOCK_MICRO_VERSION 0

/**
 * VMSOCK_CHECK_VERSION:
 * @major: a major version
 * @minor: a minor version
 * @micro: a micro version
 *
 * Whether the headers are of that version or a later one.
 */
#define VMSOCK_CHECK_VERSION(major, minor, micro)					\
	(VMSOCK_MAJOR_VERSION > (major) ||						\
	 (VMSOCK_MAJOR_VERSION == (major) && VMSOCK_MINOR_VERSION > (minor)) ||		\
	 (VMSOCK_MAJOR_VERSION == (major) && VMSOCK_MINOR_VERSION == (minor) &&		\
	  VMSOCK_MICRO_VERSION >= (micro)))

#define VMSOCK_ENCODE_VERSION(major, minor) ((major) << 16 | (minor) << 8)

/**
 * VMSOCK_VERSION_0_1: (skip)
 *
 * Version 0.1, for %VMSOCK_VERSION_MAX_ALLOWED.
 */
#define VMSOCK_VERSION_0_1 VMSOCK_ENCODE_VERSION(0, 1)

#ifndef VMSOCK_VERSION_MAX_ALLOWED
#define VMSOCK_VERSION_MAX_ALLOWED						\
	VMSOCK_ENCODE_VERSION(VMSOCK_MAJOR_VERSION, VMSOCK_MINOR_VERSION)
#endif

#define VMSOCK_EXTERN extern __attribute__((visibility("default")))

#if VMSOCK_VERSION_MAX_ALLOWED < VMSOCK_VERSION_0_1
#define VMSOCK_AVAILABLE_IN_0_1 VMSOCK_EXTERN G_UNAVAILABLE(0, 1)
#else
#define VMSOCK_AVAILABLE_IN_0_1 VMSOCK_EXTERN
#endif

VMSOCK_AVAILABLE_IN_0_1
const char *vmsock_check_version(guint major, guint minor, guint micro);

G_END_DECLS

#endif
