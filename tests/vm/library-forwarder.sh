#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# library-forwarder - VmsockForwarder on both stacks (tests/lib/forwarder-test.c)
#
# Copyright (C) 2026 The vmsock authors
#
# vm-modules: vmsock vsock_loopback
# vm-programs: tests/lib/forwarder-plain
# vm-timeout: 200

exec forwarder-plain 2/0 1/40
