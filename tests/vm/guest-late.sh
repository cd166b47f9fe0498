#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# guest-late - programs of the host call a guest that does not use its device, and then does
#
# Copyright (C) 2026 The vmsock authors
#
# Without a driver the two ends meet through a serial port.
#
# vm-kernels: 6.1 7.3
# vm-device: --cid 42 --uds %D/host
# vm-qemu: -device virtio-serial-pci -device virtserialport,chardev=port
# vm-qemu: -chardev socket,id=port,path=%D/serial,server=on,wait=off
# vm-programs: vmsock-tools/vmsock
# vm-timeout: 120

. tap.sh

modprobe virtio_pci && modprobe virtio_console || exit
ok "a serial port" eventually 5 test -e /sys/class/virtio-ports/vport*
port=$(echo /sys/class/virtio-ports/vport*)
exec 4<>"/dev/${port##*/}"

# next WORD: what the host wants next
next()
{
	read -r word <&4
	is "$word" "$1" "the host says: $1"
}

# command BYTE: of the device's configuration; 4 in it is access to memory
command()
{
	for function in /sys/bus/pci/devices/*; do
		grep -qx 0x0740 "$function/device" || continue
		printf '%b' "\\0$1" |
			dd of="$function/config" bs=1 seek=4 conv=notrunc 2>/dev/null
	done
}

echo ready >&4
next load
ok "the driver" modprobe vmsock
vmsock echo 5000 >/dev/null 2>&1 &
server=$!
ok "a server" eventually 10 sh -c 'vmsock stat | grep -q 5000'
echo ready >&4
next silence
ok "no access to memory" command 3
echo ready >&4
next speech
ok "access to memory" command 7
echo ready >&4
next end
kill "$server"
wait "$server"
ok "the driver goes" modprobe -r vmsock
done_testing
