#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# guest.sh - what a booted Debian has of the packages, and when they have gone
#
# Copyright (C) 2026 The vmsock authors
#
# Run by system.sh in the system it makes, as root. The machine has a VMCI device that says it is
# context 42. "vmsock.stage=installed" or "removed" is on the kernel's command line.

cd /tests || exit
# shellcheck source=tests/vm/harness/tap.sh
. ./tap.sh

# Debian has no such command
usleep() { sleep 0.05; }

# driver: which has the device
driver()
{
	for device in /sys/bus/pci/devices/*; do
		grep -qx 0x0740 "$device/device" || continue
		basename "$(readlink "$device/driver")"
	done
}

loaded() { test -d "/sys/module/$1"; }
has_driver() { test "$(driver)" = "$1"; }

# access FILE: its mode, owner and group
access() { stat -c '%a %U %G' "$1"; }

# as_group GROUP COMMAND...: as an ordinary user
as_group()
{
	group=$1
	shift
	setpriv --reuid=nobody --clear-groups --regid="$group" "$@"
}
as_nobody() { as_group nogroup "$@"; }

# ask WORD ADDRESS OPTION...: what comes back from an echo at that address
ask()
{
	word=$1
	shift
	echo "$word" | vmsock cat --retry --deadline 60 "$@"
}

pid_of() { systemctl show --property=MainPID --value "$1"; }
property() { systemctl show --property="$2" --value "$1"; }
active() { test "$(systemctl is-active "$1")" = active; }

# What udev does by itself when it finds the device
devices()
{
	ok "vmci is loaded for the device, vmsock by our rule" eventually 120 test -c /dev/vmsock
	is "$(driver)" vmci "our driver has the device"
	fails "the kernel's own driver stays away" loaded vmw_vmci
	ok "udev is done" udevadm settle --timeout=120
	is "$(access /dev/vmsock)" "666 root root" "everybody may open /dev/vmsock"
	is "$(access /dev/vsock)" "666 root root" "... and /dev/vsock"
	is "$(access /dev/vmci)" "660 root vmci" "the group vmci has /dev/vmci"
	ok "... its members open it" as_group vmci dd if=/dev/vmci count=0 status=none
	fails "... and others do not" as_nobody dd if=/dev/vmci count=0 status=none
	like "$(as_nobody vmsock info)" 'CID: *42 ' "an ordinary user sees that this is context 42"
	ok "vmsock doctor is content" vmsock doctor
	ok "the modules go" modprobe -r vmsock
	ok "... and come with modprobe" modprobe vmsock
	ok "... and their nodes" eventually 60 test -c /dev/vmsock
}

# The kernel's own vsock and its parts, beside ours
neighbours()
{
	for module in vsock vhost_vsock vsock_loopback; do
		ok "the kernel's $module loads beside ours" modprobe "$module"
	done
	vmsock echo --family 40 6000 &
	theirs=$!
	is "$(ask theirs --family 40 local:6000)" theirs "the kernel's vsock works"
	kill "$theirs"
	wait "$theirs"
	vmsock echo 6000 &
	ours=$!
	is "$(ask ours self:6000)" ours "ours works"
	kill "$ours"
	wait "$ours"
	# Connections of the kernel's vsock linger after both ends have closed.
	ok "they are unloaded" eventually 60 modprobe -r vsock_loopback vhost_vsock
}

services()
{
	is "$(systemd-analyze verify --man=no --recursive-errors=no vmsock-echo@7.service \
		vmsock-forward@tcp.service vmci-device@vm1.service 2>&1)" '' \
		"systemd has nothing to say about the units"
	ok "vmsock-echo@7 starts" systemctl start vmsock-echo@7
	is "$(ask hello self:7)" hello "... and echoes"
	fails "... not as root" test "$(stat -c %U "/proc/$(pid_of vmsock-echo@7)")" = root
	like "$(cat "/proc/$(pid_of vmsock-echo@7)/attr/current")" '^vmsock-service' \
		"... in its AppArmor profile"

	mkdir -p /etc/vmsock/forward /run/systemd/system
	printf '[Socket]\nListenStream=vsock::6007\nListenStream=/run/echo.sock\n' \
		>/run/systemd/system/vmsock-echo@systemd.socket
	systemctl daemon-reload
	modprobe vsock_loopback
	ok "a socket for it is made" systemctl start vmsock-echo@systemd.socket
	fails "... and nobody serves it" active vmsock-echo@systemd
	is "$(ask early --family 40 local:6007)" early "... but it echoes when somebody comes"
	is "$(ask again unix:/run/echo.sock)" again "... on each of its sockets"
	ok "... which are in use" active vmsock-echo@systemd
	systemctl stop vmsock-echo@systemd.socket vmsock-echo@systemd

	echo 'tcp:7007=self:7' >/etc/vmsock/forward/tcp.conf
	ok "vmsock-forward@tcp starts" systemctl start vmsock-forward@tcp
	is "$(bash -c 'exec 3<>/dev/tcp/127.0.0.1/7007; echo through >&3; head -n 1 <&3')" through \
		"... and forwards"
	echo 'systemd=self:7' >/etc/vmsock/forward/socket.conf
	printf '[Socket]\nListenStream=/run/forward.sock\n' \
		>/run/systemd/system/vmsock-forward@socket.socket
	systemctl daemon-reload
	ok "a socket for it is made" systemctl start vmsock-forward@socket.socket
	is "$(ask woken unix:/run/forward.sock)" woken "... and starts it when somebody comes"
	ok "... which is in use" active vmsock-forward@socket
	systemctl start vmsock-forward@nothing
	is "$(property vmsock-forward@nothing ConditionResult)" no "without rules it does not start"
	systemctl stop vmsock-forward@socket.socket vmsock-forward@socket vmsock-forward@tcp \
		vmsock-echo@7
}

# A machine's device lives as long as the machine, whatever is upgraded
device_service()
{
	mkdir -p /etc/vmsock/device
	echo 'CID=77' >/etc/vmsock/device/vm1.conf
	ok "vmci-device@vm1 starts" systemctl start vmci-device@vm1
	ok "... and has its socket" eventually 60 test -S /run/vmci-device/vm1
	is "$(access /run/vmci-device/vm1)" "660 vmci-device vmci" "... for QEMUs of its group"
	before=$(pid_of vmci-device@vm1)
	ok "its package is upgraded" sh -c 'dpkg -i /next/vmci-device_*.deb 2>&1'
	is "$(pid_of vmci-device@vm1)" "$before" "... and it still runs"
	ok "... and stops when it is told to" systemctl stop vmci-device@vm1
	ok "its folder stays" test -d /run/vmci-device
}

# What a machine with Secure Boot would have for its firmware: the folder of these variables is
# covered with one of ours. A module that is loaded has shown that its key is good.
secure_boot()
{
	variables=/sys/firmware/efi/efivars
	mount -t tmpfs firmware /sys/firmware
	mkdir -p "$variables"
	printf '\006\000\000\000\001' >"$variables/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	enrolled=$variables/MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23
	printf '\006\000\000\000 no certificate' >"$enrolled"
	modprobe -r vmsock
	finding=$(vmsock doctor signature)
	like "$finding" 'WARNING .*signed by DKMS module signing key, which is not enrolled' \
		"vmsock doctor misses the key of DKMS among those of the firmware"
	like "$finding" 'mokutil --import /var/lib/dkms/mok.pub' "... and says how to enrol it"
	cat /var/lib/dkms/mok.pub >>"$enrolled"
	like "$(vmsock doctor --verbose signature)" 'OK .*signed by DKMS module signing key$' \
		"... and finds it when it is enrolled"
	umount /sys/firmware
	modprobe vmsock
}

# The tests of packaging/debian/tests, as Debian's machines run them
autopkgtests()
{
	ok "the tests of the Debian packages pass, and none is skipped" autopkgtest \
		--no-built-binaries --ignore-restrictions=isolation-machine /tests/source/ -- null
}

# The packages have gone
removed()
{
	ok "the kernel's driver has the device" eventually 120 has_driver vmw_vmci
	fails "ours is not there" modinfo vmci
	ok "the kernel's sockets load" modprobe vmw_vsock_vmci_transport
	ok "... and are there" test -c /dev/vsock
}

case $(cat /proc/cmdline) in
*vmsock.stage=removed*) removed ;;
*)
	devices
	neighbours
	services
	device_service
	secure_boot
	autopkgtests
	is "$(systemctl --failed --plain --no-legend)" '' "no unit has failed" ;;
esac
done_testing
