#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# header-compile-test.sh - programs compile with vmci_sockets.h, old and new ones
#
# Copyright (C) 2026 The vmsock authors
#
# Each standard, 32 and 64 bit, alone and with <linux/vm_sockets.h> before and after it; two files
# of one program share the descriptor that VMCISock_GetAFValue() keeps.
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

# The compiler and the last argument may be several words.
# shellcheck disable=SC2086
compile()	# COMPILER LANGUAGE STANDARD FLAGS ARGUMENTS...
{
	compiler=$1 language=$2 standard=$3 flags=$4
	shift 4
	$compiler -x "$language" -std="$standard" $flags -I"$top_srcdir/include" \
		-pedantic-errors -Wall -Wextra -Wshadow -Wundef -Werror "$@" >"$work/log" 2>&1
}

# A program as they were written for the header of old.
write_program()	# HEADER-BEFORE HEADER-AFTER
{
	cat <<END
${1:+#include <$1>}
#include "vmci_sockets.h"
${2:+#include <$2>}

typedef char size_is_16[sizeof(struct sockaddr_vm) == 16 ? 1 : -1];

int make_address(struct sockaddr_vm *address);

int make_address(struct sockaddr_vm *address)
{
	struct timeval limit;
	int fd = -1;
	int family = VMCISock_GetAFValueFd(&fd);

	if (family < 0)
		family = VMCISock_GetAFValue();
	memset(address, 0, sizeof(*address));
	memset(address->svm_zero, 0, sizeof(address->svm_zero));
	address->svm_family = (sa_family_t)family;
	address->svm_reserved1 = 0;
	address->svm_cid = VMCISock_GetLocalCID();
	address->svm_port = VMADDR_PORT_ANY;
	if (address->svm_cid == VMADDR_CID_ANY ||
	    VMCISock_Version() == VMCI_SOCKETS_INVALID_VERSION)
		address->svm_cid = VMADDR_CID_HOST + VMADDR_CID_HYPERVISOR;
	memset(&limit, 0, sizeof(limit));
	setsockopt(fd, family, SO_VMCI_CONNECT_TIMEOUT, &limit, sizeof(limit));
	setsockopt(fd, family, SO_VMCI_BUFFER_SIZE, &limit, sizeof(limit));
	${1:+address->svm_flags = VMADDR_FLAG_TO_HOST;}
	${2:+address->svm_flags = VMADDR_FLAG_TO_HOST;}
	${2:+setsockopt(fd, family, SO_VM_SOCKETS_CONNECT_TIMEOUT, &limit, sizeof(limit));}
	${2:+ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &address->svm_cid);}
	VMCISock_ReleaseAFValueFd(fd);
	return (int)VMCISock_Uuid2ContextId("") + (int)VMCI_SOCKETS_VERSION_EPOCH(1U);
}
END
}

kernel=linux/vm_sockets.h
write_program "" "" >"$work/alone.c"
write_program $kernel "" >"$work/behind.c"
write_program "" $kernel >"$work/before.c"
echo 'int main(void) { return 0; }' >"$work/null.c"

check()	# COMPILER LANGUAGE STANDARD FLAGS
{
	if ! compile "$@" -fsyntax-only "$work/null.c"; then
		tests=$((tests + 1))
		echo "ok $tests - $3 $4 # SKIP $1 cannot"
		return
	fi
	for program in alone behind before; do
		compile "$@" -fsyntax-only "$work/$program.c"
		case $program in
		alone) result $? "12.B-31 $1 $3 $4" ;;
		*)     result $? "12.B-31 $1 $3 $4, $program the kernel's header" ;;
		esac
	done
}

compilers=$CC
! command -v clang >/dev/null || compilers="$CC clang"
for compiler in $compilers; do
	for standard in gnu89 c89 c99 c11 gnu17; do
		for flags in -m64 -m32 "-m32 -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64"; do
			check "$compiler" c "$standard" "$flags"
		done
	done
done
compilers=$CXX
! command -v clang++ >/dev/null || compilers="$CXX clang++"
for compiler in $compilers; do
	for standard in c++98 c++17; do
		for flags in -m64 -m32; do
			check "$compiler" c++ "$standard" "$flags"
		done
	done
done

# One variable in the program, whatever the languages.
cat >"$work/one.c" <<END
#include "vmci_sockets.h"
int *one(void);
int *one(void) { return &VMCISock_heldDescriptor_; }
END
cat >"$work/two.cc" <<END
#include "vmci_sockets.h"
extern "C" int *one(void);
int main() { return one() != &VMCISock_heldDescriptor_ || *one() != -1; }
END
compile "$CC" c c99 "" -c -o "$work/one.o" "$work/one.c" &&
	compile "$CXX" c++ c++98 "" -c -o "$work/two.o" "$work/two.cc" &&
	$CXX -o "$work/two" "$work/one.o" "$work/two.o" >"$work/log" 2>&1 && "$work/two"
result $? "all files of a program share the descriptor"

# Number 8 is the time limit of connect on Linux; the other platform's name for it is not ours.
! grep -q 'DISCONNECT_CAUSE' "$top_srcdir/include/vmci_sockets.h"
result $? "no disconnect cause"
cat >"$work/option.c" <<END
#include "vmci_sockets.h"
int main(void) { return SO_VMCI_CONNECT_TIMEOUT != WANT; }
END
for row in "6:-m64" "6:-m32" "8:-m32 -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64"; do
	flags=${row#*:}
	if compile "$CC" c c99 "$flags" -o "$work/null" "$work/null.c"; then
		compile "$CC" c c99 "$flags -DWANT=${row%%:*}" -o "$work/option" "$work/option.c" &&
			"$work/option"
		result $? "the time limit of connect is option ${row%%:*} with $flags"
	else
		tests=$((tests + 1))
		echo "ok $tests - option ${row%%:*} with $flags # SKIP $CC cannot"
	fi
done

echo "1..$tests"
[ "$failed" -eq 0 ]
