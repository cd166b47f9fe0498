/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * datagram.h - what the guest sends, whichever channel brought it
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md 3.6 and 3.10.
 */
#ifndef DEVICE_DATAGRAM_H
#define DEVICE_DATAGRAM_H

#include <stddef.h>

#include "vmci/wire.h"

struct function;

/* Header and payload may have as many bytes, on their way to this destination */
size_t datagram_limit(const struct vmci_datagram *header);

/**
 * datagram_send() - carry out a datagram of the guest
 * @function: of the VM
 * @datagram: a private copy, which may be changed
 * @size: of the copy: header and payload
 *
 * Return: the result for the guest; only a context ID needs more than 32 bits.
 */
__s64 datagram_send(struct function *function, struct vmci_datagram *datagram, size_t size);

#endif /* DEVICE_DATAGRAM_H */
