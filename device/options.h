/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options.h - the command line of vmci-device
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef DEVICE_OPTIONS_H
#define DEVICE_OPTIONS_H

#include "endpoint.h"
#include "function.h"

struct options {
	char *socket;
	char *uds;		/* NULL, as node, too: nobody is in context 2 */
	char *node;		/* of the host kernel; not beside uds */
	char *control;
	char *trace;
	char **faults;		/* NULL, or a list that ends in NULL */
	char **hostile;
	unsigned int mode;	/* of the sockets */
	bool sandbox;
	bool restricted;
	struct function_options function;
	struct endpoint_options endpoint;
};

/* Reads the arguments; false with @error when they make no sense */
bool options_parse(struct options *options, int argc, char **argv, GError **error);
void options_clear(struct options *options);

#endif /* DEVICE_OPTIONS_H */
