#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# install.sh - what make install puts where, what it is good for, and that it goes again
#
# Copyright (C) 2026 The vmsock authors
#
# install.sh BUILD_FOLDER, configured with the default prefix. TAP on standard output.

set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/vm/harness/tap.sh
. "$here/../vm/harness/tap.sh"

build=$1
dest=$(mktemp -d) || exit
trap 'rm -rf "$dest"' EXIT
prefix=$dest/usr/local

staged() { find "$dest" ! -type d | sed "s,^$dest,," | sort; }

# there PATTERN...: each is one installed file or more
there()
{
	for pattern in "$@"; do
		like "$(staged)" "^$pattern\$" "installs $pattern"
	done
}

# A program as a stranger would build it: with what is installed, and nothing else.
builds_against_header()
{
	cat >"$dest/header.c" <<-'END'
		#include <vmci/vmci_sockets.h>
		int main(void) { return VMCISock_GetAFValue() < 0; }
	END
	cc -o "$dest/header" -I"$prefix/include" "$dest/header.c" &&
		rm "$dest/header" "$dest/header.c"
}

builds_against_library()
{
	cat >"$dest/library.c" <<-'END'
		#include <vmsock/vmsock.h>
		int main(void) { return vmsock_error_quark() == 0; }
	END
	PKG_CONFIG_PATH=$prefix/lib/pkgconfig
	PKG_CONFIG_SYSROOT_DIR=$dest
	export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
	flags=$(pkg-config --cflags --libs vmsock-1.0 |
		sed "s,$dest/usr/\(include\|lib\)/,/usr/\1/,g")
	# shellcheck disable=SC2086 # a list of flags
	cc -o "$dest/library" "$dest/library.c" $flags &&
		LD_LIBRARY_PATH=$prefix/lib "$dest/library" && rm "$dest/library" "$dest/library.c"
}

installed_version() { LD_LIBRARY_PATH=$prefix/lib "$prefix/bin/vmsock" --version; }

make_in() { make -C "$build" DESTDIR="$dest" "$@"; }

ok "make install with DESTDIR" make_in install
there /usr/local/bin/vmsock /usr/local/include/vmci/vmci_sockets.h \
	/usr/local/include/vmsock/vmsock.h '/usr/local/lib/libvmsock\.so\.[0-9]*' \
	'/usr/local/lib/libvmsock\.a' '/usr/local/lib/pkgconfig/vmsock-1\.0\.pc' \
	'/usr/local/share/man/man9/vmsock\.9' '/usr/local/share/man/man9/vmci\.9'
if grep -q "BUILD_MODULES_TRUE = *\$" "$build/modules/Makefile"; then
	there '/lib/modules/[^/]*/updates/vmsock/vmci/vmci\.ko' \
		'/lib/modules/[^/]*/updates/vmsock/vsock/vmsock\.ko' \
		'/usr/local/lib/modprobe\.d/vmsock\.conf' \
		'/usr/local/lib/udev/rules\.d/60-vmsock\.rules'
fi
is "$(staged | grep -vE '^/(usr/local|lib/modules)/')" '' "installs nothing elsewhere"
ok "a program builds against the installed header alone" builds_against_header
ok "a program builds against the installed library and runs" builds_against_library
like "$(installed_version)" "^vmsock.* $(sed -n 's/^VMSOCK_VERSION=//p' "$here/../../META")" \
	"the installed command runs"
ok "make uninstall with DESTDIR" make_in uninstall
is "$(staged)" '' "make uninstall leaves no file"
done_testing
