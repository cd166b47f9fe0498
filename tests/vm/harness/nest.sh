# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# nest.sh - for tests that are a host: a guest of their own, ". nest.sh" behind ". tap.sh"
#
# Copyright (C) 2026 The vmsock authors
#
# The test's head has "vm-nested:" (tests/README.md). A guest has a folder, in which are what it
# prints, the sockets of its device, and the logs.

# Seconds that a guest may take
NESTED_SECONDS=200

# await_until SECONDS COMMAND...: as eventually, but by the clock, for what takes long
await_until()
{
	deadline=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$deadline" ] || return 1
		sleep 1
	done
}

nested_ended() { ! kill -0 "$nested" 2>/dev/null; }

# nested_says FOLDER START PATTERN: the guest has said so; or it has ended
nested_says() { nested_ended || grep -qs "$3" "$1/results.$2"; }

# load_kvm: for whatever processor this is
load_kvm()
{
	modprobe kvm_amd 2>/dev/null || modprobe kvm_intel || return
	eventually 5 test -c /dev/kvm
}

# nested_image FOLDER LIST: the image with a list of tests, "NAME SECONDS [MODULE]..." a line
nested_image()
{
	mkdir -p "$1/tests"
	printf '%s\n' "$2" >"$1/tests/list"
	cp /nested/initramfs "$1/initramfs"
	(cd "$1" && find tests | cpio -o -H newc 2>/dev/null) >>"$1/initramfs"
}

# start_device FOLDER OPTION...: vmci-device, until it listens
start_device()
{
	folder=$1
	shift
	vmci-device --socket "$folder/vm" --control "$folder/control" "$@" \
		>>"$folder/device.log" 2>&1 </dev/null &
	echo $! >"$folder/device.pid"
	eventually 10 test -S "$folder/control"
}

# start_nested FOLDER START ARGUMENTS [OPTION...]: QEMU with the image of that folder, in the
# background; more kernel command line, and more options; sets nested
start_nested()
{
	folder=$1 start=$2
	args="console=ttyS0 panic=-1 loglevel=4 mitigations=off no_timer_check oops=panic \
printk.devkmsg=on rcupdate.rcu_cpu_stall_timeout=60 $3"
	shift 3
	/nested/qemu/lib/ld-linux-x86-64.so.2 --library-path /nested/qemu/lib \
		/nested/qemu/qemu-system-x86_64 -L /nested/qemu/share -accel kvm -machine q35 \
		-cpu host -smp 1 -m 384 -nodefaults -no-user-config -no-reboot -display none \
		-pidfile "$folder/qemu.pid" -kernel /nested/vmlinuz \
		-initrd "$folder/initramfs" -append "$args" \
		-serial "file:$folder/console.$start" -serial "file:$folder/results.$start" "$@" \
		</dev/null >"$folder/qemu.$start" 2>&1 &
	nested=$!
}

# With the device of that folder, as start_nested
start_nested_with_device()
{
	folder=$1 start=$2 args=$3
	shift 3
	start_nested "$folder" "$start" "$args" \
		-object memory-backend-memfd,id=memory,size=384M,share=on \
		-machine memory-backend=memory -device "{\"driver\":\"vfio-user-pci\",\
\"socket\":{\"type\":\"unix\",\"path\":\"$folder/vm\"},\"x-msg-timeout\":60000}" "$@"
}

# await_nested: its end; sets nested_status. One that never ends is killed
await_nested()
{
	await_until "$NESTED_SECONDS" nested_ended || kill -9 "$nested"
	nested_status=0
	wait "$nested" || nested_status=$?
}

# nested_rows WHAT FOLDER START: the guest's results as ours, behind a word about what it is
nested_rows()
{
	tr -d '\r' <"$2/results.$3" >"$2/rows"
	while read -r line; do
		case $line in
		'ok '*)     tap_result 0 "$1: ${line#ok * - }" ;;
		'not ok '*) tap_result 1 "$1: ${line#not ok * - }" || : ;;
		'#'*)       echo "$line" ;;
		'vmtest: fault'*) tap_result 1 "$1: ${line#vmtest: fault }" || : ;;
		esac
	done <"$2/rows"
	tr -d '\r' <"$2/console.$3" >"$2/log"
	grep -q '^vmtest: begin' "$2/rows" ||
		diag "the guest does not come up: $(tail -n 15 "$2/log")"
	is "$(grep -E -f /nested/reports "$2/log")" "" \
		"$1: the guest's kernel reports nothing"
}

