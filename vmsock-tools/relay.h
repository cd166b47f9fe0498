/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * relay.h - copies one direction, from a port to a port
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A relay runs in the default main context from relay_start() until it calls done() or
 * relay_stop() is called.  It holds one buffer: while that is being written nothing is read, so a
 * slow reader slows the writer down.
 */
#ifndef RELAY_H
#define RELAY_H

#include "port.h"

enum relay_end {
	RELAY_EOF,		/* everything up to the end of input has been written */
	RELAY_READ_FAILED,
	RELAY_WRITE_FAILED
};

struct relay {
	struct port *from, *to;
	/* Called once; @system_error is 0 at RELAY_EOF.  May free the relay after relay_stop(). */
	void (*done)(struct relay *relay, enum relay_end end, int system_error);
	/* Called when the ports have been at work; may be NULL. */
	void (*moved)(struct relay *relay);
	void *data;

	guint64 bytes;		/* written so far */
	guint8 *buffer;
	gsize size, start, end;	/* buffer[start..end) waits to be written */
	GSource *source;
	int source_fd;		/* what @source waits for, if for a descriptor */
	GIOCondition source_condition;
	bool running;
};

/* Set what the first lines of the structure say, then start; @size is that of the buffer. */
void relay_start(struct relay *relay, gsize size);

/* Stop and free what relay_start() made; harmless when repeated. */
void relay_stop(struct relay *relay);

/* Is there something that was read and not yet written? */
bool relay_holds_data(const struct relay *relay);

#endif
