#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-terminal - what the commands show on a terminal: progress, colours, --watch, ^C
#
# Copyright (C) 2026 The vmsock authors
#
# vm-modules: vmsock
# vm-kernels: 6.1
# vm-programs: vmsock-tools/vmsock /usr/bin/tmux
# vm-programs: /usr/lib/terminfo/s/screen /usr/lib/terminfo/l/linux /usr/lib/locale/C.utf8/LC_CTYPE
# vm-timeout: 120

. tap.sh

export TERM=linux LC_ALL=C.UTF-8 SHELL=/bin/sh
mkdir -p /dev/pts /tmp
mount -t devpts none /dev/pts 2>/dev/null
mount -t debugfs none /sys/kernel/debug 2>/dev/null

screen() { tmux capture-pane -p "$@"; }
shows() { screen | grep -qE -e "$1"; }
coloured() { screen -e | grep -q "$(printf '\033\\[')$1"; }
listens() { vmsock stat --quiet --state=listening --port="$1" | grep -q .; }

# types COMMAND: at the prompt of an empty screen
types()
{
	tmux send-keys "clear; $1" Enter
	typed=$1
}

sees() { ok "$typed: $2" eventually 20 shows "$1" || diag "$(screen)"; }

ok "a terminal of 80 columns and 24 lines" tmux -u new-session -d -x 80 -y 24 /bin/sh ||
	{ done_testing; }
tmux send-keys "PS1='ready> '" Enter
eventually 20 shows '^ready> '

# A peer that takes its time, so that there is something to look at
vmsock cat --listen 5000 </dev/null | while [ "$(head -c 65536 | wc -c)" -gt 0 ]; do
	usleep 20000
done &
eventually 20 listens 5000
head -c 30000000 /dev/zero >file
types "vmsock cat --send-only self:5000 <file"
sees '^ *[0-9]+%  [0-9.]+ [KM]iB  [0-9.]+ .?i?B/s  left ([0-9]+:)+[0-9]+' \
	"percents, rate and time left"
tmux send-keys C-c
sees 'vmsock cat: .* sent, 0 B received in' "^C: what was sent so far"
fails "$typed: the progress is gone" shows '% '
wait

vmsock echo 5001 &
server=$!
eventually 20 listens 5001
types "vmsock stat --watch=0.2"
sees '^22 +stream +listening' "the listener"
vmsock echo 5002 &
second=$!
sees ':5002 ' "one that has come meanwhile"
is "$(screen | grep -c '^AF ')" 1 "$typed: in its place"
kill $second
gone() { ! shows ':5002 '; }
ok "$typed: and goes again" eventually 20 gone
tmux send-keys C-c

types "vmsock ping --interval=0.1 self:5001"
sees '^reply 3 after' "answers"
tmux send-keys C-c
sees '^p50 .*p99.9' "^C: the percentiles"
types "vmsock doctor self-stream udev"
sees 'OK .*stream to itself' "a verdict"
ok "$typed: in green" coloured 32m
ok "$typed: and yellow" coloured 33m
types "NO_COLOR=1 vmsock doctor self-stream"
sees 'OK .*stream to itself' "a verdict"
fails "$typed: not in colours" coloured 32m
is "$(vmsock doctor self-stream udev | tr -cd '\033')" "" "no colours without a terminal"

vmsock perf --server 5003 &
perf=$!
eventually 20 listens 5003
types "vmsock perf --time=5 self:5003"
sees '^[0-9.]+ .iB  [0-9.]+ .*/s' "progress"
tmux send-keys C-c
sees 'blocks: +sent .*/s' "^C: the result so far"
types "vmsock perf --time=0.5 --request self:5003"
sees '\|#+ *\| [0-9]' "a histogram"
kill $server $perf
tmux kill-server
wait
done_testing
