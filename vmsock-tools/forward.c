/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forward.c - connections of one kind to connections of another
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A rule says where to listen and where to connect for each connection that comes; a link is such a
 * pair.  It has a relay for each direction, and each direction ends for itself: the end of input is
 * passed on by ending output, and the link is over when both have ended, or when one has failed.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "endpoint.h"
#include "json.h"
#include "listen.h"
#include "manager.h"
#include "relay.h"
#include "tool.h"

#define LARGEST_CHUNK (64 * 1024)
#define USUAL_LIMIT 4096
/* Pause after an accept that failed for want of descriptors or memory. */
#define ACCEPT_RETRY_MS 100
#define SSH_PORT 22

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
	bool accepting;
};

struct forward {
	VmsockStack *stack;
	VmsockClient *client;
	GPtrArray *rules;		/* of struct rule */
	GArray *allowed;		/* CIDs; NULL for all */
	GMainLoop *loop;
	GCancellable *cancellable;
	gsize chunk;
	uint64_t links, refused, bytes;
	enum tool_exit code;
};

/* One side of a link; without a connection it is standard input and output. */
struct side {
	GSocketConnection *connection;
	struct port in, out;
};

struct link {
	struct rule *rule;
	struct side sides[2];		/* who came, and whom we have connected to */
	struct relay relays[2];		/* from side 0, from side 1 */
	char *error;			/* why it failed, NULL if it did not */
};

/* There is one link then, and its end is the end. */
static bool is_stdio(const struct rule *rule)
{
	return rule->from.kind == ENDPOINT_STDIO || rule->to.kind == ENDPOINT_STDIO;
}

/* Sides */

static void open_side(struct side *side)
{
	if (side->connection) {
		port_init_socket(&side->in, g_socket_connection_get_socket(side->connection));
		port_init_socket(&side->out, g_socket_connection_get_socket(side->connection));
	} else {
		port_init_input(&side->in, STDIN_FILENO);
		port_init_output(&side->out, STDOUT_FILENO);
	}
}

/* Nothing more will be written. */
static void end_side(struct side *side)
{
	int null;

	if (side->connection) {
		shutdown(side->out.fd, SHUT_WR);
		return;
	}
	port_clear(&side->out);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0)
		return;
	dup2(null, STDOUT_FILENO);
	close(null);
}

static void close_side(struct side *side)
{
	port_clear(&side->in);
	port_clear(&side->out);
	if (side->connection)
		g_io_stream_close(G_IO_STREAM(side->connection), NULL, NULL);
	g_clear_object(&side->connection);
}

/* Links */

static void write_link(const struct link *link)
{
	g_autoptr(VmsockAddress) peer = NULL;
	g_autofree char *text = NULL;
	struct json json;

	if (!common.json)
		return;
	if (link->sides[0].connection)
		peer = endpoint_peer(link->sides[0].connection);
	if (peer)
		text = vmsock_address_to_string(peer);
	json_start_line(&json);
	json_string(&json, "type", "connection");
	json_string(&json, "from", link->rule->from.text);
	json_string(&json, "to", link->rule->to.text);
	json_string(&json, "peer", text);
	json_number(&json, "forth", (gint64)link->relays[0].bytes);
	json_number(&json, "back", (gint64)link->relays[1].bytes);
	json_string(&json, "error", link->error);
	json_finish(&json);
}

static void accept_next(struct rule *rule);

static void free_link(struct link *link)
{
	struct rule *rule = link->rule;

	write_link(link);
	for (int i = 0; i < 2; i++) {
		rule->forward->bytes += link->relays[i].bytes;
		relay_stop(&link->relays[i]);
	}
	for (int i = 0; i < 2; i++)
		close_side(&link->sides[i]);
	g_free(link->error);
	g_free(link);
	rule->open--;
	if (is_stdio(rule))
		g_main_loop_quit(rule->forward->loop);
	else
		accept_next(rule);
}

static void fail_link(struct link *link, const char *what, int system_error)
{
	tool_remark("%s: %s: %s", link->rule->from.text, what, g_strerror(system_error));
	link->error = g_strdup_printf("%s: %s", what, g_strerror(system_error));
	if (is_stdio(link->rule))
		link->rule->forward->code = TOOL_IO;
	free_link(link);
}

