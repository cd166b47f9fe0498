// SPDX-License-Identifier: GPL-2.0-only
/* vm_kernel_bell - vm_bell as a client of the kernel's own driver
 *
 * Copyright (C) 2026 The vmsock authors
 */
#define OF_KERNEL_DRIVER
#include "../bell/vm_bell.c"
