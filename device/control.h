/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control.h - a socket for commands, by which tests do what QEMU cannot
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A command is a line, so is each answer: "ok", with values for some, or "error" and why.
 * vmci-device(8) lists them.
 */
#ifndef DEVICE_CONTROL_H
#define DEVICE_CONTROL_H

#include <glib.h>

struct control;
struct function;
struct loop;
struct server;

struct control *control_new(struct loop *loop, const char *path, unsigned int mode,
			    struct function *function, struct server *server, GError **error);
void control_free(struct control *control);

#endif /* DEVICE_CONTROL_H */