static void on_relay_done(struct relay *relay, enum relay_end end, int system_error)
{
	struct link *link = relay->data;
	struct side *to = &link->sides[relay == &link->relays[0] ? 1 : 0];

	switch (end) {
	case RELAY_EOF:
		end_side(to);
		if (!link->relays[0].running && !link->relays[1].running)
			free_link(link);
		break;
	case RELAY_READ_FAILED:
		fail_link(link, "cannot receive", system_error);
		break;
	case RELAY_WRITE_FAILED:
		fail_link(link, "cannot send", system_error);
		break;
	}
}

static bool send_proxy_header(struct link *link)
{
	g_autoptr(GByteArray) header = endpoint_proxy_header(link->sides[0].connection);
	int fd = link->sides[1].connection ?
		 g_socket_get_fd(g_socket_connection_get_socket(link->sides[1].connection)) :
		 STDOUT_FILENO;

	if (fd == STDOUT_FILENO)
		return write(fd, header->data, header->len) == (ssize_t)header->len;

	/* A connection that has just been made has room for so little. */
	return send(fd, header->data, header->len, MSG_NOSIGNAL) == (ssize_t)header->len;
}

static void start_link(struct link *link)
{
	if (options.proxy && link->sides[0].connection && !send_proxy_header(link)) {
		fail_link(link, "PROXY header", errno);
		return;
	}
	for (int i = 0; i < 2; i++)
		open_side(&link->sides[i]);
	for (int i = 0; i < 2; i++)
		link->relays[i] = (struct relay){
			.from = &link->sides[i].in,
			.to = &link->sides[1 - i].out,
			.done = on_relay_done,
			.data = link,
		};
	for (int i = 0; i < 2; i++)
		relay_start(&link->relays[i], link->rule->forward->chunk);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
	struct link *link = data;
	struct rule *rule = link->rule;
	g_autoptr(GError) error = NULL;

	link->sides[1].connection = endpoint_connect_finish(&rule->to, source, result, &error);
	if (link->sides[1].connection) {
		start_link(link);
		return;
	}
	if (is_stdio(rule))
		rule->forward->code = tool_fail(error);
	else if (!common.quiet)
		tool_complain("%s: %s", rule->to.text, error->message);
	link->error = g_strdup(error->message);
	free_link(link);
}

static void add_link(struct rule *rule, GSocketConnection *connection)
{
	struct link *link = g_new0(struct link, 1);

	link->rule = rule;
	link->sides[0].connection = connection;
	rule->open++;
	rule->forward->links++;
	if (rule->to.kind == ENDPOINT_STDIO) {
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

	rule->accepting = false;
	accept_next(rule);
	return G_SOURCE_REMOVE;
}

static void take(struct rule *rule, GSocketConnection *connection)
{
	if (is_allowed(rule, connection)) {
		add_link(rule, connection);
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
	if (g_cancellable_is_cancelled(rule->forward->cancellable)) {
		g_clear_object(&connection);
		return;
	}
	if (!connection) {
		tool_complain("%s: cannot accept: %s", rule->from.text, error->message);
		g_timeout_add(ACCEPT_RETRY_MS, on_accept_retry, rule);
		return;
	}
	rule->accepting = false;
	take(rule, connection);
	accept_next(rule);
}

/* Beyond the limit, connections wait in the queue of the listener. */
static void accept_next(struct rule *rule)
{
	struct forward *forward = rule->forward;

	if (rule->accepting || rule->open >= (is_stdio(rule) ? 1 : options.limit) ||
	    g_cancellable_is_cancelled(forward->cancellable))
		return;
	rule->accepting = true;
	if (VMSOCK_IS_LISTENER(rule->listener))
		vmsock_listener_accept_async(VMSOCK_LISTENER(rule->listener), forward->cancellable,
					     on_accepted, rule);
	else
		g_socket_listener_accept_async(rule->listener, forward->cancellable, on_accepted,
					       rule);
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
			add_link(rule, NULL);
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
	g_main_loop_quit(forward->loop);
	return G_SOURCE_CONTINUE;
}

/* Each link takes two descriptors. */
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
	forward->chunk = options.buffer_size ? MIN(options.buffer_size, LARGEST_CHUNK)
					     : LARGEST_CHUNK;
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

/* Links that are still open end with the process. */
static void clean_up(struct forward *forward)
{
	g_ptr_array_unref(forward->rules);
	g_clear_pointer(&forward->allowed, g_array_unref);
	g_clear_object(&forward->client);
	g_clear_object(&forward->stack);
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
