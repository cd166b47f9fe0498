/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.h - each datagram as a line of text
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef DEVICE_TRACE_H
#define DEVICE_TRACE_H

#include <glib.h>
#include <stdbool.h>

#include "vmci/wire.h"

struct function;

enum trace_direction { TRACE_TO_HOST, TRACE_TO_GUEST };

/* Writes lines to the file @path from now on, or to stderr for "-" */
bool trace_open(struct function *function, const char *path, GError **error);
void trace_close(struct function *function);

/* @size: of what there is of @datagram, whatever it says */
void trace_datagram(struct function *function, enum trace_direction direction,
		    const struct vmci_datagram *datagram, size_t size);

/* What the sender of a datagram got, unless it is just the size of it */
void trace_result(struct function *function, enum trace_direction direction,
		  const struct vmci_datagram *datagram, __s64 result);

#endif /* DEVICE_TRACE_H */
