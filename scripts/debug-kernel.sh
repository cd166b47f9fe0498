#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# debug-kernel.sh - build the debug kernel (debug-kernel.config) once, in the cache
#
# Copyright (C) 2026 The vmsock authors
#
# The kernel is built inside the unpacked root of its release, under /debug, and
# stays there: modules are built against that tree. Its release is written last.

set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"

root=$CACHE/$(kernel_root debug)
config=$here/debug-kernel.config
jobs=$(nproc)

# Options that the kernel's configuration did not take, one a line.
lost_options()
{
	grep '^CONFIG_' "$config" | while read -r option; do
		grep -qxF "$option" "$1" || echo "$option"
	done
}

make_kernel() { in_root "$root" make -s -C /debug ARCH=x86_64 LOCALVERSION=-vmsock-debug \
	KBUILD_BUILD_USER=vmsock KBUILD_BUILD_HOST=vmsock "$@"; }

configure()
{
	cp "$config" "$root/debug/wanted.config"
	make_kernel KCONFIG_ALLCONFIG=wanted.config allnoconfig
	lost=$(lost_options "$root/debug/.config")
	[ -z "$lost" ] || die "options not taken: $lost"
}

# Objects of a finished build are only weight; Module.symvers, headers and scripts stay.
trim()
{
	find "$root/debug" \( -name tools -o -name scripts \) -prune -o \
		-type f \( -name '*.[oa]' -o -name '.*.cmd' -o -name vmlinux -o -name '.tmp*' \) \
		-exec rm -f {} +
}

install_modules()
{
	modules=$root/usr/lib/modules/$release
	rm -rf "$modules" "$root/neighbours/$release"*
	mkdir -p "$modules/kernel"
	(cd "$root/debug" && find . -name '*.ko' | cpio -pdm --quiet "$modules/kernel")
	cp "$root/debug/modules."[bo]* "$modules"
	in_root "$root" depmod "$release"
}

# The cache has a kernel that was built with today's options.
have_kernel() { [ -e "$root/kernels/debug" ] && cmp -s "$config" "$root/debug/wanted.config"; }

build()
{
	! have_kernel || return 0
	rm -f "$root/kernels/debug"
	"$here/fetch.sh" bookworm source
	start=$(date +%s)
	log=$root/debug.log
	say "unpacking and building (about 5 minutes on 2 cores; $log)"
	rm -rf "$root/debug"
	mkdir "$root/debug"
	tar -C "$root/debug" --strip-components=1 \
		-xf "$CACHE/source/usr/src/linux-source-6.1.tar.xz"
	configure >"$log" 2>&1 || { tail "$log" >&2; die "configuring failed"; }
	make_kernel -j"$jobs" bzImage modules >>"$log" 2>&1 ||
		{ tail -n 30 "$log" >&2; die "the build failed"; }
	release=$(make_kernel kernelrelease)
	cp "$root/debug/arch/x86/boot/bzImage" "$root/boot/vmlinuz-$release"
	install_modules
	trim
	echo "$release" >"$root/kernels/debug.new"
	mv "$root/kernels/debug.new" "$root/kernels/debug"
	say "$release: done in $(($(date +%s) - start)) s"
}

case ${1-} in
"") ;;
*)  echo "Usage: debug-kernel.sh    (builds the debug kernel unless the cache has it)"; exit ;;
esac
with_lock debug-kernel build
