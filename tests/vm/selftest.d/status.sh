#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# status - a script that dies in the middle
#
# Copyright (C) 2026 The vmsock authors

# shellcheck source=tests/vm/harness/tap.sh
. tap.sh
ok "one step is done" true
exit 3
