#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# interop - programs that know the kernel's vsock only, over our module in its place
#
# Copyright (C) 2026 The vmsock authors
#
# vm-boot: own
# vm-kernels: 6.1
# vm-timeout: 180
# vm-programs: vmsock-tools/vmsock /usr/bin/socat /usr/bin/ncat /usr/bin/python3
# vm-programs: /usr/bin/nbdkit /usr/bin/nbdcopy /usr/bin/nbdinfo /usr/bin/systemd-socket-activate
# vm-programs: /usr/lib/*/nbdkit/plugins/nbdkit-memory-plugin.so
# vm-programs: /usr/lib/python3.*/os.py /usr/lib/python3.*/socket.py /usr/lib/python3.*/selectors.py
# vm-programs: /usr/lib/python3.*/collections/__init__.py /usr/lib/python3.*/collections/abc.py
# vm-programs: /usr/lib/python3.*/encodings/__init__.py /usr/lib/python3.*/encodings/aliases.py
# vm-programs: /usr/lib/python3.*/encodings/utf_8.py /usr/lib/python3.*/encodings/ascii.py
# vm-programs: /usr/lib/python3.*/enum.py /usr/lib/python3.*/functools.py
# vm-programs: /usr/lib/python3.*/keyword.py /usr/lib/python3.*/operator.py
# vm-programs: /usr/lib/python3.*/reprlib.py /usr/lib/python3.*/types.py

. tap.sh

# Nothing may load the kernel's vsock behind our back.
echo >/proc/sys/kernel/modprobe
mount -t debugfs none /sys/kernel/debug 2>/dev/null
modprobe vmsock family=40
is "$(cat /sys/module/vmsock/parameters/family)" 40 "our module has the number of the kernel's"
me=$(vmsock info --cid)
# Less than a queue holds: socat waits until it has sent all of a piece and reads nothing meanwhile,
# so with more under way than the queues of both ends hold, it and the echo can wait for ever
head -c 200001 /dev/urandom >file

# Does somebody listen on PORT?
listens() { vmsock stat --quiet --state=listening --port="$1" | grep -q .; }

# serves PORT COMMAND...: in the background, until it listens
serves()
{
	port=$1
	shift
	"$@" >out 2>err &
	server=$!
	eventually 20 listens "$port" || diag "$(cat err)"
}

# ended DESCRIPTION: the server ends with success
ended()
{
	status=0
	wait "$server" || status=$?
	is "$status" 0 "$1" || diag "$(cat err)"
}

same() { ok "$1" cmp file "$2"; }

serves 5000 vmsock echo 5000
echo_server=$server
ok "socat: as a client" sh -c "socat -t 60 - VSOCK-CONNECT:$me:5000 <file >back"
same "socat: all bytes come back after the end" back
ok "ncat: as a client" sh -c "ncat --vsock $me 5000 <file >back"
same "ncat: all bytes come back after the end" back

serves 5001 socat -u VSOCK-LISTEN:5001 STDOUT
ok "socat: as a server" sh -c "vmsock cat --send-only self:5001 <file"
ended "socat: ends with the connection"
same "socat: all bytes" out
serves 5002 ncat --vsock --listen --recv-only 5002
ok "ncat: as a server" sh -c "vmsock cat --send-only self:5002 <file"
ended "ncat: ends with the connection"
same "ncat: all bytes" out
serves 5003 socat VSOCK-LISTEN:5003,fork 'SYSTEM:tr a-z A-Z'
is "$(echo word | ncat --vsock "$me" 5003)" WORD "ncat and socat with each other"
kill "$server"
wait "$server"

cat >server.py <<END
import socket, sys
listener = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
listener.bind((socket.VMADDR_CID_ANY, 5004))
listener.listen()
connection, (cid, port) = listener.accept()
if cid != $me or connection.getsockname() != ($me, 5004) or port < 1024:
    sys.exit("addresses: %s" % [cid, port, connection.getsockname()])
while data := connection.recv(65536):
    connection.sendall(data)
connection.close()
END
cat >client.py <<END
import selectors, socket
client = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
client.connect(($me, 5004))
data = open("file", "rb").read()
client.setblocking(False)
loop = selectors.DefaultSelector()
loop.register(client, selectors.EVENT_READ | selectors.EVENT_WRITE)
sent, back, open_ = 0, b"", True
while open_:
    for key, events in loop.select(60):
        if events & selectors.EVENT_WRITE and sent < len(data):
            sent += client.send(data[sent:sent + 65536])
            if sent == len(data):
                client.shutdown(socket.SHUT_WR)
                loop.modify(client, selectors.EVENT_READ)
        if events & selectors.EVENT_READ:
            got = client.recv(65536)
            back += got
            open_ = bool(got)
open("back", "wb").write(back)
END
cat >datagram.py <<END
import socket
one = socket.socket(socket.AF_VSOCK, socket.SOCK_DGRAM)
one.settimeout(60)
one.bind((socket.VMADDR_CID_ANY, 5005))
one.sendto(b"who is there?", ($me, 5000))
print(*one.recvfrom(100))
END
serves 5004 python3 -I -S server.py
ok "Python: with itself" python3 -I -S client.py
ended "Python: its server"
same "Python: all bytes" back
serves 5004 python3 -I -S server.py
ok "Python: as a server of vmsock" sh -c "vmsock cat self:5004 <file >back"
ended "Python: its server"
same "Python: all bytes" back
is "$(python3 -I -S datagram.py 2>err)" "b'who is there?' ($me, 5000)" \
	"Python: a datagram, and its answer"

plugin=$(echo /usr/lib/*/nbdkit/plugins/nbdkit-memory-plugin.so)
serves 10809 nbdkit --foreground --vsock "$plugin" size=2M
like "$(nbdinfo --size "nbd+vsock://$me" 2>&1)" "^2097152$" "nbdkit: a disk of 2 MiB"
head -c 2097152 /dev/urandom >disk
ok "nbdkit: is written" nbdcopy disk "nbd+vsock://$me"
ok "nbdkit: is read" nbdcopy "nbd+vsock://$me" copy
ok "nbdkit: all bytes" cmp disk copy
kill "$server"
wait "$server"

serves 5006 systemd-socket-activate --listen=vsock::5006 /usr/bin/vmsock echo --count 1
is "$(echo passed | vmsock cat self:5006)" passed "systemd: a socket for any context"
ended "systemd: the program ends"
serves 5007 systemd-socket-activate --listen="vsock:$me:5007" /usr/bin/vmsock forward \
	systemd=self:5000
is "$(echo on | socat -t 60 - "VSOCK-CONNECT:$me:5007")" on "systemd: forward, a context of ours"
kill "$server" "$echo_server"
wait
done_testing
