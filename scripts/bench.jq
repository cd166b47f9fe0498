# SPDX-License-Identifier: GPL-2.0-or-later
# bench.jq - a table (Markdown) of what tests/bench/bench.c measured
#
# Copyright (C) 2026 The vmsock authors
#
# A row is a measurement. First the median of AF_UNIX; then for each transport the ratio to
# AF_UNIX of the same run: median (lowest to highest); last the control packets and context
# switches of a unit of ours (a MiB, a round trip, a connection, a datagram), and of AF_UNIX.

def median: sort | .[(length / 2) | floor];
def short:
	if . >= 100 then round
	elif . >= 10 then . * 10 | round | . / 10
	else . * 100 | round | . / 100 end;
def of($transport): map(select(.transport == $transport));

# Ratios of the rows of one measurement, each to AF_UNIX in the same run
def ratios($transport):
	. as $rows
	| [of($transport)[] | . as $row
	   | ($rows | of("unix") | map(select(.run == $row.run)) | .[0].value) as $unix
	   | select($unix > 0) | $row.value / $unix];

def cell($transport):
	ratios($transport)
	| if length == 0 then "" else "\(median | short) (\(min | short) to \(max | short))" end;

def line:
	.[0] as $first
	| [$first.measurement, "\(of("unix") | map(.value) | median | short) \($first.unit)",
	   cell("tcp"), cell("vsock_loopback"), cell("vmw_vmci"), cell("vmsock"),
	   (of("vmsock") | map(.packets) | median | short | tostring),
	   (of("vmsock") | map(.switches) | median | short | tostring),
	   (of("unix") | map(.switches) | median | short | tostring)]
	| "| " + join(" | ") + " |";

# In the order in which they were measured
def names: reduce .[].measurement as $name ([]; if index([$name]) then . else . + [$name] end);

"| | AF_UNIX | TCP | vsock_loopback | vmw_vmci, CID 2 | vmsock | packets | switches | AF_UNIX's |",
"|---|---|---|---|---|---|---|---|---|",
(. as $rows | names[] as $name | $rows | map(select(.measurement == $name)) | line)
