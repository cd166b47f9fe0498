# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# driver.sh - helpers for tests of the VMCI driver in guests: ". driver.sh" behind ". tap.sh"
#
# Copyright (C) 2026 The vmsock authors

# The address of the device among PCI functions
vmci_function()
{
	for function in /sys/bus/pci/devices/*; do
		case $(cat "$function/vendor" "$function/device" | tr -d '\n') in
		0x15ad0x0740)
			basename "$function"
			return ;;
		esac
	done
	return 1
}

# What the driver last said about device or context
last_word() { dmesg | grep 'vmci.*this machine is context' | tail -n 1; }

# kernel_client WHAT [PARAMETER...]: the tests of vm_vmci_guest pass
kernel_client()
{
	what=$1
	shift
	ok "$what: the client loads" modprobe vm_vmci_guest "$@" || return
	results=$(cat /sys/kernel/debug/ktap/vmci-guest)
	fails "$what: each of its tests passes" sh -c "echo '$results' | grep '^not ok'" ||
		diag "$results"
	like "$results" '^1\.\.' "$what: and there are some"
	modprobe -r vm_vmci_guest
}

# drive WHAT CHANNEL INTERRUPTS [PARAMETER...]: load vmci with these parameters, and use it
drive()
{
	what=$1 channel=$2 interrupts=$3
	shift 3
	ok "$what: the module loads" modprobe vmci "$@" || return
	like "$(last_word)" "context 77; $channel, $interrupts\$" "$what: it says how it is"
	kernel_client "$what"
	ok "$what: the module goes" modprobe -r vmci
	like "$(last_word)" "context 2 again" "$what: and this machine is alone again"
}
