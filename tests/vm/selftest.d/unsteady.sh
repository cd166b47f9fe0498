#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# unsteady - a test that fails at its first try only
#
# Copyright (C) 2026 The vmsock authors

# shellcheck source=tests/vm/harness/tap.sh
. tap.sh
ok "the second try" test -n "$VMTEST_AGAIN"
done_testing
