# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# nested.sh - what a guest needs to have guests of its own
#
# Copyright (C) 2026 The vmsock authors
#
# Sourced by run, which sets: source, build, work, image, root, release, group. A test with
# "vm-nested: FILE..." in its head runs as host: in /nested it has QEMU, vmci-device, and the
# kernel and the image of its own guest with modules, programs and those tests; nest.sh beside it
# starts them.

# shellcheck disable=SC2154
# nested_tests FILE: the tests for guests of the guest that FILE runs in
nested_tests() { test_header "$1" nested; }

# qemu_libraries: of the QEMU that exec_qemu takes, its loader too, one path a line
qemu_libraries()
{
	if system_qemu; then
		ldd "$(command -v qemu-system-x86_64)"
	else
		"$CACHE/qemu/lib64/ld-linux-x86-64.so.2" \
			--library-path "$CACHE/qemu/usr/lib/x86_64-linux-gnu" \
			--list "$CACHE/qemu/usr/bin/qemu-system-x86_64"
	fi | sed -n -e 's,.*=> \(/[^ ]*\) .*,\1,p' -e 's,^[[:space:]]*\(/[^ ]*\) (.*,\1,p'
}

# Program, libraries, and the firmware for a machine that boots with -kernel, to folder $1
copy_qemu()
{
	prefix=$CACHE/qemu
	system_qemu && prefix=
	mkdir -p "$1/lib" "$1/share"
	cp "${prefix:-}/usr/bin/qemu-system-x86_64" "$1/"
	qemu_libraries | while read -r library; do
		cp -L "$library" "$1/lib/"
	done
	for file in bios-256k.bin kvmvapic.bin linuxboot_dma.bin; do
		find "$prefix/usr/share/qemu" "$prefix/usr/share/seabios" -name "$file" \
			-exec cp -L {} "$1/share/" \; 2>/dev/null
	done
}

# nest: put all that behind the packed image; the guest's guest has the image alone
nest()
{
	rm -rf "$work/nest"
	mkdir -p "$work/nest/nested"
	copy_qemu "$work/nest/nested/qemu"
	cp "$root/boot/vmlinuz-$release" "$work/nest/nested/vmlinuz"
	cp "$work/initramfs" "$work/nest/nested/initramfs"
	cp "$here/harness/reports" "$work/nest/nested/"
	(cd "$work/nest" && find . | cpio -o -H newc -R 0:0 --quiet) >>"$work/initramfs"
	rm -rf "$work/nest"
}
