/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hypercall.h - the functions of the hypervisor, context 0
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md section 4.
 */
#ifndef DEVICE_HYPERCALL_H
#define DEVICE_HYPERCALL_H

#include "vmci/wire.h"

struct function;

/**
 * hypercall() - carry out a message to context 0
 * @function: of the VM
 * @message: a copy, with all of its payload
 *
 * Return: what the function returns, wider than a result: a context ID is no negative number.
 */
__s64 hypercall(struct function *function, const struct vmci_datagram *message);

/* Name of a function, for people; NULL when there is none with that number */
const char *hypercall_name(__u32 number);

#endif /* DEVICE_HYPERCALL_H */
