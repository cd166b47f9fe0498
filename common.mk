# SPDX-License-Identifier: GPL-2.0-or-later
# common.mk - what every Makefile.am starts with
#
# Copyright (C) 2026 The vmsock authors
#
# Lists have one item a line and end in $(NULL), so that adding an item changes one line.

NULL =

AM_CPPFLAGS = \
	-I$(top_srcdir)/include \
	$(NULL)
AM_CFLAGS = \
	$(WARNING_CFLAGS) \
	$(NULL)

CLEANFILES = *~
EXTRA_DIST =
