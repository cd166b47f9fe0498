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
	$(top_srcdir)/device/backend_host.c \
	$(top_srcdir)/device/backend_host.h \
	$(top_srcdir)/device/backend_private.h \
	$(top_srcdir)/device/backend_unix.c \
	$(top_srcdir)/device/backend_unix.h \
	$(top_srcdir)/device/broker.c \
	$(top_srcdir)/device/broker.h \
	$(top_srcdir)/device/cause.c \
	$(top_srcdir)/device/cause.h \
	$(top_srcdir)/device/control.c \
	$(top_srcdir)/device/control.h \
	$(top_srcdir)/device/datagram.c \
	$(top_srcdir)/device/datagram.h \
	$(top_srcdir)/device/dma.c \
	$(top_srcdir)/device/dma.h \
	$(top_srcdir)/device/doorbell.c \
	$(top_srcdir)/device/doorbell.h \
	$(top_srcdir)/device/endpoint.c \
	$(top_srcdir)/device/endpoint.h \
	$(top_srcdir)/device/endpoint_private.h \
	$(top_srcdir)/device/fault.c \
	$(top_srcdir)/device/fault.h \
	$(top_srcdir)/device/function.c \
	$(top_srcdir)/device/function.h \
	$(top_srcdir)/device/handle.h \
	$(top_srcdir)/device/host.h \
	$(top_srcdir)/device/hypercall.c \
	$(top_srcdir)/device/hypercall.h \
	$(top_srcdir)/device/inbound.c \
	$(top_srcdir)/device/inbound.h \
	$(top_srcdir)/device/irq.c \
	$(top_srcdir)/device/irq.h \
	$(top_srcdir)/device/loop.c \
	$(top_srcdir)/device/loop.h \
	$(top_srcdir)/device/mailbox.c \
	$(top_srcdir)/device/memory.c \
	$(top_srcdir)/device/memory.h \
	$(top_srcdir)/device/pairs.c \
	$(top_srcdir)/device/pairs.h \
	$(top_srcdir)/device/pci.c \
	$(top_srcdir)/device/pci.h \
	$(top_srcdir)/device/port.c \
	$(top_srcdir)/device/port.h \
	$(top_srcdir)/device/program.c \
	$(top_srcdir)/device/queue_pair.c \
	$(top_srcdir)/device/queue_pair.h \
	$(top_srcdir)/device/regs.c \
	$(top_srcdir)/device/regs.h \
	$(top_srcdir)/device/server.c \
	$(top_srcdir)/device/server.h \
	$(top_srcdir)/device/stream.c \
	$(top_srcdir)/device/stream.h \
	$(top_srcdir)/device/trace.c \
	$(top_srcdir)/device/trace.h \
	$(top_srcdir)/device/unix_socket.c \
	$(top_srcdir)/device/unix_socket.h \
	$(top_srcdir)/device/vfio_user.c \
	$(top_srcdir)/device/vfio_user.h \
	$(top_srcdir)/device/view.c \
	$(top_srcdir)/device/view.h \
	$(top_srcdir)/modules/common/address.c \
	$(top_srcdir)/modules/common/handshake.c \
	$(top_srcdir)/modules/common/notify.c \
	$(top_srcdir)/modules/common/packet.c \
	$(top_srcdir)/modules/common/ring.c \
	$(NULL)
