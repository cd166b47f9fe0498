# SPDX-License-Identifier: GPL-2.0-or-later
# kernel.m4 - which kernel the modules are built for
#
# Copyright (C) 2026 The vmsock authors

# VMSOCK_KERNEL: BUILD_MODULES, KERNEL_DIR, MODULES_ROOT, VSOCK_MODULE; only looks for the
# headers, what an API looks like is found out by Kbuild (modules/linux/compat)
AC_DEFUN([VMSOCK_KERNEL], [
AC_ARG_WITH([kernel-modules],
	[AS_HELP_STRING([--with-kernel-modules],
		[build vmci.ko and the vsock module: yes, no, auto [auto]])],
	[], [with_kernel_modules=auto])
AC_ARG_WITH([kernel-release],
	[AS_HELP_STRING([--with-kernel-release=R],
		[kernel to build for [the running one, or the newest that has headers]])],
	[], [with_kernel_release=auto])
AC_ARG_WITH([kernel-dir],
	[AS_HELP_STRING([--with-kernel-dir=DIR],
		[headers and Kbuild of that kernel [/lib/modules/R/build]])],
	[], [with_kernel_dir=auto])
AC_ARG_WITH([modules-root],
	[AS_HELP_STRING([--with-modules-root=DIR],
		[install modules in DIR/lib/modules/R/updates/vmsock [/]])],
	[], [with_modules_root=])
AC_ARG_WITH([vsock-module],
	[AS_HELP_STRING([--with-vsock-module=NAME],
		[name of the socket module: vmsock, or vsock if the kernel has none [vmsock]])],
	[], [with_vsock_module=vmsock])

VMSOCK_YES_NO_AUTO([--with-kernel-modules], [$with_kernel_modules])
AS_CASE([$with_vsock_module], [vmsock|vsock], [],
	[AC_MSG_ERROR([--with-vsock-module=$with_vsock_module: vmsock or vsock])])
AS_CASE([$with_modules_root], [''|/*], [],
	[AC_MSG_ERROR([--with-modules-root=$with_modules_root: an absolute path])])
AS_CASE([$with_kernel_release,$with_kernel_dir], [yes,*|no,*|*,yes|*,no],
	[AC_MSG_ERROR([--with-kernel-release and --with-kernel-dir need a value])])

KERNEL_RELEASE=$with_kernel_release
KERNEL_DIR=$with_kernel_dir
kernel_summary="no (--without-kernel-modules)"
kernel_advice=
build_modules=no
AS_IF([test "$with_kernel_modules" != no], [VMSOCK_FIND_KERNEL])

VMSOCK_DKMS_RANGE
VSOCK_MODULE=$with_vsock_module
MODULES_ROOT=$with_modules_root
AC_SUBST([KERNEL_DIR])
AC_SUBST([MODULES_ROOT])
AC_SUBST([VSOCK_MODULE])
AM_CONDITIONAL([BUILD_MODULES], [test $build_modules = yes])
])

# VMSOCK_FIND_KERNEL: sets build_modules, KERNEL_DIR, KERNEL_RELEASE, or says what to install
AC_DEFUN([VMSOCK_FIND_KERNEL], [
AC_MSG_CHECKING([for kernel headers])
AS_IF([test "$KERNEL_DIR" = auto], [
	AS_IF([test "$KERNEL_RELEASE" = auto], [
		KERNEL_RELEASE=`uname -r`
		AS_IF([test ! -e "/lib/modules/$KERNEL_RELEASE/build/Makefile"], [
			newest=`for dir in /lib/modules/*/build; do
				test ! -e "$dir/Makefile" || AS_ECHO(["$dir"])
			done | sort -V | tail -n 1 | cut -d/ -f4`
			KERNEL_RELEASE=${newest:-$KERNEL_RELEASE}
		])
	])
	KERNEL_DIR=/lib/modules/$KERNEL_RELEASE/build
])
AS_IF([test -e "$KERNEL_DIR/Makefile" && test -r "$KERNEL_DIR/include/generated/utsrelease.h"], [
	build_modules=yes
	KERNEL_DIR=`cd "$KERNEL_DIR" && pwd`
	KERNEL_RELEASE=`sed -n 's/^#define UTS_RELEASE "\(.*\)"/\1/p' \
		"$KERNEL_DIR/include/generated/utsrelease.h"`
	AC_MSG_RESULT([$KERNEL_DIR ($KERNEL_RELEASE)])
	kernel_summary="vmci.ko $with_vsock_module.ko for $KERNEL_RELEASE"
	VMSOCK_KERNEL_RANGE
], [
	AC_MSG_RESULT([no])
	VMSOCK_KERNEL_PACKAGE
	AS_IF([test "$with_kernel_modules" = yes],
		[AC_MSG_ERROR([no kernel headers in $KERNEL_DIR. $kernel_advice])])
	kernel_summary="no (no headers in $KERNEL_DIR)"
])
])

# VMSOCK_KERNEL_RANGE: a remark if META does not promise this kernel
AC_DEFUN([VMSOCK_KERNEL_RANGE], [
kernel_min=`sed -n 's/^VMSOCK_LINUX_MIN=//p' "$srcdir/META"`
kernel_max=`sed -n 's/^VMSOCK_LINUX_MAX=//p' "$srcdir/META"`
kernel_base=`AS_ECHO(["$KERNEL_RELEASE"]) | cut -d. -f1,2 | cut -d- -f1`
sorted=`printf '%s\n' "$kernel_min" "$kernel_base" "$kernel_max" | sort -V | sed -n 2p`
AS_IF([test "$sorted" != "$kernel_base"],
	[kernel_advice="Linux $kernel_base is outside the range that is tested, dnl
$kernel_min to $kernel_max."])
])

# VMSOCK_KERNEL_PACKAGE: kernel_advice, by the distribution of this machine
AC_DEFUN([VMSOCK_KERNEL_PACKAGE], [
distribution=`sed -n 's/^ID\(_LIKE\)*=//p' /etc/os-release 2>/dev/null | tr '"\n' '  '`
AS_CASE([" $distribution "],
	[*" debian "*], [kernel_advice="apt install linux-headers-$KERNEL_RELEASE dnl
(any kernel: linux-headers-`dpkg --print-architecture`)"],
	[*" ubuntu "*], [kernel_advice="apt install linux-headers-$KERNEL_RELEASE dnl
(any kernel: linux-headers-generic)"],
	[*" fedora "*|*" rhel "*], [kernel_advice="dnf install kernel-devel-$KERNEL_RELEASE"],
	[*suse*], [kernel_advice="zypper install kernel-default-devel"],
	[*" arch "*], [kernel_advice="pacman -S linux-headers"],
	[kernel_advice="install the headers of Linux $KERNEL_RELEASE"])
kernel_advice="To build the modules: $kernel_advice, or --with-kernel-dir=DIR; configure again."
])

# VMSOCK_DKMS_RANGE: DKMS_KERNELS, the range of META as a regular expression. DKMS before 3.1 has
# no minimum and maximum.
AC_DEFUN([VMSOCK_DKMS_RANGE], [
DKMS_KERNELS=`$AWK -F '[[=.]]' -f "$srcdir/modules/linux/range.awk" "$srcdir/META"`
AS_IF([test -z "$DKMS_KERNELS"], [AC_MSG_ERROR([META does not say for which kernels this is])])
AC_SUBST([DKMS_KERNELS])
])
