/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forward.c - connections of one kind to connections of another
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A rule says where to listen and where to connect for each connection that comes; a link is such a
 * pair, with a forwarder of the library between.  A signal cancels all that is under way, and the
 * main loop ends with the last link.
 */
#include "config.h"

#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <glib-unix.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "endpoint.h"
#include "json.h"
#include "listen.h"
#include "manager.h"
#include "port.h"
#include "tool.h"

#define LARGEST_PORTION (64 * 1024)
#define USUAL_LIMIT 4096
/* Pause after an accept that failed for want of descriptors or memory. */
#define ACCEPT_RETRY_MS 100
#define SSH_PORT 22
/*
 * Accepts under way for each rule.  Each takes one connection in a round of the main loop, and with
 * many busy links a round is long.
 */
#define ACCEPTS 8

static struct {
	char *config;
	GStrv allow;
	guint64 limit, buffer_size;
	gboolean proxy, ssh;
} options = { .limit = USUAL_LIMIT };

struct forward;

struct rule {
	struct forward *forward;
	struct endpoint from, to;
	GSocketListener *listener;
	guint64 open;			/* links */
	guint accepting;
};

struct forward {
	VmsockStack *stack;
	VmsockClient *client;
	GPtrArray *rules;		/* of struct rule */
	GArray *allowed;		/* CIDs; NULL for all */
	GMainLoop *loop;
	GCancellable *cancellable;
	gsize portion;
	uint64_t links, open, refused, bytes;	/* links, of those open; and what they moved */
	enum tool_exit code;
};

struct link {
	struct rule *rule;
	GIOStream *sides[2];		/* who came, and whom we have connected to */
	VmsockForwarder *forwarder;	/* NULL until both are there */
	char *error;			/* why it failed, NULL if it did not */
};

static bool is_over(const struct forward *forward)
{
	return g_cancellable_is_cancelled(forward->cancellable);
}

/* There is one link then, and its end is the end. */
static bool is_stdio(const struct rule *rule)
{
	return rule->from.kind == ENDPOINT_STDIO || rule->to.kind == ENDPOINT_STDIO;
}

/* Standard input and output as a stream.  The number of an output that was closed stays in use. */
static GIOStream *open_stdio(void)
{
	g_autoptr(GInputStream) in = g_unix_input_stream_new(STDIN_FILENO, FALSE);
	g_autoptr(GOutputStream) out = NULL;
	int fd = port_own_output(STDOUT_FILENO);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && null >= 0)
		dup2(null, STDOUT_FILENO);
	if (null >= 0)
		close(null);
	out = g_unix_output_stream_new(fd >= 0 ? fd : STDOUT_FILENO, fd >= 0);
	return g_simple_io_stream_new(in, out);
}

/* The connection of a side, NULL for standard input and output. */
static GSocketConnection *connection_of(const struct link *link, int side)
{
	return G_IS_SOCKET_CONNECTION(link->sides[side]) ?
	       G_SOCKET_CONNECTION(link->sides[side]) : NULL;
}

/* Links */

static void write_link(const struct link *link, guint64 forth, guint64 back)
{
	GSocketConnection *connection = connection_of(link, 0);
	g_autoptr(VmsockAddress) peer = connection ? endpoint_peer(connection) : NULL;
	g_autofree char *text = peer ? vmsock_address_to_string(peer) : NULL;
	struct json json;

	if (!common.json)
		return;
	json_start_line(&json);
	json_string(&json, "type", "connection");
	json_string(&json, "from", link->rule->from.text);
	json_string(&json, "to", link->rule->to.text);
	json_string(&json, "peer", text);
	json_number(&json, "forth", (gint64)forth);
	json_number(&json, "back", (gint64)back);
	json_string(&json, "error", link->error);
	json_finish(&json);
}

static void accept_next(struct rule *rule);

/* The last link quits the main loop, when no more may come. */
static void leave(struct rule *rule)
{
	struct forward *forward = rule->forward;

	rule->open--;
	forward->open--;
	if (is_stdio(rule) || (!forward->open && is_over(forward)))
		g_main_loop_quit(forward->loop);
	else
		accept_next(rule);
}

