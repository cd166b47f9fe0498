#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# man.sh - the manual pages and the code have the same things; examples compile
#
# Copyright (C) 2026 The vmsock authors
#
# man.sh BUILD_FOLDER, where make has run. Options of subcommands are written into their pages by
# scripts/options.sh, functions of the library and of vmci.ko by man/functions.awk. Examples of
# modules need the cached kernel 6.1 (scripts/fetch.sh). TAP on standard output.

set -u
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
# shellcheck source=scripts/lib.sh
. "$source/scripts/lib.sh"
# shellcheck source=tests/vm/harness/tap.sh
. "$source/tests/vm/harness/tap.sh"

build=$(cd "$1" && pwd)
work=$(mktemp -d) || exit
inside=
trap 'rm -rf "$work" ${inside:+"$CACHE/bookworm$inside"}' EXIT
cd "$source" || exit

pages() { find man "$build/man" -name '*.[1-9]' | sort -u; }
page() { cat "$source/man/$1" 2>/dev/null || cat "$build/man/$1"; }

# missing PAGE...: words on standard input that are on none of these pages; that there are no words
# is a fault, too
missing()
{
	words=0
	for name in "$@"; do
		page "$name"
	done | sed 's/\\&//g; s/\\-/-/g' >"$work/text"
	while read -r word; do
		words=$((words + 1))
		grep -qwF -e "$word" "$work/text" || echo "$word"
	done
	[ "$words" != 0 ] || echo "nothing to compare was found in the code"
}

# Warnings of mandoc, beside those about the choice and the order of sections
lint()
{
	pages | xargs mandoc -Tlint -Wwarning |
		grep -vE 'WARNING: (unexpected section|sections out of conventional order)'
}

parameters()
{
	grep -hoE 'module_param(_named|_cb)?\([a-z_]+' "modules/linux/$1/"*.c | sed 's/.*(//'
}
exported()
{
	sed -n 's/^\t\(vmsock_[a-z0-9_]*\);$/\1/p' lib/libvmsock.map | grep -v '_get_type$'
}
clients() { sed -n 's/^#define \(vmci_[a-z0-9_]*\)[ \t].*/\1/p' modules/linux/vmci_api.h; }
codes() { grep -oE 'X\(VMCI_ERROR_[A-Z_]+' include/vmci/errors.h | sed 's/X(//'; }
requests() { grep -oE "$1" include/vmci/ioctl.h | sort -u; }
node_requests() { grep -hoE 'IOCTL_VMCI_[A-Z_0-9]+' modules/linux/vmci/*.c | sort -u; }
header_functions()
{
	sed -n 's/^VMCI_SOCKETS_INLINE_ .*[ *]\(VMCISock_[A-Za-z0-9]*\)(.*/\1/p' \
		include/vmci_sockets.h
}
header_devices() { grep -oE 'VMCI_SOCKETS_[A-Z_]*DEVICE' include/vmci_sockets.h | sort -u; }
kernel_clients()
{
	grep -hoE 'VMCISock_[A-Za-z]+\(' modules/linux/vmsock_api.h | tr -d '(' | sort -u
}
device_options()
{
	sed -n 's/.*{ "\([a-z-]*\)", \(.[a-zA-Z].\|0\), .*G_OPTION.*/-\1/p' device/options.c
}
subcommands() { "$build/vmsock-tools/tables" commands | xargs -n 1; }

# Options that code understands and ours reads
options_understood()
{
	grep -oE 'case OPTION_[A-Z_]+' modules/linux/vsock/option.c |
		sed 's/case OPTION/SO_VMCI/; s/_\(OLD\|NEW\)$//' | sort -u
}

