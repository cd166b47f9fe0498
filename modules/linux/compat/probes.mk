# SPDX-License-Identifier: GPL-2.0-only
# probes.mk - asks the kernel's headers what no preprocessor can see
#
# Copyright (C) 2026 The vmsock authors
#
# A macro needs no probe: its header in compat/ says #ifndef NAME. A function, a structure or
# a prototype does: one line here defines COMPAT_HAVE_NAME if the text of a header matches an
# extended regular expression, and the header in compat/ acts on it and says which kernel
# brought the thing. Names are those of the newer kernel.

# $(call compat-probe, NAME, HEADER, REGEX); no parenthesis in REGEX, make counts them
compat-probe = $(shell grep -Eqs '$(strip $(3))' $(srctree)/include/$(strip $(2)) && \
	echo -DCOMPAT_HAVE_$(strip $(1)))

compat-probes := \
	$(call compat-probe, PROTO_ACCEPT_ARG, linux/net.h, \<proto_accept_arg\>) \
	$(call compat-probe, SOCK_CUSTOM_SOCKOPT, linux/net.h, \<SOCK_CUSTOM_SOCKOPT\>) \
	$(call compat-probe, SOCKADDR_UNSIZED, linux/socket.h, \<sockaddr_unsized\>) \
	$(call compat-probe, TIMER_DELETE_SYNC, linux/timer.h, \<timer_delete_sync\>) \
	$(call compat-probe, WQ_PERCPU, linux/workqueue.h, \<WQ_PERCPU\>)