# show FOLDER: logs, for the reader of a failure
nested_logs()
{
	for log in "$1"/*.log "$1"/qemu.?; do
		[ ! -s "$log" ] || diag "${log##*/}: $(cat "$log")"
	done
}

# start_peer FAMILY: tests/interop/peer for all guests of this host; sets peer, a process group
start_peer()
{
	setsid peer --vsock "$1" >>peer.log 2>&1 </dev/null &
	peer=$!
}

end_peer()
{
	kill -- "-$peer"
	wait "$peer" 2>/dev/null
}

# end_device FOLDER: it is gone then
end_device()
{
	kill "$(cat "$1/device.pid")"
	wait "$(cat "$1/device.pid")" 2>/dev/null
	eventually 20 test ! -e "/proc/$(cat "$1/device.pid")"
}

# as_guest HOST GUEST: sets what the next functions are about, of "NAME:MODULE:FAMILY:CID"
as_guest()
{
	guest_name=$(echo "$2" | cut -d : -f 1)
	guest_module=$(echo "$2" | cut -d : -f 2)
	guest_family=$(echo "$2" | cut -d : -f 3)
	cid=$(echo "$2" | cut -d : -f 4)
	folder=$PWD/$cid
	pair="host $1, guest $guest_name"
}

# The guest boots, behind a device of its own
begin_guest()
{
	nested_image "$folder" "inside 900 $guest_module"
	ok "$pair: the device is there" start_device "$folder" --cid "$cid" --host /dev/vmci ||
		nested_logs "$folder"
	start_guest 1
}

# start_guest START: what ends the first is QEMU's death, and a reboot is none
start_guest()
{
	args=VMSOCK_DEVICE_CID=$cid
	[ "$host_family" = 0 ] || args="$args VMSOCK_HOST_FAILS=1"
	[ "$guest_family" = 0 ] || args="$args VMSOCK_TEST_FAMILY=$guest_family"
	start_nested_with_device "$folder" "$1" "$args" -action reboot=reset
	echo "$nested" >"$folder/nested.pid"
}

# await_guest START: its end, as await_nested. One that dies before it has done anything, and so
# before it knows of the device, is started again: emulation in emulation does that to one in ten
await_guest()
{
	left=3
	nested=$(cat "$folder/nested.pid")
	await_nested
	until grep -q 'vmtest: begin' "$folder/results.$1"; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || return
		diag "guest $cid did not come up, status $nested_status:" \
			"$(tail -n 5 "$folder/console.$1")"
		start_guest "$1"
		await_nested
	done
}

# While the guest has connections
busy_host()
{
	nested=$(cat "$folder/nested.pid")
	await_until "$NESTED_SECONDS" nested_says "$folder" 1 '^ok 1 '
	fails "$pair: the host's module is busy" rmmod "$host_module"
	fails "$pair: its context ID is no other machine's" timeout 60 \
		vmci-device --socket "$PWD/other" --cid "$cid" --host /dev/vmci
}

# The guest dies, and another takes its place
replace_guest()
{
	await_guest 1
	is "$nested_status" 137 "$pair: the guest was killed"
	nested_rows "$pair" "$folder" 1
	start_guest 2
}

end_guest()
{
	await_guest 2
	is "$nested_status" 0 "$pair: another guest starts, reboots and ends"
	nested_rows "$pair" "$folder" 2
	like "$(cat peer.log)" "guest $cid, which gets nothing: Connection timed out" \
		"$pair: a silent guest: ETIMEDOUT"
}

# meet HOST MODULE FAMILY GUEST...: this host and guests, all at the same time, each with
# everything that tests/interop/inside.c tries: GUEST is NAME:MODULE:FAMILY:CID
meet()
{
	host_name=$1 host_module=$2 host_family=$3
	shift 3
	for guest in "$@"; do
		as_guest "$host_name" "$guest"
		begin_guest
	done
	start_peer "$host_family"
	for step in busy_host replace_guest end_guest; do
		for guest in "$@"; do
			as_guest "$host_name" "$guest"
			"$step"
		done
	done
	end_peer
	for guest in "$@"; do
		as_guest "$host_name" "$guest"
		ok "$pair: the device ends" end_device "$folder"
		nested_logs "$folder"
	done
	diag "$(cat peer.log)"
}
