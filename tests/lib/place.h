/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * place.h - where a test of streams takes place: on a UNIX socket or on a stack
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef TESTS_LIB_PLACE_H
#define TESTS_LIB_PLACE_H

#include <glib/gstdio.h>
#include <vmsock/vmsock.h>

struct place {
	char *folder;		/* of the UNIX socket; NULL on a stack */
	VmsockStack *stack;
	guint32 cid;
	VmsockAddress *listen;
};

/* @name is CID/FAMILY, where family 0 is the default stack, or NULL for a UNIX socket. */
static void place_init(struct place *place, const char *name)
{
	g_autofree char *path = NULL;
	GError *error = NULL;
	int family;

	*place = (struct place){ 0 };
	if (!name) {
		place->folder = g_dir_make_tmp("vmsock-place-XXXXXX", NULL);
		path = g_build_filename(place->folder, "socket", NULL);
		place->listen = vmsock_address_new_unix(path);
		place->cid = VMSOCK_CID_ANY;
		return;
	}
	if (sscanf(name, "%u/%d", &place->cid, &family) != 2)
		exit(2);
	place->stack = family ? vmsock_stack_acquire_family(family, &error)
			      : vmsock_stack_acquire(&error);
	if (!place->stack)
		g_error("%s", error->message);
	place->listen = vmsock_address_new(VMSOCK_CID_ANY, VMSOCK_PORT_ANY);
}

/* Forget a listener that has gone, so that the next one finds the place free. */
static void place_free_path(struct place *place)
{
	if (place->folder)
		g_unlink(vmsock_address_get_path(place->listen));
}

static void place_clear(struct place *place)
{
	place_free_path(place);
	if (place->folder)
		g_rmdir(place->folder);
	g_free(place->folder);
	g_clear_object(&place->stack);
	g_clear_object(&place->listen);
}

/* Make @listener listen here; the address to connect to. */
static VmsockAddress *place_listen(struct place *place, VmsockListener *listener)
{
	g_autoptr(VmsockAddress) bound = NULL;
	GError *error = NULL;

	place_free_path(place);
	vmsock_listener_set_stack(listener, place->stack);
	if (!vmsock_listener_add_address(listener, place->listen, &bound, &error))
		g_error("%s", error->message);
	if (place->folder)
		return g_steal_pointer(&bound);
	return vmsock_address_new(place->cid, vmsock_address_get_port(bound));
}

static VmsockClient *place_client(struct place *place)
{
	VmsockClient *client = vmsock_client_new();

	vmsock_client_set_stack(client, place->stack);
	return client;
}

static inline int count_descriptors(void)
{
	g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
	int count = 0;

	while (g_dir_read_name(dir))
		count++;
	return count;
}

/* How many there are when nothing has changed for a while; threads that end may be closing. */
static inline int count_settled(void)
{
	int count = count_descriptors();

	for (int same = 0; same < 50; same++) {
		g_usleep(1000);
		if (count_descriptors() != count)
			same = 0;
		count = count_descriptors();
	}
	return count;
}

/* Two ends of a connection. */
static inline void place_pair(struct place *place, GIOStream **one, GIOStream **other)
{
	g_autoptr(VmsockListener) listener = vmsock_listener_new();
	g_autoptr(VmsockClient) client = place_client(place);
	g_autoptr(VmsockAddress) address = place_listen(place, listener);
	VmsockConnection *made, *accepted = NULL;
	GError *error = NULL;

	made = vmsock_client_connect(client, address, NULL, &error);
	if (made)
		accepted = vmsock_listener_accept(listener, NULL, &error);
	if (!accepted)
		g_error("%s", error->message);
	*one = G_IO_STREAM(made);
	*other = G_IO_STREAM(accepted);
}

#endif
