#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# nested - a guest and its host, both kernels: ours at both ends, the kernel's own, and virtio-vsock
#
# Copyright (C) 2026 The vmsock authors
#
# vm-nested: tests/bench/bench-inside.sh
# vm-programs: tests/interop/peer.c tests/bench/bench-host.c device/vmci-device
# vm-memory: 2048
# vm-timeout: 1800

. tap.sh
. nest.sh

# measured TRANSPORT FAMILY HOST-MODULE GUEST-MODULE[+GUEST-MODULE] START-COMMAND: a guest that
# measures
measured()
{
	transport=$1 family=$2 host=$3 folder=$PWD/$1
	nested_image "$folder" "bench-inside 900 $(echo "$4" | tr + ' ')"
	modprobe "$host" || return
	start_peer "$family"
	left=3
	until begun; do
		left=$((left - 1))
		[ "$left" -ge 0 ] || break
		"$5"
		await_nested
	done
	end_peer
	[ ! -e "$folder/device.pid" ] || end_device "$folder"
	nested_logs "$folder"
	tr -d '\r' <"$folder/results.1" >"$folder/rows"
	grep '^# {' "$folder/rows" || diag \
		"$(cat "$folder/rows" peer.log; tail -n 15 "$folder/console.1")"
	grep -q '^ok 1' "$folder/results.1" && eventually 20 modprobe -r "$host"
}

# Some guests die before they have done anything, see await_guest()
begun() { grep -q 'vmtest: begin' "$folder/results.1" 2>/dev/null; }

with_vmci()
{
	[ -e "$folder/device.pid" ] || start_device "$folder" --cid 42 --host /dev/vmci
	start_nested_with_device "$folder" 1 "BENCH_TRANSPORT=$transport"
}

with_virtio()
{
	start_nested "$folder" 1 "BENCH_TRANSPORT=$transport" \
		-device vhost-vsock-pci,guest-cid=42
}

ok "KVM" load_kvm
for try in vmw_vmci:40:vmw_vsock_vmci_transport:vmw_vsock_vmci_transport:with_vmci \
	vmsock:0:vmsock:vmsock:with_vmci \
	virtio_vsock:40:vhost_vsock:virtio_pci+vmw_vsock_virtio_transport:with_virtio; do
	# shellcheck disable=SC2046 # words
	measured $(echo "$try" | tr : ' ') >"said"
	tap_result $? "${try%%:*} is measured"
	cat said
done
done_testing
