/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dma.h - datagrams through buffers in the guest's memory
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md 2.7, vfio-user.md 5.4.
 */
#ifndef DEVICE_DMA_H
#define DEVICE_DMA_H

#include "vmci/wire.h"

struct function;

/* DATA_OUT_LOW and DATA_IN_LOW were written; @buffer: both halves of the address */
void dma_send(struct function *function, __u64 buffer);
void dma_receive(struct function *function, __u64 buffer);

/* There is access to the guest's memory: what has waited for it is carried out */
void dma_resume(struct function *function);

#endif /* DEVICE_DMA_H */
