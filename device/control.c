// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * control - a socket for commands, by which tests do what QEMU cannot
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Answers are short and who does not read them loses them: nothing here waits.
 */
#include <errno.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "fault.h"
#include "function.h"
#include "loop.h"
#include "server.h"
#include "unix_socket.h"
#include "vmci/errors.h"

#define LINE_MAX_BYTES	256u
#define WORDS_MAX	4u

struct control {
	struct loop *loop;
	struct function *function;
	struct server *server;
	char *path;
	int fd;
	struct watch *watch;
	GList *clients;
};

struct client {
	struct control *control;
	int fd;
	struct watch *watch;
	char line[LINE_MAX_BYTES];
	size_t length;
};

/* A command: its words, how many it has with its name, and what it does; answers go to @text */
struct command {
	const char *name;
	unsigned int words;
	bool (*call)(struct control *control, char **words, GString *text, GError **error);
};

static bool bad_value(GError **error, const char *word)
{
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "bad value \"%s\"", word);
	return false;
}

static bool parse_id(const char *word, char end, __u32 *id, const char **rest)
{
	char *stop;
	guint64 number = g_ascii_strtoull(word, &stop, 0);

	*id = (__u32)number;
	*rest = stop;
	return g_ascii_isdigit(*word) && *stop == end && number <= VMCI_INVALID_ID;
}

static bool parse_switch(const char *word, bool *on, GError **error)
{
	*on = strcmp(word, "on") == 0;
	return *on || strcmp(word, "off") == 0 || bad_value(error, word);
}

static bool ctx_id_update(struct control *control, char **words,
			  __attribute__((unused)) GString *text, GError **error)
{
	const char *rest;
	__u32 cid;

	if (!parse_id(words[1], '\0', &cid, &rest) || !function_good_cid(cid))
		return bad_value(error, words[1]);
	if (function_set_cid(control->function, cid))
		return true;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
		    "the host's kernel keeps the context ID %u", control->function->cid);
	return false;
}

static bool qp_resumed(struct control *control, __attribute__((unused)) char **words,
		       __attribute__((unused)) GString *text,
		       __attribute__((unused)) GError **error)
{
	function_resumed(control->function);
	return true;
}

static bool reset(struct control *control, __attribute__((unused)) char **words,
		  __attribute__((unused)) GString *text, __attribute__((unused)) GError **error)
{
	function_reset(control->function);
	return true;
}

static bool all_ones(struct control *control, char **words,
		     __attribute__((unused)) GString *text, GError **error)
{
	bool on;

	return parse_switch(words[1], &on, error) &&
	       fault_set_hostile(control->function, "gone", on, error);
}

static bool hostile(struct control *control, char **words,
		    __attribute__((unused)) GString *text, GError **error)
{
	bool on;

	return parse_switch(words[2], &on, error) &&
	       fault_set_hostile(control->function, words[1], on, error);
}

static bool add_fault(struct control *control, char **words,
		      __attribute__((unused)) GString *text, GError **error)
{
	return fault_add_rule(control->function, words[1], error);
}

static bool ring(struct control *control, char **words, GString *text, GError **error)
{
	struct vmci_handle handle;
	const char *rest;

	if (!parse_id(words[1], ':', &handle.context, &rest) ||
	    !parse_id(rest + 1, '\0', &handle.resource, &rest))
		return bad_value(error, words[1]);
	g_string_append_printf(text, " %d", function_ring(control->function, handle));
	return true;
}

static bool stats(struct control *control, __attribute__((unused)) char **words, GString *text,
		  __attribute__((unused)) GError **error)
{
	const struct function *function = control->function;
	const struct {
		const char *name;
		__u64 value;
	} values[] = {
		{ "cid", function->cid },
		{ "connected", server_connected(control->server) },
		{ "messages", server_messages(control->server) },
		{ "to-host", function->stats.to_host },
		{ "to-guest", function->stats.to_guest },
		{ "refused", function->stats.refused },
		{ "interrupts", function->stats.interrupts },
		{ "rings", function->stats.rings },
		{ "resets", function->stats.resets },
		{ "caps", function->regs.caps },
		{ "queued", function->inbound.bytes },
		{ "pairs", pairs_count(function) },
		{ "pair-bytes", function->pairs.bytes },
		{ "doorbells", g_hash_table_size(function->doorbells.indexes) },
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(values); i++)
		g_string_append_printf(text, " %s=%" G_GUINT64_FORMAT, values[i].name,
				       (guint64)values[i].value);
	return true;
}

static const struct command commands[] = {
	{ "all-ones", 2, all_ones },
	{ "ctx-id-update", 2, ctx_id_update },
	{ "fault", 2, add_fault },
	{ "hostile", 3, hostile },
	{ "qp-resumed", 1, qp_resumed },
	{ "reset", 1, reset },
	{ "ring", 2, ring },
	{ "stats", 1, stats },
};

static bool execute(struct control *control, char *line, GString *text, GError **error)
{
	g_auto(GStrv) words = g_strsplit(line, " ", WORDS_MAX);
	unsigned int count = g_strv_length(words);

	for (unsigned int i = 0; i < G_N_ELEMENTS(commands); i++)
		if (count == commands[i].words && strcmp(words[0], commands[i].name) == 0)
			return commands[i].call(control, words, text, error);
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "no such command: %s", line);
	return false;
}

static void answer(struct client *client, char *line)
{
	g_autoptr(GString) text = g_string_new("ok");
	g_autoptr(GError) error = NULL;

	if (!execute(client->control, line, text, &error))
		g_string_printf(text, "error: %s", error->message);
	g_string_append_c(text, '\n');
	if (send(client->fd, text->str, text->len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		function_warn(client->control->function, "an answer got lost: %s",
			      strerror(errno));
}

static void client_free(struct client *client)
{
	client->control->clients = g_list_remove(client->control->clients, client);
	watch_remove(client->watch);
	close(client->fd);
	g_free(client);
}

static void client_ready(void *data, __attribute__((unused)) uint32_t events)
{
	struct client *client = data;
	ssize_t got = recv(client->fd, client->line + client->length,
			   sizeof(client->line) - client->length, MSG_DONTWAIT);
	char *end;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		client_free(client);
		return;
	}
	client->length += (size_t)got;
	while ((end = memchr(client->line, '\n', client->length))) {
		*end++ = '\0';
		answer(client, client->line);
		client->length -= (size_t)(end - client->line);
		memmove(client->line, end, client->length);
	}
	if (client->length == sizeof(client->line))
		client_free(client);
}

static void connected(void *data, __attribute__((unused)) uint32_t events)
{
	struct control *control = data;
	struct client *client;
	int fd = unix_socket_accept(control->fd);

	if (fd < 0)
		return;
	client = g_new0(struct client, 1);
	client->control = control;
	client->fd = fd;
	client->watch = loop_watch(control->loop, fd, EPOLLIN, client_ready, client);
	control->clients = g_list_prepend(control->clients, client);
}

struct control *control_new(struct loop *loop, const char *path, unsigned int mode,
			    struct function *function, struct server *server, GError **error)
{
	int fd = unix_socket_listen(path, mode, error);
	struct control *control;

	if (fd < 0)
		return NULL;
	control = g_new0(struct control, 1);
	control->loop = loop;
	control->function = function;
	control->server = server;
	control->path = g_strdup(path);
	control->fd = fd;
	control->watch = loop_watch(loop, fd, EPOLLIN, connected, control);
	return control;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	while (control->clients)
		client_free(control->clients->data);
	watch_remove(control->watch);
	close(control->fd);
	unlink(control->path);
	g_free(control->path);
	g_free(control);
}
