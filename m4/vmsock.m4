# SPDX-License-Identifier: GPL-2.0-or-later
# vmsock.m4 - the checks of configure.ac, one macro each
#
# Copyright (C) 2026 The vmsock authors
#
# A feature is yes, no or auto: yes that cannot be met is an error, auto takes what is there.

# VMSOCK_YES_NO_AUTO(OPTION, VALUE)
AC_DEFUN([VMSOCK_YES_NO_AUTO], [
AS_CASE([$2], [yes|no|auto], [], [AC_MSG_ERROR([$1=$2: yes, no or auto])])
])

# VMSOCK_WARNINGS: WARNING_CFLAGS; gcc and clang know all of these
AC_DEFUN([VMSOCK_WARNINGS], [
AC_ARG_ENABLE([werror],
	[AS_HELP_STRING([--enable-werror], [a compiler warning is an error [no]])],
	[], [enable_werror=no])
WARNING_CFLAGS="-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes dnl
-Wpointer-arith -Wundef -Wvla -Wno-unused-parameter -Wno-missing-field-initializers"
AS_IF([test "$enable_werror" = yes], [WARNING_CFLAGS="$WARNING_CFLAGS -Werror"])
AC_SUBST([WARNING_CFLAGS])
AM_CONDITIONAL([WERROR], [test "$enable_werror" = yes])
])

# VMSOCK_SANITIZERS: SANITIZER_CFLAGS for programs that make check runs on pure code
AC_DEFUN([VMSOCK_SANITIZERS], [
AC_ARG_ENABLE([sanitizers],
	[AS_HELP_STRING([--enable-sanitizers],
		[build unit tests with ASan and UBSan: yes, no, auto [auto]])],
	[], [enable_sanitizers=auto])
VMSOCK_YES_NO_AUTO([--enable-sanitizers], [$enable_sanitizers])
sanitizers=no
SANITIZER_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
AS_IF([test "$enable_sanitizers" != no], [
	AC_MSG_CHECKING([whether $CC links with ASan and UBSan])
	saved_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS $SANITIZER_CFLAGS"
	AC_LINK_IFELSE([AC_LANG_PROGRAM()], [sanitizers=yes])
	CFLAGS=$saved_CFLAGS
	AC_MSG_RESULT([$sanitizers])
])
AS_IF([test "$enable_sanitizers,$sanitizers" = yes,no],
	[AC_MSG_ERROR([--enable-sanitizers: $CC cannot; install its libasan and libubsan])])
AS_IF([test $sanitizers = no], [SANITIZER_CFLAGS=])
AC_SUBST([SANITIZER_CFLAGS])
])

# VMSOCK_LIBRARY: GLIB_CFLAGS, GLIB_LIBS
AC_DEFUN([VMSOCK_LIBRARY], [
PKG_CHECK_MODULES([GLIB],
	[glib-2.0 >= 2.74 gobject-2.0 >= 2.74 gio-2.0 >= 2.74 gio-unix-2.0 >= 2.74], [],
	[AC_MSG_ERROR([GLib 2.74 or newer is needed; on Debian: apt install libglib2.0-dev])])
GLIB_CFLAGS="$GLIB_CFLAGS -DGLIB_VERSION_MIN_REQUIRED=GLIB_VERSION_2_74 dnl
-DGLIB_VERSION_MAX_ALLOWED=GLIB_VERSION_2_74"
])

# VMSOCK_INTROSPECTION: without the m4 file of gobject-introspection at bootstrap, never
AC_DEFUN([VMSOCK_INTROSPECTION], [
m4_ifdef([GOBJECT_INTROSPECTION_CHECK], [GOBJECT_INTROSPECTION_CHECK([1.74])], [
AC_ARG_ENABLE([introspection], [], [], [enable_introspection=auto])
AS_IF([test "$enable_introspection" = yes],
	[AC_MSG_ERROR([bootstrapped without gobject-introspection; on Debian: dnl
apt install libgirepository1.0-dev, then run ./bootstrap again])])
found_introspection=no
AM_CONDITIONAL([HAVE_INTROSPECTION], [false])
])
])

# VMSOCK_DEVICE: the virtual device, and SECCOMP_LIBS if it is to filter its system calls
AC_DEFUN([VMSOCK_DEVICE], [
AC_ARG_ENABLE([device],
	[AS_HELP_STRING([--disable-device], [do not build vmci-device])],
	[], [enable_device=yes])
AS_CASE([$enable_device], [yes|no], [], [AC_MSG_ERROR([--enable-device: yes or no])])
AM_CONDITIONAL([BUILD_DEVICE], [test "$enable_device" = yes])
AC_ARG_WITH([seccomp],
	[AS_HELP_STRING([--with-seccomp],
		[vmci-device gives up system calls that it does not need: yes, no, auto [auto]])],
	[], [with_seccomp=auto])
VMSOCK_YES_NO_AUTO([--with-seccomp], [$with_seccomp])
seccomp=no
AS_IF([test "$with_seccomp" != no],
	[PKG_CHECK_MODULES([SECCOMP], [libseccomp >= 2.5], [seccomp=yes], [seccomp=no])])
AS_IF([test "$with_seccomp,$seccomp" = yes,no],
	[AC_MSG_ERROR([--with-seccomp: libseccomp is missing; dnl
on Debian: apt install libseccomp-dev])])
AS_IF([test "$seccomp" = yes], [AC_DEFINE([HAVE_SECCOMP], [1], [libseccomp is there])])
])