static void free_link(struct link *link)
{
	struct rule *rule = link->rule;
	guint64 forth = 0, back = 0;

	if (link->forwarder) {
		forth = vmsock_forwarder_get_bytes_forth(link->forwarder);
		back = vmsock_forwarder_get_bytes_back(link->forwarder);
	}
	write_link(link, forth, back);
	rule->forward->bytes += forth + back;
	for (int i = 0; i < 2; i++)
		if (link->sides[i])
			g_io_stream_close(link->sides[i], NULL, NULL);
	g_clear_object(&link->forwarder);
	for (int i = 0; i < 2; i++)
		g_clear_object(&link->sides[i]);
	g_free(link->error);
	g_free(link);
	leave(rule);
}

static void on_forwarded(GObject *source, GAsyncResult *result, gpointer data)
{
	struct link *link = data;
	g_autoptr(GError) error = NULL;

	if (!vmsock_forwarder_run_finish(VMSOCK_FORWARDER(source), result, &error) &&
	    !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
		link->error = g_strdup(error->message);
		if (is_stdio(link->rule))
			link->rule->forward->code = tool_fail(error);
		else
			tool_remark("%s: %s", link->rule->from.text, error->message);
	}
	free_link(link);
}

static void start_link(struct link *link)
{
	struct forward *forward = link->rule->forward;

	link->forwarder = vmsock_forwarder_new(link->sides[0], link->sides[1]);
	vmsock_forwarder_set_portion(link->forwarder, forward->portion);
	vmsock_forwarder_set_idle_timeout(link->forwarder, common.timeout_ms);
	if (options.proxy && connection_of(link, 0)) {
		g_autoptr(GBytes) header = g_byte_array_free_to_bytes(
			endpoint_proxy_header(connection_of(link, 0)));

		vmsock_forwarder_set_head(link->forwarder, VMSOCK_DIRECTION_FORTH, header);
	}
	vmsock_forwarder_run_async(link->forwarder, forward->cancellable, on_forwarded, link);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
	struct link *link = data;
	struct rule *rule = link->rule;
	g_autoptr(GError) error = NULL;

	link->sides[1] = G_IO_STREAM(endpoint_connect_finish(&rule->to, source, result, &error));
	if (link->sides[1]) {
		start_link(link);
		return;
	}
	if (!is_over(rule->forward)) {
		if (is_stdio(rule))
			rule->forward->code = tool_fail(error);
		else if (!common.quiet)
			tool_complain("%s: %s", rule->to.text, error->message);
		link->error = g_strdup(error->message);
	}
	free_link(link);
}

/* Takes @stream. */
static void add_link(struct rule *rule, GIOStream *stream)
{
	struct link *link = g_new0(struct link, 1);

	link->rule = rule;
	link->sides[0] = stream;
	rule->open++;
	rule->forward->open++;
	rule->forward->links++;
	if (rule->to.kind == ENDPOINT_STDIO) {
		link->sides[1] = open_stdio();
		start_link(link);
		return;
	}
	endpoint_connect(&rule->to, rule->forward->client, rule->forward->cancellable, on_connected,
			 link);
}

/* Accepting */

/* A monitor's UNIX socket does not tell the context, so nobody from there is on a list. */
static bool is_allowed(const struct rule *rule, GSocketConnection *connection)
{
	const struct forward *forward = rule->forward;
	g_autoptr(VmsockAddress) peer = endpoint_peer(connection);
	guint32 cid;

	tool_tell("connection from", peer);
	if (!peer || !forward->allowed)
		return !forward->allowed || rule->from.kind != ENDPOINT_VSOCK;
	cid = vmsock_address_get_cid(peer);
	for (guint i = 0; i < forward->allowed->len; i++)
		if (g_array_index(forward->allowed, guint32, i) == cid)
			return true;
	tool_remark("context %u is not allowed", cid);
	return false;
}

