#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# leak - memory that nothing refers to
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: debug
# vm-boot: own
# vm-modules: vm_selftest

# shellcheck source=tests/vm/harness/tap.sh
. tap.sh
ok "the module is unloaded" modprobe -r vm_selftest
ok "the module loads again" modprobe vm_selftest fault=leak
done_testing
