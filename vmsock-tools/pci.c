/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pci.c - the VMCI device as sysfs shows it
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "pci.h"

#include <stdbool.h>
#include <string.h>

#define DEVICES "/sys/bus/pci/devices"

static bool attribute_is(const char *folder, const char *name, const char *wanted)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);
	g_autofree char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) &&
	       strcmp(g_strstrip(text), wanted) == 0;
}

char *pci_find_vmci(const char *root)
{
	g_autofree char *path = g_strconcat(root, DEVICES, NULL);
	g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
	const char *name;

	while (folder && (name = g_dir_read_name(folder))) {
		g_autofree char *device = g_build_filename(path, name, NULL);

		if (attribute_is(device, "vendor", "0x15ad") &&
		    attribute_is(device, "device", "0x0740"))
			return g_build_filename(DEVICES, name, NULL);
	}
	return NULL;
}

char *pci_driver(const char *root, const char *folder)
{
	g_autofree char *path = g_strconcat(root, folder, "/driver", NULL);
	g_autofree char *link = g_file_read_link(path, NULL);

	return link ? g_path_get_basename(link) : NULL;
}

guint pci_count_interrupts(const char *root, const char *folder)
{
	g_autofree char *path = g_strconcat(root, folder, "/msi_irqs", NULL);
	g_autoptr(GDir) entries = g_dir_open(path, 0, NULL);
	guint count = 0;

	while (entries && g_dir_read_name(entries))
		count++;
	return count;
}
