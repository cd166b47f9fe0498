#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# host-kernel - the kernel's own driver in a host, with guests that have either
#
# Copyright (C) 2026 The vmsock authors
#
# vm-nested: tests/interop/inside.c
# vm-programs: tests/interop/peer.c device/vmci-device
# vm-modules: vmw_vsock_vmci_transport
# vm-kernels: 6.1 7.3
# vm-memory: 2048
# vm-timeout: 1500

. tap.sh
. nest.sh

ok "KVM" load_kvm
meet vmw_vmci vmw_vsock_vmci_transport 40 vmsock:vmsock:0:42 vmw_vmci:vmw_vsock_vmci_transport:40:43
done_testing
