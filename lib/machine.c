/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * machine.c - what this machine has that vsock could need
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "vmci_sockets.h"

static gboolean exists(const char *root, const char *path)
{
	g_autofree char *full = g_strconcat(root, path, NULL);

	return g_access(full, F_OK) == 0;
}

static enum machine_node look_at_node(const char *root, const char *path)
{
	g_autofree char *full = g_strconcat(root, path, NULL);
	int fd = g_open(full, O_RDONLY | O_CLOEXEC, 0);

	if (fd >= 0) {
		close(fd);
		return MACHINE_NODE_OPENS;
	}
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return MACHINE_NODE_ABSENT;
	case EACCES:
	case EPERM:
		return MACHINE_NODE_DENIED;
	default:
		return MACHINE_NODE_BROKEN;
	}
}

void _vmsock_machine_read(struct machine *machine, const char *root)
{
	/* A vsock module with our parameter is ours, built under the classic file name. */
	gboolean classic = exists(root, "/sys/module/vsock/parameters/family");

	machine->vmci = exists(root, "/sys/module/vmci");
	machine->vmsock = classic || exists(root, "/sys/module/vmsock");
	machine->kernel_vsock = !classic && exists(root, "/sys/module/vsock");
	machine->own_node = look_at_node(root, VMCI_SOCKETS_OWN_DEVICE);
	machine->default_node = look_at_node(root, VMCI_SOCKETS_DEFAULT_DEVICE);
}

const char *_vmsock_machine_why_not(const struct machine *machine)
{
	if (machine->own_node == MACHINE_NODE_DENIED)
		return VMCI_SOCKETS_OWN_DEVICE " may not be opened; "
		       "run as root, or let a udev rule give you access to it";
	if (machine->vmsock && machine->own_node == MACHINE_NODE_ABSENT &&
	    machine->default_node == MACHINE_NODE_ABSENT)
		return "module vmsock is loaded but there is no " VMCI_SOCKETS_OWN_DEVICE " here; "
		       "in a container, pass the device in";
	if (machine->vmsock)
		return "module vmsock is loaded but gave no family number; "
		       "its messages in the kernel log say why";
	if (machine->default_node == MACHINE_NODE_DENIED)
		return VMCI_SOCKETS_DEFAULT_DEVICE " may not be opened; "
		       "run as root, or let a udev rule give you access to it";
	if (machine->kernel_vsock)
		return "the kernel's vsock is loaded but refuses sockets here; "
		       "a sandbox or security policy may forbid the address family";
	if (machine->vmci)
		return "module vmci is loaded but vmsock is not; load it with: modprobe vmsock";
	return "no vsock module is loaded; load one with: modprobe vmsock";
}
