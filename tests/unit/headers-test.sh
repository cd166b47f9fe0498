#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# headers-test.sh - each header of include/ compiles alone, in C and C++, for 64 and 32 bits
#
# Copyright (C) 2026 The vmsock authors
#
# Compiling wire_check.h is also what proves sizes and offsets for each of them.
# Uses CC, CXX and top_srcdir of the environment.

set -u
: "${CC:=cc}" "${CXX:=c++}" "${top_srcdir:=$(dirname "$0")/../..}"
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
tests=0
failed=0

result()	# STATUS DESCRIPTION
{
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
	else
		failed=$((failed + 1))
		echo "not ok $tests - $2"
		sed 's/^/# /' "$work/log"
	fi
}

# The compiler as a command may carry options: CC='gcc -m32'
# shellcheck disable=SC2086
compile()	# COMPILER LANGUAGE STANDARD BITS FILE
{
	$1 -x "$2" -std="$3" "-m$4" -I"$top_srcdir/include" -Wall -Wextra -Wundef -Werror \
		-fsyntax-only "$5" >"$work/log" 2>&1
}

# A header alone, and twice
check_header()	# HEADER COMPILER LANGUAGE STANDARD BITS
{
	printf '#include <%s>\n#include <%s>\n' "$1" "$1" >"$work/alone.c"
	compile "$2" "$3" "$4" "$5" "$work/alone.c"
	result $? "$1 as $4, $5 bits"
}

has()	# COMPILER LANGUAGE STANDARD BITS
{
	echo '#include <stddef.h>' >"$work/probe.c"
	compile "$1" "$2" "$3" "$4" "$work/probe.c"
}

check_all()	# COMPILER LANGUAGE STANDARD HEADER...
{
	compiler=$1 language=$2 standard=$3
	shift 3
	for bits in 64 32; do
		if has "$compiler" "$language" "$standard" $bits; then
			for header; do
				check_header "$header" "$compiler" "$language" "$standard" $bits
			done
		else
			tests=$((tests + 1))
			echo "ok $tests - $standard, $bits bits # SKIP $compiler cannot"
		fi
	done
}

wire_headers=$(cd "$top_srcdir/include" && echo vmci/*.h)

# Two lists: header names have no blanks.
# shellcheck disable=SC2086
{
	check_all "$CC" c c11 $wire_headers
	check_all "$CXX" c++ c++17 $wire_headers
}
for standard in gnu89 c11; do
	check_all "$CC" c $standard vmci_sockets.h
done
for standard in c++98 c++17; do
	check_all "$CXX" c++ $standard vmci_sockets.h
done

# An assertion that does not hold must be seen, or all of the above says nothing.
printf '#include <vmci/wire_check.h>\nVMCI_SIZE_IS(struct vmci_handle, 9);\n' >"$work/wrong.c"
! compile "$CC" c c11 64 "$work/wrong.c"
result $? "a wrong size is refused"

echo "1..$tests"
[ "$failed" -eq 0 ]
