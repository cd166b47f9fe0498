#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# service-plain-test.sh - service-test without sanitizers, so that memory can be counted
#
# Copyright (C) 2026 The vmsock authors

exec ./service-plain
