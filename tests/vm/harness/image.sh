# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# image.sh - make the initramfs of a guest: busybox, kmod, modules, programs, tests
#
# Copyright (C) 2026 The vmsock authors
#
# Sourced by run, which sets: source, build, work, kernel.

# shellcheck disable=SC2154
image=$work/image

# The kernel's own modules that tests use beside ours; what they need comes along.
NEIGHBOURS='vsock vsock_diag vsock_loopback vhost_vsock vmw_vsock_virtio_transport
	vmw_vmci vmw_vsock_vmci_transport vmw_balloon virtio_pci virtio_net virtio_console kvm_amd
	kvm_intel'

# test_header FILE KEY: the value of "vm-KEY: value" in the head of a test, of several lines
# one after the other
test_header()
{
	sed -n "1,40s,^[^a-z]*vm-$2: *\(.*[^ */]\)[ */]*\$,\1,p" "$1" | paste -s -d ' ' -
}

skeleton()
{
	for dir in bin sbin lib lib64; do
		mkdir -p "$image/usr/$dir"
		ln -s "usr/$dir" "$image/$dir"
	done
	mkdir -p "$image/tests" "$image/etc" "$image/root"
	echo 'root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/sh' >"$image/etc/passwd"
	echo 'root:x:0:
nogroup:x:65534:' >"$image/etc/group"
	cp "$(command -v busybox)" "$image/bin/busybox"
	for applet in sh mount umount; do
		ln -s busybox "$image/bin/$applet"
	done
	cp "$source/tests/vm/harness/init" "$image/init"
	for file in tap.sh driver.sh nest.sh; do
		cp "$source/tests/vm/harness/$file" "$image/usr/bin/"
	done
}

# Programs linked dynamically bring the libraries of this machine.
add_program()
{
	install -D "$1" "$image/usr/bin/${2:-${1##*/}}"
	add_libraries "$1"
}

add_libraries()
{
	LD_LIBRARY_PATH=$build/lib/.libs ldd "$1" 2>/dev/null |
		sed -n -e 's,.*=> \(/[^ ]*\) .*,\1,p' -e 's,^[[:space:]]*\(/[^ ]*\) (.*,\1,p' |
		while read -r library; do
			case $library in
			*/ld-linux*) to=$image/usr/lib64 ;;
			*)           to=$image/usr/lib ;;
			esac
			[ -e "$to/${library##*/}" ] || cp -L "$library" "$to/"
		done
}

add_kmod()
{
	kmod=$(command -v kmod || echo /sbin/kmod)
	add_program "$kmod" kmod
	for name in modprobe insmod rmmod lsmod modinfo depmod; do
		ln -s ../bin/kmod "$image/usr/sbin/$name"
	done
}

# The files of the neighbours and of what they need, as depmod of the whole tree sees it.
neighbour_files()
{
	for module in $NEIGHBOURS; do
		in_root "$root" modprobe -S "$release" --show-depends "$module" 2>/dev/null ||
			say "$release has no module $module"
	done | awk '$1 == "insmod" {print $2}' | sort -u
}

# Decompressed copies of the neighbours, made once for each kernel.
prepare_neighbours()
{
	[ ! -d "$neighbours" ] || return 0
	say "collecting modules of $release"
	new=$neighbours.new
	rm -rf "$new"
	mkdir -p "$new"
	for file in $(neighbour_files); do
		case $file in
		*.xz) xz -dc "$root$file" >"$new/$(basename "$file" .xz)" ;;
		*)    cp "$root$file" "$new" ;;
		esac
	done
	cp "$root/usr/lib/modules/$release/modules."[bo]* "$new"
	mv "$new" "$neighbours"
}

# add_modules FOLDER: neighbours and ours where they would be installed
add_modules()
{
	# Another list, another folder
	neighbours=$root/neighbours/$release-$(echo "$NEIGHBOURS" | cksum | cut -d ' ' -f 1)
	with_lock "neighbours-$release" prepare_neighbours
	modules=$image/usr/lib/modules/$release
	mkdir -p "$modules/kernel" "$modules/updates/vmsock"
	cp "$neighbours/"*.ko "$modules/kernel/"
	cp "$neighbours/"modules.* "$modules/"
	find "$1/" -name '*.ko' -exec cp {} "$modules/updates/vmsock/" \;
	depmod -b "$image" "$release"
	mkdir -p "$image/etc/modprobe.d"
	for file in "$source"/packaging/modprobe.d/*.conf; do
		[ ! -e "$file" ] || cp "$file" "$image/etc/modprobe.d/"
	done
}

# compile FILE.c OUTPUT [32]: static, with the flags its header asks for
compile()
{
	extra=
	for file in $(test_header "$1" sources); do
		extra="$extra $source/$file"
	done
	# shellcheck disable=SC2046,SC2086 # lists of flags and files
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -static -pthread \
		-I"$source/include" -I"$source/tests/unit" -I"$source/tests/vm" -I"$source" \
		-I"$source/modules" -I"$work/include" ${3:+-m$3} -o "$2" "$1" $extra \
		$(test_header "$1" cflags) ||
		die "$1 does not compile${3:+; programs of 32 bits need gcc-multilib}"
}

# A program that a test names: a C source, one from the build tree, one of this machine; or a
# file that programs read there, to /usr/share/vmsock, or where it is on this machine.
add_named_program()
{
	case $1 in
	*.c)
		compile "$source/$1" "$image/usr/bin/$(basename "$1" .c)" ;;
	*.json | *.[1-9])
		install -D -m 644 "$source/$1" "$image/usr/share/vmsock/${1##*/}" ;;
	/*/lib/*)
		[ -f "$1" ] || die "$1, which a test needs, is not installed"
		install -D -m 644 "$1" "$image$1"
		add_libraries "$1" ;;
	/*)
		[ -x "$1" ] || die "$1, which a test needs, is not installed"
		add_program "$1" ;;
	*)
		file=$build/$1
		libtool=$(dirname "$file")/.libs/$(basename "$1")
		[ ! -x "$libtool" ] || file=$libtool
		[ -x "$file" ] || die "$file, which a test needs, has not been built (make)"
		add_program "$file" ;;
	esac
}

# add_test FILE NAME: NAME ends in -32 for a 32-bit build
add_test()
{
	case $1:$2 in
	*.sh:*)   install "$1" "$image/tests/$2" ;;
	*.c:*-32) compile "$1" "$image/tests/$2" 32 ;;
	*.c:*)    compile "$1" "$image/tests/$2" ;;
	esac
	for program in $(test_header "$1" programs); do
		[ -e "$image/usr/bin/$(basename "$program" .c)" ] || [ -e "$image$program" ] ||
			add_named_program "$program"
	done
}

pack_image()
{
	(cd "$image" && find . | cpio -o -H newc -R 0:0 --quiet) >"$work/initramfs"
}
