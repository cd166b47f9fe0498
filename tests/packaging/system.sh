#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# system.sh - the packages in a Debian system that is made for it, used, booted and thrown away
#
# Copyright (C) 2026 The vmsock authors
#
# system.sh SUITE PACKAGES OUTPUT: SUITE is bookworm or trixie, PACKAGES the folder of packages.sh.
# TAP on standard output; what the booted system says goes to OUTPUT/SUITE-*.tap and .log.
#
# A system with a kernel, its headers and what the packages depend on is made once and kept in the
# cache, so that no test here needs the network. Packages are installed, upgraded, abused and
# removed in it by apt with chroot; twice it is booted from a disk image, beside vmci-device, with
# the packages and after they have gone.

set -u
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
# shellcheck source=scripts/lib.sh
. "$source/scripts/lib.sh"
# shellcheck source=tests/vm/harness/tap.sh
. "$source/tests/vm/harness/tap.sh"
# shellcheck source=tests/vm/harness/guest.sh
. "$source/tests/vm/harness/guest.sh"
# shellcheck source=tests/vm/harness/device.sh
. "$source/tests/vm/harness/device.sh"

suite=$1
packages=$(cd "$2" && pwd)
mkdir -p "$3" || exit
output=$(cd "$3" && pwd)
work=$(mktemp -d "$CACHE/packages.XXXXXX") || exit
root=$work/root
base=$CACHE/packages/$suite.tar
version=$(sed -n 's/^VMSOCK_VERSION=//p' "$source/META")
all='vmsock-dkms vmsock-tools vmci-device libvmsock-1.0-0 libvmsock-dev gir1.2-vmsock-1.0
	vmsock-doc'

# For guest.sh and device.sh
kernel=$suite
group=packages
tests=$here
build=$work/build
device=
host_part=
qemu=

