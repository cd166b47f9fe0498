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
version=$(sed -n 's/^VMSOCK_VERSION=//p' "$source/META")
next=$version.1
all='vmsock-dkms vmsock-tools vmci-device libvmsock-1.0-0 libvmsock-dev gir1.2-vmsock-1.0
	vmsock-doc'

APT='apt-get -q -y -o Dpkg::Use-Pty=0 -o Acquire::Languages=none'

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

# What is there before the packages; gcc and make are what dkms depends on, Python what autopkgtest
# and a test of ours need. The kernels of the second list are only downloaded: they are what an
# upgrade brings. The name of the system says what it was made of.
BASE='apparmor,apt,autopkgtest,dbus,dkms,gcc,gir1.2-glib-2.0,initramfs-tools,kmod,libc6-dev,
	libglib2.0-dev,libseccomp2,linux-headers-amd64,linux-image-amd64,openssl,pkgconf,procps,
	python3-gi,systemd-sysv,udev,zstd'
SECOND='linux-headers-cloud-amd64 linux-image-cloud-amd64'
base=$CACHE/packages/$suite-$(echo "$BASE $SECOND" | cksum | cut -d' ' -f1).tar

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
	rm -f "$CACHE/packages/$suite"-*.tar
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
	read_packages
}

# Of the mirror the system knows what it knew when it was made.
read_packages()
{
	apt_in update -o Dir::Etc::sourcelist=sources.list.d/vmsock.list \
		-o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0
}

# The packages as the next release would have them: control files, scripts, and what DKMS builds say
# that version; nothing else has changed. /next has them.
make_next()
{
	mkdir -p "$root/next"
	for deb in "$packages/"*.deb; do
		case $deb in
		*-dbgsym_*) continue ;;
		esac
		tree=$work/next
		rm -rf "$tree"
		dpkg-deb -R "$deb" "$tree" || return
		dkms=$tree/usr/src/vmsock
		[ ! -d "$dkms-$version" ] || mv "$dkms-$version" "$dkms-$next"
		grep -rlF "$version" "$tree/DEBIAN" "$dkms-$next" 2>/dev/null |
			xargs -r sed -i "s/\<$(echo "$version" | sed 's/\./\\./g')\>/$next/g"
		dpkg-deb --root-owner-group -b "$tree" "$root/next/" >/dev/null || return
	done
	(cd "$root/next" && dpkg-scanpackages -m . >Packages 2>/dev/null)
}

# A command in the system
inside() { in_root "$root" env DEBIAN_FRONTEND=noninteractive "$@"; }

# The same where nobody can write to /lib/modules
# shellcheck disable=SC2016 # for the inner shell
inside_read_only()
{
	inside sh -c '
		mount --bind /usr/lib/modules /usr/lib/modules &&
		mount -o remount,bind,ro /usr/lib/modules && exec "$@"
	' sh "$@"
}

# apt_in WORD...: apt in the system; what it said is in $work/apt.log
# shellcheck disable=SC2086 # words
apt_in() { noted inside $APT "$@"; }
# shellcheck disable=SC2086
apt_read_only() { noted inside_read_only $APT "$@"; }

