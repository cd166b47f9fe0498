#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pass - a test that passes, with a module loaded and unloaded around it
#
# Copyright (C) 2026 The vmsock authors
#
# vm-modules: vm_selftest

# shellcheck source=tests/vm/harness/tap.sh
. tap.sh
ok "the module is loaded" grep -q '^vm_selftest ' /proc/modules
ok "modprobe -r unloads it" modprobe -r vm_selftest
ok "modprobe loads it" modprobe vm_selftest
done_testing
