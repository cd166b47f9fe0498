#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# packages.sh - Debian packages: they build from a checkout and from a release, and are the same
#
# Copyright (C) 2026 The vmsock authors
#
# packages.sh BUILD_FOLDER OUTPUT: OUTPUT gets the packages, as a folder that apt can read. TAP on
# standard output.

set -u
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
# shellcheck source=tests/vm/harness/tap.sh
. "$source/tests/vm/harness/tap.sh"
# shellcheck source=scripts/tree.sh
. "$source/scripts/tree.sh"

build=$1
mkdir -p "$2" || exit
output=$(cd "$2" && pwd)
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
version=$(sed -n 's/^VMSOCK_VERSION=//p' "$source/META")

# packages FOLDER: what dpkg-buildpackage makes of FOLDER/tree
packages()
{
	(cd "$1/tree" && DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" DEB_BUILD_PROFILES=nocheck \
		dpkg-buildpackage --no-sign --build=binary) >"$1/log" 2>&1 </dev/null || {
		tail -n 40 "$1/log"
		return 1
	}
}

# A checkout has no configure; its tests are others of this run.
from_checkout()
{
	copy_tree "$work/checkout/tree" && packages "$work/checkout"
}

# In another folder, and with everything that make dist puts there
from_release()
{
	make -C "$build" dist >"$work/dist.log" 2>&1 || { tail -n 20 "$work/dist.log"; return 1; }
	mkdir "$work/release"
	tar -C "$work/release" -xf "$build/vmsock-$version.tar.xz" &&
		rm "$build/vmsock-$version.tar.xz" &&
		mv "$work/release/vmsock-$version" "$work/release/tree" && packages "$work/release"
}

# The names of the packages of folder $1, without those of symbols for debuggers
names() { (cd "$1" && ls -- *.deb) | sed -n '/-dbgsym_/!s/_.*//p' | tr '\n' ' '; }

sums() { (cd "$1" && sha256sum -- *.deb); }

# What lintian says beside this: nobody reads mail for the project, a first package closes no bug,
# and a native one has no watch file.
complaints()
{
	lintian --allow-root --fail-on error,warning --display-level '>=warning' \
		--suppress-tags "bogus-mail-host,bogus-mail-host-in-debian-changelog" \
		"$1"/*.changes
}

# fields PACKAGE FIELD: of its control file
fields() { dpkg-deb -f "$work/checkout/$1_"*.deb "$2"; }

# The maintainer scripts that packages bring; those of debhelper apart, there is none.
scripts()
{
	for deb in "$work/checkout/"*.deb; do
		dpkg-deb --ctrl-tarfile "$deb" | tar -t | sed -n 's,^\./\(p[a-z]*\)$,\1,p' |
			sed "s,^,$(basename "$deb" | cut -d_ -f1): ,"
	done
}

simulate_build_dep() { apt-get -qq --simulate build-dep "$source/"; }

ok "they build from a checkout" from_checkout || { done_testing; exit; }
is "$(names "$work/checkout")" "gir1.2-vmsock-1.0 libvmsock-1.0-0 libvmsock-dev vmci-device \
vmsock-dkms vmsock-doc vmsock-tools " "seven packages"
is "$(fields vmsock-dkms Version)" "$version" "the version is that of META"
ok "apt knows what they are built with" simulate_build_dep
ok "lintian has no complaint" complaints "$work/checkout"
is "$(scripts | grep -vE '^(vmsock-dkms|vmsock-tools|vmci-device): ')" '' \
	"the library has no maintainer scripts"
ok "they build from a release, too" from_release
is "$(sums "$work/release")" "$(sums "$work/checkout")" "byte by byte the same"

cp "$work/checkout/"*.deb "$output/"
ok "apt can read the folder" \
	sh -c "cd '$output' && dpkg-scanpackages -m . >Packages 2>/dev/null && test -s Packages"
done_testing
