/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attempt.h - a connect on its way
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * An attempt does not wait, unless it is told that it may: _vmsock_attempt_advance() does what can
 * be done at once and says what to wait for before it is called again.  The client waits, with a
 * main loop or without.
 */
#ifndef VMSOCK_ATTEMPT_H
#define VMSOCK_ATTEMPT_H

#include "private.h"

enum attempt_need {
	ATTEMPT_DONE,		/* the connection is made */
	ATTEMPT_FAILED,		/* the error is set, and the attempt over */
	ATTEMPT_AGAIN,		/* inside only: there is more to do at once */
	ATTEMPT_READABLE,	/* wait until the socket is, or the time has come */
	ATTEMPT_WRITABLE,
	ATTEMPT_TIME		/* wait until the time has come */
};

/* What the client is asked for; zeros and NULL where nothing was. */
struct attempt_settings {
	VmsockStack *stack;
	VmsockAddress *local_address;
	guint connect_timeout, deadline;	/* milliseconds */
	guint64 buffer_size;
	gboolean retry;
};

typedef struct attempt VmsockAttempt;

/* Takes references to what @settings names; @client is told of events and must live on.  With
 * @may_wait an advance may take as long as the stack lets connect() take. */
VmsockAttempt *_vmsock_attempt_new(VmsockClient *client, const struct attempt_settings *settings,
				   VmsockAddress *address, gboolean may_wait);
void _vmsock_attempt_free(VmsockAttempt *attempt);

enum attempt_need _vmsock_attempt_advance(VmsockAttempt *attempt, GError **error);

/* The socket to wait for, after ATTEMPT_READABLE and ATTEMPT_WRITABLE. */
GSocket *_vmsock_attempt_get_socket(VmsockAttempt *attempt);

/* Microseconds to wait at most, -1 for no limit. */
gint64 _vmsock_attempt_get_patience(VmsockAttempt *attempt);

/* The connection, after ATTEMPT_DONE; once. */
VmsockConnection *_vmsock_attempt_take_connection(VmsockAttempt *attempt);

#endif
