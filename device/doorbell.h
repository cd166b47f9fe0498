/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doorbell.h - the doorbells of the guest, and the bitmap that tells which rang
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md 4.6 to 4.9 and section 6.  Results are those of section 10.
 */
#ifndef DEVICE_DOORBELL_H
#define DEVICE_DOORBELL_H

#include <glib.h>
#include <stdbool.h>

#include "vmci/wire.h"

struct function;

struct doorbells {
	GHashTable *indexes;	/* of the handles that are linked, in the bitmap */
	bool bitmap;		/* is there one? */
	__u64 bitmap_address;
	__u64 bitmap_size;
};

void doorbell_init(struct function *function);
void doorbell_free(struct function *function);
void doorbell_reset(struct function *function);

__s32 doorbell_set_bitmap(struct function *function, __u64 ppn);
__s32 doorbell_link(struct function *function, struct vmci_handle handle, __u64 index);
__s32 doorbell_unlink(struct function *function, struct vmci_handle handle);

/* The guest rings one, its own or the host's */
__s32 doorbell_notify(struct function *function, struct vmci_handle handle);

/* One of the guest's rings: VMCI_ERROR_NOT_FOUND when it has none such */
__s32 doorbell_ring(struct function *function, struct vmci_handle handle);

#endif /* DEVICE_DOORBELL_H */
