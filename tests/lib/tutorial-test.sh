#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tutorial-test.sh - the programs of the tutorial compile and talk to each other, C and Python
#
# Copyright (C) 2026 The vmsock authors
#
# They are taken out of the pages.  What they talk over is a UNIX socket: no vsock is needed.
# Uses CC, top_srcdir and top_builddir of the environment.

set -u
: "${CC:=cc}" "${top_srcdir:=../..}" "${top_builddir:=../..}"
top_builddir=$(cd "$top_builddir" && pwd)
work=$(mktemp -d) || exit
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
tests=0
failed=0
GI_TYPELIB_PATH=$top_builddir/lib
LD_LIBRARY_PATH=$top_builddir/lib/.libs
export GI_TYPELIB_PATH LD_LIBRARY_PATH

result()	# STATUS DESCRIPTION
{
	tests=$((tests + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tests - $2"
	else
		failed=$((failed + 1))
		echo "not ok $tests - $2"
		sed 's/^/# /' "$work/log"
	fi
}

program()	# PAGE LANGUAGE FILE: the block of that language
{
	awk -v start="\`\`\`$2" '$0 == start {inside = 1; next} /^```$/ {inside = 0} inside' \
		"$top_srcdir/lib/reference/$1.md" >"$work/$3"
}

for page in client server; do
	program $page c $page.c
	program $page python $page.py
	# shellcheck disable=SC2046 # flags
	$CC -Wall -Wextra -Wno-unused-parameter -Werror -o "$work/$page" "$work/$page.c" \
		-I"$top_srcdir/lib" $(pkg-config --cflags gio-2.0) -L"$top_builddir/lib/.libs" \
		-lvmsock $(pkg-config --libs gio-2.0) >"$work/log" 2>&1
	result $? "the C $page compiles"
done

c_client() { "$work/client" "$@"; }
c_server() { exec "$work/server" "$@"; }
python_client() { "$python" "$work/client.py" "$@"; }
python_server() { exec "$python" "$work/server.py" "$@"; }

# The first of the Pythons here that has PyGObject
python=
for candidate in python3 /usr/bin/python3; do
	[ -n "$python" ] || ! "$candidate" -c 'import gi' 2>/dev/null || python=$candidate
done

languages=c
if [ -e "$GI_TYPELIB_PATH/Vmsock-1.0.typelib" ] && [ -n "$python" ]; then
	languages='c python'
else
	tests=$((tests + 1))
	echo "ok $tests - Python # SKIP there is no introspection here, or no PyGObject"
fi
for serving in $languages; do
	("${serving}_server" "unix:$work/$serving.sock") >"$work/log" 2>&1 &
	server=$!
	for asking in $languages; do
		answer=$("${asking}_client" "unix:$work/$serving.sock" "from $asking" 2>&1)
		[ "$answer" = "$(echo "from $asking" | tr "[:lower:]" "[:upper:]")" ]
		result $? "a client in $asking and a server in $serving: $answer"
	done
	kill "$server"
	wait "$server" 2>/dev/null
	server=
done

for asking in $languages; do
	said=$("${asking}_client" nonsense x 2>&1)
	status=$?
	[ "$status" != 0 ] && echo "$said" | grep -q 'is not a vsock address'
	result $? "a client in $asking with a wrong address: $said"
done

echo "1..$tests"
[ "$failed" = 0 ]