static gboolean on_accept_retry(gpointer data)
{
	struct rule *rule = data;

	rule->accepting--;
	accept_next(rule);
	return G_SOURCE_REMOVE;
}

static void take(struct rule *rule, GSocketConnection *connection)
{
	if (is_allowed(rule, connection)) {
		add_link(rule, G_IO_STREAM(connection));
		return;
	}
	rule->forward->refused++;
	g_io_stream_close(G_IO_STREAM(connection), NULL, NULL);
	g_object_unref(connection);
}

static void on_accepted(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GError) error = NULL;
	struct rule *rule = data;
	GSocketConnection *connection;

	if (VMSOCK_IS_LISTENER(source))
		connection = G_SOCKET_CONNECTION(vmsock_listener_accept_finish(
			VMSOCK_LISTENER(source), result, &error));
	else
		connection = g_socket_listener_accept_finish(G_SOCKET_LISTENER(source), result,
							     NULL, &error);
	if (is_over(rule->forward)) {
		g_clear_object(&connection);
		return;
	}
	if (!connection && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
		tool_complain("%s: cannot accept: %s", rule->from.text, error->message);
		g_timeout_add(ACCEPT_RETRY_MS, on_accept_retry, rule);
		return;
	}
	rule->accepting--;
	if (connection)
		take(rule, connection);
	accept_next(rule);
}

static void accept_one(struct rule *rule)
{
	GCancellable *cancellable = rule->forward->cancellable;

	rule->accepting++;
	if (VMSOCK_IS_LISTENER(rule->listener))
		vmsock_listener_accept_async(VMSOCK_LISTENER(rule->listener), cancellable,
					     on_accepted, rule);
	else
		g_socket_listener_accept_async(rule->listener, cancellable, on_accepted, rule);
}

/* Beyond the limit, connections wait in the queue of the listener. */
static void accept_next(struct rule *rule)
{
	guint64 limit = is_stdio(rule) ? 1 : options.limit;

	while (rule->accepting < ACCEPTS && rule->open + rule->accepting < limit &&
	       !is_over(rule->forward))
		accept_one(rule);
}

/* Rules */

static void free_rule(gpointer data)
{
	struct rule *rule = data;

	if (rule->listener && rule->from.kind == ENDPOINT_UNIX)
		unlink(rule->from.path);
	if (rule->from.kind == ENDPOINT_VSOCK) {
		listen_close((VmsockListener **)&rule->listener, &rule->from.address);
	} else if (rule->listener) {
		g_socket_listener_close(rule->listener);
		g_object_unref(rule->listener);
	}
	endpoint_clear(&rule->from);
	endpoint_clear(&rule->to);
	g_free(rule);
}

static bool add_rule(struct forward *forward, const char *from, const char *to)
{
	struct rule *rule = g_new0(struct rule, 1);

	rule->forward = forward;
	g_ptr_array_add(forward->rules, rule);
	if (!endpoint_parse(&rule->from, from, true) || !endpoint_parse(&rule->to, to, false))
		return false;
	if (rule->to.kind != ENDPOINT_STDIO || rule->from.kind != ENDPOINT_STDIO)
		return true;
	tool_complain("'stdio' cannot be forwarded to itself");
	return false;
}

/* "FROM=TO" */
static bool parse_rule(struct forward *forward, const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, "=", 2);

	if (parts[0] && parts[1])
		return add_rule(forward, g_strstrip(parts[0]), g_strstrip(parts[1]));
	tool_complain("'%s' is no rule like tcp:8080=vsock:3:80", text);
	return false;
}

/* A line a rule; what follows a '#' is a remark. */
static bool parse_config(struct forward *forward)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(options.config, &text, NULL, &error)) {
		forward->code = TOOL_IO;
		tool_complain("%s", error->message);
		return false;
	}
	lines = g_strsplit(text, "\n", -1);
	for (guint i = 0; lines[i]; i++) {
		lines[i][strcspn(lines[i], "#")] = 0;
		g_strstrip(lines[i]);
		if (!*lines[i] || parse_rule(forward, lines[i]))
			continue;
		tool_complain("%s:%u: that line was it", options.config, i + 1);
		return false;
	}
	return true;
}

