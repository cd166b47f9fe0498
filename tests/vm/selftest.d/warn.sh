#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# warn - a kernel warning
#
# Copyright (C) 2026 The vmsock authors

# shellcheck source=tests/vm/harness/tap.sh
. tap.sh
ok "the module loads" modprobe vm_selftest fault=warn
done_testing
