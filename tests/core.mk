# SPDX-License-Identifier: GPL-2.0-or-later
# core.mk - the protocol core as the modules have it, instrumented like the tests of a folder
#
# Copyright (C) 2026 The vmsock authors

AM_CPPFLAGS += \
	-I$(top_srcdir)/modules \
	$(NULL)
LDADD = \
	libcore.a \
	$(NULL)

check_LIBRARIES = libcore.a
libcore_a_SOURCES = \
	$(top_srcdir)/modules/common/address.c \
	$(top_srcdir)/modules/common/handshake.c \
	$(top_srcdir)/modules/common/notify.c \
	$(top_srcdir)/modules/common/packet.c \
	$(top_srcdir)/modules/common/receive.c \
	$(top_srcdir)/modules/common/ring.c \
	$(top_srcdir)/modules/common/slots.c \
	$(NULL)
libcore_a_CFLAGS = $(AM_CFLAGS)
