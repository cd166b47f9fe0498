/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * address.c - a context ID and a port
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * An address knows no family number of its own: the number is looked up when the kernel's form is
 * asked for, from the default stack.  The library itself connects and binds through copies that
 * are tied to the stack in use (_vmsock_address_for_stack()).
 */
#include "private.h"

#include <errno.h>
#include <string.h>

/**
 * VmsockAddress:
 *
 * A context ID and a port, and optionally the kind of socket to use. Objects do not change.
 */
struct _VmsockAddress {
	GSocketAddress parent_instance;
	guint32 cid;
	guint32 port;
	GSocketType socket_type;	/* G_SOCKET_TYPE_INVALID: not said */
	int family;			/* 0: that of the default stack */
};

static void connectable_init(GSocketConnectableIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(VmsockAddress, vmsock_address, G_TYPE_SOCKET_ADDRESS,
	G_IMPLEMENT_INTERFACE(G_TYPE_SOCKET_CONNECTABLE, connectable_init))

enum {
	PROP_CID = 1,
	PROP_PORT,
	PROP_SOCKET_TYPE,
	N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
	VmsockAddress *address = VMSOCK_ADDRESS(object);

	switch (id) {
	case PROP_CID:
		g_value_set_uint(value, address->cid);
		break;
	case PROP_PORT:
		g_value_set_uint(value, address->port);
		break;
	case PROP_SOCKET_TYPE:
		g_value_set_enum(value, address->socket_type);
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
	VmsockAddress *address = VMSOCK_ADDRESS(object);

	switch (id) {
	case PROP_CID:
		address->cid = g_value_get_uint(value);
		break;
	case PROP_PORT:
		address->port = g_value_get_uint(value);
		break;
	case PROP_SOCKET_TYPE:
		address->socket_type = g_value_get_enum(value);
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static gssize get_native_size(GSocketAddress *base G_GNUC_UNUSED)
{
	return sizeof(struct sockaddr_vm);
}

static int resolve_family(VmsockAddress *address, GError **error)
{
	g_autoptr(VmsockStack) stack = NULL;

	if (address->family)
		return address->family;
	stack = vmsock_stack_acquire(error);
	return stack ? vmsock_stack_get_family(stack) : -1;
}

static GSocketFamily get_family(GSocketAddress *base)
{
	int family = resolve_family(VMSOCK_ADDRESS(base), NULL);

	return family < 0 ? G_SOCKET_FAMILY_INVALID : (GSocketFamily)family;
}

static void fill(VmsockAddress *address, int family, struct sockaddr_vm *native)
{
	memset(native, 0, sizeof(*native));
	native->svm_family = (sa_family_t)family;
	native->svm_port = address->port;
	native->svm_cid = address->cid;
}

static gboolean to_native(GSocketAddress *base, gpointer dest, gsize length, GError **error)
{
	VmsockAddress *address = VMSOCK_ADDRESS(base);
	struct sockaddr_vm native;
	int family;

	if (length < sizeof(native)) {
		g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
				    "not enough space for a vsock address");
		return FALSE;
	}
	family = resolve_family(address, error);
	if (family < 0)
		return FALSE;
	fill(address, family, &native);
	memcpy(dest, &native, sizeof(native));
	return TRUE;
}

static char *connectable_to_string(GSocketConnectable *connectable)
{
	return vmsock_address_to_string(VMSOCK_ADDRESS(connectable));
}

/* The enumerators come from GSocketAddress. */
static void connectable_init(GSocketConnectableIface *iface)
{
	iface->to_string = connectable_to_string;
}

static void vmsock_address_class_init(VmsockAddressClass *class)
{
	const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY |
				  G_PARAM_STATIC_STRINGS;
	GObjectClass *object_class = G_OBJECT_CLASS(class);
	GSocketAddressClass *base_class = G_SOCKET_ADDRESS_CLASS(class);

	object_class->get_property = get_property;
	object_class->set_property = set_property;
	base_class->get_family = get_family;
	base_class->get_native_size = get_native_size;
	base_class->to_native = to_native;

	/**
	 * VmsockAddress:cid:
	 *
	 * The context ID.
	 */
	properties[PROP_CID] = g_param_spec_uint("cid", NULL, NULL, 0, G_MAXUINT32,
						 VMSOCK_CID_ANY, flags);
	/**
	 * VmsockAddress:port:
	 *
	 * The port.
	 */
	properties[PROP_PORT] = g_param_spec_uint("port", NULL, NULL, 0, G_MAXUINT32,
						  VMSOCK_PORT_ANY, flags);
	/**
	 * VmsockAddress:socket-type:
	 *
	 * The kind of socket to use, or [enum@Gio.SocketType.INVALID] if that is left to the user.
	 */
	properties[PROP_SOCKET_TYPE] = g_param_spec_enum("socket-type", NULL, NULL,
							 G_TYPE_SOCKET_TYPE, G_SOCKET_TYPE_INVALID,
							 flags);
	g_object_class_install_properties(object_class, N_PROPERTIES, properties);
}

static void vmsock_address_init(VmsockAddress *address G_GNUC_UNUSED)
{
}

/**
 * vmsock_address_new:
 * @cid: the context ID
 * @port: the port
 *
 * Makes an address for any kind of socket.
 *
 * Returns: (transfer full): the address
 */
VmsockAddress *vmsock_address_new(guint32 cid, guint32 port)
{
	return vmsock_address_new_with_type(cid, port, G_SOCKET_TYPE_INVALID);
}

/**
 * vmsock_address_new_with_type:
 * @cid: the context ID
 * @port: the port
 * @socket_type: the kind of socket, [enum@Gio.SocketType.INVALID] for any
 *
 * Makes an address for one kind of socket.
 *
 * Returns: (transfer full): the address
 */
VmsockAddress *vmsock_address_new_with_type(guint32 cid, guint32 port, GSocketType socket_type)
{
	return g_object_new(VMSOCK_TYPE_ADDRESS, "cid", cid, "port", port,
			    "socket-type", socket_type, NULL);
}

/**
 * vmsock_address_new_from_native:
 * @native: a `struct sockaddr_vm`, as the system calls have it
 * @length: its length in bytes
 *
 * Makes an address from what `getsockname()` and its relatives return.
 *
 * Returns: (transfer full) (nullable): the address, or %NULL if @length is too short or the family
 *   is that of another well-known protocol
 */
VmsockAddress *vmsock_address_new_from_native(gconstpointer native, gsize length)
{
	struct sockaddr_vm copy;
	VmsockAddress *address;

	g_return_val_if_fail(native != NULL, NULL);
	if (length < sizeof(copy))
		return NULL;
	memcpy(&copy, native, sizeof(copy));
	if (copy.svm_family == AF_UNSPEC || copy.svm_family == AF_UNIX ||
	    copy.svm_family == AF_INET || copy.svm_family == AF_INET6)
		return NULL;
	address = vmsock_address_new(copy.svm_cid, copy.svm_port);
	address->family = copy.svm_family;
	return address;
}

/**
 * vmsock_address_get_cid:
 * @address: an address
 *
 * Returns: the context ID
 */
guint32 vmsock_address_get_cid(VmsockAddress *address)
{
	g_return_val_if_fail(VMSOCK_IS_ADDRESS(address), VMSOCK_CID_ANY);
	return address->cid;
}

/**
 * vmsock_address_get_port:
 * @address: an address
 *
 * Returns: the port
 */
guint32 vmsock_address_get_port(VmsockAddress *address)
{
	g_return_val_if_fail(VMSOCK_IS_ADDRESS(address), VMSOCK_PORT_ANY);
	return address->port;
}

/**
 * vmsock_address_get_socket_type:
 * @address: an address
 *
 * Returns: the kind of socket, [enum@Gio.SocketType.INVALID] if none was said
 */
GSocketType vmsock_address_get_socket_type(VmsockAddress *address)
{
	g_return_val_if_fail(VMSOCK_IS_ADDRESS(address), G_SOCKET_TYPE_INVALID);
	return address->socket_type;
}

/**
 * vmsock_address_equal:
 * @a: (type Vmsock.Address): an address
 * @b: (type Vmsock.Address): another address
 *
 * Compares context ID, port and kind of socket.
 *
 * Returns: whether they are the same
 */
gboolean vmsock_address_equal(VmsockAddress *a, VmsockAddress *b)
{
	g_return_val_if_fail(VMSOCK_IS_ADDRESS(a) && VMSOCK_IS_ADDRESS(b), FALSE);
	return a->cid == b->cid && a->port == b->port && a->socket_type == b->socket_type;
}

/**
 * vmsock_address_hash:
 * @address: (type Vmsock.Address): an address
 *
 * Returns: a hash that equal addresses share
 */
guint vmsock_address_hash(VmsockAddress *address)
{
	g_return_val_if_fail(VMSOCK_IS_ADDRESS(address), 0);
	return address->cid * 2654435761u ^ address->port * 31u ^ (guint)address->socket_type;
}

void _vmsock_address_fill(VmsockAddress *address, VmsockStack *stack, struct sockaddr_vm *native)
{
	fill(address, vmsock_stack_get_family(stack), native);
}

VmsockAddress *_vmsock_address_for_stack(VmsockAddress *address, VmsockStack *stack)
{
	VmsockAddress *copy = vmsock_address_new_with_type(address->cid, address->port,
							   address->socket_type);

	copy->family = vmsock_stack_get_family(stack);
	return copy;
}

gboolean _vmsock_address_bind(VmsockAddress *address, VmsockStack *stack, int fd, GError **error)
{
	g_autofree char *text = NULL;
	struct sockaddr_vm native;

	_vmsock_address_fill(address, stack, &native);
	if (bind(fd, (struct sockaddr *)&native, sizeof(native)) == 0)
		return TRUE;
	text = vmsock_address_to_string(address);
	_vmsock_error_set(error, VMSOCK_OPERATION_BIND, errno, "cannot bind to %s", text);
	return FALSE;
}

VmsockAddress *_vmsock_address_of_socket(int fd)
{
	struct sockaddr_vm native = { 0 };
	socklen_t length = sizeof(native);

	if (getsockname(fd, (struct sockaddr *)&native, &length) < 0)
		return NULL;
	return vmsock_address_new_from_native(&native, length);
}

VmsockAddress *_vmsock_address_of_peer(int fd)
{
	struct sockaddr_vm native = { 0 };
	socklen_t length = sizeof(native);

	if (getpeername(fd, (struct sockaddr *)&native, &length) < 0)
		return NULL;
	return vmsock_address_new_from_native(&native, length);
}
