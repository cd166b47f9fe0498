#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vala-test.sh - a program in Vala compiles with the library, and works
#
# Copyright (C) 2026 The vmsock authors
#
# Uses CC, top_srcdir and top_builddir of the environment.

set -u
: "${top_srcdir:=../..}" "${top_builddir:=../..}"
lib=$(cd "$top_builddir/lib" && pwd)
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
export LD_LIBRARY_PATH="$lib/.libs"

if [ ! -e "$lib/vmsock-1.0.vapi" ] || ! command -v valac >/dev/null; then
	echo "1..0 # SKIP there are no Vala bindings here, or no valac"
	exit
fi

result()	# STATUS NUMBER DESCRIPTION
{
	if [ "$1" = 0 ]; then
		echo "ok $2 - $3"
	else
		echo "not ok $2 - $3"
		sed 's/^/# /' "$work/log"
	fi
}

echo 1..3
valac --cc="${CC:-cc}" --fatal-warnings --vapidir="$lib" --pkg=vmsock-1.0 --pkg=gio-2.0 -X -w \
	-X -I"$top_srcdir/lib" -X -L"$lib/.libs" -X -lvmsock -o "$work/program" \
	"$top_srcdir/tests/lib/program.vala" >"$work/log" 2>&1
result $? 1 "it compiles without a warning"
cd "$work" || exit
./program unix:socket hello >log 2>&1 && [ "$(cat log)" = HELLO ]
result $? 2 "a service and its client, asynchronous"
./program nonsense hello >log 2>&1
[ $? = 2 ] && grep -q "^no address: 'nonsense' is not a vsock address" log
result $? 3 "an error of the library is one of Vala's"
