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

/* Allows only the system calls of a running server; true as well if built without libseccomp */
bool sandbox_enter(GError **error);

#endif /* DEVICE_SANDBOX_H */
