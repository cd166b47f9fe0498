/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flow.h - one direction of two joined streams
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A flow runs in one main context from _vmsock_flow_start() until it ends or is stopped.  It is
 * settled when it is over and no call of its streams is under way.
 */
#ifndef VMSOCK_FLOW_H
#define VMSOCK_FLOW_H

#include "private.h"

struct flow {
	GInputStream *from;		/* borrowed, as all of the following */
	GOutputStream *to;
	GSocket *from_socket, *to_socket;	/* NULL unless the stream is one of a bare socket */
	gsize portion;			/* the most to hold, in bytes */
	GBytes *head;			/* what to write first; NULL for nothing */

	/* Called in the main context: when something has moved; once, when the flow has come to an
	 * end by itself (takes @error, NULL unless it has failed); when it has settled later than
	 * it was over.  The owner must live on meanwhile. */
	void (*moved)(struct flow *flow);
	void (*ended)(struct flow *flow, VmsockForwarderEnd end, GError *error);
	void (*settled)(struct flow *flow);
	gpointer owner;

	guint64 bytes;			/* written, the head not counted */
	gsize head_done;		/* bytes of the head that were written */
	guint8 *buffer;			/* NULL until memory is needed */
	gsize start, end;		/* buffer[start..end) waits to be written */
	int pipe[2];			/* -1 unless splicing */
	gsize in_pipe;
	gsize unsent;			/* what waited when the flow ended */
	gsize write_max;		/* as much as one write can take without waiting */
	gboolean reads_async, writes_async;	/* the stream cannot be polled */
	GMainContext *context;
	GCancellable *stop;		/* ends the call that is under way */
	GSource *source;
	gboolean running, busy;		/* busy: a call of a stream is under way */
	gboolean has_moved;		/* and nobody was told */
};

/* Before anything else. */
void _vmsock_flow_init(struct flow *flow, GIOStream *from, GIOStream *to);

void _vmsock_flow_start(struct flow *flow, GMainContext *context);

/* End it from outside, harmless when repeated; nothing but settled() is called any more. */
void _vmsock_flow_stop(struct flow *flow);

/* End it for want of somebody who takes what is written. */
void _vmsock_flow_refuse(struct flow *flow);

gboolean _vmsock_flow_is_settled(const struct flow *flow);

/* How much was read and not written yet; after the end, what is lost. */
gsize _vmsock_flow_get_unsent(const struct flow *flow);

#endif
