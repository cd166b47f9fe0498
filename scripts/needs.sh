#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# needs.sh - install the packages that building and testing needs, those that are missing
#
# Copyright (C) 2026 The vmsock authors

set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

usage()
{
	cat <<END
Usage: needs.sh [--list] GROUP...

Installs what is missing of these groups of Debian packages; root only if any is.
  build    compiler, Autotools, GLib: library and tools
  modules  kernel headers: modules for this machine
  guest    what guests are made of and fetched with
  check    scripts/check.sh and all tests
  packages tests/packaging: Debian and RPM packages, and systems made of them
  bench    scripts/bench.sh
  --list   only print the names
END
}

# package                    groups          for
PACKAGES='
autoconf                     build           bootstrap
automake                     build           bootstrap
libtool                      build           bootstrap
pkg-config                   build           configure
gcc                          build,guest     everything
libc6-dev                    build,guest     everything, tests of guests are linked statically
make                         build           everything
libglib2.0-dev               build           libvmsock
libseccomp-dev               build           vmci-device
linux-headers-amd64          modules         vmci.ko and vmsock.ko
apt                          guest           fetch.sh
debian-archive-keyring       guest           fetch.sh
binutils                     guest           fetch.sh, unpacking
xz-utils                     guest,check     unpacking, make dist
busybox-static               guest           initramfs
cpio                         guest           initramfs
kmod                         guest           initramfs, modules
libc-bin                     guest           ldd
util-linux                   guest           unshare, flock
perl                         guest           prove
git                          check           list of files
shellcheck                   check           check.sh
codespell                    check           check.sh
man-db                       check           manual pages
mandoc                       check           manual pages
jq                           bench           the table of bench.sh
clang                        check           fuzz targets
libclang-rt-dev              check           fuzz targets
g++                          check           headers as C++
gcc-multilib                 check           headers and programs for 32 bits
libgirepository1.0-dev       check           introspection
gobject-introspection        check           introspection
valac                        check           Vala bindings
gi-docgen                    check           reference of the library
python3-gi                   check           tutorial of the library
glib-networking              check           TLS over connections
valgrind                     check           tests of the library
socat                        guest,check     vm/interop
ncat                         guest,check     vm/interop
nbdkit                       guest,check     vm/interop
libnbd-bin                   guest,check     vm/interop
python3                      guest,check     vm/interop
systemd                      guest,check,packages  vm/interop, socket activation; where units go
tmux                         guest,check     vm/tools-terminal
debhelper                    packages        Debian packages
dh-apparmor                  packages        Debian packages
dh-dkms                      packages        Debian packages
dpkg-dev                     packages        Debian packages
fakeroot                     packages        Debian packages
lintian                      packages        Debian packages
mmdebstrap                   packages        systems to install them in
e2fsprogs                    packages        disks of these systems
rpm                          packages        RPM packages
makepkg                      packages        packages for Arch
pacman-package-manager       packages        packages for Arch
libarchive-tools             packages        packages for Arch
'

# Names of the packages of the groups given
packages()
{
	for group in "$@"; do
		printf '%s' "$PACKAGES" | awk -v g="$group" '
			NF && ("," $2 ",") ~ ("," g ",") { print $1; found = 1 }
			END { exit !found }' || { usage >&2; exit 2; }
	done | sort -u
}

installed()
{
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing()
{
	packages "$@" | while read -r package; do
		installed "$package" || echo "$package"
	done
}

# fetch.sh learns the mirror from the lists that apt has downloaded.
has_lists()
{
	apt-get indextargets 'Created-By: Packages' 'Origin: Debian' 2>/dev/null | grep -q .
}

# What apt and dpkg say is shown only if it goes wrong.
apt_run()
{
	log=$(mktemp)
	status=0
	DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=5 -o Dpkg::Use-Pty=0 "$@" \
		</dev/null >"$log" 2>&1 || status=$?
	[ "$status" = 0 ] || cat "$log" >&2
	rm -f "$log"
	return "$status"
}

case ${1-} in
--list) shift; packages "$@"; exit ;;
-h | --help | '') usage; exit ;;
esac
if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	die "this needs Debian's apt; on other systems install what these packages hold:" \
		"$(packages "$@" | tr '\n' ' ')"
fi
packages "$@" >/dev/null
wanted=$(missing "$@" | tr '\n' ' ')
[ -n "$wanted" ] || ! has_lists || exit 0
[ "$(id -u)" = 0 ] || die "run as root: apt-get update${wanted:+ && apt-get install $wanted}"
apt_run update
[ -n "$wanted" ] || exit 0
say "installing $wanted"
# shellcheck disable=SC2086 # a list of packages
apt_run install -y --no-install-recommends $wanted
