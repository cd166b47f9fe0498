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
	../../modules/common/address.c \
	../../modules/common/handshake.c \
	../../modules/common/notify.c \
	../../modules/common/packet.c \
	../../modules/common/receive.c \
	../../modules/common/ring.c \
	../../modules/common/slots.c \
	$(NULL)
libcore_a_CFLAGS = $(AM_CFLAGS)
