#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# warn-allowed - a kernel warning that the head allows
#
# Copyright (C) 2026 The vmsock authors
#
# vm-allow: WARNING: .* warn\+|Call Trace

# shellcheck source=tests/vm/harness/tap.sh
. tap.sh
ok "the module loads" modprobe vm_selftest fault=warn
done_testing
