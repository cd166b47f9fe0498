#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hang - user space that does not end
#
# Copyright (C) 2026 The vmsock authors

# vm-timeout: 3

# shellcheck source=tests/vm/harness/tap.sh
. tap.sh
ok "one step is done" true
sleep 1000
done_testing
