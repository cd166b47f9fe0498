#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vmci-inside - vmci.ko from within: a device, hostile memory, bad events
#
# Copyright (C) 2026 The vmsock authors
#
# vm-modules: vm_vmci_inside
# vm-timeout: 120

cat /sys/kernel/debug/ktap/vmci-inside
