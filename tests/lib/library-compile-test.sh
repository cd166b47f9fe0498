#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# library-compile-test.sh - programs compile with vmsock.h, as C and as C++, and are warned
#
# Copyright (C) 2026 The vmsock authors
#
# Uses CC, CXX and top_srcdir of the environment.

set -u
: "${CC:=cc}" "${CXX:=c++}" "${top_srcdir:=../..}"
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
glib=$(pkg-config --cflags gio-2.0)
tests=0
failed=0

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

# The compiler and the flags may be several words.
# shellcheck disable=SC2086
compile()	# COMPILER LANGUAGE STANDARD ARGUMENTS...
{
	compiler=$1 language=$2 standard=$3
	shift 3
	$compiler -x "$language" -std="$standard" -I"$top_srcdir/lib" $glib -Wall -Wextra -Werror \
		-fsyntax-only "$@" >"$work/log" 2>&1
}

cat >"$work/program" <<END
#include <vmsock/vmsock.h>

#if !VMSOCK_CHECK_VERSION(0, 1, 0) || VMSOCK_CHECK_VERSION(999, 0, 0)
#error versions
#endif

int main(void)
{
	VmsockAddress *address = vmsock_address_new(VMSOCK_CID_HOST, 1024);
	gboolean good = VMSOCK_IS_ADDRESS(address) && G_IS_SOCKET_ADDRESS(address);

	g_object_unref(address);
	return !good;
}
END
for row in gnu99 gnu17; do
	compile "$CC" c "$row" "$work/program"
	result $? "vmsock.h as $row"
done
for row in gnu++11 gnu++17; do
	compile "$CXX" c++ "$row" "$work/program"
	result $? "vmsock.h as $row"
done

for header in "$top_srcdir"/lib/vmsock/*.h; do
	echo "#include <vmsock/${header##*/}>" >"$work/alone"
	compile "$CC" c gnu11 "$work/alone"
	result $? "${header##*/} alone"
done

! compile "$CC" c gnu11 -DVMSOCK_VERSION_MAX_ALLOWED=0 "$work/program" &&
	grep -q 'Not available before 0.1' "$work/log"
result $? "what is too new for a program is warned of"

echo "1..$tests"
[ "$failed" = 0 ]
