#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# oops - a kernel oops
#
# Copyright (C) 2026 The vmsock authors

# shellcheck source=tests/vm/harness/tap.sh
. tap.sh
ok "the module loads" modprobe vm_selftest fault=oops
done_testing
