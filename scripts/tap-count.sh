#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tap-count.sh - count the results of TAP files, show what failed
#
# Copyright (C) 2026 The vmsock authors
#
# tap-count.sh FOLDER: all FOLDER/.../NAME.tap
#
# Ends with "N passed, N failed", and status 1 if any failed. Beside a result "not ok" these
# are failures: a file without a plan or with two; one that ran more or fewer tests than it
# planned; "Bail out!"; an error that automake's driver noted (ERROR: ...); a skip of a file
# that no line of tests/skips allows ("PART/NAME  reason", where * stands for anything). A test
# that passed at its second try only (NAME.first: what it said at the first) is no failure, and
# is shown.

set -eu
skips=$(dirname "$0")/../tests/skips
# shellcheck disable=SC2046 # names without blanks
awk -v root="${1%/}/" -v skips="$skips" -- '
function read_skips(  line, word)
{
	while ((getline line <skips) > 0) {
		if (line ~ /^[ \t]*(#|$)/)
			continue
		split(line, word, /[ \t]+/)
		gsub(/[.+^$()|[\]{}\\]/, "\\\\&", word[1])
		gsub(/\*/, ".*", word[1])
		allowed[++allowed_count] = "^" word[1] "$"
	}
}

function skip_allowed(name,  i)
{
	for (i = 1; i <= allowed_count; i++)
		if (name ~ allowed[i])
			return 1
	return 0
}

# Remarks stand before or after the result they belong to
function fail(what)
{
	failed++
	print name ": " what
	printf "%s", before
	before = ""
	remarks = 20
}

function skip(what)
{
	if (skip_allowed(name)) {
		skipped++
		print name ": skipped, " what
	} else {
		fail("skip that tests/skips does not list, " what)
	}
}

function plan(line)
{
	plans++
	planned = substr(line, 4) + 0
	if (match(line, /# *[Ss][Kk][Ii][Pp].*/))
		skip(substr(line, RSTART + 1))
	else if (!planned)
		fail("plans no test")
}

function result(line)
{
	ran++
	remarks = 0
	if (match(line, /# *[Ss][Kk][Ii][Pp].*/) && line !~ /^not/)
		skip(line)
	else if (line ~ /^not/)
		fail(line)
	else
		passed++
	before = ""
}

# What failed at the first try of a test that then passed
function show_first(file,  line)
{
	sub(/\.tap$/, ".first", file)
	while ((getline line <file) > 0)
		if (line ~ /^not/)
			print name ": unsteady, passed at the second try; at first: " line
	close(file)
}

function count(file,  line, failed_before)
{
	failed_before = failed
	name = substr(file, length(root) + 1)
	sub(/\.tap$/, "", name)
	plans = planned = ran = remarks = 0
	before = ""
	while ((getline line <file) > 0) {
		if (line ~ /^1\.\.[0-9]+/)
			plan(line)
		else if (line ~ /^(not )?ok( |$)/)
			result(line)
		else if (line ~ /^(Bail out!|ERROR: )/)
			fail(line)
		else if (line ~ /^#/ && remarks-- > 0)
			print "  " line
		else if (line ~ /^#/ && length(before) < 2000)
			before = before "  " line "\n"
	}
	close(file)
	before = ""
	if (plans != 1)
		fail(plans ? "has several plans" : "has no plan")
	else if (planned != ran)
		fail("planned " planned ", ran " ran)
	if (failed == failed_before)
		show_first(file)
}

BEGIN {
	read_skips()
	for (i = 1; i < ARGC; i++)
		count(ARGV[i])
	if (ARGC < 2) {
		name = "nothing"
		fail("no test ran")
	}
	printf "\n%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
	exit failed > 0
}
' $(find "$1" -name '*.tap' | sort)
