# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# lib.sh - what the scripts share: messages, the cache folder, the table of kernels
#
# Copyright (C) 2026 The vmsock authors
#
# Sourced, never run. Everything downloaded or built for tests lives in the cache folder:
#   bookworm/ trixie/   unpacked roots: toolchain, kernel images, headers (fetch.sh)
#   bullseye/           the same, of a kernel that our modules are not for
#   arm64/              the same for another processor: cross toolchain, kernels, QEMU
#   qemu/               unpacked QEMU (fetch.sh)
#   source/             kernel source as Debian packs it (fetch.sh)
#   bookworm/debug/     the debug kernel (debug-kernel.sh)
#   build/ guest/       module builds and guest images of each source tree
# A thing that exists under its final name is complete: it was built beside and renamed.

# shellcheck disable=SC2034 # used by those who source this
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/vmsock
LC_ALL=C
export LC_ALL

# label   root      package or built by       why
KERNELS='
6.1       bookworm  linux-image-6.1           oldest supported, Debian 12
6.12      trixie    linux-image-6.12          Debian 13
7.3       trixie    linux-image-7.3           newest supported, Debian 13 backports
debug     bookworm  built                     6.1 with KASAN, lockdep, kmemleak, UBSAN
'

# The same for kernels whose own driver is a peer in tests; ours is not built for them.
PEERS='
5.10      bullseye  linux-image-5.10          a driver of the port channel, Debian 11
'

# The same for another processor, for which ours is cross-compiled (tests/vm/arm64).
FOREIGN='
6.12-arm64 arm64    linux-image-6.12          Debian 13
7.3-arm64  arm64    linux-image-7.3           Debian 13 backports
'

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# The mirror that apt uses for label $1 (Debian, Debian-Security), whatever the release.
mirror()
{
	# shellcheck disable=SC2016 # apt's variables, not the shell's
	apt-get indextargets --format '$(SITE) $(LABEL) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' |
		awk -v label="$1" '$2 == label && $3 == "main" {print $1; exit}'
}

kernel_labels() { printf '%s' "$KERNELS" | awk 'NF {print $1}'; }
foreign_labels() { printf '%s' "$FOREIGN" | awk 'NF {print $1}'; }
kernel_root()   { printf '%s' "$KERNELS$PEERS$FOREIGN" | awk -v k="$1" '$1 == k {print $2}'; }
root_kernels()
{
	printf '%s' "$KERNELS$PEERS$FOREIGN" |
		awk -v r="$1" '$2 == r && $3 != "built" {print $1}'
}

# Is this kernel a peer only?
is_peer() { printf '%s' "$PEERS" | grep -q "^$1 "; }

# What make is told for a kernel of another processor, a word a line
cross_variables()
{
	case $1 in
	*-arm64) printf '%s\n' ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- ;;
	esac
}

# Where the build tree of kernel $1 is, as seen inside its root.
kernel_dir()
{
	if [ "$1" = debug ]; then
		echo /debug
	else
		echo "/usr/src/linux-headers-$(kernel_release "$1")"
	fi
}

# The release (uname -r) of kernel $1; empty if it has not been fetched.
kernel_release()
{
	cat "$CACHE/$(kernel_root "$1")/kernels/$1" 2>/dev/null
}

# Run "$@" holding the lock named $1, so that two runs never write the same thing.
# The lock is taken on descriptor 9 of a subshell and ends with it.
with_lock()
{
	mkdir -p "$CACHE/lock"
	lock=$CACHE/lock/$1
	shift
	(
		flock -n 9 || { say "waiting for another run (${lock##*/})"; flock 9; }
		"$@"
	) 9>"$lock"
}

# Run a command inside unpacked root $1, with /dev and /proc of this machine, in a
# mount namespace of its own; who is not root gets a user namespace too.
in_root()
{
	own=-m
	[ "$(id -u)" = 0 ] || own=-rm
	# shellcheck disable=SC2016 # for the inner shell
	unshare "$own" sh -c '
		mount --rbind /dev "$0/dev" && mount --rbind /proc "$0/proc" &&
		exec env -i PATH=/usr/bin:/usr/sbin LC_ALL=C HOME=/ chroot "$0" "$@"
	' "$@"
}

# Is the system's QEMU new enough?
system_qemu()
{
	version=$(qemu-system-x86_64 --version 2>/dev/null |
		sed -n 's/.*version \([0-9]*\.[0-9]*\).*/\1/p')
	[ "$(printf '%s\n10.1\n' "${version:-0}" | sort -V | head -n 1)" = 10.1 ]
}

have_qemu() { [ -d "$CACHE/qemu" ] || system_qemu; }

# Become QEMU: the system's, or the unpacked one, which brings its own libraries.
exec_qemu()
{
	if system_qemu; then
		exec qemu-system-x86_64 "$@"
	fi
	exec "$CACHE/qemu/lib64/ld-linux-x86-64.so.2" \
		--library-path "$CACHE/qemu/usr/lib/x86_64-linux-gnu" \
		"$CACHE/qemu/usr/bin/qemu-system-x86_64" \
		-L "$CACHE/qemu/usr/share/qemu" -L "$CACHE/qemu/usr/share/seabios" "$@"
}
