#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rpm.sh - RPM packages are built, installed elsewhere and removed; the recipe for Arch is a recipe
#
# Copyright (C) 2026 The vmsock authors
#
# rpm.sh BUILD_FOLDER. Here is no Fedora: rpmbuild runs on Debian, whose packages it does not know,
# and scripts are not run. TAP on standard output.

set -u
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
# shellcheck source=tests/vm/harness/tap.sh
. "$source/tests/vm/harness/tap.sh"

build=$1
version=$(sed -n 's/^VMSOCK_VERSION=//p' "$source/META")
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT

make_dist()
{
	make -C "$build" dist >"$work/dist.log" 2>&1 || { tail -n 20 "$work/dist.log"; return 1; }
	mv "$build/vmsock-$version.tar.xz" "$work/"
}

# The packages of a release, without asking for what they are built with
build_rpms()
{
	rpmbuild -tb --nodeps --define "_topdir $work/rpm" --define 'debug_package %{nil}' \
		--define "_smp_mflags -j$(nproc)" "$work/vmsock-$version.tar.xz" \
		>"$work/rpm.log" 2>&1 || { tail -n 40 "$work/rpm.log"; return 1; }
}

rpms() { find "$work/rpm/RPMS" -name '*.rpm'; }
names() { rpms | sed "s,.*/,,; s/-$version.*//" | sort; }

# What each package requires, without versions and what rpm itself brings
requires()
{
	for file in $(rpms); do
		name=$(rpm -qp --qf '%{NAME}' "$file")
		rpm -qp --requires "$file" |
			sed -e '/^rpmlib(/d' -e '/^\//d' -e 's/[( ].*//' \
				-e '/^\(ld-linux\|rtld\)/d' -e "s/^/$name /"
	done | sort -u
}

rpm_in() { rpm --root "$work/root" "$@"; }

# shellcheck disable=SC2046 # a list of files
install_rpms() { rpm_in --initdb && rpm_in -i --noscripts --nodeps $(rpms); }

# All that is there but rpm's own data
files()
{
	(cd "$work/root" && find . ! -type d ! -path '*/.rpmdb/*' ! -path './var/lib/rpm/*')
}

expected()
{
	printf '%s\n' ./usr/bin/vmsock ./usr/sbin/vmci-device \
		"./usr/src/vmsock-$version/dkms.conf" ./usr/lib/modprobe.d/vmsock.conf \
		./usr/lib/udev/rules.d/60-vmsock.rules \
		./usr/lib/systemd/system/vmci-device@.service ./usr/include/vmci/vmci_sockets.h
}
lacking() { expected | while read -r file; do [ -e "$work/root/$file" ] || echo "$file"; done; }

unlisted() { sed -n 's/.*\(Installed (but unpackaged).*\)/\1/p' "$work/rpm.log"; }

# Functions of the recipe take files by pattern: all of the staged installation belong to one
arch_files()
{
	bash -c '
		set -e
		srcdir=$1 pkgdir=$2 version=$3
		make() { command make --no-print-directory "$@" >/dev/null; }
		cd "$srcdir"
		. "vmsock-$version/packaging/arch/PKGBUILD"
		(build) >/dev/null
		for package in "${pkgname[@]}"; do
			(pkgdir=$2/$package && mkdir -p "$pkgdir" && "package_$package")
		done
		find "$srcdir/stage" ! -type d
	' arch "$work/arch" "$work/packages" "$version" 2>"$work/arch.log" ||
		{ tail -n 20 "$work/arch.log"; return 1; }
}

ok "make dist" make_dist || { done_testing; exit; }
ok "rpmbuild makes packages of a release" build_rpms || { done_testing; exit; }
is "$(names | tr '\n' ' ')" "vmci-device vmsock-devel vmsock-dkms vmsock-libs vmsock-tools " \
	"their names, and the version is that of META"
is "$(unlisted)" '' "each file is in a package"
is "$(requires)" "$(grep -v '^#' "$here/rpm-requires")" "what they require is what is listed"
ok "rpm installs them" install_rpms
is "$(lacking)" '' "what must be there is there"
# shellcheck disable=SC2046 # a list of names
ok "rpm removes them" rpm_in -e --noscripts --nodeps $(names)
is "$(files)" '' "no file is left"

mkdir -p "$work/arch" "$work/packages"
tar -C "$work/arch" -xf "$work/vmsock-$version.tar.xz"
ok "the recipe for Arch is good shell" bash -n "$work/arch/vmsock-$version/packaging/arch/PKGBUILD"
is "$(sed -n 's/^pkgver=//p' "$work/arch/vmsock-$version/packaging/arch/PKGBUILD")" "$version" \
	"its version is that of META"
is "$(arch_files)" '' "it gives each file to a package"
is "$(cd "$work/packages" && find . -name vmsock -type f -perm /111)" ./vmsock/usr/bin/vmsock \
	"the command is in its package"
done_testing
