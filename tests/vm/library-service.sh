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

exec service-plain 2/0 1/40
