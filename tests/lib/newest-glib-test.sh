#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# newest-glib-test.sh - the library and its tests with the newest GLib that Debian has
#
# Copyright (C) 2026 The vmsock authors
#
# scripts/fetch.sh glib has unpacked that, and a compiler. Everything is compiled there, without
# a warning, and run there.

set -u
: "${srcdir:=.}" "${top_srcdir:=../..}" "${top_builddir:=../..}"
# shellcheck source=scripts/lib.sh
. "$top_srcdir/scripts/lib.sh"
# shellcheck source=tests/vm/harness/tap.sh
. "$top_srcdir/tests/vm/harness/tap.sh"

root=$CACHE/glib
if ! [ -d "$root" ] || ! in_root "$root" true 2>/dev/null; then
	echo "1..0 # SKIP no newest GLib (scripts/fetch.sh glib), or no way into its folder"
	exit 77
fi
work=$(mktemp -d "$root/build/lib-XXXXXX") || exit
trap 'rm -rf "$work"' EXIT
inside=${work#"$root"}
cp -R "$top_srcdir/lib" "$work/lib"
cp -R "$top_srcdir/include" "$work/include"
mkdir "$work/tests"
cp "$srcdir"/*.[ch] "$top_srcdir/tests/unit/tap.h" "$work/tests"
cp "$top_builddir/config.h" "$work/lib"

compile()
{
	# shellcheck disable=SC2016 # for the inner shell
	in_root "$root" sh -c '
		cd "$0" && set -e
		flags="$(pkgconf --cflags --libs gio-unix-2.0)"
		gcc -c -O1 -g -Wall -Wextra -Werror -fPIC -DG_LOG_DOMAIN=\"vmsock\" \
			-DNAMES_DIRECTORY=\"/etc/vmsock\" -Iinclude -Ilib lib/*.c $flags
		for test in "$@"; do
			gcc -O1 -g -Wall -Wextra -Werror -Iinclude -Ilib -Itests -o "$test" \
				"tests/$test.c" ./*.o $flags
		done' "$inside" "$@" >"$work/log" 2>&1
}

# passes TEST: all of its results are good
passes()
{
	# shellcheck disable=SC2016 # for the inner shell
	in_root "$root" sh -c 'cd "$0" && exec "./$1"' "$inside" "$1" >"$work/log" 2>&1
}

tests='address-test cancel-test error-test forwarder-test machine-test mux-test service-test
	stack-test trouble-test'
version=$(in_root "$root" pkgconf --modversion glib-2.0)
# shellcheck disable=SC2086 # a list
ok "everything compiles with GLib $version" compile $tests ||
	diag "$(head -n 20 "$work/log")"
for test in $tests; do
	ok "$test" passes "$test" || diag "$(grep -v '^ok' "$work/log" | head -n 20)"
done
done_testing