clean()
{
	[ -z "$qemu" ] || kill "$qemu" 2>/dev/null
	end_device
	rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM HUP

# ---- The system ----

# What is there before the packages; gcc and make are what dkms depends on. The kernels of the
# second line are only downloaded: they are what an upgrade brings.
BASE='apparmor,apt,dbus,dkms,gir1.2-glib-2.0,initramfs-tools,kmod,libglib2.0-dev,libseccomp2,
	linux-headers-amd64,linux-image-amd64,procps,systemd-sysv,udev,zstd'
SECOND='linux-headers-cloud-amd64 linux-image-cloud-amd64'

# Drivers of the disk are all that the initramfs needs; with most of them it takes minutes.
# shellcheck disable=SC2016 # for the shell of the hook
make_base()
{
	[ ! -e "$base" ] || return 0
	say "$suite: making a system"
	site=$(mirror Debian)
	[ -n "$site" ] || die "apt knows no Debian mirror; run 'apt-get update' first"
	new=$work/base.tar
	mmdebstrap --quiet --variant=apt --mode=root --keyring="$KEYRING" \
		--include="$(echo "$BASE" | tr -d ' \t\n')" \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--aptopt='APT::Install-Recommends "0"' \
		--essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"' \
		--essential-hook='echo MODULES=list >"$1/etc/initramfs-tools/conf.d/vmsock-test"' \
		--essential-hook='printf "virtio_pci\nvirtio_blk\next4\n" \
			>"$1/etc/initramfs-tools/modules"' \
		--customize-hook="chroot \"\$1\" apt-get -qq -y --download-only install $SECOND" \
		--skip=cleanup/apt "$suite" "$new" "$site" >"$work/base.log" 2>&1 ||
		{ cat "$work/base.log" >&2; die "$suite: mmdebstrap failed"; }
	mv "$new" "$base"
}

unpack_base()
{
	mkdir -p "$root"
	tar -C "$root" -xf "$base"
	mkdir -p "$root/packages"
	cp "$packages/"*.deb "$packages/Packages" "$root/packages/"
	echo 'deb [trusted=yes] file:/packages ./' >"$root/etc/apt/sources.list.d/vmsock.list"
	rm -f "$root/etc/resolv.conf"
	# Of the mirror it knows what it knew when the system was made.
	apt_in update -o Dir::Etc::sourcelist=sources.list.d/vmsock.list \
		-o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0
}

# A command in the system
inside() { in_root "$root" env DEBIAN_FRONTEND=noninteractive "$@"; }

# apt_in WORD...: apt in the system; what it said is in $work/apt.log
apt_in()
{
	inside apt-get -q -y -o Dpkg::Use-Pty=0 -o Acquire::Languages=none "$@" \
		>"$work/apt.log" 2>&1 </dev/null && return
	status=$?
	tail -n 30 "$work/apt.log"
	return "$status"
}

# Kernels with headers; "build" is a link that is good inside only
kernels()
{
	for dir in "$root/lib/modules/"*; do
		[ ! -L "$dir/build" ] || basename "$dir"
	done
}

# The modules that DKMS has for kernel $1
modules_of()
{
	(cd "$root/lib/modules/$1" && find . -name 'vmci.ko*' -o -name 'vmsock.ko*') | wc -l
}

# Packages that are not as they should be
unsettled() { inside dpkg --audit; }

# All files of the system but caches, logs, the data of dpkg and of the kernel's tools, and an empty
# folder that debhelper's script of any profile of AppArmor removes
listing()
{
	(cd "$root" && find . -xdev -print) | sort |
		grep -vE -e '^\./(packages|proc|dev|tmp|run|var/(cache|log|lib/(apt|dpkg)))/' \
			-e '^\./etc/apparmor\.d/(disable|local)$' -e '/modules\.[a-z.]+$' \
			-e '/(group|gshadow|passwd|shadow|subuid|subgid)-?$'
}

# ---- Bad input ----

# A folder that looks like the headers of kernel $1, with configuration $2
pretend_kernel()
{
	mkdir -p "$root/lib/modules/$1/build/include"
	printf '%b' "$2" >"$root/lib/modules/$1/build/.config"
}

# What Debian's kernels run when they are installed
kernel_arrives() { inside /etc/kernel/postinst.d/dkms "$1" "/boot/vmlinuz-$1"; }

without() { mv "$root$1" "$root$1.away"; }
again() { mv "$root$1.away" "$root$1"; }

bad_input()
{
	pretend_kernel 4.19.0-old 'CONFIG_NET=y\nCONFIG_64BIT=y\n'
	pretend_kernel 9.9.0-new 'CONFIG_NET=y\nCONFIG_64BIT=y\n'
	pretend_kernel 6.5.0-nonet 'CONFIG_64BIT=y\n'
	for other in 4.19.0-old 9.9.0-new 6.5.0-nonet; do
		ok "kernel $other is passed over, and can be installed" kernel_arrives "$other"
		is "$(modules_of "$other")" 0 "... without modules"
		rm -rf "$root/lib/modules/$other"
	done
	mkdir -p "$root/lib/modules/6.5.0-bare"
	ok "a kernel without headers can be installed" kernel_arrives 6.5.0-bare
	like "$(kernel_arrives 6.5.0-bare 2>&1)" 'headers' "... and it is said what is missing"
	rm -rf "$root/lib/modules/6.5.0-bare"
}

# Each leaves something that apt can go on from when the cause is gone.
bad_installation()
{
	without /usr/bin/make
	fails "without make the modules are not installed" apt_in install vmsock-dkms
	like "$(cat "$work/apt.log")" 'make|build' "... and it is said why"
	again /usr/bin/make
	ok "... and all is well when it is there" inside dpkg --configure -a
	is "$(modules_of "$release")" 2 "... modules included"
	is "$(unsettled)" '' "... for dpkg, too"
	ok "they can be removed" apt_in purge vmsock-dkms

	ok "they can be installed again" apt_in install vmsock-dkms
	rm -rf "$root/usr/src/vmsock-$version"
	ok "somebody deleted the source: it can be removed" apt_in purge vmsock-dkms
	is "$(modules_of "$release")" 0 "... modules included"
	is "$(unsettled)" '' "... for dpkg, too"
}

# ---- Booting ----

# For device.sh
value()
{
	case $1 in
	device) echo "--cid 42 --uds %D/host" ;;
	*)      echo "$2" ;;
	esac
}

# The script that the system runs when it is up; it prints TAP to the second serial port.
plant_test()
{
	mkdir -p "$root/tests"
	cp "$here/guest.sh" "$source/tests/vm/harness/tap.sh" "$root/tests/"
	cat >"$root/etc/systemd/system/vmsock-test.service" <<-'END'
		[Service]
		Type=idle
		ExecStart=/bin/sh -c 'sh /tests/guest.sh >/dev/ttyS1 2>&1; poweroff -f'
		TimeoutStartSec=infinity
		[Install]
		WantedBy=multi-user.target
	END
	mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
	ln -sf ../vmsock-test.service "$root/etc/systemd/system/multi-user.target.wants/"
}

