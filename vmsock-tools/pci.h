/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pci.h - the VMCI device as sysfs shows it
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef PCI_H
#define PCI_H

#include <glib.h>

/* Its folder below @root, which is "" for this machine; NULL if there is none. */
char *pci_find_vmci(const char *root);

/* The driver that has it, or NULL; and how many message interrupts it has. */
char *pci_driver(const char *root, const char *folder);
guint pci_count_interrupts(const char *root, const char *folder);

#endif
