#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# library-service - services of libvmsock on both stacks (tests/lib/service-test.c)
#
# Copyright (C) 2026 The vmsock authors
#
# vm-modules: vmsock vsock_loopback
# vm-kernels: 6.1
# vm-programs: tests/lib/service-plain
# vm-timeout: 400

# Ten thousand connections are made on the build machine.
VMSOCK_TEST_CONNECTIONS=${VMSOCK_FULL:+10000}
export VMSOCK_TEST_CONNECTIONS="${VMSOCK_TEST_CONNECTIONS:-2000}"
exec service-plain 2/0 1/40
