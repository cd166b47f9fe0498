/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mux-test.c - connecting through a monitor's UNIX socket: handshake, failures, retries, limits
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Needs no vsock.  Each case runs with and without a main loop.
 */
#include "tap.h"

#include <errno.h>

#include "monitor.h"
#include "private.h"

#define GREETING "<CONNECT_1024$ >OK_5001$ "

/* A client, its address, and what became of its last connect. */
struct call {
	VmsockClient *client;
	VmsockAddress *address;
	GCancellable *cancellable;
	bool async, over;
	VmsockConnection *connection;
	GError *error;
	GString *events;
	int cancel_at;		/* an event, -1 for none */
};

static void on_event(VmsockClient *client G_GNUC_UNUSED, GSocketClientEvent event,
		     GSocketConnectable *connectable, GIOStream *connection, gpointer data)
{
	static const char letters[] = "rRcCpPtTX";
	struct call *call = data;

	g_string_append_c(call->events, letters[event]);
	if (!connection && event != G_SOCKET_CLIENT_CONNECTING)
		g_string_append_c(call->events, '!');
	if (connectable != (GSocketConnectable *)call->address)
		g_string_append_c(call->events, '?');
	if ((int)event == call->cancel_at)
		g_cancellable_cancel(call->cancellable);
}

static void call_init(struct call *call, struct monitor *monitor, bool async)
{
	*call = (struct call){ .async = async, .cancel_at = -1 };
	call->client = vmsock_client_new();
	call->address = vmsock_address_new_mux(monitor->path, 1024);
	call->cancellable = g_cancellable_new();
	call->events = g_string_new(NULL);
	g_signal_connect(call->client, "event", G_CALLBACK(on_event), call);
}

static void call_clear(struct call *call)
{
	g_clear_object(&call->connection);
	g_clear_error(&call->error);
	g_clear_object(&call->client);
	g_clear_object(&call->address);
	g_clear_object(&call->cancellable);
	g_string_free(call->events, TRUE);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
	struct call *call = data;

	call->connection = vmsock_client_connect_finish(VMSOCK_CLIENT(source), result,
							&call->error);
	call->over = true;
}

static void make(struct call *call)
{
	g_clear_object(&call->connection);
	g_clear_error(&call->error);
	g_string_truncate(call->events, 0);
	call->over = false;
	if (!call->async) {
		call->connection = vmsock_client_connect(call->client, call->address,
							 call->cancellable, &call->error);
		return;
	}
	vmsock_client_connect_async(call->client, call->address, call->cancellable, on_connected,
				    call);
	while (!call->over)
		g_main_context_iteration(NULL, TRUE);
}

static bool fails_with(struct call *call, VmsockError code, const char *what)
{
	bool good;

	make(call);
	good = !call->connection && g_error_matches(call->error, VMSOCK_ERROR, (int)code);
	ok(good, "%s%s", what, call->async ? ", asynchronous" : "");
	if (!good || getenv("VERBOSE"))
		diag("%s", call->error ? call->error->message : "no error");
	return good;
}

static char *read_line(VmsockConnection *connection)
{
	g_autoptr(GDataInputStream) stream = NULL;

	stream = g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(connection)));
	g_filter_input_stream_set_close_base_stream(G_FILTER_INPUT_STREAM(stream), FALSE);
	return g_data_input_stream_read_line(stream, NULL, NULL, NULL);
}

static void check_connection(VmsockConnection *connection, struct call *call)
{
	g_autoptr(VmsockAddress) local = NULL, remote = NULL;
	g_autofree char *local_text = NULL, *first = NULL, *echo = NULL;
	GOutputStream *output = g_io_stream_get_output_stream(G_IO_STREAM(connection));

	first = read_line(connection);
	is_str(first, "hello", "what follows the handshake is the stream");
	local = vmsock_connection_get_local_address(connection, NULL);
	local_text = vmsock_address_to_string(local);
	is_str(local_text, "vsock:2:5001", "this end is as the virtual machine sees it");
	remote = vmsock_connection_get_remote_address(connection, NULL);
	ok(vmsock_address_equal(remote, call->address), "the other end is what was called");
	is_u64(vmsock_connection_get_peer_cid(connection), VMSOCK_CID_ANY,
	       "whose context ID nobody knows");
	ok(g_socket_connection_is_connected(G_SOCKET_CONNECTION(connection)) &&
	   vmsock_connection_is_alive(connection), "it is connected");
	ok(g_output_stream_write_all(output, "abc\n", 4, NULL, NULL, NULL), "writing");
	echo = read_line(connection);
	is_str(echo, "abc", "... and reading");
	ok(vmsock_connection_shutdown(connection, FALSE, TRUE, NULL), "half-close");
	is_s64(g_input_stream_read(g_io_stream_get_input_stream(G_IO_STREAM(connection)),
				   (char[1]){ 0 }, 1, NULL, NULL), 0, "... to the end");
	ok(!vmsock_connection_is_alive(connection), "... after which nothing is alive");
}

