/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * manager.h - what a service manager such as systemd wants to hear
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef MANAGER_H
#define MANAGER_H

/* Tell the manager, if there is one that listens: "READY=1", "STOPPING=1", "STATUS=...". */
void manager_notify(const char *state);

#endif
