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

# With the kernel's own driver in a guest as well when all is asked for
guests=vmsock:vmsock:0:42
[ -z "${VMSOCK_FULL-}" ] || guests="$guests vmw_vmci:vmw_vsock_vmci_transport:40:43"

ok "KVM" load_kvm
# shellcheck disable=SC2086 # words
meet vmw_vmci vmw_vsock_vmci_transport 40 $guests
done_testing
