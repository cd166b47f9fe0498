/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * address.c - where a peer is
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * An address knows no family number of its own: the number is looked up when the kernel's form is
 * asked for, from the default stack.  The library itself connects and binds with that of the stack
 * in use (_vmsock_address_fill()).
 *
 * The native form of an address with a path is that of the UNIX socket; of which port behind it is
 * meant, the handshake speaks (attempt.c).
 */
#include "private.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/**
 * VmsockAddress:
 *
 * Where a peer is: a context ID and a port, and optionally the kind of socket to use; or a port of
 * a virtual machine that is reached through a UNIX socket of its monitor; or a UNIX socket.
 * Objects do not change.
 */
struct _VmsockAddress {
	GSocketAddress parent_instance;
	VmsockAddressKind kind;
	char *path;			/* NULL for a context ID, "" for a socket without a name */
	guint32 cid;
	guint32 port;
	GSocketType socket_type;	/* G_SOCKET_TYPE_INVALID: not said */
	int family;			/* 0: that of the default stack */
};

static void connectable_init(GSocketConnectableIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(VmsockAddress, vmsock_address, G_TYPE_SOCKET_ADDRESS,
	G_IMPLEMENT_INTERFACE(G_TYPE_SOCKET_CONNECTABLE, connectable_init))

G_DEFINE_ENUM_TYPE(VmsockAddressKind, vmsock_address_kind,
	G_DEFINE_ENUM_VALUE(VMSOCK_ADDRESS_KIND_VSOCK, "vsock"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ADDRESS_KIND_MUX, "mux"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ADDRESS_KIND_UNIX, "unix"))

enum {
	PROP_KIND = 1,
	PROP_CID,
	PROP_PORT,
	PROP_SOCKET_TYPE,
	PROP_PATH,
	N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
	VmsockAddress *address = VMSOCK_ADDRESS(object);

	switch (id) {
	case PROP_KIND:
		g_value_set_enum(value, address->kind);
		break;
	case PROP_PATH:
		g_value_set_string(value, address->path);
		break;
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

static void set_path(VmsockAddress *address, const char *path)
{
	if (path)
		address->path = *path ? _vmsock_address_normal_path(path) : g_strdup("");
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
	VmsockAddress *address = VMSOCK_ADDRESS(object);

	switch (id) {
	case PROP_KIND:
		address->kind = g_value_get_enum(value);
		break;
	case PROP_PATH:
		set_path(address, g_value_get_string(value));
		break;
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

static void finalize(GObject *object)
{
	g_free(VMSOCK_ADDRESS(object)->path);
	G_OBJECT_CLASS(vmsock_address_parent_class)->finalize(object);
}

static gssize get_native_size(GSocketAddress *base)
{
	VmsockAddress *address = VMSOCK_ADDRESS(base);

	if (!address->path)
		return sizeof(struct sockaddr_vm);
	if (!*address->path)
		return offsetof(struct sockaddr_un, sun_path);
	return (gssize)(offsetof(struct sockaddr_un, sun_path) + strlen(address->path) + 1);
}

static int resolve_family(VmsockAddress *address, GError **error)
{
	g_autoptr(VmsockStack) stack = NULL;

	if (address->path)
		return AF_UNIX;
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

static gboolean fill_unix(VmsockAddress *address, struct sockaddr_un *native, GError **error)
{
	if (strlen(address->path) > VMSOCK_PATH_MAX) {
		g_set_error(error, VMSOCK_ERROR, VMSOCK_ERROR_INVALID_ADDRESS,
			    "the path is too long for a socket: %s", address->path);
		return FALSE;
	}
	memset(native, 0, sizeof(*native));
	native->sun_family = AF_UNIX;
	g_strlcpy(native->sun_path, address->path, sizeof(native->sun_path));
	return TRUE;
}

static gboolean to_native(GSocketAddress *base, gpointer dest, gsize length, GError **error)
{
	VmsockAddress *address = VMSOCK_ADDRESS(base);
	gsize size = (gsize)get_native_size(base);
	union {
		struct sockaddr_vm vsock;
		struct sockaddr_un path;
	} native;
	int family;

	if (length < size) {
		g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
				    "not enough space for a socket address");
		return FALSE;
	}
	family = resolve_family(address, error);
	if (family < 0)
		return FALSE;
	if (!address->path)
		fill(address, family, &native.vsock);
	else if (!fill_unix(address, &native.path, error))
		return FALSE;
	memcpy(dest, &native, size);
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
	object_class->finalize = finalize;
	base_class->get_family = get_family;
	base_class->get_native_size = get_native_size;
	base_class->to_native = to_native;

	/**
	 * VmsockAddress:kind:
	 *
	 * What the address consists of.
	 */
	properties[PROP_KIND] = g_param_spec_enum("kind", NULL, NULL, VMSOCK_TYPE_ADDRESS_KIND,
						  VMSOCK_ADDRESS_KIND_VSOCK, flags);
	/**
	 * VmsockAddress:path:
	 *
	 * The UNIX socket; %NULL for a context ID. A path that is relative starts with `./` or
	 * `../`.
	 */
	properties[PROP_PATH] = g_param_spec_string("path", NULL, NULL, NULL, flags);
	/**
	 * VmsockAddress:cid:
	 *
	 * The context ID; [const@Vmsock.CID_ANY] of an address with a path.
	 */
	properties[PROP_CID] = g_param_spec_uint("cid", NULL, NULL, 0, G_MAXUINT32,
						 VMSOCK_CID_ANY, flags);
	/**
	 * VmsockAddress:port:
	 *
	 * The port; [const@Vmsock.PORT_ANY] of a UNIX socket.
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
 * vmsock_address_new_mux:
 * @path: (type filename): the UNIX socket of the monitor
 * @port: the port in the virtual machine
 *
 * Makes the address of a port of a virtual machine whose monitor has one UNIX socket for all ports.
 * To listen there, for connections that the virtual machine makes, takes the UNIX socket whose
 * path is @path, an underscore and @port.
 *
 * Returns: (transfer full): the address
 */
VmsockAddress *vmsock_address_new_mux(const char *path, guint32 port)
{
	g_return_val_if_fail(path != NULL && *path, NULL);
	return g_object_new(VMSOCK_TYPE_ADDRESS, "kind", VMSOCK_ADDRESS_KIND_MUX, "path", path,
			    "port", port, "socket-type", G_SOCKET_TYPE_STREAM, NULL);
}

/**
 * vmsock_address_new_unix:
 * @path: (type filename): the UNIX socket, empty for one that has no name
 *
 * Makes the address of a UNIX socket.
 *
 * Returns: (transfer full): the address
 */
VmsockAddress *vmsock_address_new_unix(const char *path)
{
	g_return_val_if_fail(path != NULL, NULL);
	return g_object_new(VMSOCK_TYPE_ADDRESS, "kind", VMSOCK_ADDRESS_KIND_UNIX, "path", path,
			    "socket-type", G_SOCKET_TYPE_STREAM, NULL);
}

/* Sockets without a name, and those with an abstract one, which are for others to know. */
static VmsockAddress *from_native_unix(gconstpointer native, gsize length)
{
	const gsize offset = offsetof(struct sockaddr_un, sun_path);
	const char *path = (const char *)native + offset;
	g_autofree char *copy = NULL;

	if (length > offset && !*path)
		return NULL;
	copy = g_strndup(path, length > offset ? length - offset : 0);
	return vmsock_address_new_unix(copy);
}

/**
 * vmsock_address_new_from_native:
 * @native: a `struct sockaddr_vm` or a `struct sockaddr_un`, as the system calls have it
 * @length: its length in bytes
 *
 * Makes an address from what `getsockname()` and its relatives return.
 *
 * Returns: (transfer full) (nullable): the address, or %NULL if @length is too short, the family is
 *   that of another well-known protocol, or a UNIX socket has an abstract name
 */
VmsockAddress *vmsock_address_new_from_native(gconstpointer native, gsize length)
{
	struct sockaddr_vm copy;
	VmsockAddress *address;
	sa_family_t family;

	g_return_val_if_fail(native != NULL, NULL);
	if (length < sizeof(family))
		return NULL;
	memcpy(&family, native, sizeof(family));
	if (family == AF_UNIX)
		return from_native_unix(native, length);
	if (length < sizeof(copy))
		return NULL;
	memcpy(&copy, native, sizeof(copy));
	if (copy.svm_family == AF_UNSPEC || copy.svm_family == AF_INET ||
	    copy.svm_family == AF_INET6)
		return NULL;
	address = vmsock_address_new(copy.svm_cid, copy.svm_port);
	address->family = copy.svm_family;
	return address;
}

/**
 * vmsock_address_get_kind:
 * @address: an address
 *
 * Returns: what the address consists of
 */
VmsockAddressKind vmsock_address_get_kind(VmsockAddress *address)
{
	g_return_val_if_fail(VMSOCK_IS_ADDRESS(address), VMSOCK_ADDRESS_KIND_VSOCK);
	return address->kind;
}

/**
 * vmsock_address_get_cid:
 * @address: an address
 *
 * Returns: the context ID; [const@Vmsock.CID_ANY] of an address with a path
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
 * Returns: the port; [const@Vmsock.PORT_ANY] of a UNIX socket
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
 * vmsock_address_get_path:
 * @address: an address
 *
 * Returns: (type filename) (nullable): the UNIX socket, %NULL for a context ID
 */
const char *vmsock_address_get_path(VmsockAddress *address)
{
	g_return_val_if_fail(VMSOCK_IS_ADDRESS(address), NULL);
	return address->path;
}

/**
 * vmsock_address_equal:
 * @a: (type Vmsock.Address): an address
 * @b: (type Vmsock.Address): another address
 *
 * Compares all that addresses consist of. A [callback@GLib.EqualFunc].
 *
 * Returns: whether they are the same
 */
gboolean vmsock_address_equal(gconstpointer a, gconstpointer b)
{
	const VmsockAddress *one = a, *other = b;

	g_return_val_if_fail(VMSOCK_IS_ADDRESS((gpointer)a) && VMSOCK_IS_ADDRESS((gpointer)b),
			     FALSE);
	return one->kind == other->kind && one->cid == other->cid && one->port == other->port &&
	       one->socket_type == other->socket_type && g_strcmp0(one->path, other->path) == 0;
}

/**
 * vmsock_address_hash:
 * @address: (type Vmsock.Address): an address
 *
 * A [callback@GLib.HashFunc].
 *
 * Returns: a hash that equal addresses share
 */
guint vmsock_address_hash(gconstpointer address)
{
	const VmsockAddress *self = address;

	g_return_val_if_fail(VMSOCK_IS_ADDRESS((gpointer)address), 0);
	return self->cid * 2654435761u ^ self->port * 31u ^ (guint)self->socket_type ^
	       (self->path ? g_str_hash(self->path) : 0);
}

void _vmsock_address_fill(VmsockAddress *address, VmsockStack *stack, struct sockaddr_vm *native)
{
	fill(address, vmsock_stack_get_family(stack), native);
}

gboolean _vmsock_address_bind(VmsockAddress *address, VmsockStack *stack, int fd, GError **error)
{
	g_autofree char *text = NULL;
	union {
		struct sockaddr any;
		struct sockaddr_vm vsock;
		struct sockaddr_un path;
	} native;

	if (!address->path)
		_vmsock_address_fill(address, stack, &native.vsock);
	else if (!fill_unix(address, &native.path, error))
		return FALSE;
	if (bind(fd, &native.any, (socklen_t)get_native_size(G_SOCKET_ADDRESS(address))) == 0)
		return TRUE;
	text = vmsock_address_to_string(address);
	_vmsock_error_set(error, VMSOCK_OPERATION_BIND, errno, "cannot bind to %s", text);
	return FALSE;
}

VmsockAddress *_vmsock_address_of_socket(int fd)
{
	struct sockaddr_storage native = { 0 };
	socklen_t length = sizeof(native);

	if (getsockname(fd, (struct sockaddr *)&native, &length) < 0)
		return NULL;
	return vmsock_address_new_from_native(&native, MIN(length, sizeof(native)));
}