uproot_test()
{
	rm -rf "$root/tests" "$root/etc/systemd/system/vmsock-test.service" \
		"$root/etc/systemd/system/multi-user.target.wants/vmsock-test.service"
}

make_disk()
{
	rm -f "$work/disk"
	size=$(du -sm --apparent-size "$root" | cut -f1)
	mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1,nodiscard -d "$root" "$work/disk" \
		"$((size + size / 4 + 256))M" >"$work/mke2fs.log" 2>&1 ||
		{ cat "$work/mke2fs.log" >&2; return 1; }
	cp "$root/boot/initrd.img-$release" "$work/initramfs"
}

# boot STAGE: its results are $output/$suite-STAGE.tap. A system that says nothing for ten
# minutes is stopped.
boot_disk()
{
	results=$output/$suite-$1.tap console=$output/$suite-$1.log
	: >"$results"
	plant_test
	make_disk
	made=$?
	uproot_test
	[ "$made" = 0 ] || return 1
	mkdir -p "$output/$kernel"
	start_device
	device_arguments 1024 >"$work/device.args"
	set -- "$1"
	while read -r argument; do
		set -- "$@" "$argument"
	done <"$work/device.args"
	stage=$1
	shift
	(exec_guest "root=/dev/vda rw systemd.show_status=0 vmsock.stage=$stage" -smp 2 -m 1024 \
		-drive "file=$work/disk,format=raw,if=virtio,cache=unsafe" -display none \
		-serial "file:$console" -serial "file:$results" "$@" \
		</dev/null >"$output/$suite-$stage.qemu" 2>&1) &
	qemu=$!
	limit=$(($(date +%s) + 600 * ${VMTEST_SLOW:-1}))
	while kill -0 "$qemu" 2>/dev/null; do
		[ "$(date +%s)" -lt "$limit" ] || { say "$suite does not end"; kill "$qemu"; }
		sleep 0.5
	done
	wait "$qemu" || :
	qemu=
	end_device
	# Serial ports end lines as terminals do
	tr -d '\r' <"$results" >"$results.new"
	mv "$results.new" "$results"
	grep -q '^1\.\.' "$results" || { tail -n 20 "$console"; return 1; }
}

# ---- The test ----

mkdir -p "$CACHE/packages"
with_lock "packages-$suite" make_base || exit
unpack_base || exit
release=$(kernels | head -n 1)
listing >"$work/before"

# shellcheck disable=SC2086 # a list of packages
ok "apt installs all packages" apt_in install $all
is "$(modules_of "$release")" 2 "DKMS has built the modules for $release"
is "$(unsettled)" '' "dpkg is content"
is "$(inside modinfo -k "$release" -F version vmsock 2>/dev/null)" "$version" \
	"modinfo finds the module of this version"
ok "the blacklist is in the initramfs" sh -c \
	"in_initramfs() { chroot '$root' lsinitramfs /boot/initrd.img-$release; }
	in_initramfs | grep -q 'modprobe.d/vmsock.conf'"
like "$(inside getent group vmci)" '^vmci:' "there is a group vmci"
mkdir -p "$build/device"
cp "$root/usr/sbin/vmci-device" "$build/device/"
ok "it boots, and runs its own tests" boot_disk installed

bad_input
# shellcheck disable=SC2086
ok "a second kernel arrives" apt_in --no-download install $SECOND
second=$(kernels | grep cloud)
is "$(modules_of "$second")" 2 "DKMS has built the modules for $second"
ok "the packages can be installed again" apt_in --reinstall install vmsock-dkms
is "$(modules_of "$release") $(modules_of "$second")" "2 2" "... and are built for both kernels"
# shellcheck disable=SC2086
ok "the second kernel goes" apt_in purge --autoremove $SECOND "linux-image-$second" \
	"linux-headers-$second"
# shellcheck disable=SC2086
ok "apt removes the packages" apt_in remove $all
is "$(modules_of "$release")" 0 "... and the modules"
# shellcheck disable=SC2086
ok "... and purges them" apt_in purge $all
listing >"$work/after"
is "$(diff "$work/before" "$work/after" | grep '^[<>]')" '' "no file is left, and none is missing"
is "$(unsettled)" '' "dpkg is content"
ok "it boots with the kernel's own driver" boot_disk removed
bad_installation
done_testing
