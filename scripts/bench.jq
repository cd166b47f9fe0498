# SPDX-License-Identifier: GPL-2.0-or-later
# bench.jq - a table (Markdown) of what tests/bench measured
#
# Copyright (C) 2026 The vmsock authors
#
# A row is a measurement. First the median of one transport ($base); then for each other the
# ratio to that of the same run: median (lowest to highest). Last the control packets of a unit (a
# MiB, a round trip, a connection, a datagram) and the context switches or interrupts, ours
# and those of $base. $columns are the transports, $titles theirs and that of $base.

def median: sort | .[(length / 2) | floor];
def short:
	if . >= 100 then round
	elif . >= 10 then . * 10 | round | . / 10
	else . * 100 | round | . / 100 end;
def of($transport): map(select(.transport == $transport));

# Ratios of the rows of one measurement, each to $base in the same run
def ratios($transport):
	. as $rows
	| [of($transport)[] | . as $row
	   | ($rows | of($base) | map(select(.run == $row.run)) | .[0].value) as $value
	   | select($value != null and $value > 0) | $row.value / $value];

def cell($transport):
	ratios($transport)
	| if length == 0 then "" else "\(median | short) (\(min | short) to \(max | short))" end;

# What was counted beside: control packets, and the wake-ups that they were
# (with kernels at both ends a packet is no message to the device: how often the guest's end slept)
def wakes: if .[0] | has("interrupts") then "interrupts" else "switches" end;
def costs: if .[0] | has("packets") then "packets" else "switches" end;
def counts:
	wakes as $wakes | costs as $costs
	| [(of("vmsock") | map(.[$costs])), (of("vmsock") | map(.[$wakes])),
	   (if $wakes == "interrupts" then of($base) | map(.[$costs]) else empty end),
	   (of($base) | map(.[$wakes]))]
	| map(median | short | tostring);

def line:
	. as $rows
	| [.[0].measurement, "\(of($base) | map(.value) | median | short) \(.[0].unit)"]
	  + [$columns | split(" ")[] | . as $transport | $rows | cell($transport)]
	  + counts
	| "| " + join(" | ") + " |";

# In the order in which they were measured; what $base has not is left out
def names: reduce (.[] | select(.transport == $base) | .measurement) as $name
	([]; if index([$name]) then . else . + [$name] end);

def titles:
	wakes as $wakes | costs as $costs
	| ($titles | split(" "))
	| . + (if $wakes == "interrupts"
	       then [$costs, $wakes, "\(.[0])'s \($costs)", "and interrupts"]
	       else ["packets", $wakes, "\(.[0])'s"] end);

"| | " + (titles | join(" | ")) + " |",
"|" + ([range(0; (titles | length) + 1) | "---|"] | add),
(. as $rows | names[] as $name | $rows | map(select(.measurement == $name)) | line)
