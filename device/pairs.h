/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pairs.h - the queue pairs that the guest has allocated
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md 4.12, 4.13 and 5.5.  What a pair is, queue_pair.h says.
 */
#ifndef DEVICE_PAIRS_H
#define DEVICE_PAIRS_H

#include <glib.h>

#include "vmci/wire.h"

struct function;
struct pair;

struct pairs {
	GHashTable *by_handle;
	__u64 bytes;		/* of all of them, without headers */
};

void pairs_init(struct function *function);
void pairs_free(struct function *function);
/* All end; so the host end hears */
void pairs_reset(struct function *function);

/* @message: header and payload, as long as its payload_size says */
__s32 pairs_alloc(struct function *function, const struct vmci_datagram *message);
__s32 pairs_detach(struct function *function, struct vmci_handle handle);

/* All have ended in a snapshot, but the guest may still detach from them (vmci.md 2.14) */
void pairs_end(struct function *function);

/* Each pair that has not ended: pairs_iter(), then pairs_next() until it is NULL */
void pairs_iter(struct function *function, GHashTableIter *iter);
struct pair *pairs_next(GHashTableIter *iter);

unsigned int pairs_count(const struct function *function);

#endif /* DEVICE_PAIRS_H */
