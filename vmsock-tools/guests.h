/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guests.h - virtual machines of this host, and its queue pairs with them
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Only root is told, by module vmci; for everybody else there are none.
 */
#ifndef GUESTS_H
#define GUESTS_H

#include "json.h"

void guests_print(void);
void guests_write(struct json *json);

#endif
