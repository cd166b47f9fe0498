#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# doctor-test.sh - vmsock doctor on systems that are made here, a file at a time
#
# Copyright (C) 2026 The vmsock authors
#
# Uses top_builddir and top_srcdir of the environment.

set -u
: "${top_builddir:=.}" "${top_srcdir:=.}"
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
root=$work/root
release=6.12.0-test
tests=0
failed=0

result()	# STATUS DESCRIPTION
{
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
	else
		failed=$((failed + 1))
		echo "not ok $tests - $2"
		sed 's/^/# /' "$work/out" "$work/err"
	fi
}

put()		# FILE TEXT...: below the root
{
	mkdir -p "$root/$(dirname "$1")"
	printf '%s\n' "$2" >"$root/$1"
}

doctor() { "$top_builddir/run" vmsock doctor --root "$root" "$@" >"$work/out" 2>"$work/err"; }

finds()		# CHECK VERDICT PATTERN
{
	doctor --verbose "$1"
	grep -q "^$2 *.*$3" "$work/out"
	result $? "$1: $2, $3"
}

system()	# a new one, where everything is as it should be
{
	rm -rf "$root"
	put boot/config-$release "# options
CONFIG_MODULES=y
CONFIG_PCI_MSI=y
CONFIG_VSOCKETS=m
CONFIG_VMWARE_VMCI=m"
	put lib/modules/$release/modules.dep "updates/vmci.ko:
updates/vmsock.ko.xz: updates/vmci.ko"
	put sys/module/vmci/version 0.1.0
	put sys/module/vmsock/version 0.1.0
	put sys/module/vmsock/parameters/family 0
	put sys/module/vmsock/parameters/family_in_use 22
	device=sys/bus/pci/devices/0000:00:04.0
	put $device/vendor 0x15ad
	put $device/device 0x0740
	put $device/enable 1
	put $device/msi_irqs/24 msix
	ln -s ../../../drivers/vmci "$root/$device/driver"
	put usr/lib/udev/rules.d/60-vmsock.rules 'SUBSYSTEM=="vmsock"'
	put proc/self/status "Name:	vmsock
Seccomp:	0"
	put proc/self/attr/current unconfined
	put proc/meminfo "MemAvailable:    2000000 kB"
}

system
for check in kernel config config-modules config-msi builtin-vmci builtin-vsock file-vmci \
		file-vmsock modprobe lockdown signature loaded-vmci loaded-vmsock versions \
		clash-vmci clash-vsock family device driver enabled interrupts udev container \
		seccomp security-module memory; do
	finds $check OK .
done
finds dkms - "not managed by DKMS"
finds stack - "asks the system that runs"

mv "$root/lib/modules/$release" "$root/lib/modules/5.10.0"
finds kernel WARNING "Linux 5.10.0"
finds config WARNING "no configuration"
finds config-msi - "no configuration"

system
put boot/config-$release "CONFIG_VSOCKETS=y
CONFIG_VMWARE_VMCI=y
CONFIG_MODULE_SIG_FORCE=y"
finds config-modules FAILURE "CONFIG_MODULES is not set"
finds config-msi FAILURE "CONFIG_PCI_MSI is not set"
finds builtin-vmci FAILURE "is built in"
finds builtin-vsock WARNING "is built in"
finds signature FAILURE "not signed"
doctor
[ $? -eq 8 ]
result $? "failures: exit code 8"

system
put lib/modules/$release/modules.dep ""
finds file-vmci FAILURE "vmci.ko is not installed for $release"
finds file-vmsock FAILURE "vmsock.ko is not installed"
put etc/modprobe.d/mine.conf "# mine
blacklist vmsock"
finds modprobe FAILURE "/etc/modprobe.d/mine.conf keeps"
put etc/modprobe.d/mine.conf "install vmci /bin/false"
finds modprobe FAILURE "/etc/modprobe.d/mine.conf keeps"
put etc/modprobe.d/mine.conf "blacklist vmci_other"
finds modprobe OK "no file"
mkdir -p "$root/var/lib/dkms/vmsock/0.1.0/6.1.0"
finds dkms FAILURE "not built"
mkdir -p "$root/var/lib/dkms/vmsock/0.1.0/$release"
finds dkms OK "has built 0.1.0"

system
put sys/kernel/security/lockdown "none [integrity] confidentiality"
finds lockdown WARNING "locked down"
finds signature FAILURE "not signed"
system
mkdir -p "$root/sys/firmware/efi/efivars"
printf '\006\000\000\000\001' \
	>"$root/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
finds signature WARNING "not signed"

