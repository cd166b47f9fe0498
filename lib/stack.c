/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stack.c - which vsock this machine has, and its family number
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A VmsockStack holds the one descriptor that keeps a dynamic family number registered (vsock.md
 * 2.2), so a number taken from it is good while the object lives.  There is one default stack at a
 * time, found again by whoever asks while somebody still uses it.  But for the watch over the
 * context ID, which has a lock, objects do not change once made.
 */
#include "private.h"

#include <errno.h>
#include <unistd.h>

#include "machine.h"

/**
 * VmsockStack:
 *
 * The vsock of this machine: a family number to make sockets with, and what is known about it.
 *
 * VMCI sockets have no fixed family number. The number is valid as long as somebody holds a
 * `VmsockStack` or an open socket, and may be another one afterwards; so keep the object, not the
 * number. Objects may be used from any thread.
 */
struct _VmsockStack {
	GObject parent_instance;
	VmsockStackKind kind;
	int family;
	int device;		/* keeps the number; -1 for the kernel's vsock */
	GMutex lock;
	GSource *watch;		/* looks for another context ID; under the lock */
	guint32 watched_cid;	/* as it was seen last, by the watch alone */
};

/* How often to look: nobody tells a program that the ID of its machine has changed. */
#define WATCH_MS 1000

G_DEFINE_FINAL_TYPE(VmsockStack, vmsock_stack, G_TYPE_OBJECT)

G_DEFINE_ENUM_TYPE(VmsockStackKind, vmsock_stack_kind,
	G_DEFINE_ENUM_VALUE(VMSOCK_STACK_KIND_VMSOCK, "vmsock"),
	G_DEFINE_ENUM_VALUE(VMSOCK_STACK_KIND_KERNEL, "kernel"))

G_DEFINE_FLAGS_TYPE(VmsockStackAbilities, vmsock_stack_abilities,
	G_DEFINE_ENUM_VALUE(VMSOCK_STACK_ABILITIES_NONE, "none"),
	G_DEFINE_ENUM_VALUE(VMSOCK_STACK_ABILITIES_STREAM, "stream"),
	G_DEFINE_ENUM_VALUE(VMSOCK_STACK_ABILITIES_DATAGRAM, "datagram"),
	G_DEFINE_ENUM_VALUE(VMSOCK_STACK_ABILITIES_SEQPACKET, "seqpacket"))

static GMutex default_lock;
static GWeakRef default_stack;

static guint cid_changed_signal;

static void vmsock_stack_dispose(GObject *object)
{
	vmsock_stack_set_watching(VMSOCK_STACK(object), FALSE);
	G_OBJECT_CLASS(vmsock_stack_parent_class)->dispose(object);
}

static void vmsock_stack_finalize(GObject *object)
{
	g_mutex_clear(&VMSOCK_STACK(object)->lock);
	VMCISock_ReleaseAFValueFd(VMSOCK_STACK(object)->device);
	G_OBJECT_CLASS(vmsock_stack_parent_class)->finalize(object);
}

static void vmsock_stack_class_init(VmsockStackClass *class)
{
	G_OBJECT_CLASS(class)->dispose = vmsock_stack_dispose;
	G_OBJECT_CLASS(class)->finalize = vmsock_stack_finalize;

	/**
	 * VmsockStack::cid-changed:
	 * @stack: the stack
	 * @cid: the new context ID, [const@Vmsock.CID_ANY] if there is none any more
	 *
	 * The machine has got another context ID, because it was resumed or moved, or because a
	 * device came or went. Connections that existed before are over, whether they know it or
	 * not. Emitted while [method@Vmsock.Stack.set_watching] is on.
	 */
	cid_changed_signal = g_signal_new("cid-changed", VMSOCK_TYPE_STACK, G_SIGNAL_RUN_LAST, 0,
					  NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT);
}

static void vmsock_stack_init(VmsockStack *stack)
{
	stack->device = -1;
	g_mutex_init(&stack->lock);
}

static int native_type(GSocketType type)
{
	switch (type) {
	case G_SOCKET_TYPE_DATAGRAM:
		return SOCK_DGRAM;
	case G_SOCKET_TYPE_SEQPACKET:
		return SOCK_SEQPACKET;
	default:
		return SOCK_STREAM;
	}
}

static int make_socket(int family, GSocketType type, int flags)
{
	return socket(family, native_type(type) | SOCK_CLOEXEC | flags, 0);
}

static gboolean can_make(int family, GSocketType type)
{
	int fd = make_socket(family, type, 0);

	if (fd < 0)
		return FALSE;
	VMCISock_Close_(fd);
	return TRUE;
}

static VmsockStack *new_stack(VmsockStackKind kind, int family, int device)
{
	VmsockStack *stack = g_object_new(VMSOCK_TYPE_STACK, NULL);

	stack->kind = kind;
	stack->family = family;
	stack->device = device;
	return stack;
}

