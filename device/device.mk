# SPDX-License-Identifier: GPL-2.0-or-later
# device.mk - all of the device but its main(), for the program and for its tests
#
# Copyright (C) 2026 The vmsock authors

AM_CPPFLAGS += \
	-I$(top_srcdir)/device \
	-I$(top_srcdir)/modules \
	-DG_LOG_DOMAIN=\"vmci-device\" \
	$(NULL)
AM_CFLAGS += \
	$(GLIB_CFLAGS) \
	$(NULL)

device_sources = \
	$(top_srcdir)/device/host.h \
	$(top_srcdir)/device/loop.c \
	$(top_srcdir)/device/loop.h \
	$(top_srcdir)/device/memory.c \
	$(top_srcdir)/device/memory.h \
	$(top_srcdir)/device/queue_pair.c \
	$(top_srcdir)/device/queue_pair.h \
	$(top_srcdir)/modules/common/address.c \
	$(top_srcdir)/modules/common/handshake.c \
	$(top_srcdir)/modules/common/notify.c \
	$(top_srcdir)/modules/common/packet.c \
	$(top_srcdir)/modules/common/ring.c \
	$(NULL)
