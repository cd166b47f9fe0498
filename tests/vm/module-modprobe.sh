#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# module-modprobe - depmod and modprobe find the right modules; what our modprobe.d file does
#
# Copyright (C) 2026 The vmsock authors
#
# In the guest our modules are under updates/vmsock, and the file is in /etc/modprobe.d.

. tap.sh

# Those of kmod: the shell would prefer its own.
modprobe() { /usr/sbin/modprobe "$@"; }
depmod() { /usr/sbin/depmod "$@"; }

folder=/lib/modules/$(uname -r)
conf=/etc/modprobe.d/vmsock.conf
extra=/etc/modprobe.d/zz-test.conf
device_alias=pci:v000015ADd00000740sv000015ADsd00000740bc08sc80i00

# shellcheck disable=SC2317 # the helpers call these two
loaded() { grep -q "^$1 " /proc/modules; }
# shellcheck disable=SC2317
unloaded() { ! loaded "$1"; }
# shellcheck disable=SC2317
remove() { modprobe -r "$@" && unloaded "$1" && unloaded "$2"; }
# The files that modprobe would load for a module, without their folders.
needs()
{
	modprobe --show-depends "$@" 2>&1 |
		sed -n "s,^insmod $folder/\([^ ]*\).*,\1,p" | tr '\n' ' '
}
# Modules that export symbol $1, as depmod sees it.
exporters() { sed -n "s/^alias symbol:$1 //p" "$folder/modules.symbols"; }

is "$(depmod -a 2>&1)" "" "depmod has nothing to say"

is "$(needs vmsock)" "updates/vmsock/vmci.ko updates/vmsock/vmsock.ko " "vmsock needs vmci alone"
is "$(needs vmw_vsock_vmci_transport | tr ' ' '\n' | sort | xargs)" \
	"kernel/vmw_vmci.ko kernel/vmw_vsock_vmci_transport.ko kernel/vsock.ko" \
	"the kernel's transport needs the kernel's modules"
is "$(needs vmw_balloon)" "kernel/vmw_vmci.ko kernel/vmw_balloon.ko " "so does the balloon driver"
is "$(needs vsock)" "kernel/vsock.ko " "vsock is the kernel's"
is "$(needs vmw_vmci)" "kernel/vmw_vmci.ko " "vmw_vmci is the kernel's"

is "$(exporters vmsock_vmci_datagram_send)" vmci "vmci exports under its own names"
is "$(exporters vmci_datagram_send)" vmw_vmci "the usual names are vmw_vmci's"
is "$(awk '/ (vmci|vmsock)$/ {print $2}' "$folder/modules.symbols" |
	grep -vE '^symbol:(vmsock_vmci_|VMCISock_)' | xargs)" "" "no other symbol is exported by us"

like "$(modprobe -c)" '^blacklist vmw_vmci$' "modprobe knows our file"
is "$(grep -v '^#' "$conf" | grep . | sort | xargs -n 2 echo)" "blacklist vmw_vmci
blacklist vmw_vsock_vmci_transport" "it keeps off two modules and does nothing else"
is "$(modprobe -n -v "$device_alias" 2>/dev/null | xargs -n 1 basename)" "insmod
vmci.ko" "the device brings vmci.ko and not vmw_vmci"
mv "$conf" /tmp/vmsock.conf
like "$(modprobe -n -v "$device_alias" 2>&1)" 'vmw_vmci\.ko' "which it does without the file"
mv /tmp/vmsock.conf "$conf"
like "$(modprobe -n -v net-pf-40 2>&1)" 'vsock\.ko' "family 40 still brings the kernel's vsock"
is "$(modprobe -n -v net-pf-40 2>/dev/null | grep vmci)" "" "but not its VMCI transport"

for module in vsock_loopback vhost_vsock vsock_diag vmw_vsock_vmci_transport; do
	ok "$module can be loaded by name" modprobe "$module"
done
modprobe -r vmw_vsock_vmci_transport vsock_diag vhost_vsock vsock_loopback
ok "and so can be unloaded what they brought" eventually 5 remove vsock vmw_vmci

modprobe vsock
ok "vsock does not bring vmsock" unloaded vmsock
modprobe -r vsock
sed -n 's/^#\(softdep .*\)/\1/p' "$conf" >"$extra"
is "$(cat "$extra")" "softdep vsock pre: vmsock" "the file offers one more line"
modprobe vsock
ok "with it vsock brings vmsock" loaded vmsock
is "$(stat -c %t:%T /dev/vsock)" \
	"$(awk -F: '{printf "%x:%x", $1, $2}' /sys/class/vmsock/vsock/dev)" "and /dev/vsock is ours"
rm "$extra"
modprobe -r vsock
modprobe -r vmsock

done_testing
