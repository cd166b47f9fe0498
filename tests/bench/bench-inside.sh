#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench-inside - the guest's end of nested.sh
#
# Copyright (C) 2026 The vmsock authors

. tap.sh

all()
{
	for run in 1 2 3; do
		bench-host "$BENCH_TRANSPORT" "$run" 0 || return
	done >results
}

ok "everything is measured" all
diag "$(cat results)"
done_testing