/* ssh calls us with %h and %p; "vsock/3", as systemd has it, is context 3. */
static bool add_ssh_rule(struct forward *forward, int argc, char **argv)
{
	const char *host = argv[0];
	g_autofree char *to = NULL;

	if (g_str_has_prefix(host, "vsock/"))
		host += strlen("vsock/");
	to = argc > 1 ? g_strdup_printf("vsock-stream:%s:%s", host, argv[1]) :
		    g_strdup_printf("vsock-stream:%s:%d", host, SSH_PORT);
	return add_rule(forward, "stdio", to);
}

static bool check_stdio(const struct forward *forward)
{
	for (guint i = 0; i < forward->rules->len; i++) {
		if (!is_stdio(g_ptr_array_index(forward->rules, i)))
			continue;
		if (forward->rules->len == 1 && !common.json)
			return true;
		tool_complain(common.json ? "--json does not go with 'stdio': data are there" :
					    "a rule with 'stdio' must be the only one");
		return false;
	}
	return true;
}

static bool parse_rules(struct forward *forward, int argc, char **argv)
{
	if (options.ssh)
		return add_ssh_rule(forward, argc, argv) && check_stdio(forward);
	for (int i = 0; i < argc; i++)
		if (!parse_rule(forward, argv[i]))
			return false;
	if (options.config && !parse_config(forward))
		return false;
	if (!forward->rules->len)
		tool_complain("there is no rule");
	return forward->rules->len && check_stdio(forward);
}

static bool parse_allowed(struct forward *forward)
{
	if (!options.allow)
		return true;
	forward->allowed = tool_parse_cids(options.allow);
	return forward->allowed;
}

static bool needs_vsock(const struct endpoint *endpoint)
{
	return endpoint->kind == ENDPOINT_VSOCK &&
	       vmsock_address_get_kind(endpoint->address) == VMSOCK_ADDRESS_KIND_VSOCK;
}

static bool needs_stack(const struct forward *forward)
{
	for (guint i = 0; i < forward->rules->len; i++) {
		const struct rule *rule = g_ptr_array_index(forward->rules, i);

		if (needs_vsock(&rule->from) || needs_vsock(&rule->to))
			return true;
	}
	return false;
}

static bool open_rules(struct forward *forward)
{
	for (guint i = 0; i < forward->rules->len; i++) {
		struct rule *rule = g_ptr_array_index(forward->rules, i);
		g_autoptr(GError) error = NULL;

		if (rule->from.kind == ENDPOINT_STDIO) {
			add_link(rule, open_stdio());
			continue;
		}
		rule->listener = endpoint_listen(&rule->from, forward->stack, options.buffer_size,
						 &error);
		if (!rule->listener) {
			forward->code = tool_fail(error);
			return false;
		}
		tool_remark("%s is forwarded to %s", rule->from.text, rule->to.text);
		accept_next(rule);
	}
	return true;
}

/* Running */

static gboolean on_signal(gpointer data)
{
	struct forward *forward = data;

	g_cancellable_cancel(forward->cancellable);
	if (!forward->open)
		g_main_loop_quit(forward->loop);
	return G_SOURCE_CONTINUE;
}

