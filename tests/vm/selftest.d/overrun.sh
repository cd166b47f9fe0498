#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# overrun - a read behind the end of an object
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: debug

# shellcheck source=tests/vm/harness/tap.sh
. tap.sh
ok "the module loads" modprobe vm_selftest fault=overrun
done_testing
