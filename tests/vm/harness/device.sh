# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# device.sh - the virtual VMCI device of a guest, and the host's part of a test
#
# Copyright (C) 2026 The vmsock authors
#
# Sourced by run, which sets: here, build, tests, kernel, group, output, work.

# shellcheck disable=SC2154
# device_folder: where the sockets of a guest's device are; a short name, for a socket's is short
device_folder() { echo "$work/device"; }

# expand OPTIONS: a word a line, %D replaced
expand()
{
	for word in $1; do
		echo "$word" | sed "s|%D|$(device_folder)|g"
	done
}

# device_arguments MEGABYTES: what QEMU needs, an argument a line; nothing without a device
device_arguments()
{
	expand "$(value qemu '')"
	[ -n "$(value device '')" ] || return 0
	bus=$(value bus '')
	[ -z "$bus" ] || bus=",\"bus\":\"$bus\""
	cat <<END
-object
memory-backend-memfd,id=memory,size=${1}M,share=on
-machine
memory-backend=memory
-device
{"driver":"vfio-user-pci","socket":{"type":"unix","path":"$(device_folder)/vm"}$bus}
END
}

# The host's part of a test is NAME.host beside it. It runs in the device's folder. What it prints
# is a log, or with "vm-results: tap" in its head a stream of results.
start_host_part()
{
	script=$tests/${group#own-}.host
	[ -e "$script" ] || return 0
	kind=$(test_header "$script" results)
	host_log=$output/$kernel/${group#own-}-host.${kind:-log}
	(
		cd "$(device_folder)" || exit
		PATH=$here/harness:$build/tests/interop:$build/tests/lib:$build/vmsock-tools:$PATH
		export PATH
		exec timeout "$(($(value timeout 60) * 4))" "$script" >"$host_log" 2>&1 </dev/null
	) &
	host_part=$!
}

# It learns the guest's end by itself, or is told
end_host_part()
{
	[ -n "$host_part" ] || return 0
	tries=100
	while kill -0 "$host_part" 2>/dev/null && [ "$tries" -gt 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
	kill "$host_part" 2>/dev/null || :
	wait "$host_part" 2>/dev/null || :
	host_part=
}

# Until it listens; fails if it never does
await_device()
{
	tries=100
	until [ -S "$folder/vm" ]; do
		kill -0 "$device" 2>/dev/null || return 1
		[ "$tries" -gt 0 ] || return 1
		tries=$((tries - 1))
		sleep 0.1
	done
}

# start_device: vmci-device and the host's part, for a group that asks for them
start_device()
{
	options=$(value device '')
	[ -n "$options" ] || return 0
	program=$build/device/vmci-device
	[ -x "$program" ] || die "$program is not built"
	folder=$(device_folder)
	rm -rf "$folder"
	mkdir -p "$folder"
	# shellcheck disable=SC2046 # words
	"$program" --socket "$folder/vm" $(expand "$options") \
		>"$output/$kernel/device-$group.log" 2>&1 </dev/null &
	device=$!
	await_device || {
		cat "$output/$kernel/device-$group.log" >&2
		die "vmci-device does not start"
	}
	start_host_part
}

end_device()
{
	end_host_part
	[ -n "$device" ] || return 0
	kill "$device" 2>/dev/null || :
	wait "$device" 2>/dev/null || :
	device=
}
