/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * event.h - events of this machine and who subscribed to them
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_EVENT_H
#define VMSOCK_VMCI_EVENT_H

#include <vmci/wire.h>

void vmci_event_init(void);
bool vmci_event_has_subscribers(u32 event);
bool vmci_event_is_direct(u32 event);
int vmci_event_dispatch(const struct vmci_datagram *dg, bool direct);

#endif /* VMSOCK_VMCI_EVENT_H */