# A signed module, as modinfo would have it; its key is among those of the firmware, or is not
modules=$work/bin
mkdir "$modules"
cat >"$modules/modinfo" <<'END'
#!/bin/sh
case $2 in
signer)  echo "DKMS module signing key" ;;
sig_key) echo "01:4A:0D:FF:20" ;;
esac
END
chmod +x "$modules/modinfo"
firmware=$root/sys/firmware/efi/efivars
enrolled=$firmware/MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23
PATH=$modules:$PATH
finds signature OK "signed by DKMS module signing key"
printf '\006\000\000\000 DKMS module signing key \001\112\015\376\040' >"$enrolled"
finds signature OK "signed by DKMS"
rm -r "$root/sys/module/vmsock"
finds signature WARNING "signing key, which is not enrolled"
put sys/kernel/security/lockdown "none [integrity] confidentiality"
finds signature FAILURE "which is not enrolled"
printf '\006\000\000\000 another key \001\112\015\377\040' >"$enrolled"
finds signature FAILURE "which is not enrolled"
printf '\006\000\000\000 DKMS module signing key \001\112\015\377\040' >"$enrolled"
finds signature OK "signed by DKMS"
mv "$enrolled" "$firmware/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f"
finds signature OK "signed by DKMS"
PATH=${PATH#"$modules:"}

system
rm -r "$root/sys/module/vmsock"
finds loaded-vmsock FAILURE "vmsock is not loaded"
finds versions - "not both"
put sys/module/vsock/refcnt 1
finds clash-vsock WARNING "only the kernel's"
rm -r "$root/sys/module/vmci"
finds loaded-vmci FAILURE "vmci is not loaded"
put sys/module/vmw_vmci/refcnt 1
finds clash-vmci FAILURE "vmw_vmci, is loaded"
system
put sys/module/vmw_vmci/refcnt 1
finds clash-vmci WARNING "vmw_vmci, is loaded"
put sys/module/vmsock/version 0.2.0
finds versions FAILURE "vmci is version 0.1.0, vmsock 0.2.0"
put sys/module/vmsock/parameters/family 30
finds family WARNING "family 30 was asked for, 22 is used"

system
rm "$root/$device/driver"
finds driver FAILURE "no driver"
ln -s ../../../drivers/vmw_vmci "$root/$device/driver"
finds driver WARNING "vmw_vmci"
put $device/enable 0
finds enabled FAILURE "not enabled"
rm -r "$root/$device/msi_irqs"
finds interrupts WARNING "no message interrupts"
put $device/device 0x0741
finds device - "no VMCI device"
finds driver - "no VMCI device"
finds node-vmsock FAILURE "there is no /dev/vmsock"
finds node-vsock WARNING "there is no /dev/vsock"
finds permission - "there is no /dev/vmsock"
put dev/vmsock text
finds node-vmsock FAILURE "is no device"
rm "$root/usr/lib/udev/rules.d/60-vmsock.rules"
finds udev WARNING "not installed"

put .dockerenv ""
finds container WARNING "container"
put proc/self/status "Name:	vmsock
Seccomp:	2"
finds seccomp WARNING "filter is on"
put proc/self/attr/current "vmsock (enforce)"
finds security-module WARNING "runs as vmsock"
put proc/meminfo "MemAvailable: 1000 kB"
finds memory WARNING "less than 64 MiB"
mkdir -p "$root/proc/77"
printf 'qemu-system-x86_64\0-m\0001G\0-device\0vfio-user-pci\0' >"$root/proc/77/cmdline"
finds qemu-memory FAILURE "QEMU process 77 is not shared"
printf 'qemu-system-x86_64\0-object\0memory,share=on\0-device\0vfio-user-pci\0' \
	>"$root/proc/77/cmdline"
finds qemu-memory OK "shared"

doctor --json
"$top_builddir/tests/tools/json-check" "$top_srcdir/docs/json/doctor.json" \
	<"$work/out" 2>"$work/err"
result $? "JSON follows its schema"
doctor --list
[ "$(wc -l <"$work/out")" -ge 25 ]
result $? "$(wc -l <"$work/out") checks"
doctor --quiet --bundle "$work/bundle.tar"
tar -xf "$work/bundle.tar" -C "$work" && grep -q "^FAILURE" "$work/vmsock-bundle/doctor" &&
	grep -q MemAvailable "$work/vmsock-bundle/meminfo"
result $? "--bundle is an archive, with what was found"
doctor --bundle "$work/none/bundle.tar"
[ $? -eq 2 ]
result $? "--bundle that cannot be written: exit code 2"

echo "1..$tests"
[ "$failed" -eq 0 ]