/* The chain of vsock.md 2.7, its optional step 4 included: streams without VMCI will do. */
static VmsockStack *look_up(GError **error)
{
	int device = -1;
	int family = VMCISock_GetAFValueFd(&device);
	int cause = errno;

	if (family > 0)
		return new_stack(device < 0 ? VMSOCK_STACK_KIND_KERNEL : VMSOCK_STACK_KIND_VMSOCK,
				 family, device);
	if (can_make(VMCI_SOCKETS_KERNEL_FAMILY, G_SOCKET_TYPE_STREAM))
		return new_stack(VMSOCK_STACK_KIND_KERNEL, VMCI_SOCKETS_KERNEL_FAMILY, -1);
	_vmsock_error_set(error, VMSOCK_OPERATION_LOOKUP, cause, "no vsock on this machine");
	return NULL;
}

/**
 * vmsock_stack_acquire:
 * @error: where to put an error
 *
 * Finds the stack to use: one with a dynamic family number if there is one, else the kernel's own.
 * Everybody who asks while the object lives gets the same one.
 *
 * Errors: [error@Vmsock.Error.NO_STACK], [error@Vmsock.Error.DENIED],
 * [error@Vmsock.Error.NO_RESOURCES], with an explanation of what is missing on this machine.
 *
 * Returns: (transfer full): the stack
 */
VmsockStack *vmsock_stack_acquire(GError **error)
{
	VmsockStack *stack;

	g_mutex_lock(&default_lock);
	stack = g_weak_ref_get(&default_stack);
	if (!stack) {
		stack = look_up(error);
		if (stack)
			g_weak_ref_set(&default_stack, stack);
	}
	g_mutex_unlock(&default_lock);
	return stack;
}

/**
 * vmsock_stack_acquire_family:
 * @family: a family number; 40 is the kernel's own vsock unless our module has that number
 * @error: where to put an error
 *
 * Finds the stack with a certain family number, for machines that have more than one.
 *
 * Errors: [error@Vmsock.Error.NO_STACK] if no vsock of this machine has the number.
 *
 * Returns: (transfer full): the stack
 */
VmsockStack *vmsock_stack_acquire_family(int family, GError **error)
{
	g_autoptr(VmsockStack) usual = vmsock_stack_acquire(NULL);

	if (usual && usual->family == family)
		return g_steal_pointer(&usual);
	if (family == VMCI_SOCKETS_KERNEL_FAMILY && can_make(family, G_SOCKET_TYPE_STREAM))
		return new_stack(VMSOCK_STACK_KIND_KERNEL, family, -1);
	if (usual)
		g_set_error(error, VMSOCK_ERROR, VMSOCK_ERROR_NO_STACK,
			    "no vsock has family %d here; the one in use has %d", family,
			    usual->family);
	else
		g_set_error(error, VMSOCK_ERROR, VMSOCK_ERROR_NO_STACK,
			    "no vsock has family %d here, nor any other", family);
	return NULL;
}

/**
 * vmsock_stack_get_kind:
 * @stack: a stack
 *
 * Returns: who answers to vsock calls
 */
VmsockStackKind vmsock_stack_get_kind(VmsockStack *stack)
{
	g_return_val_if_fail(VMSOCK_IS_STACK(stack), VMSOCK_STACK_KIND_KERNEL);
	return stack->kind;
}

/**
 * vmsock_stack_get_family:
 * @stack: a stack
 *
 * Returns: the number for `socket()` and for the level of socket options, while @stack lives
 */
int vmsock_stack_get_family(VmsockStack *stack)
{
	g_return_val_if_fail(VMSOCK_IS_STACK(stack), -1);
	return stack->family;
}

/**
 * vmsock_stack_get_abilities:
 * @stack: a stack
 *
 * Finds out by making sockets.
 *
 * Returns: the kinds of sockets that can be made
 */
VmsockStackAbilities vmsock_stack_get_abilities(VmsockStack *stack)
{
	VmsockStackAbilities abilities = VMSOCK_STACK_ABILITIES_NONE;

	g_return_val_if_fail(VMSOCK_IS_STACK(stack), VMSOCK_STACK_ABILITIES_NONE);
	if (can_make(stack->family, G_SOCKET_TYPE_STREAM))
		abilities |= VMSOCK_STACK_ABILITIES_STREAM;
	if (can_make(stack->family, G_SOCKET_TYPE_DATAGRAM))
		abilities |= VMSOCK_STACK_ABILITIES_DATAGRAM;
	/* Over VMCI these can be made, and never connected (vsock.md 10.3). */
	if (stack->kind == VMSOCK_STACK_KIND_KERNEL &&
	    can_make(stack->family, G_SOCKET_TYPE_SEQPACKET))
		abilities |= VMSOCK_STACK_ABILITIES_SEQPACKET;
	return abilities;
}

