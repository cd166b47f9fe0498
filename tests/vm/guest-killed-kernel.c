// SPDX-License-Identifier: GPL-2.0-or-later
/* guest-killed-kernel - the same as guest-killed, with the kernel's own drivers in the guest
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-kernels: 6.1 7.3
 * vm-modules: vmw_vsock_vmci_transport
 * vm-device: --cid 42 --uds %D/host
 * vm-args: VMSOCK_TEST_FAMILY=40
 * vm-qemu: -pidfile %D/qemu.pid
 * vm-killed: 1
 * vm-timeout: 600
 */
#include "guest-killed.c"