static void check_handshake(bool async)
{
	static const char *const scripts[] = {
		GREETING ">hello$ |",
		"<CONNECT_1024$ >OK_5001$hello$ |",
		"<CONNECT_1024$ ~ >O ~ >K_50 ~ >01 ~ >$he ~ >llo$ |",
		"<CONNECT_1024$ >OK_0005001$hello$ |",
	};
	struct monitor monitor;
	struct call call;

	monitor_init(&monitor, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(scripts); i++) {
		monitor.script = scripts[i];
		monitor_start(&monitor);
		call_init(&call, &monitor, async);
		make(&call);
		if (ok(call.connection != NULL, "connect: %s%s", scripts[i],
		       async ? ", asynchronous" : ""))
			check_connection(call.connection, &call);
		else
			diag("%s", call.error->message);
		is_str(call.events->str, "cCpPX", "progress");
		call_clear(&call);
		monitor_stop(&monitor);
		is_s64(monitor.surprises, 0, "the monitor saw what it expected");
	}
	monitor_clear(&monitor);
}

static const struct {
	const char *script;
	VmsockError code;
	int system_error;
	const char *what;
} refusals[] = {
	{ "<CONNECT_1024$", VMSOCK_ERROR_NO_LISTENER, ECONNRESET, "nobody listens" },
	{ "~", VMSOCK_ERROR_NO_LISTENER, ECONNRESET, "closed at once" },
	{ "<CONNECT_1024$ >OK", VMSOCK_ERROR_NO_LISTENER, ECONNRESET, "half an answer" },
	{ "<CONNECT_1024$ >NO$ .", VMSOCK_ERROR_PROTOCOL, EPROTO, "another answer" },
	{ "<CONNECT_1024$ >$ .", VMSOCK_ERROR_PROTOCOL, EPROTO, "an empty answer" },
	{ "<CONNECT_1024$ >OK$ .", VMSOCK_ERROR_PROTOCOL, EPROTO, "no number" },
	{ "<CONNECT_1024$ >OK_$ .", VMSOCK_ERROR_PROTOCOL, EPROTO, "still no number" },
	{ "<CONNECT_1024$ >OK_x$ .", VMSOCK_ERROR_PROTOCOL, EPROTO, "a word for a number" },
	{ "<CONNECT_1024$ >OK_-1$ .", VMSOCK_ERROR_PROTOCOL, EPROTO, "a negative number" },
	{ "<CONNECT_1024$ >OK_4294967296$ .", VMSOCK_ERROR_PROTOCOL, EPROTO, "a large number" },
	{ "<CONNECT_1024$ >ok_1$ .", VMSOCK_ERROR_PROTOCOL, EPROTO, "small letters" },
	{ "<CONNECT_1024$ >0123456789012345678901234567890123456789012345678901234567890123 .",
	  VMSOCK_ERROR_PROTOCOL, EPROTO, "an endless answer" },
};

static void check_refusals(bool async)
{
	struct monitor monitor;
	struct call call;

	for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
		monitor_init(&monitor, refusals[i].script);
		monitor_start(&monitor);
		call_init(&call, &monitor, async);
		if (fails_with(&call, refusals[i].code, refusals[i].what))
			is_s64(vmsock_error_get_errno(call.error), refusals[i].system_error,
			       "... with its errno");
		call_clear(&call);
		monitor_clear(&monitor);
	}
}

