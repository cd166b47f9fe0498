#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# host - a guest and its host: our driver beside the kernel's on the same device, and beside others
#
# Copyright (C) 2026 The vmsock authors
#
# vm-device: --cid 42 --uds %D/host --control %D/host_4000
# vm-qemu: -netdev user,id=net -device virtio-net-pci,netdev=net,romfile=
# vm-qemu: -device virtio-serial-pci -device virtserialport,chardev=port,name=bench
# vm-qemu: -chardev socket,id=port,path=%D/serial,server=on,wait=off
# vm-memory: 1024
# vm-timeout: 900
# vm-programs: tests/bench/bench-host.c

. tap.sh

runs=3
tcp=45000

network()
{
	modprobe virtio_pci && modprobe virtio_net || return
	eventually 5 test -e /sys/class/net/eth0 || return
	ip addr add 10.0.2.15/24 dev eth0 && ip link set eth0 up
}

# No udev here that makes the link
serial_port()
{
	modprobe virtio_console || return
	eventually 5 test -e /sys/class/virtio-ports/vport* || return
	mkdir -p /dev/virtio-ports
	for port in /sys/class/virtio-ports/*; do
		ln -sf "/dev/${port##*/}" /dev/virtio-ports/bench
	done
}

# measured TRANSPORT RUN MODULE...: with these modules, which are removed again
measured()
{
	transport=$1 run=$2
	shift 2
	for module in "$@"; do
		modprobe "$module" || return
	done
	bench-host "$transport" "$run" "$tcp" >>results 2>>errors || return
	[ $# = 0 ] || modprobe -r "$@"
}

all()
{
	for run in $(seq "$runs"); do
		measured vmw_vmci "$run" vmw_vsock_vmci_transport || return
		measured vmsock "$run" vmsock || return
		measured tcp "$run" || return
		measured serial "$run" || return
	done
}

ok "a network" network
ok "a serial port" serial_port
ok "everything is measured" all
diag "$(cat results)"
[ ! -s errors ] || diag "$(cat errors)"
done_testing
