/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * manager.h - what a service manager such as systemd passes on and wants to hear
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef MANAGER_H
#define MANAGER_H

#include <stdbool.h>

#define MANAGER_FIRST_FD 3

/*
 * Number of sockets, from descriptor 3 on, that were passed to this process, 0 if none were.  They
 * are not passed on to children, and the variables are taken out of the environment.
 */
int manager_take_sockets(void);

/* Tell the manager, if there is one that listens: "READY=1", "STOPPING=1", "STATUS=...". */
void manager_notify(const char *state);

#endif
