#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# fetch.sh - download and unpack what guests are made of; nothing is installed
#
# Copyright (C) 2026 The vmsock authors

set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"

usage()
{
	cat <<END
Usage: fetch.sh [bookworm|trixie|bullseye|qemu|glib|source|arm64]...

Fills the cache folder ($CACHE):
  bookworm  toolchain and kernel 6.1 (image, modules, headers)
  trixie    toolchain and kernels 6.12 and 7.3
  bullseye  kernel 5.10 with its own driver, a peer in tests
  qemu      QEMU 10.1 or newer
  glib      the newest GLib with a compiler, for tests of the library
  source    kernel source for the debug kernel (debug-kernel.sh asks for it)
  arm64     cross toolchain, kernels 6.12 and 7.3, QEMU of another processor (tests/vm/arm64)
Default: all but source and arm64. What is there already is left alone.
Packages come from the mirror that apt is configured for and are verified by apt.
END
}

# Packages that no dependency names because every Debian system has them.
BASE='base-files bash coreutils dash diffutils findutils grep gzip libc-bin mawk
	perl-base sed tar xz-utils'
TOOLS='gcc make libc6-dev kmod sparse bc bison flex libelf-dev cpio'
CROSS_TOOLS='gcc-aarch64-linux-gnu libc6-dev-arm64-cross'

# Whose packages a private apt knows; tools are of the first
architectures=amd64

# A private apt for the suites given: its own lists, archive and empty status file.
# Sets APT, the options that select it; proxies and the like stay the system's.
private_apt()
{
	state=$1
	shift
	site=$(mirror Debian)
	security=$(mirror Debian-Security)
	[ -n "$site" ] || die "apt knows no Debian mirror; run 'apt-get update' first"
	[ -r "$KEYRING" ] || die "$KEYRING is missing; install debian-archive-keyring"
	mkdir -p "$state/lists/partial" "$state/archives/partial"
	: >"$state/status"
	for suite in "$@"; do
		case $suite in
		*-security) from=$security ;;
		*)          from=$site ;;
		esac
		[ -z "$from" ] ||
			echo "deb [arch=$architectures signed-by=$KEYRING] $from $suite main"
	done >"$state/sources.list"
	APT="-o Dir::State=$state -o Dir::State::lists=$state/lists
		-o Dir::State::status=$state/status
		-o Dir::Cache=$state -o Dir::Cache::archives=$state/archives
		-o Dir::Etc::sourcelist=$state/sources.list -o Dir::Etc::sourceparts=/dev/null
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
		-o APT::Architecture=amd64 -o APT::Architectures=$architectures
		-o APT::Install-Recommends=0 -o APT::Sandbox::User=root -o Debug::NoLocking=1
		-o Acquire::Retries=5 -o Acquire::Languages=none"
	apt_get update
}

# shellcheck disable=SC2086 # APT is a list of options
apt_get() { apt-get -qq $APT "$@" >"$state/log" 2>&1 || { cat "$state/log" >&2; return 1; }; }
# shellcheck disable=SC2086
apt_cache() { apt-cache $APT "$@"; }

