#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# library - libvmsock on the dynamic family and on family 40 (tests/lib/library-guest.c)
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: 6.1 7.3
# vm-modules: vmsock vsock_loopback
# vm-programs: tests/lib/library-guest
# vm-timeout: 180

exec library-guest 2/0 1/40
