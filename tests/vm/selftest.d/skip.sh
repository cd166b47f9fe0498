#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# skip - a test that skips itself
#
# Copyright (C) 2026 The vmsock authors

# shellcheck source=tests/vm/harness/tap.sh
. tap.sh
skip_all "it is asked to"
