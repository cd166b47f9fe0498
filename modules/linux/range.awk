# SPDX-License-Identifier: GPL-2.0-only
# range.awk - the range of kernels in META as a regular expression, for dkms.conf
#
# Copyright (C) 2026 The vmsock authors
#
# awk -F '[=.]' -f range.awk META: 6.1 to 7.3 is 6\.([1-9]|[1-9][0-9])|7\.([0-3]). What follows the
# two numbers is the business of who uses it.

/^VMSOCK_LINUX_MIN=/ { first_major = $2 + 0; first_minor = $3 + 0 }
/^VMSOCK_LINUX_MAX=/ { last_major = $2 + 0; last_minor = $3 + 0 }

function digits(from, to)
{
	return (from == to) ? from : "[" from "-" to "]"
}

function add(piece)
{
	pieces = pieces (pieces == "" ? "" : "|") piece
}

# minors(FROM, TO): numbers up to 99, tens by tens
function minors(from, to,  ten)
{
	pieces = ""
	for (ten = int(from / 10); ten <= int(to / 10); ten++) {
		low = (ten == int(from / 10)) ? from % 10 : 0
		high = (ten == int(to / 10)) ? to % 10 : 9
		# Whole tens beside each other are one piece
		if (ten && low == 0 && high == 9) {
			whole = ten
			while (whole + 1 <= 9 && (whole + 2) * 10 - 1 <= to)
				whole++
			add(digits(ten, whole) "[0-9]")
			ten = whole
		} else {
			add((ten ? ten : "") digits(low, high))
		}
	}
	return "(" pieces ")"
}

END {
	if (!first_major || !last_major)
		exit 1
	for (major = first_major; major <= last_major; major++)
		all = all (all == "" ? "" : "|") major "\\." \
			minors(major == first_major ? first_minor : 0,
				major == last_major ? last_minor : 99)
	print all
}
