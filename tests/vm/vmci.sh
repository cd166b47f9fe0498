#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vmci - the kernel API of vmci.ko, tried by a kernel client
#
# Copyright (C) 2026 The vmsock authors
#
# vm-modules: vm_vmci
# vm-timeout: 240

cat /sys/kernel/debug/ktap/vmci