# Error numbers that the module returns to programs; EEXIST becomes EBUSY
errors()
{
	grep -hoE -- '-E[A-Z0-9]+\b' modules/linux/vsock/*.c | tr -d - | sort -u |
		grep -vE '^(EEXIST|ENOIOCTLCMD|ERESTARTSYS)$'
}

# examples PAGE: each C program of a page, taken apart, as $work/PAGE-N.c
examples()
{
	page "$1" | awk -v stem="$work/${1%.[0-9]}-${1##*.}" '
	/^\.Bd -literal/ { inside = 1; text = ""; next }
	/^\.Ed/ {
		if (inside && text ~ /#include/)
			printf "%s", text >(stem "-" ++count ".c")
		inside = 0
		next
	}
	inside { gsub(/\\e/, "\\"); gsub(/\\&/, ""); text = text $0 "\n" }'
}

# shellcheck disable=SC2046 # lists of flags
compile()
{
	mkdir -p "$work/include/vmci"
	cp include/vmci_sockets.h "$work/include/vmci/"
	cc -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -I"$work/include" -Ilib \
		-o "$work/program" "$1" $(pkg-config --cflags gio-unix-2.0) \
		-L"$build/lib/.libs" -lvmsock $(pkg-config --libs gio-unix-2.0)
}

# Modules are built beside ours, for the oldest kernel
compile_modules()
{
	inside=/build/man-$$
	mkdir -p "$CACHE/bookworm$inside"
	(cd "$work" && for file in *-9-*.c; do
		cp "$file" "$CACHE/bookworm$inside/$(echo "${file%.c}" | tr - _).c"
		echo "obj-m += $(echo "${file%.c}" | tr - _).o"
	done) >"$CACHE/bookworm$inside/Kbuild"
	cp -R include modules/linux/vmci_api.h modules/linux/vmsock_api.h "$CACHE/bookworm$inside/"
	in_root "$CACHE/bookworm" make -C "$(kernel_dir 6.1)" "M=$inside" KBUILD_MODPOST_WARN=1 \
		KCFLAGS="-Werror -I$inside -I$inside/include" modules 2>&1
}

is "$(lint)" '' "mandoc has no warning"
is "$(subcommands | sed 's/^/vmsock-/; s/$/.1/' | while read -r name; do
	[ -e "man/$name" ] || echo "$name"
done)" '' "each subcommand has a page"
is "$(subcommands | sed 's/^/vmsock-/' | missing vmsock.1)" '' "... and is in vmsock(1)"
is "$(device_options | missing vmci-device.8)" '' "options of vmci-device"
is "$(parameters vsock | missing vmsock.9)" '' "parameters of vmsock.ko"
is "$(parameters vmci | missing vmci.9)" '' "parameters of vmci.ko"
is "$(kernel_clients | missing vmsock.9)" '' "functions for clients in the kernel"
is "$(clients | missing vmci.9)" '' "functions of vmci.ko"
is "$(codes | missing vmci.9)" '' "result codes"
is "$(exported | missing libvmsock.3)" '' "functions of the library"
is "$(header_functions | grep -v '_$' | missing VMCISock_GetAFValueFd.3)" '' \
	"functions of the classic header"
is "$(header_devices | missing VMCISock_GetAFValueFd.3)" '' "... and its devices"
is "$(requests 'IOCTL_VMCI_SOCKETS_[A-Z_0-9]+' | missing vsock.4)" '' \
	"requests of the control device"
if [ -e man/vmci.4 ]; then
	is "$(node_requests | missing vmci.4)" '' "requests of /dev/vmci that are understood"
fi
is "$(options_understood | missing vmci_sockets.7)" '' "options of sockets"
is "$(errors | missing vmci_sockets.7 vsock.4 vmsock.9 VMCISock_GetAFValueFd.3)" '' \
	"errors of sockets"

for name in libvmsock.3 VMCISock_GetAFValueFd.3 vsock.4 vmci_sockets.7 vmci.9 vmsock.9; do
	examples "$name"
done
for file in "$work/"*-[1-8]-[0-9].c; do
	ok "the example compiles: $(basename "$file")" compile "$file"
done
if [ -n "$(kernel_release 6.1)" ]; then
	ok "the examples of modules compile" compile_modules
else
	skip_all "kernel 6.1 is not in the cache: scripts/fetch.sh bookworm"
fi
done_testing
