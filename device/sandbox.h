/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox.h - give up what a process that serves a guest has no use for
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef DEVICE_SANDBOX_H
#define DEVICE_SANDBOX_H

#include <glib.h>
#include <stdbool.h>

/* A descriptor and the only requests of ioctl(2) that it is used with; 0 ends their list */
struct sandbox_node {
	int fd;
	const unsigned int *requests;
};

/**
 * sandbox_enter() - allow only the system calls of a running server
 * @node: NULL when none is used with ioctl(2)
 * @error: why not
 *
 * Return: true, as well if built without libseccomp.
 */
bool sandbox_enter(const struct sandbox_node *node, GError **error);

#endif /* DEVICE_SANDBOX_H */
