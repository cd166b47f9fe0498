#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# fail - a test that fails
#
# Copyright (C) 2026 The vmsock authors

# shellcheck source=tests/vm/harness/tap.sh
. tap.sh
ok "true succeeds" true
is "got" "want" "two texts are the same"
done_testing