static void check_paths(bool async)
{
	g_autoptr(VmsockAddress) long_path = NULL;
	g_autofree char *fill = g_strnfill(VMSOCK_PATH_MAX + 1, 'x');
	struct monitor monitor;
	struct call call;

	monitor_init(&monitor, "");
	call_init(&call, &monitor, async);
	fails_with(&call, VMSOCK_ERROR_UNREACHABLE, "no such socket");
	ok(g_file_set_contents(monitor.path, "", 0, NULL), "a file of that name");
	fails_with(&call, VMSOCK_ERROR_NO_LISTENER, "... is no socket");
	g_unlink(monitor.path);
	monitor_start(&monitor);
	monitor_stop(&monitor);
	call_clear(&call);
	monitor_clear(&monitor);

	long_path = vmsock_address_new_mux(fill, 1);
	monitor_init(&monitor, "");
	call_init(&call, &monitor, async);
	g_set_object(&call.address, long_path);
	make(&call);
	ok(!call.connection && call.error, "a path that is too long: %s",
	   call.error ? call.error->message : "");
	call_clear(&call);
	monitor_clear(&monitor);
}

/* Times are lower limits only: a slow machine takes longer. */
static void check_limits(bool async)
{
	struct monitor monitor;
	struct call call;
	gint64 begun;

	monitor_init(&monitor, "<CONNECT_1024$ .");
	monitor_start(&monitor);
	call_init(&call, &monitor, async);
	vmsock_client_set_connect_timeout(call.client, 150);
	begun = g_get_monotonic_time();
	fails_with(&call, VMSOCK_ERROR_TIMED_OUT, "a monitor that says nothing");
	ok(g_get_monotonic_time() - begun >= 150000, "... not before the time is over");
	is_str(call.events->str, "cCp", "... in the middle of the handshake");
	vmsock_client_set_connect_timeout(call.client, 60000);
	vmsock_client_set_deadline(call.client, 120);
	fails_with(&call, VMSOCK_ERROR_TIMED_OUT, "... nor before the deadline");
	is_str(call.events->str, "cCp", "... of a single try");
	vmsock_client_set_connect_timeout(call.client, 50);
	vmsock_client_set_deadline(call.client, 400);
	vmsock_client_set_retry(call.client, TRUE);
	fails_with(&call, VMSOCK_ERROR_TIMED_OUT, "... nor if it is asked again");
	ok(strncmp(call.events->str, "cCpcCp", 6) == 0, "... several times: %s", call.events->str);
	ok(strstr(call.error->message, "the last try"), "... and what went wrong last is told");
	call_clear(&call);
	monitor_clear(&monitor);
}

static gpointer start_later(gpointer data)
{
	g_usleep(150000);
	monitor_start(data);
	return NULL;
}

static gpointer listen_later(gpointer data)
{
	struct monitor *monitor = data;

	while (g_atomic_int_get(&monitor->served) < 3)
		g_usleep(1000);
	g_atomic_pointer_set(&monitor->script, GREETING "|");
	return NULL;
}

static void check_retry(bool async)
{
	struct monitor monitor;
	struct call call;
	GThread *thread;

	monitor_init(&monitor, "<CONNECT_1024$");
	call_init(&call, &monitor, async);
	vmsock_client_set_retry(call.client, TRUE);
	vmsock_client_set_deadline(call.client, 60000);
	thread = g_thread_new("monitor", start_later, &monitor);
	g_thread_unref(g_thread_new("listener", listen_later, &monitor));
	make(&call);
	g_thread_join(thread);
	ok(call.connection != NULL, "connect before there is a monitor, and then a listener%s",
	   async ? ", asynchronous" : "");
	ok(g_str_has_suffix(call.events->str, "cCpPX"), "... in the end: %s", call.events->str);
	ok(monitor.served >= 4, "... at the fourth connection or later");
	call_clear(&call);
	monitor_stop(&monitor);

	monitor.script = "<CONNECT_1024$ >NO$ .";
	monitor_start(&monitor);
	call_init(&call, &monitor, async);
	vmsock_client_set_retry(call.client, TRUE);
	fails_with(&call, VMSOCK_ERROR_PROTOCOL, "what will not pass is not tried again");
	is_str(call.events->str, "cCp", "... not even once");
	call_clear(&call);
	monitor_clear(&monitor);
}

