/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stack.h - which vsock this machine has, and its family number
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_STACK_H
#define VMSOCK_STACK_H

#include <gio/gio.h>
#include <vmsock/version.h>
#include <vmsock/error.h>

G_BEGIN_DECLS

/**
 * VmsockStackKind:
 * @VMSOCK_STACK_KIND_VMSOCK: the vmsock module, or another with a dynamic family number
 * @VMSOCK_STACK_KIND_KERNEL: the kernel's own vsock, whose family number is 40
 *
 * Who answers to vsock calls.
 */
typedef enum {
	VMSOCK_STACK_KIND_VMSOCK,
	VMSOCK_STACK_KIND_KERNEL
} VmsockStackKind;

/**
 * VmsockStackAbilities:
 * @VMSOCK_STACK_ABILITIES_NONE: nothing
 * @VMSOCK_STACK_ABILITIES_STREAM: stream sockets
 * @VMSOCK_STACK_ABILITIES_DATAGRAM: datagram sockets; of the kernel's own vsock only VMCI has them
 * @VMSOCK_STACK_ABILITIES_SEQPACKET: sequenced packet sockets, if the transport has them too
 *
 * Kinds of sockets.
 */
typedef enum {
	VMSOCK_STACK_ABILITIES_NONE = 0,
	VMSOCK_STACK_ABILITIES_STREAM = 1 << 0,
	VMSOCK_STACK_ABILITIES_DATAGRAM = 1 << 1,
	VMSOCK_STACK_ABILITIES_SEQPACKET = 1 << 2
} VmsockStackAbilities;

/**
 * VMSOCK_VERSION_UNKNOWN:
 *
 * What [method@Vmsock.Stack.get_version] returns for a stack that does not tell.
 */
#define VMSOCK_VERSION_UNKNOWN 0xffffffffU

#define VMSOCK_TYPE_STACK_KIND (vmsock_stack_kind_get_type())
VMSOCK_AVAILABLE_IN_0_1
GType vmsock_stack_kind_get_type(void) G_GNUC_CONST;

#define VMSOCK_TYPE_STACK_ABILITIES (vmsock_stack_abilities_get_type())
VMSOCK_AVAILABLE_IN_0_1
GType vmsock_stack_abilities_get_type(void) G_GNUC_CONST;

#define VMSOCK_TYPE_STACK (vmsock_stack_get_type())
VMSOCK_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE(VmsockStack, vmsock_stack, VMSOCK, STACK, GObject)

VMSOCK_AVAILABLE_IN_0_1
VmsockStack *vmsock_stack_acquire(GError **error);
VMSOCK_AVAILABLE_IN_0_1
VmsockStack *vmsock_stack_acquire_family(int family, GError **error);

VMSOCK_AVAILABLE_IN_0_1
VmsockStackKind vmsock_stack_get_kind(VmsockStack *stack);
VMSOCK_AVAILABLE_IN_0_1
int vmsock_stack_get_family(VmsockStack *stack);
VMSOCK_AVAILABLE_IN_0_1
VmsockStackAbilities vmsock_stack_get_abilities(VmsockStack *stack);
VMSOCK_AVAILABLE_IN_0_1
guint32 vmsock_stack_get_local_cid(VmsockStack *stack);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_stack_set_watching(VmsockStack *stack, gboolean watching);
VMSOCK_AVAILABLE_IN_0_1
guint32 vmsock_stack_get_version(VmsockStack *stack);

VMSOCK_AVAILABLE_IN_0_1
char *vmsock_stack_explain(VmsockOperation operation, int system_error);

G_END_DECLS

#endif
