#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# busy - a module that cannot be unloaded after the test
#
# Copyright (C) 2026 The vmsock authors
#
# vm-modules: vm_selftest

# shellcheck source=tests/vm/harness/tap.sh
. tap.sh
modprobe -r vm_selftest
ok "the module loads and stays" modprobe vm_selftest fault=pin
done_testing