static bool is_cancelled(struct call *call)
{
	return !call->connection &&
	       g_error_matches(call->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static gpointer cancel_later(gpointer cancellable)
{
	g_usleep(60000);
	g_cancellable_cancel(cancellable);
	return NULL;
}

/* While it waits: for the answer, and between two tries. */
static void check_cancelled_waiting(bool async, bool retry)
{
	struct monitor monitor;
	struct call call;
	GThread *thread;

	monitor_init(&monitor, "<CONNECT_1024$ .");
	if (!retry)
		monitor_start(&monitor);
	call_init(&call, &monitor, async);
	vmsock_client_set_retry(call.client, retry);
	vmsock_client_set_connect_timeout(call.client, 60000);
	thread = g_thread_new("cancel", cancel_later, call.cancellable);
	make(&call);
	g_thread_join(thread);
	ok(is_cancelled(&call), "cancelled while it waits for %s%s",
	   retry ? "the next try" : "an answer", async ? ", asynchronous" : "");
	call_clear(&call);
	monitor_clear(&monitor);
}

static void check_cancelled(bool async)
{
	static const struct {
		int event;
		const char *events;
	} rows[] = {
		{ G_SOCKET_CLIENT_CONNECTING, "c" },
		{ G_SOCKET_CLIENT_CONNECTED, "cC" },
		{ G_SOCKET_CLIENT_PROXY_NEGOTIATING, "cCp" },
	};
	struct monitor monitor;
	struct call call;

	monitor_init(&monitor, GREETING "|");
	monitor_start(&monitor);
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		call_init(&call, &monitor, async);
		call.cancel_at = rows[i].event;
		make(&call);
		ok(is_cancelled(&call) || call.connection, "cancelled at %s%s", rows[i].events,
		   async ? ", asynchronous" : "");
		ok(g_str_has_prefix(call.events->str, rows[i].events), "... %s", call.events->str);
		g_cancellable_reset(call.cancellable);
		call.cancel_at = -1;
		make(&call);
		ok(call.connection != NULL, "... and the next one succeeds");
		call_clear(&call);
	}
	call_init(&call, &monitor, async);
	g_cancellable_cancel(call.cancellable);
	make(&call);
	ok(is_cancelled(&call), "cancelled beforehand");
	is_str(call.events->str, "", "... nothing begins");
	call_clear(&call);
	monitor_clear(&monitor);
	check_cancelled_waiting(async, false);
	check_cancelled_waiting(async, true);
}

static void check_text(void)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	struct monitor monitor;
	struct call call;

	monitor_init(&monitor, GREETING "|");
	monitor_start(&monitor);
	text = g_strconcat("vsock-mux/", monitor.path, NULL);
	call_init(&call, &monitor, true);
	call.connection = vmsock_client_connect_to(call.client, text, 1024, NULL, &call.error);
	ok(call.connection != NULL, "connect to a text, with the default port");
	g_clear_object(&call.connection);
	vmsock_client_connect_to_async(call.client, text, 1024, NULL, on_connected, &call);
	while (!call.over)
		g_main_context_iteration(NULL, TRUE);
	ok(call.connection != NULL, "... asynchronous");
	g_clear_object(&call.connection);
	call.over = false;
	vmsock_client_connect_to_async(call.client, "nonsense", 1, NULL, on_connected, &call);
	while (!call.over)
		g_main_context_iteration(NULL, TRUE);
	ok(g_error_matches(call.error, VMSOCK_ERROR, VMSOCK_ERROR_INVALID_ADDRESS),
	   "... which is no address");
	ok(!vmsock_client_connect_to(call.client, "nonsense", 1, NULL, &error) &&
	   g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_INVALID_ADDRESS),
	   "... without a main loop");
	call_clear(&call);
	monitor_clear(&monitor);
}

static int count_descriptors(void)
{
	g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
	int count = 0;

	while (g_dir_read_name(dir))
		count++;
	return count;
}

int main(void)
{
	int before;

	/* GLib keeps some of its own from the first use on. */
	check_handshake(true);
	before = count_descriptors();
	for (int async = 0; async < 2; async++) {
		check_handshake(async);
		check_refusals(async);
		check_paths(async);
		check_limits(async);
		check_retry(async);
		check_cancelled(async);
	}
	check_text();
	is_s64(count_descriptors(), before, "no descriptor is left");
	return done_testing();
}
