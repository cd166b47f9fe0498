#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# library-service - services of libvmsock on both stacks (tests/lib/service-test.c)
#
# Copyright (C) 2026 The vmsock authors
#
# vm-modules: vmsock vsock_loopback
# vm-programs: tests/lib/service-plain
# vm-timeout: 400

# The debug kernel looks at every step of a connection, not at their number.
many=10000
[ ! -e /sys/kernel/debug/kmemleak ] || many=200
export VMSOCK_TEST_CONNECTIONS=$many

exec service-plain 2/0 1/40
