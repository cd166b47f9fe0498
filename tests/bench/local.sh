#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# local - sockets within one kernel: ours beside all the others
#
# Copyright (C) 2026 The vmsock authors
#
# The kernel's own driver is loaded first: who comes later has no /dev/vmci.
#
# vm-boot: own
# vm-modules: vsock_loopback vmw_vsock_vmci_transport vmsock
# vm-memory: 1024
# vm-timeout: 900
# vm-programs: tests/bench/bench.c

. tap.sh
ip link set lo up
measured() { bench >results 2>&1; }

ok "everything is measured" measured
diag "$(cat results)"
done_testing