noted()
{
	"$@" >"$work/apt.log" 2>&1 </dev/null && return
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

# What modinfo says of field $2 of the module for kernel $1
module() { inside modinfo -k "$1" -F "$2" vmsock 2>/dev/null; }

# Versions that DKMS knows, and those whose source is there
dkms_versions() { (cd "$root/var/lib/dkms/vmsock" && echo [0-9]*); }
source_versions() { (cd "$root/usr/src" && echo vmsock-*); }

# shellcheck disable=SC2016 # for dpkg-query
state() { inside dpkg-query -W -f '${db:Status-Status}' "$1"; }

# Packages that are not as they should be
unsettled() { inside dpkg --audit; }

# All files of the system but caches, logs, the data of dpkg and of the kernel's tools, the key that
# DKMS signs with, and an empty folder that debhelper's script of any profile of AppArmor removes
listing()
{
	(cd "$root" && find . -xdev -print) | sort |
		grep -vE -e '^\./(packages|next|proc|dev|tmp|run|var/(cache|log|lib/(apt|dpkg)))/' \
			-e '^\./etc/apparmor\.d/(disable|local)$' \
			-e '^\./var/lib/dkms/mok\.' -e '/modules\.[a-z.]+$' \
			-e '/(group|gshadow|passwd|shadow|subuid|subgid)-?$'
}

# ---- Bad input ----

# A folder that looks like the headers of kernel $1, with configuration $2
pretend_kernel()
{
	mkdir -p "$root/lib/modules/$1/build/include"
	printf '%b' "$2" >"$root/lib/modules/$1/build/.config"
}

# A package of DKMS that is none of ours; it is for any kernel, and has nothing to compile.
add_other()
{
	mkdir -p "$root/usr/src/other-1"
	cat >"$root/usr/src/other-1/dkms.conf" <<-'END'
		PACKAGE_NAME=other
		PACKAGE_VERSION=1
		BUILT_MODULE_NAME[0]=other
		DEST_MODULE_LOCATION[0]=/updates
		MAKE[0]='touch other.ko'
		CLEAN=true
		AUTOINSTALL=yes
	END
	: >"$root/usr/src/other-1/other.c"
	inside dkms add -m other -v 1 >"$work/other.log" 2>&1 || cat "$work/other.log"
}

remove_other()
{
	inside dkms remove -m other -v 1 --all >"$work/other.log" 2>&1 || cat "$work/other.log"
	rm -rf "$root/usr/src/other-1"
}

has_other() { find "$root/lib/modules/$1" -name 'other.ko*' | grep -q .; }

# What Debian's kernels run when they are installed
kernel_arrives() { inside /etc/kernel/postinst.d/dkms "$1" "/boot/vmlinuz-$1"; }

without() { mv "$root$1" "$root$1.away"; }
again() { mv "$root$1.away" "$root$1"; }

bad_input()
{
	add_other
	pretend_kernel 4.19.0-old 'CONFIG_NET=y\nCONFIG_64BIT=y\n'
	pretend_kernel 9.9.0-new 'CONFIG_NET=y\nCONFIG_64BIT=y\n'
	pretend_kernel 6.5.0-nonet 'CONFIG_64BIT=y\n'
	for other in 4.19.0-old 9.9.0-new 6.5.0-nonet; do
		ok "kernel $other is passed over, and can be installed" kernel_arrives "$other"
		is "$(modules_of "$other")" 0 "... without modules"
		ok "... and what others have in DKMS is built" has_other "$other"
		rm -rf "$root/lib/modules/$other"
	done
	mkdir -p "$root/lib/modules/6.5.0-bare"
	ok "a kernel without headers can be installed" kernel_arrives 6.5.0-bare
	like "$(kernel_arrives 6.5.0-bare 2>&1)" 'headers' "... and it is said what is missing"
	rm -rf "$root/lib/modules/6.5.0-bare"
	remove_other
}

# The administrator's changes stay, DKMS has one version, for all kernels, in each direction.
upgrade()
{
	echo '# mine' >>"$root/etc/apparmor.d/vmsock-service"
	echo 'deb [trusted=yes] file:/next ./' >>"$root/etc/apt/sources.list.d/vmsock.list"
	ok "apt learns of a new version" read_packages
	ok "apt installs it" apt_in upgrade
	is "$(dkms_versions)" "$next" "DKMS has the new version only"
	is "$(source_versions)" "vmsock-$next" "... and its source"
	for other in "$release" "$second"; do
		is "$(module "$other" version) $(modules_of "$other")" "$next 2" \
			"... and built it for $other"
	done
	is "$(tail -n 1 "$root/etc/apparmor.d/vmsock-service")" '# mine' \
		"a changed configuration file stays"
	is "$(unsettled)" '' "dpkg is content"

	# shellcheck disable=SC2046,SC2086 # a list of packages
	ok "apt goes back to the version before" apt_in install --allow-downgrades \
		$(printf "%s=$version " $all)
	is "$(dkms_versions) $(source_versions)" "$version vmsock-$version" \
		"DKMS has that version only"
	for other in "$release" "$second"; do
		is "$(module "$other" version) $(modules_of "$other")" "$version 2" \
			"... and built it for $other"
	done
	is "$(unsettled)" '' "dpkg is content"
}

# missing PATTERN: it is said what is missing, and what to do
missing()
{
	like "$(cat "$work/apt.log")" "$1" "... and it is said why"
	like "$(cat "$work/apt.log")" 'go on with: dpkg --configure vmsock-dkms' \
		"... and what to do"
}

# Each leaves something that apt can go on from when the cause is gone.
no_tools()
{
	compiler=$(inside readlink -f /usr/bin/gcc)
	without /usr/bin/make
	fails "without make the modules are not installed" apt_in install "vmsock-dkms=$version"
	missing 'make: command not found'
	again /usr/bin/make
	without "$compiler"
	fails "... nor without a compiler" noted inside dpkg --configure vmsock-dkms
	missing 'gcc.*not found'
	again "$compiler"
	ok "... and all is well when it is there" inside dpkg --configure vmsock-dkms
	is "$(modules_of "$release") $(unsettled)" '2 ' "... modules included"
}

read_only()
{
	for what in "remove vmsock-dkms" "install vmsock-dkms=$next"; do
		# shellcheck disable=SC2086
		fails "where /lib/modules is read-only, $what is refused" apt_read_only $what
		like "$(cat "$work/apt.log")" 'is read-only, make it writable and try again' \
			"... and it is said why"
		is "$(modules_of "$release") $(dkms_versions) $(state vmsock-dkms)" \
			"2 $version installed" "... and nothing has changed"
	done
	ok "it can be removed when that is over" apt_in purge vmsock-dkms
	is "$(modules_of "$release") $(unsettled)" '0 ' "... modules included"
	fails "where /lib/modules is read-only it is not installed" \
		apt_read_only install "vmsock-dkms=$version"
	missing 'is read-only, make it writable'
	ok "... and all is well when that is over" inside dpkg --configure vmsock-dkms
	is "$(modules_of "$release") $(unsettled)" '2 ' "... modules included"
}

# Somebody has deleted what DKMS builds.
no_source()
{
	rm -rf "$root/usr/src/vmsock-$version"
	ok "without its source the package can be installed again" \
		apt_in --reinstall install "vmsock-dkms=$version"
	is "$(modules_of "$release") $(dkms_versions) $(unsettled)" "2 $version " \
		"... and is complete"
	rm -rf "$root/usr/src/vmsock-$version"
	ok "... upgraded" apt_in install "vmsock-dkms=$next"
	is "$(modules_of "$release") $(dkms_versions) $(unsettled)" "2 $next " \
		"... and is complete"
	rm -rf "$root/usr/src/vmsock-$next"
	ok "... and removed" apt_in purge vmsock-dkms
	is "$(modules_of "$release") $(unsettled)" '0 ' "... modules included"
	fails "... and nothing is left at DKMS" test -e "$root/var/lib/dkms/vmsock"
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

# /tests/source has what Debian's tools want to know of a source package
plant_recipe()
{
	mkdir -p "$root/tests/source"
	cp -R "$source/packaging/debian" "$root/tests/source/"
}

knows_build_dep()
{
	plant_recipe
	inside apt-get -qq --simulate build-dep /tests/source
	known=$?
	rm -rf "$root/tests"
	return "$known"
}

# The script that the system runs when it is up; it prints TAP to the second serial port.
plant_test()
{
	mkdir -p "$root/tests"
	cp "$here/guest.sh" "$source/tests/vm/harness/tap.sh" "$root/tests/"
	plant_recipe
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
make_next || exit
release=$(kernels | head -n 1)
listing >"$work/before"

ok "apt knows what they are built with" knows_build_dep
# shellcheck disable=SC2086 # a list of packages
ok "apt installs all packages" apt_in install $all
is "$(modules_of "$release")" 2 "DKMS has built the modules for $release"
is "$(unsettled)" '' "dpkg is content"
is "$(module "$release" version)" "$version" "modinfo finds the module of this version"
is "$(module "$release" signer)" "DKMS module signing key" "... signed with DKMS's own key"
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
upgrade
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
no_tools
read_only
no_source
done_testing