# The package of kernel 6.12, say: linux-image-6.12.N...-amd64, newest; of 6.12-arm64 that of
# arm64. Flavours (cloud, rt, unsigned, dbg) have further words in the name.
kernel_package()
{
	version=${1%%-*}
	architecture=amd64
	[ "$version" = "$1" ] || architecture=${1#*-}
	apt_cache pkgnames "linux-image-$version." |
		grep -E "^linux-image-$version\.[0-9][0-9.-]*(\+[a-z0-9+.~]*)?-$architecture\$" |
		sort -V | tail -n 1
}

# The packages of kernel release $1. From 7.3 on the image is split into parts.
kernel_parts()
{
	for part in image base binary modules; do
		apt_cache pkgnames "linux-$part-$1" | grep -xF "linux-$part-$1" || :
	done
}

download() { (cd "$state/archives" && apt_get download "$@"); }
download_all() { apt_get -y --download-only "$@"; }

unpack()
{
	for deb in "$state"/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -C "$1" -x --keep-directory-symlink
	done
}

# Root folder with /usr merged before anything is unpacked: older releases do that
# in a maintainer script, and none is run here.
new_root()
{
	for dir in bin sbin lib lib64; do
		mkdir -p "$1/usr/$dir"
		ln -s "usr/$dir" "$1/$dir"
	done
	mkdir -p "$1/dev" "$1/proc" "$1/tmp" "$1/build" "$1/debug" "$1/kernels"
}

# From 7.3 on a build with C=1 asks this script whether the checker is new enough, and
# Debian's headers leave it out. Ours says yes: older checkers serve external modules.
allow_sparse()
{
	[ ! -e "$1" ] || return 0
	printf '#!/bin/sh\necho 1\n' >"$1"
	chmod +x "$1"
}

# What maintainer scripts would have done and a build needs.
finish_root()
{
	ln -sf mawk "$1/usr/bin/awk"
	ln -sf bash "$1/usr/bin/sh"
	for headers in "$1"/usr/src/linux-headers-*-common; do
		[ ! -d "$headers" ] || allow_sparse "$headers/scripts/checker-valid.sh"
	done
	for kernel in "$1"/kernels/*; do
		[ -e "$kernel" ] || continue
		release=$(cat "$kernel")
		in_root "$1" depmod "$release"
		[ -e "$1/boot/vmlinuz-$release" ] ||
			ln "$1/usr/lib/modules/$release/vmlinuz" "$1/boot/vmlinuz-$release"
	done
	[ ! -e "$1/usr/bin/gcc" ] || in_root "$1" gcc --version >/dev/null ||
		die "the unpacked compiler does not run"
}

# Kernels of one release and, unless they are peers only, its toolchain; the rest of the
# arguments are its suites.
fetch_root()
{
	name=$1
	shift
	tmp=$CACHE/$name.new
	rm -rf "$tmp"
	new_root "$tmp"
	private_apt "$tmp/apt" "$@"
	say "$name: downloading toolchain and kernels from $*"
	needed=kmod
	for kernel in $(root_kernels "$name"); do
		package=$(kernel_package "$kernel")
		[ -n "$package" ] || die "no package of kernel $kernel in $*"
		release=${package#linux-image-}
		echo "$release" >"$tmp/kernels/$kernel"
		# shellcheck disable=SC2046 # a list of packages
		download $(kernel_parts "$release")
		is_peer "$kernel" || needed="$needed $TOOLS linux-headers-$release"
	done
	# shellcheck disable=SC2086 # lists of packages
	download_all install $BASE $needed
	say "$name: unpacking"
	unpack "$tmp"
	finish_root "$tmp"
	rm -rf "$tmp/apt" "$tmp/usr/share/doc" "$tmp/usr/share/man" "$tmp/usr/share/locale"
	mv "$tmp" "$CACHE/$name"
}

fetch_qemu()
{
	tmp=$CACHE/qemu.new
	rm -rf "$tmp"
	new_root "$tmp"
	private_apt "$tmp/apt" trixie trixie-backports
	say "qemu: downloading"
	download_all -t trixie-backports install qemu-system-x86 seabios libc6
	unpack "$tmp"
	rm -rf "$tmp/apt" "$tmp/usr/share/doc" "$tmp/usr/share/man" "$tmp/usr/share/locale"
	mv "$tmp" "$CACHE/qemu"
}

# Headers of another processor's kernel bring no tools that run here: those are in kbuild, of the
# same version. What is for the guest and what is for this machine share no file.
fetch_arm64()
{
	tmp=$CACHE/arm64.new
	rm -rf "$tmp"
	new_root "$tmp"
	architectures=amd64,arm64
	private_apt "$tmp/apt" trixie trixie-security trixie-backports
	say "arm64: downloading toolchain, kernels and QEMU"
	needed="qemu-system-arm $CROSS_TOOLS"
	for kernel in $(root_kernels arm64); do
		package=$(kernel_package "$kernel")
		[ -n "$package" ] || die "no package of kernel $kernel"
		release=${package#linux-image-}
		echo "$release" >"$tmp/kernels/$kernel"
		# shellcheck disable=SC2046 # a list of packages
		download $({ kernel_parts "$release"; echo "linux-headers-$release"; } |
			sed 's/$/:arm64/')
		needed="$needed linux-headers-${release%-*}-common linux-kbuild-${release%-*}"
	done
	download busybox-static:arm64
	# shellcheck disable=SC2086 # lists of packages
	download_all -t trixie-backports install $BASE $TOOLS $needed
	say "arm64: unpacking"
	unpack "$tmp"
	finish_root "$tmp"
	rm -rf "$tmp/apt" "$tmp/usr/share/doc" "$tmp/usr/share/man" "$tmp/usr/share/locale"
	mv "$tmp" "$CACHE/arm64"
}

fetch_glib()
{
	tmp=$CACHE/glib.new
	rm -rf "$tmp"
	new_root "$tmp"
	private_apt "$tmp/apt" trixie trixie-security
	say "glib: downloading"
	# shellcheck disable=SC2086 # a list of packages
	download_all install $BASE gcc libc6-dev libglib2.0-dev
	say "glib: unpacking"
	unpack "$tmp"
	finish_root "$tmp"
	rm -rf "$tmp/apt" "$tmp/usr/share/doc" "$tmp/usr/share/man" "$tmp/usr/share/locale"
	mv "$tmp" "$CACHE/glib"
}

fetch_source()
{
	tmp=$CACHE/source.new
	rm -rf "$tmp"
	mkdir -p "$tmp"
	private_apt "$tmp/apt" bookworm bookworm-security
	say "source: downloading linux-source-6.1"
	download linux-source-6.1
	unpack "$tmp"
	rm -rf "$tmp/apt"
	mv "$tmp" "$CACHE/source"
}

# Fetch one thing unless it is there; under the lock, so that a second run waits.
fetch()
{
	[ -d "$CACHE/$1" ] && return
	start=$(date +%s)
	case $1 in
	bookworm) fetch_root bookworm bookworm bookworm-security ;;
	bullseye) fetch_root bullseye bullseye bullseye-security ;;
	trixie)   fetch_root trixie trixie trixie-security trixie-backports ;;
	qemu)     fetch_qemu ;;
	glib)     fetch_glib ;;
	source)   fetch_source ;;
	arm64)    fetch_arm64 ;;
	*)        usage >&2; exit 2 ;;
	esac
	say "$1: done in $(($(date +%s) - start)) s, $(du -sh "$CACHE/$1" | cut -f1)"
}

case ${1-} in
-h | --help) usage; exit ;;
esac
[ $# -gt 0 ] || set -- bookworm trixie bullseye qemu glib
mkdir -p "$CACHE"
for thing in "$@"; do
	with_lock "fetch-$thing" fetch "$thing"
done
