#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# symbols-test.sh - what is exported is what the map and the headers say, and the version is one
#
# Copyright (C) 2026 The vmsock authors

set -u
: "${top_srcdir:=../..}" "${top_builddir:=../..}"
top_builddir=$(cd "$top_builddir" && pwd)
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
tests=0
failed=0

same()	# DESCRIPTION FILE FILE
{
	tests=$((tests + 1))
	if diff "$2" "$3" >"$work/diff"; then
		echo "ok $tests - $1"
	else
		failed=$((failed + 1))
		echo "not ok $tests - $1"
		sed 's/^/# /' "$work/diff"
	fi
}

cd "$top_srcdir/lib" || exit
sed -n 's/^\t\(vmsock_[a-z0-9_]*\);$/\1/p' libvmsock.map | sort >"$work/map"
nm -D --defined-only "$top_builddir/lib/.libs/libvmsock.so" |
	awk '$2 == "T" {sub(/@.*/, "", $3); print $3}' | sort >"$work/exported"
same "the library exports what the map says" "$work/map" "$work/exported"

# A declaration follows its availability.
sed -n '/^VMSOCK_AVAILABLE_IN_/{n;p;}' vmsock/*.h |
	sed -n -e 's/^G_DECLARE_[A-Z]*_TYPE([A-Za-z]*, \(vmsock_[a-z_]*\),.*/\1_get_type/p' \
		-e '/^G_DECLARE/d' -e 's/.*[ *]\(vmsock_[a-z0-9_]*\)(.*/\1/p' |
	sort >"$work/declared"
same "... and the headers declare, each with its version" "$work/map" "$work/declared"

grep -ohE '^ \* (vmsock_[a-z0-9_]*):' ./*.c | sed 's/^ \* \(.*\):$/\1/' | sort >"$work/documented"
grep -v '_get_type$' "$work/map" | grep -vxF vmsock_error_quark >"$work/functions"
grep -vxF vmsock_error_quark "$work/documented" >"$work/documented-functions"
same "... and the sources document" "$work/functions" "$work/documented-functions"

# What has a GError says which ones there are.
cat vmsock/*.h | tr '\n' ' ' | grep -o 'vmsock_[a-z0-9_]*([^()]*GError \*\*error)' |
	sed 's/(.*//' | sort >"$work/fallible"
awk '/^ \* vmsock_[a-z0-9_]*:$/ { name = substr($2, 1, length($2) - 1) }
	/^ \* Errors:/ || /with the same errors as/ { print name }' ./*.c | sort -u >"$work/errors"
same "... with their errors" "$work/fallible" "$work/errors"

version=$(sed -n 's/^#define VMSOCK_\(MAJOR\|MINOR\|MICRO\)_VERSION \([0-9]*\)$/\2/p' \
	vmsock/version.h | paste -sd .)
echo "$version" >"$work/version"
sed -n 's/^VMSOCK_VERSION=//p' ../META >"$work/meta"
same "the headers have the version of META" "$work/meta" "$work/version"

echo "1..$tests"
[ "$failed" = 0 ]
