#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deadlock - a lock order that could deadlock
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: debug

# shellcheck source=tests/vm/harness/tap.sh
. tap.sh
ok "the module loads" modprobe vm_selftest fault=deadlock
done_testing