# VMSOCK_BINDING_TOOL(OPTION, TOOL, PACKAGE, WHAT): a tool that turns the GIR into something
AC_DEFUN([VMSOCK_BINDING_TOOL], [
AC_ARG_ENABLE([$1],
	[AS_HELP_STRING([--enable-$1], [$4: yes, no, auto [auto]])],
	[], [enable_$1=auto])
VMSOCK_YES_NO_AUTO([--enable-$1], [$enable_$1])
AC_PATH_PROG(m4_toupper(m4_bpatsubst([$2], [-], [_])), [$2])
found_$1=no
AS_IF([test "$enable_$1" != no && test -n "$m4_toupper(m4_bpatsubst([$2], [-], [_]))" &&
	test "$found_introspection" = yes], [found_$1=yes])
AS_IF([test "$enable_$1,$found_$1" = yes,no],
	[AC_MSG_ERROR([--enable-$1 needs introspection and $2; on Debian: apt install $3])])
AM_CONDITIONAL([HAVE_]m4_toupper([$1]), [test $found_$1 = yes])
])

# VMSOCK_BINDINGS: what is made of the GIR
AC_DEFUN([VMSOCK_BINDINGS], [
VMSOCK_BINDING_TOOL([vala], [vapigen], [valac], [Vala bindings])
VMSOCK_BINDING_TOOL([reference], [gi-docgen], [gi-docgen], [the reference of the library as HTML])
])

# VMSOCK_GUEST_TESTS: whether make check boots guests, which it never downloads
AC_DEFUN([VMSOCK_GUEST_TESTS], [
AC_ARG_ENABLE([guest-tests],
	[AS_HELP_STRING([--enable-guest-tests],
		[make check boots guests: yes, no, auto if all is in the cache [auto]])],
	[], [enable_guest_tests=auto])
VMSOCK_YES_NO_AUTO([--enable-guest-tests], [$enable_guest_tests])
AC_SUBST([GUEST_TESTS], [$enable_guest_tests])
])

# VMSOCK_SYSTEM_FOLDER(VARIABLE, DEFAULT, WHAT): --with-VARIABLE, a folder for files of one kind
AC_DEFUN([VMSOCK_SYSTEM_FOLDER], [
AC_ARG_WITH([$1],
	[AS_HELP_STRING([--with-$1=DIR], [where $3 go [$2]])],
	[], [with_$1='$2'])
AS_CASE([$with_$1], [yes|no|''], [AC_MSG_ERROR([--with-$1 needs a folder])])
$1=$with_$1
AC_SUBST([$1])
])

# VMSOCK_SYSTEM_FILES: where udev, modprobe, systemd and AppArmor look for ours, and whether those
# that belong to the modules are wanted though the modules are built elsewhere, by DKMS
AC_DEFUN([VMSOCK_SYSTEM_FILES], [
VMSOCK_SYSTEM_FOLDER([udevrulesdir], [${prefix}/lib/udev/rules.d], [udev rules])
VMSOCK_SYSTEM_FOLDER([modprobedir], [${prefix}/lib/modprobe.d], [modprobe.d files])
VMSOCK_SYSTEM_FOLDER([modulesloaddir], [${prefix}/lib/modules-load.d], [modules-load.d files])
VMSOCK_SYSTEM_FOLDER([sysusersdir], [${prefix}/lib/sysusers.d], [sysusers.d files])
VMSOCK_SYSTEM_FOLDER([tmpfilesdir], [${prefix}/lib/tmpfiles.d], [tmpfiles.d files])
VMSOCK_SYSTEM_FOLDER([systemdsystemunitdir], [${prefix}/lib/systemd/system], [systemd units])
VMSOCK_SYSTEM_FOLDER([apparmordir], [${sysconfdir}/apparmor.d], [AppArmor profiles])
AC_ARG_ENABLE([module-files],
	[AS_HELP_STRING([--enable-module-files],
		[udev rules and so on of the modules: yes, no, auto [auto]])],
	[], [enable_module_files=auto])
VMSOCK_YES_NO_AUTO([--enable-module-files], [$enable_module_files])
AS_IF([test "$enable_module_files" = auto], [enable_module_files=$build_modules])
AM_CONDITIONAL([MODULE_FILES], [test "$enable_module_files" = yes])
])
