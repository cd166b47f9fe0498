#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rpm.sh - packages of RPM and of Arch are built, installed elsewhere and removed
#
# Copyright (C) 2026 The vmsock authors
#
# rpm.sh BUILD_FOLDER. Here is no Fedora and no Arch: rpmbuild, makepkg and pacman run on Debian,
# whose packages they do not know, and scripts and hooks are not run. TAP on standard output.

set -u
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
# shellcheck source=tests/vm/harness/tap.sh
. "$source/tests/vm/harness/tap.sh"

build=$1
version=$(sed -n 's/^VMSOCK_VERSION=//p' "$source/META")
work=$(mktemp -d) || exit
arch=$work/arch
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

# Programs of the administrator are in folder $1
expected()
{
	printf '%s\n' ./usr/bin/vmsock ".$1/vmci-device" \
		"./usr/src/vmsock-$version/dkms.conf" ./usr/lib/modprobe.d/vmsock.conf \
		./usr/lib/udev/rules.d/60-vmsock.rules \
		./usr/lib/systemd/system/vmci-device@.service ./usr/include/vmci/vmci_sockets.h
}
lacking()
{
	expected "$1" | while read -r file; do
		[ -e "$work/root/$file" ] || echo "$file"
	done
}

unlisted() { sed -n 's/.*\(Installed (but unpackaged).*\)/\1/p' "$work/rpm.log"; }

# Those that the README gives to dnf, as it writes them
for_dnf() { (cd "$work/rpm" && bash -c 'ls RPMS/*/vmsock-{dkms,tools,libs}-*.rpm' | wc -l); }

# The user that makepkg wants, for it does not run as root
as_builder()
{
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
	else
		"$@"
	fi
}

# In a folder with the recipe and the release, as the README has it; what the packages are built
# with is not asked for.
make_arch()
{
	chmod 755 "$work"
	install -d -m 777 "$arch" "$arch/home"
	tar -C "$arch" -xf "$work/vmsock-$version.tar.xz" --strip-components=3 \
		"vmsock-$version/packaging/arch/PKGBUILD"
	cp "$work/vmsock-$version.tar.xz" "$arch/"
	(cd "$arch" && as_builder env HOME="$arch/home" MAKEFLAGS="-j$(nproc)" \
		makepkg --nodeps --nocolor) >"$work/arch.log" 2>&1 ||
		{ tail -n 40 "$work/arch.log"; return 1; }
}

arch_names() { (cd "$arch" && ls -- *.pkg.tar.*) | sed "s/-$version-1.*//" | sort | tr '\n' ' '; }

pacman_in()
{
	printf '[options]\nArchitecture = auto\nSigLevel = Never\n' >"$work/pacman.conf"
	pacman --config "$work/pacman.conf" --root "$work/root" --dbpath "$work/pacman" \
		--cachedir "$work/pacman" --hookdir "$work/pacman" --logfile "$work/pacman.log" \
		--noconfirm --nodeps --nodeps "$@"
}

# What makepkg itself has to say about a recipe
complaints()
{
	grep -E '^==> (WARNING|ERROR)' "$work/arch.log" | grep -v 'Skipping dependency checks'
}

ok "make dist" make_dist || { done_testing; exit; }
ok "rpmbuild makes packages of a release" build_rpms || { done_testing; exit; }
is "$(names | tr '\n' ' ')" "vmci-device vmsock-devel vmsock-dkms vmsock-libs vmsock-tools " \
	"their names, and the version is that of META"
is "$(unlisted)" '' "each file is in a package"
is "$(for_dnf)" 3 "the README names three of them to dnf"
is "$(requires)" "$(grep -v '^#' "$here/rpm-requires")" "what they require is what is listed"
ok "rpm installs them" install_rpms
is "$(lacking /usr/sbin)" '' "what must be there is there"
# shellcheck disable=SC2046 # a list of names
ok "rpm removes them" rpm_in -e --noscripts --nodeps $(names)
is "$(files)" '' "no file is left"

ok "makepkg makes packages for Arch of a release" make_arch || { done_testing; exit; }
is "$(arch_names)" "vmci-device vmsock vmsock-dkms " "their names, and the version is that of META"
is "$(complaints)" '' "makepkg has no complaint"
is "$(find "$arch/src/stage" ! -type d)" '' "each file is in a package"
mkdir -p "$work/pacman"
ok "pacman installs them" pacman_in -U "$arch/"*.pkg.tar.*
is "$(lacking /usr/bin)" '' "what must be there is there"
ok "pacman removes them" pacman_in -R vmsock vmsock-dkms vmci-device
is "$(files)" '' "no file is left"
done_testing
