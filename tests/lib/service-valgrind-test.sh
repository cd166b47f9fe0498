#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# service-valgrind-test.sh - service-test under valgrind: no error, no leak
#
# Copyright (C) 2026 The vmsock authors

set -u
: "${top_builddir:=../..}"
if ! command -v valgrind >/dev/null; then
	echo "1..0 # SKIP valgrind is not installed"
	exit 77
fi
log=$(mktemp) || exit
trap 'rm -f "$log"' EXIT
known=$(pkg-config --variable=prefix glib-2.0)/share/glib-2.0/valgrind/glib.supp
[ ! -e "$known" ] || set -- --suppressions="$known"
VMSOCK_TEST_CONNECTIONS=300 G_SLICE=always-malloc G_DEBUG=gc-friendly \
	"$top_builddir/libtool" --mode=execute valgrind -q --leak-check=full \
	--errors-for-leak-kinds=definite --show-leak-kinds=definite --error-exitcode=3 \
	--log-file="$log" "$@" ./service-plain
status=$?
if [ "$status" != 0 ]; then
	echo "Bail out! status $status"
	sed 's/^/# /' "$log"
	exit "$status"
fi
