/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmsock.h - everything libvmsock offers
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMSOCK_H
#define VMSOCK_VMSOCK_H

#include <vmsock/address.h>
#include <vmsock/client.h>
#include <vmsock/connection.h>
#include <vmsock/datagram.h>
#include <vmsock/error.h>
#include <vmsock/forwarder.h>
#include <vmsock/listener.h>
#include <vmsock/service.h>
#include <vmsock/stack.h>
#include <vmsock/version.h>

#endif
