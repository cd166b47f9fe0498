/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault.h - what goes wrong on purpose, so that tests can see what becomes of it
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Rules concern the N-th message of a direction, or call of a function: vmci-device(8) has their
 * syntax.  The hostile
 * kinds are what a device should never do; a driver must bear them (vmci.md 12.2 S24 to S28).
 */
#ifndef DEVICE_FAULT_H
#define DEVICE_FAULT_H

#include <glib.h>
#include <stdbool.h>

#include "vmci/wire.h"

struct faults;
struct function;

/* What became of a message */
enum fault {
	FAULT_NONE,
	FAULT_TAKEN,	/* nothing more is to be done; the result is the sender's */
	FAULT_TWICE	/* and once more */
};

/*
 * X(name, word): datagrams with sizes that lie; events that are none; buffers that stay busy; queue
 * headers gone mad; a context ID that is none; results in the register alone, not in the buffer;
 * registers that all read as ones
 */
#define FAULT_HOSTILE(X)	\
	X(SIZES,	"sizes")	\
	X(EVENTS,	"events")	\
	X(STUCK,	"stuck")	\
	X(RINGS,	"rings")	\
	X(CID,		"cid")	\
	X(MUTE,		"mute")	\
	X(GONE,		"gone")

enum hostile {
#define FAULT_ENUMERATOR(name, word) HOSTILE_##name,
	FAULT_HOSTILE(FAULT_ENUMERATOR)
#undef FAULT_ENUMERATOR
	HOSTILE_KINDS
};

/* Adds to @function a rule, or a hostile kind; false with @error when @text is neither */
bool fault_add_rule(struct function *function, const char *text, GError **error);
bool fault_set_hostile(struct function *function, const char *kind, bool on, GError **error);
void fault_free(struct function *function);

/* The function was reset: what waits is dropped, rules go on counting */
void fault_reset(struct function *function);

/* A message on its way; @result is set for FAULT_TAKEN */
enum fault fault_outbound(struct function *function, const struct vmci_datagram *datagram,
			  __s32 *result);
enum fault fault_inbound(struct function *function, const struct vmci_datagram *datagram,
			 __s32 *result);

/* Perhaps makes of a datagram for the guest one that lies about its size */
void fault_spoil(struct function *function, struct vmci_datagram *datagram);
/* Does the busy flag of the buffer under way stay as it is? */
bool fault_stuck(struct function *function, bool receiving);
/* Does the header of what was sent stay without its result? */
bool fault_mute(const struct function *function);
/* The context ID that the guest is told */
__u32 fault_cid(const struct function *function, __u32 cid);

#endif /* DEVICE_FAULT_H */
