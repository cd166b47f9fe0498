/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guests.c - virtual machines of this host, and its queue pairs with them
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: /sys/kernel/debug/vmci, files of one line of names and then one line each; columns that
 * come after those known here are left alone.
 */
#include <inttypes.h>
#include <stdio.h>

#include "guests.h"

#define FOLDER "/sys/kernel/debug/vmci/"

struct guest {
	unsigned int cid, owner, datagrams, bytes, doorbells, rung, pairs;
	char restricted[8], version[16];
};

struct pair {
	unsigned int context, resource;
	char creator[16], attacher[16], peer[16], state[24];
	guint64 produce, consume, pinned;
};

/* The lines behind the first one, or NULL. */
static char **lines_of(const char *name)
{
	g_autofree char *path = g_strconcat(FOLDER, name, NULL);
	g_autofree char *text = NULL;
	const char *rest;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return NULL;
	rest = strchr(text, '\n');
	return rest ? g_strsplit(rest + 1, "\n", -1) : NULL;
}

static bool parse_guest(const char *line, struct guest *guest)
{
	return sscanf(line, "%u %7s %15s %u %u %u %u %u %u", &guest->cid, guest->restricted,
		      guest->version, &guest->owner, &guest->datagrams, &guest->bytes,
		      &guest->doorbells, &guest->rung, &guest->pairs) == 9;
}

static bool parse_pair(const char *line, struct pair *pair)
{
	return sscanf(line, "%u:%u %15s %15s %15s %" SCNu64 " %" SCNu64 " %" SCNu64 " %23s",
		      &pair->context, &pair->resource, pair->creator, pair->attacher, pair->peer,
		      &pair->produce, &pair->consume, &pair->pinned, pair->state) == 9;
}

static bool is_restricted(const struct guest *guest)
{
	return g_str_equal(guest->restricted, "yes");
}

/* Lines as the rest of vmsock info has them; the title stands before the first of a kind. */
void guests_print(void)
{
	g_auto(GStrv) guests = lines_of("contexts"), pairs = lines_of("queue_pairs");
	const char *title = "Guests:";
	struct guest guest;
	struct pair pair;

	for (char **line = guests; line && *line; line++) {
		if (!parse_guest(*line, &guest))
			continue;
		printf("%-9s context %u%s, user %u, %u queue pairs, ", title, guest.cid,
		       is_restricted(&guest) ? " (restricted)" : "", guest.owner, guest.pairs);
		printf("%u datagrams and %u of %u doorbells wait\n", guest.datagrams, guest.rung,
		       guest.doorbells);
		title = "";
	}
	title = "Pairs:";
	for (char **line = pairs; line && *line; line++) {
		if (!parse_pair(*line, &pair))
			continue;
		printf("%-9s %u:%u of context %s, with %s, %" PRIu64 " and %" PRIu64 " bytes, %s\n",
		       title, pair.context, pair.resource, pair.creator, pair.peer, pair.produce,
		       pair.consume, pair.state);
		title = "";
	}
}

static void write_guest(struct json *json, const struct guest *guest)
{
	json_open(json, NULL, '{');
	json_number(json, "cid", guest->cid);
	json_bool(json, "restricted", is_restricted(guest));
	json_string(json, "version", guest->version);
	json_number(json, "owner", guest->owner);
	json_number(json, "datagrams", guest->datagrams);
	json_number(json, "datagram_bytes", guest->bytes);
	json_number(json, "doorbells", guest->doorbells);
	json_number(json, "rung", guest->rung);
	json_number(json, "queue_pairs", guest->pairs);
	json_close(json, '}');
}

static void write_pair(struct json *json, const struct pair *pair)
{
	g_autofree char *handle = g_strdup_printf("%u:%u", pair->context, pair->resource);

	json_open(json, NULL, '{');
	json_string(json, "handle", handle);
	json_string(json, "creator", pair->creator);
	json_string(json, "attacher", pair->attacher);
	json_string(json, "peer", pair->peer);
	json_number(json, "produce", pair->produce);
	json_number(json, "consume", pair->consume);
	json_number(json, "pinned", pair->pinned);
	json_string(json, "state", pair->state);
	json_close(json, '}');
}

/* Two arrays, empty where there is nothing to be told. */
void guests_write(struct json *json)
{
	g_auto(GStrv) guests = lines_of("contexts"), pairs = lines_of("queue_pairs");
	struct guest guest;
	struct pair pair;

	json_open(json, "guests", '[');
	for (char **line = guests; line && *line; line++)
		if (parse_guest(*line, &guest))
			write_guest(json, &guest);
	json_close(json, ']');
	json_open(json, "pairs", '[');
	for (char **line = pairs; line && *line; line++)
		if (parse_pair(*line, &pair))
			write_pair(json, &pair);
	json_close(json, ']');
}
