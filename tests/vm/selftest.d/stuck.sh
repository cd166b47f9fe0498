#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# stuck - a process that no signal ends
#
# Copyright (C) 2026 The vmsock authors

# vm-timeout: 3

# shellcheck source=tests/vm/harness/tap.sh
. tap.sh
ok "the module loads" modprobe vm_selftest fault=hang
done_testing
