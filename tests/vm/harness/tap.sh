# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# tap.sh - a few helpers to write a TAP test as a shell script: ". tap.sh"
#
# Copyright (C) 2026 The vmsock authors
#
# The plan comes last, from done_testing: a script that dies early has none, which
# the harness counts as a failure. Same words as in tests/unit/tap.h.

tap_run=0
tap_failed=0

# tap_result STATUS DESCRIPTION
tap_result()
{
	tap_run=$((tap_run + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_run - $2"
	else
		echo "not ok $tap_run - $2"
		tap_failed=$((tap_failed + 1))
	fi
	return "$1"
}

# diag TEXT: a remark for the reader of the log
diag() { printf '%s\n' "$*" | sed 's/^/# /'; }

# tap_command WANT DESCRIPTION COMMAND...: what it printed is shown if it ends otherwise
tap_command()
{
	tap_want=$1 tap_what=$2
	shift 2
	tap_status=0
	tap_output=$("$@" 2>&1) || tap_status=$?
	case $tap_want$tap_status in
	pass0 | fail[1-9]*)
		tap_result 0 "$tap_what" ;;
	*)
		tap_result 1 "$tap_what"
		diag "status $tap_status of: $*"
		diag "$tap_output"
		return 1 ;;
	esac
}

# ok DESCRIPTION COMMAND...: passes if the command succeeds
ok() { tap_command pass "$@"; }

# fails DESCRIPTION COMMAND...: passes if the command fails
fails() { tap_command fail "$@"; }

# is GOT WANT DESCRIPTION: passes if both are the same text
is()
{
	if [ "$1" = "$2" ]; then
		tap_result 0 "$3"
	else
		tap_result 1 "$3"
		diag " got $1"
		diag "want $2"
		return 1
	fi
}

# like TEXT PATTERN DESCRIPTION: passes if the text matches (grep -E)
like()
{
	if printf '%s\n' "$1" | grep -qE -e "$2"; then
		tap_result 0 "$3"
	else
		tap_result 1 "$3"
		diag "   got $1"
		diag "nothing like $2"
		return 1
	fi
}

# eventually SECONDS COMMAND...: try again until it succeeds; fails if it never does
eventually()
{
	tap_tries=$(($1 * 20))
	shift
	until "$@"; do
		[ "$tap_tries" -gt 0 ] || return 1
		tap_tries=$((tap_tries - 1))
		usleep 50000
	done
}

# skip_all REASON: end here; this guest lacks what the test needs
skip_all()
{
	echo "1..0 # SKIP $*"
	exit 77
}

# done_testing: prints the plan and ends the script
done_testing()
{
	[ "$tap_run" -gt 0 ] || { echo "Bail out! the script ran no test"; exit 1; }
	echo "1..$tap_run"
	[ "$tap_failed" = 0 ]
	exit
}
