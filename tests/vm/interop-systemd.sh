#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# interop-systemd - socket units: systemd, as process 1, over our module in place of the kernel's
#
# Copyright (C) 2026 The vmsock authors
#
# It is process 1 of a namespace, as in a container, and has this guest otherwise.
#
# vm-boot: own
# vm-kernels: 6.1
# vm-timeout: 180
# vm-programs: vmsock-tools/vmsock /usr/bin/socat /usr/bin/systemctl /usr/lib/systemd/systemd

. tap.sh

echo >/proc/sys/kernel/modprobe
modprobe vmsock family=40
mount -t debugfs none /sys/kernel/debug 2>/dev/null
mkdir -p /run /sys/fs/cgroup /etc/systemd/system
mount -t tmpfs none /run
mount -t cgroup2 none /sys/fs/cgroup
me=$(vmsock info --cid)
# The family is there while somebody has it, and who knows only its number cannot ask for it.
vmsock echo 4999 &
holder=$!
listens() { vmsock stat --quiet --state=listening --port="$1" | grep -q "$2"; }
eventually 20 listens 4999 vmsock
echo 0123456789abcdef0123456789abcdef >/etc/machine-id

# unit NAME: the file, of standard input
unit() { cat >"/etc/systemd/system/$1"; }

unit test.target <<END
[Unit]
Wants=echo.socket word.socket forward.socket
END
for name in echo word forward; do
	printf '[Unit]\nDefaultDependencies=no\n[Socket]\n' | unit $name.socket
done
echo "ListenStream=vsock::5000" >>/etc/systemd/system/echo.socket
printf 'ListenStream=vsock::5001\nAccept=yes\n' >>/etc/systemd/system/word.socket
echo "ListenStream=vsock:$me:5002" >>/etc/systemd/system/forward.socket
unit echo.service <<END
[Unit]
DefaultDependencies=no
[Service]
ExecStart=/usr/bin/vmsock echo systemd
END
unit word@.service <<END
[Unit]
DefaultDependencies=no
[Service]
StandardInput=socket
ExecStart=/bin/sh -c 'read -r word; echo "\$\$word, too"'
END
unit forward.service <<END
[Unit]
DefaultDependencies=no
[Service]
Type=notify
ExecStart=/usr/bin/vmsock forward systemd=self:5000
END

# Files below /usr/lib come as data.
chmod 755 /usr/lib/systemd/systemd
env container=test unshare --mount --pid --fork --mount-proc /usr/lib/systemd/systemd --system \
	--unit=test.target --log-target=console --log-level=warning >out 2>&1 &
namespace=$!
for port in 5000 5001 5002; do
	ok "systemd listens on port $port" eventually 60 listens $port systemd ||
		diag "$(cat out; vmsock stat)"
done

read -r first </proc/$namespace/task/$namespace/children
# systemctl COMMAND...: as a process of the namespace
systemctl() { nsenter -t "$first" -m -p /usr/bin/systemctl "$@"; }

is "$(echo one | vmsock cat self:5000)" one "a service is started for a connection"
# Less than a queue holds, as in interop.sh
head -c 200001 /dev/urandom >file
ok "... and gets the next one, too" sh -c "socat -t 60 - VSOCK-CONNECT:$me:5000 <file | cmp - file"
is "$(systemctl show --property=NAccepted --value word.socket)" 0 "nobody has come to another one"
is "$(echo word | vmsock cat self:5001)" "word, too" "a service for each connection"
is "$(echo socat | socat -t 60 - "VSOCK-CONNECT:$me:5001")" "socat, too" "... and the next"
is "$(systemctl show --property=NAccepted --value word.socket)" 2 "systemd has counted both"
is "$(echo on | vmsock cat self:5002)" on "forward is started by its socket, too"
is "$(systemctl is-active forward.service)" active "... and has said that it is ready"
ok "a service stops" systemctl stop forward.service
is "$(systemctl show --property=Result --value forward.service)" success "... and ends well"
is "$(echo again | vmsock cat self:5002)" again "... and starts again for the next connection"

kill -KILL "$first"
wait $namespace
kill $holder
wait $holder
idle() { [ -z "$(vmsock stat --quiet)" ]; }
ok "nothing is left" eventually 20 idle || diag "$(vmsock stat)"
done_testing
