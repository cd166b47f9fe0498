/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * address.h - where a peer is
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_ADDRESS_H
#define VMSOCK_ADDRESS_H

#include <gio/gio.h>
#include <vmsock/version.h>

G_BEGIN_DECLS

/**
 * VMSOCK_CID_ANY:
 *
 * Any context ID of this machine, to bind to.
 */
#define VMSOCK_CID_ANY 0xffffffffU

/**
 * VMSOCK_CID_HYPERVISOR:
 *
 * The context ID of the monitor that runs this virtual machine.
 */
#define VMSOCK_CID_HYPERVISOR 0

/**
 * VMSOCK_CID_LOCAL:
 *
 * The loopback context ID of the kernel's own vsock; VMCI has none.
 */
#define VMSOCK_CID_LOCAL 1

/**
 * VMSOCK_CID_HOST:
 *
 * The context ID of the host. On a machine that is no guest, that machine itself.
 */
#define VMSOCK_CID_HOST 2

/**
 * VMSOCK_PORT_ANY:
 *
 * Any free port, to bind to.
 */
#define VMSOCK_PORT_ANY 0xffffffffU

/**
 * VmsockAddressKind:
 * @VMSOCK_ADDRESS_KIND_VSOCK: a context ID and a port
 * @VMSOCK_ADDRESS_KIND_MUX: a port of the virtual machine whose monitor has a UNIX socket for all
 *   of its ports, as Firecracker, Cloud Hypervisor and our own virtual device have
 * @VMSOCK_ADDRESS_KIND_UNIX: a UNIX socket
 *
 * Kinds of addresses.
 */
typedef enum {
	VMSOCK_ADDRESS_KIND_VSOCK,
	VMSOCK_ADDRESS_KIND_MUX,
	VMSOCK_ADDRESS_KIND_UNIX
} VmsockAddressKind;

/**
 * VMSOCK_ADDRESS_VARIANT_TYPE:
 *
 * The type string of what [method@Vmsock.Address.to_variant] returns: scheme, context ID, port,
 * path.
 */
#define VMSOCK_ADDRESS_VARIANT_TYPE "(suuay)"

#define VMSOCK_TYPE_ADDRESS_KIND (vmsock_address_kind_get_type())
VMSOCK_AVAILABLE_IN_0_1
GType vmsock_address_kind_get_type(void) G_GNUC_CONST;

#define VMSOCK_TYPE_ADDRESS (vmsock_address_get_type())
VMSOCK_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE(VmsockAddress, vmsock_address, VMSOCK, ADDRESS, GSocketAddress)

VMSOCK_AVAILABLE_IN_0_1
VmsockAddress *vmsock_address_new(guint32 cid, guint32 port);
VMSOCK_AVAILABLE_IN_0_1
VmsockAddress *vmsock_address_new_with_type(guint32 cid, guint32 port, GSocketType socket_type);
VMSOCK_AVAILABLE_IN_0_1
VmsockAddress *vmsock_address_new_mux(const char *path, guint32 port);
VMSOCK_AVAILABLE_IN_0_1
VmsockAddress *vmsock_address_new_unix(const char *path);
VMSOCK_AVAILABLE_IN_0_1
VmsockAddress *vmsock_address_new_from_native(gconstpointer native, gsize length);
VMSOCK_AVAILABLE_IN_0_1
VmsockAddress *vmsock_address_new_from_variant(GVariant *variant);
VMSOCK_AVAILABLE_IN_0_1
VmsockAddress *vmsock_address_parse(const char *text, GError **error);
VMSOCK_AVAILABLE_IN_0_1
VmsockAddress *vmsock_address_parse_with_default_port(const char *text, guint32 default_port,
						      GError **error);

VMSOCK_AVAILABLE_IN_0_1
VmsockAddressKind vmsock_address_get_kind(VmsockAddress *address);
VMSOCK_AVAILABLE_IN_0_1
guint32 vmsock_address_get_cid(VmsockAddress *address);
VMSOCK_AVAILABLE_IN_0_1
guint32 vmsock_address_get_port(VmsockAddress *address);
VMSOCK_AVAILABLE_IN_0_1
GSocketType vmsock_address_get_socket_type(VmsockAddress *address);
VMSOCK_AVAILABLE_IN_0_1
const char *vmsock_address_get_path(VmsockAddress *address);

VMSOCK_AVAILABLE_IN_0_1
char *vmsock_address_to_string(VmsockAddress *address);
VMSOCK_AVAILABLE_IN_0_1
GVariant *vmsock_address_to_variant(VmsockAddress *address);
VMSOCK_AVAILABLE_IN_0_1
gboolean vmsock_address_equal(gconstpointer a, gconstpointer b);
VMSOCK_AVAILABLE_IN_0_1
guint vmsock_address_hash(gconstpointer address);

G_END_DECLS

#endif
