#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# build-modules.sh - build all kernel modules of the tree for one cached kernel
#
# Copyright (C) 2026 The vmsock authors
#
# Sources are copied into the unpacked root of the kernel's release and built there
# with its own compiler; the source tree is never written. A second run builds only
# what has changed. Prints the folder with the modules.

set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"

usage()
{
	cat <<END
Usage: build-modules.sh [--check] [--source DIR] KERNEL [VARIABLE=VALUE]...

Builds modules/linux, examples/kernel-client and tests/vm/modules/* for KERNEL
($(kernel_labels | tr '\n' ' ')) and prints the folder the .ko files are in. For
another processor ($(foreign_labels | tr '\n' ' ')) they are cross-compiled.
For the debug kernel, modules/linux is built so that the lines that run are counted.
  --check       with W=1 and sparse; any warning in our files is a failure
  --source DIR  the source tree (default: the one this script is in)
VARIABLE=VALUE is passed on to make, say VSOCK_MODULE=vsock.
END
}

# The parts of the source tree that a module build reads.
sources()
{
	(cd "$source" && find META include modules examples/kernel-client tests/vm/modules -type f \
		! -name '*.mod.c' ! -name '.*' ! -path 'modules/kbuild/*' \
		\( -name META -o -name Kbuild -o -name Makefile -o -name '*.mk' \
			-o -name '*.[ch]' \) \
		2>/dev/null | sort)
}

# Bring the copy in step: changed files over, deleted ones away.
copy_sources()
{
	mkdir -p "$build"
	sources >"$build/sources.new"
	if [ -e "$build/sources" ]; then
		comm -23 "$build/sources" "$build/sources.new" | (cd "$build" && xargs -r rm -f)
	fi
	mv "$build/sources.new" "$build/sources"
	while read -r file; do
		cmp -s "$source/$file" "$build/$file" && continue
		mkdir -p "$build/$(dirname "$file")"
		cp "$source/$file" "$build/$file"
	done <"$build/sources"
}

# Folders that are module builds of their own, ours first: the others use its symbols.
module_dirs()
{
	(cd "$build" && for kbuild in modules/linux/Kbuild examples/kernel-client/Kbuild \
			tests/vm/modules/*/Kbuild; do
		[ ! -e "$kbuild" ] || dirname "$kbuild"
	done)
}

# Names of our files as they are in the source tree: make prints them with the whole
# path, or from 7.3 on relative to folder $1.
our_names()
{
	sed -E -e "s,$inside/,,g" -e '/Skipping BTF generation/d' \
		-e '/^(modules|include|examples|tests)\//!'"s,^[a-z0-9_/-]+\.[ch]:[0-9]+:,$1/&,"
}

# Build folder $1.
build_dir()
{
	dir=$1
	shift
	if [ "$dir" = modules/linux ]; then
		[ "$kernel" != debug ] || set -- GCOV_PROFILE=y "$@"
	elif [ -e "$build/modules/linux/Module.symvers" ]; then
		set -- KBUILD_EXTRA_SYMBOLS="$inside/modules/linux/Module.symvers" \
			KCFLAGS="-I$inside/include -I$inside/modules/linux" "$@"
	fi
	status=0
	# shellcheck disable=SC2046 # words
	set -- $(cross_variables "$kernel") "$@"
	in_root "$root" make -C "$(kernel_dir "$kernel")" M="$inside/$dir" "$@" modules \
		>"$build/log.new" 2>&1 || status=$?
	our_names "$dir" <"$build/log.new" >>"$build/log"
	return "$status"
}

# Complaints of compiler, sparse, modpost and objtool about our files. Debian's sparse
# is older than kernel 7.3: the macros that describe a module are beyond it.
complaints()
{
	grep -E '(warning|error|WARNING|ERROR)' "$build/log" |
		grep -vE '^(/usr/src|\./?(arch|include|scripts)/)' |
		grep -E -e '(^|[ /(])(modules/|include/|examples/|tests/|[a-z_]+\.k?o\>)' \
			-e 'warning: objtool' |
		sort -u |
		while read -r complaint; do
			place=${complaint%%: error: bad constant expression}
			line=${place#*:}
			if [ "$place" != "$complaint" ] &&
			   sed -n "${line%%:*}p" "$build/${place%%:*}" |
			   grep -qE '^(MODULE_|module_param)'; then
				continue
			fi
			echo "$complaint"
		done
}

# Builds of trees that nobody has built for a week.
forget_old_builds()
{
	find "$root/build" -mindepth 1 -maxdepth 1 -mtime +7 -exec rm -rf {} +
}

build()
{
	copy_sources
	forget_old_builds
	: >"$build/log"
	say "building for $(kernel_release "$kernel")${check:+ with W=1 C=1}"
	for dir in $(module_dirs); do
		# shellcheck disable=SC2086 # two words or none
		build_dir "$dir" $check -j"$(nproc)" "$@" ||
			{ tail -n 40 "$build/log" >&2; die "$dir does not build for $kernel"; }
	done
	complaints >"$build/complaints"
	if [ -s "$build/complaints" ]; then
		cat "$build/complaints" >&2
		[ -z "$check" ] || die "complaints about our files on kernel $kernel"
	fi
	out=$build/out
	rm -rf "$out"
	mkdir -p "$out"
	find "$build" -path "$out" -prune -o -name '*.ko' -exec cp {} "$out" \;
	echo "$out"
}

source=$(dirname "$here")
check=
while [ $# -gt 0 ]; do
	case $1 in
	# The macro is for sparse 0.6.4, which does not know that keyword of kernel 7.3.
	--check)   check='W=1 C=1 CF=-D__typeof_unqual__=__typeof__' ;;
	--source)  source=$(cd "$2" && pwd); shift ;;
	-h | --help) usage; exit ;;
	*)         break ;;
	esac
	shift
done
[ $# -gt 0 ] || { usage >&2; exit 2; }
kernel=$1
shift
root=$CACHE/$(kernel_root "$kernel")
[ -n "$(kernel_release "$kernel")" ] ||
	die "kernel $kernel is not in the cache: run fetch.sh or debug-kernel.sh"

# Builds of different trees, kernels and flags do not disturb each other.
inside=/build/$(echo "$source $kernel $check $*" | cksum | cut -d' ' -f1)
build=$root$inside
with_lock "build-${inside##*/}" build "$@"
