#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-datagram - vmsock cat over datagrams
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: 6.1
# vm-modules: vmsock vsock_loopback
# vm-programs: vmsock-tools/vmsock

. tap.sh

mount -t debugfs none /sys/kernel/debug 2>/dev/null
heard() { grep -qs 'listening on' "$1"; }

# receiver NAME OPTION...: starts one in the background; output NAME.out
receiver()
{
	name=$1
	shift
	rm -f "$name.err"
	vmsock cat --listen --verbose "$@" </dev/null >"$name.out" 2>"$name.err" &
	pid=$!
	eventually 5 heard "$name.err" || diag "no receiver: $(cat "$name.err")"
}

# ended STATUS DESCRIPTION: waits for the receiver
ended()
{
	status=0
	wait "$pid" || status=$?
	is "$status" "$1" "$2" || diag "$(cat "$name.err")"
}

receiver three --datagram --count 3 5000
for text in one two three; do
	ok "send $text" sh -c "echo $text | vmsock cat --datagram self:5000"
done
ended 0 "--count 3 ends after three datagrams"
is "$(cat three.out)" "one
two
three" "all three arrived, in order"

# A file in pieces: fewer bytes than the receiver's queue holds at once.
head -c 100000 /dev/urandom >file
receiver pieces -d -n 7 5001
ok "a file in pieces" sh -c "vmsock cat -d -s 16000 self:5001 <file"
ended 0 "seven of them"
ok "and all bytes in order" cmp file pieces.out

head -c 69608 /dev/urandom >file
receiver largest -n 1 vsock-dgram::5002
ok "the largest datagram" sh -c "vmsock cat -s 69608 vsock-dgram:self:5002 <file"
ended 0 "one datagram"
ok "and all bytes" cmp file largest.out

# Answers go to the last sender, and the client prints those of its peer only.
mkfifo answers
exec 3<>answers
vmsock cat -d --listen --verbose --timeout 2 5003 <&3 >questions 2>answers.err &
pid=$! name=answers
eventually 5 heard answers.err
(eventually 20 grep -qs question questions; echo an answer >answers) &
is "$(echo a question | vmsock cat -d -w 2 -p 6003 self:5003)" "an answer" "an answer comes back"
ended 0 "silence after datagrams is no failure"
is "$(cat questions)" "a question" "the question arrived"
exec 3>&-
bound() { vmsock stat --quiet --port=6004 | grep -q dgram; }
(eventually 20 bound; echo stranger | vmsock cat -d self:6004) &
is "$(vmsock cat -d -w 3 -p 6004 self:5004 </dev/null)" "" "a stranger's datagram is not printed"
wait

receiver chosen -d -n 1 --from self 5006
ok "from one that is allowed" sh -c "echo friend | vmsock cat -d self:5006"
ended 0 "it is taken"
is "$(cat chosen.out)" friend "and printed"
receiver chosen -d --from 77,78 -w 1 5006
ok "from one that is not" sh -c "echo stranger | vmsock cat -d self:5006"
ended 6 "it counts for nothing"
is "$(cat chosen.out)" "" "and is not printed"

echo lost | vmsock cat -d self:5999 2>err
is $? 5 "nobody receives"
like "$(cat err)" "nobody receives datagrams on that port" "and the cause"
vmsock cat -d -l -w 0.3 5005 </dev/null 2>err
is $? 6 "nobody sends"
vmsock cat -d local:5000 --family 40 </dev/null 2>err
is $? 3 "the kernel's vsock without VMCI has no datagrams"
like "$(cat err)" "only VMCI has datagrams" "and the cause"
done_testing