static guint32 ask(int fd, unsigned int request, guint32 fallback)
{
	guint32 answer = fallback;
	int ret;

	do {
		ret = ioctl(fd, request, &answer);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? fallback : answer;
}

/* The control device of the kernel's vsock may be hidden behind ours, which knows its version. */
static guint32 ask_kernel_cid(void)
{
	guint32 cid = VMSOCK_CID_ANY;
	int fd = VMCISock_Open_(VMCI_SOCKETS_DEFAULT_DEVICE);

	if (fd < 0)
		return VMSOCK_CID_ANY;
	if (ask(fd, IOCTL_VMCI_SOCKETS_VERSION, VMSOCK_VERSION_UNKNOWN) == VMSOCK_VERSION_UNKNOWN)
		cid = ask(fd, IOCTL_VMCI_SOCKETS_GET_LOCAL_CID, VMSOCK_CID_ANY);
	VMCISock_Close_(fd);
	return cid;
}

/**
 * vmsock_stack_get_local_cid:
 * @stack: a stack
 *
 * The context ID of this machine. It can change while a virtual machine is moved or resumed.
 *
 * Returns: the ID, or [const@Vmsock.CID_ANY] if there is none or it cannot be found out
 */
guint32 vmsock_stack_get_local_cid(VmsockStack *stack)
{
	g_return_val_if_fail(VMSOCK_IS_STACK(stack), VMSOCK_CID_ANY);
	if (stack->device < 0)
		return ask_kernel_cid();
	return ask(stack->device, IOCTL_VMCI_SOCKETS_GET_LOCAL_CID, VMSOCK_CID_ANY);
}

static gboolean look_at_cid(gpointer data)
{
	g_autoptr(VmsockStack) stack = g_weak_ref_get(data);
	guint32 cid;

	if (!stack)
		return G_SOURCE_REMOVE;
	cid = vmsock_stack_get_local_cid(stack);
	if (cid != stack->watched_cid) {
		stack->watched_cid = cid;
		g_signal_emit(stack, cid_changed_signal, 0, cid);
	}
	return G_SOURCE_CONTINUE;
}

static void free_weak_ref(gpointer data)
{
	g_weak_ref_clear(data);
	g_free(data);
}

static GSource *start_watch(VmsockStack *stack)
{
	GSource *source = g_timeout_source_new(WATCH_MS);
	g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
	GWeakRef *weak = g_new0(GWeakRef, 1);

	g_weak_ref_init(weak, stack);
	g_source_set_callback(source, look_at_cid, weak, free_weak_ref);
	stack->watched_cid = vmsock_stack_get_local_cid(stack);
	g_source_attach(source, context);
	return source;
}

/**
 * vmsock_stack_set_watching:
 * @stack: a stack
 * @watching: whether to watch
 *
 * Begins or ends to watch over the context ID of this machine, once a second, for
 * [signal@Vmsock.Stack::cid-changed]. The signal is emitted in the main context that is the default
 * one of the thread that has called this.
 */
void vmsock_stack_set_watching(VmsockStack *stack, gboolean watching)
{
	g_return_if_fail(VMSOCK_IS_STACK(stack));
	g_mutex_lock(&stack->lock);
	if (watching && !stack->watch) {
		stack->watch = start_watch(stack);
	} else if (!watching && stack->watch) {
		g_source_destroy(stack->watch);
		g_clear_pointer(&stack->watch, g_source_unref);
	}
	g_mutex_unlock(&stack->lock);
}

/**
 * vmsock_stack_get_version:
 * @stack: a stack
 *
 * The version of the interface, as `VMCISock_Version()` tells it: epoch in bits 24 to 31, major in
 * 16 to 23, minor in 0 to 15.
 *
 * Returns: the version, or [const@Vmsock.VERSION_UNKNOWN] from the kernel's vsock
 */
guint32 vmsock_stack_get_version(VmsockStack *stack)
{
	g_return_val_if_fail(VMSOCK_IS_STACK(stack), VMSOCK_VERSION_UNKNOWN);
	if (stack->device < 0)
		return VMSOCK_VERSION_UNKNOWN;
	return ask(stack->device, IOCTL_VMCI_SOCKETS_VERSION, VMSOCK_VERSION_UNKNOWN);
}

/* Does the answer depend on what this machine has, more than on the number? */
static gboolean is_about_machine(VmsockOperation operation, int system_error)
{
	switch (vmsock_error_from_errno(operation, system_error)) {
	case VMSOCK_ERROR_NO_STACK:
		return TRUE;
	case VMSOCK_ERROR_DENIED:
		return operation == VMSOCK_OPERATION_LOOKUP || operation == VMSOCK_OPERATION_SOCKET;
	default:
		return FALSE;
	}
}

/**
 * vmsock_stack_explain:
 * @operation: what failed
 * @system_error: the errno it left
 *
 * Says what a system error of a vsock call means on this machine and what can be done about it.
 *
 * Returns: (transfer full): a sentence without a full stop
 */
char *vmsock_stack_explain(VmsockOperation operation, int system_error)
{
	struct machine machine;
	const char *cause;

	if (is_about_machine(operation, system_error)) {
		_vmsock_machine_read(&machine, "");
		return g_strdup(_vmsock_machine_why_not(&machine));
	}
	cause = _vmsock_error_cause(operation, system_error);
	return g_strdup(cause ? cause : g_strerror(system_error));
}

VmsockStack *_vmsock_stack_resolve(VmsockStack *stack, GError **error)
{
	return stack ? g_object_ref(stack) : vmsock_stack_acquire(error);
}

static const char *type_name(GSocketType type)
{
	switch (type) {
	case G_SOCKET_TYPE_DATAGRAM:
		return "datagram";
	case G_SOCKET_TYPE_SEQPACKET:
		return "seqpacket";
	default:
		return "stream";
	}
}

int _vmsock_stack_make_socket(VmsockStack *stack, GSocketType type, gboolean blocks, GError **error)
{
	int fd = make_socket(stack->family, type, blocks ? 0 : SOCK_NONBLOCK);

	if (fd < 0)
		_vmsock_error_set(error, VMSOCK_OPERATION_SOCKET, errno,
				  "cannot make a %s socket", type_name(type));
	return fd;
}

static gboolean get_size(VmsockStack *stack, int fd, int option, guint64 *bytes)
{
	guint64 value;
	socklen_t length = sizeof(value);

	if (getsockopt(fd, stack->family, option, &value, &length) < 0)
		return FALSE;
	*bytes = value;
	return TRUE;
}

static gboolean set_size(VmsockStack *stack, int fd, int option, guint64 bytes)
{
	return setsockopt(fd, stack->family, option, &bytes, sizeof(bytes)) == 0;
}

/* A size outside the limits would be cut to them silently (vsock.md 4.13). */
static gboolean widen_limits(VmsockStack *stack, int fd, guint64 bytes)
{
	guint64 min, max;

	return get_size(stack, fd, SO_VMCI_BUFFER_MIN_SIZE, &min) &&
	       get_size(stack, fd, SO_VMCI_BUFFER_MAX_SIZE, &max) &&
	       (bytes >= min || set_size(stack, fd, SO_VMCI_BUFFER_MIN_SIZE, bytes)) &&
	       (bytes <= max || set_size(stack, fd, SO_VMCI_BUFFER_MAX_SIZE, bytes));
}

gboolean _vmsock_stack_set_buffer_size(VmsockStack *stack, int fd, guint64 bytes, GError **error)
{
	if (widen_limits(stack, fd, bytes) &&
	    set_size(stack, fd, SO_VMCI_BUFFER_SIZE, bytes))
		return TRUE;
	_vmsock_error_set(error, VMSOCK_OPERATION_OPTION, errno,
			  "cannot set the buffer size to %" G_GUINT64_FORMAT " bytes", bytes);
	return FALSE;
}

/* Number 8 has 64-bit values whoever asks, and older stacks do not know it; 6 has those of the
 * process (vsock.md 10.2). */
#define OPTION_CONNECT_TIMEOUT_OLD 6
#define OPTION_CONNECT_TIMEOUT_NEW 8

static gboolean set_new_timeout(VmsockStack *stack, int fd, guint milliseconds)
{
	const gint64 limit[2] = { milliseconds / 1000, milliseconds % 1000 * 1000 };

	return setsockopt(fd, stack->family, OPTION_CONNECT_TIMEOUT_NEW, limit,
			  sizeof(limit)) == 0;
}

static gboolean set_old_timeout(VmsockStack *stack, int fd, guint milliseconds)
{
	const long limit[2] = { (long)(milliseconds / 1000), (long)(milliseconds % 1000 * 1000) };

	return setsockopt(fd, stack->family, OPTION_CONNECT_TIMEOUT_OLD, limit,
			  sizeof(limit)) == 0;
}

gboolean _vmsock_stack_set_connect_timeout(VmsockStack *stack, int fd, guint milliseconds,
					   GError **error)
{
	if (set_new_timeout(stack, fd, milliseconds) || set_old_timeout(stack, fd, milliseconds))
		return TRUE;
	_vmsock_error_set(error, VMSOCK_OPERATION_OPTION, errno,
			  "cannot set the connect timeout to %u ms", milliseconds);
	return FALSE;
}