/* A link takes two descriptors, and two more for each direction that can be spliced. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void tell_summary(const struct forward *forward)
{
	struct json json;

	tool_remark("%" PRIu64 " connections, %" PRIu64 " not allowed, %" PRIu64 " bytes",
		    forward->links, forward->refused, forward->bytes);
	if (!common.json)
		return;
	json_start_line(&json);
	json_string(&json, "type", "summary");
	json_number(&json, "connections", (gint64)forward->links);
	json_number(&json, "refused", (gint64)forward->refused);
	json_number(&json, "bytes", (gint64)forward->bytes);
	json_finish(&json);
}

static void serve(struct forward *forward)
{
	raise_limit();
	forward->loop = g_main_loop_new(NULL, FALSE);
	forward->cancellable = g_cancellable_new();
	forward->portion = options.buffer_size ? MIN(options.buffer_size, LARGEST_PORTION)
					       : LARGEST_PORTION;
	if (needs_stack(forward)) {
		forward->stack = tool_acquire_stack(&forward->code);
		if (!forward->stack)
			return;
	}
	forward->client = tool_new_client(forward->stack, options.buffer_size);
	g_unix_signal_add(SIGINT, on_signal, forward);
	g_unix_signal_add(SIGTERM, on_signal, forward);
	if (!open_rules(forward))
		return;
	manager_notify("READY=1");
	g_main_loop_run(forward->loop);
	manager_notify("STOPPING=1");
	tell_summary(forward);
}

static void clean_up(struct forward *forward)
{
	g_ptr_array_unref(forward->rules);
	g_clear_pointer(&forward->allowed, g_array_unref);
	g_clear_object(&forward->client);
	g_clear_object(&forward->stack);
	g_clear_object(&forward->cancellable);
	g_clear_pointer(&forward->loop, g_main_loop_unref);
}

static const char *problem(int argc)
{
	if (options.ssh && (argc < 1 || argc > 2 || options.config))
		return "--ssh-proxy takes HOST and PORT";
	if (!options.ssh && !argc && !options.config)
		return "a rule or --config is needed";
	return NULL;
}

static int run(int argc, char **argv)
{
	struct forward forward = { .code = TOOL_USAGE };

	if (problem(argc))
		return tool_misused(problem(argc));
	forward.rules = g_ptr_array_new_with_free_func(free_rule);
	if (parse_rules(&forward, argc, argv) && parse_allowed(&forward)) {
		forward.code = TOOL_OK;
		serve(&forward);
	}
	clean_up(&forward);
	return forward.code;
}

static const struct option option_table[] = {
	{ "config", 'c', OPTION_TEXT, &options.config, "FILE", "rules, one on a line",
	  "Read rules from this file, one on a line.\nWhat follows a\n.Ql #\nis a remark.",
	  "file" },
	{ "allow", 'a', OPTION_LIST, &options.allow, "CIDS",
	  "take vsock connections of these contexts only",
	  "Take vsock connections of these contexts only, numbers or names with commas between.\n"
	  "Others are closed at once.\nMay be repeated.", NULL },
	{ "limit", 'n', OPTION_COUNT, &options.limit, "N", "connections at once [4096]",
	  "Serve so many connections of each rule at once, 4096 if not said.\n"
	  "Further ones wait.", NULL },
	{ "proxy", 'P', OPTION_FLAG, &options.proxy, NULL, "begin with a PROXY header, version 2",
	  "Tell the target who has connected, with a header of the PROXY protocol, version 2.\n"
	  "For vsock its family is unspecified, and a field of type 0xE0 has\n"
	  ".Li vsock:CID:PORT .", NULL },
	{ "buffer-size", 'b', OPTION_SIZE, &options.buffer_size, "SIZE",
	  "size of the queues of a stream",
	  "The size of the queues of a vsock stream.\nSmaller ones save memory where there are\n"
	  "many connections.", NULL },
	{ "ssh-proxy", 'S', OPTION_FLAG, &options.ssh, NULL,
	  "be ssh's ProxyCommand: HOST [PORT]",
	  "Connect standard input and output to port\n.Ar port ,\n22 if not said, of\n.Ar host ,\n"
	  "a context ID, also written as\n.Li vsock/3 .", NULL },
	{ 0 }
};

const struct command forward_command = {
	.name = "forward",
	.summary = "connect TCP, UNIX sockets and standard input to vsock, both ways",
	.arguments = "FROM=TO... | --ssh-proxy HOST [PORT]",
	.purpose = "Forwards connections.  FROM and TO are vsock addresses, tcp:HOST:PORT or\n"
		   "unix:PATH; either also stdio; FROM also systemd.",
	.min = 0,
	.max = G_MAXINT,
	.common = COMMON_CONNECT | COMMON_JSON | COMMON_QUIET | COMMON_VERBOSE,
	.options = option_table,
	.run = run,
};
