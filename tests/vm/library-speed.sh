#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# library-speed - libvmsock beside bare sockets, ratios of one run (tests/lib/speed-plain.c)
#
# Copyright (C) 2026 The vmsock authors
#
# vm-modules: vmsock
# vm-kernels: 6.1
# vm-programs: tests/lib/speed-plain
# vm-clock: instructions
# vm-cpus: 1
# vm-timeout: 300

exec speed-plain 2/0 0.03
