/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * library-guest.c - libvmsock on real sockets; runs in a guest (tests/vm/library.sh)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Each argument is a context ID and the family number of the stack to test, as CID/FAMILY; 0 is the
 * default stack, which must be ours then.
 */
#include "tap.h"

#include <errno.h>

#include "private.h"

#ifdef __SANITIZE_ADDRESS__
#define MANY 300
#else
#define MANY 1000
#endif

static VmsockStack *stack;
static guint32 own_cid;

static int count_descriptors(void)
{
	g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
	int count = 0;

	while (g_dir_read_name(dir))
		count++;
	return count;
}

/* Prints an error that was not expected. */
static bool fine(bool good, GError **error, const char *what)
{
	ok(good, "%s", what);
	if (*error)
		diag("%s", (*error)->message);
	g_clear_error(error);
	return good;
}

static bool failed_with(GError **error, VmsockError code, int system_error, const char *what)
{
	bool good = g_error_matches(*error, VMSOCK_ERROR, (int)code) &&
		    vmsock_error_get_errno(*error) == system_error;

	ok(good, "%s", what);
	if (!good)
		diag("%s", *error ? (*error)->message : "no error");
	g_clear_error(error);
	return good;
}

static bool was_cancelled(GError **error)
{
	bool cancelled = g_error_matches(*error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

	g_clear_error(error);
	return cancelled;
}

/* A listener, its address as clients see it, and both ends of a connection. */
struct pair {
	VmsockListener *listener;
	VmsockAddress *address;
	VmsockClient *client_maker;
	VmsockConnection *client, *server;
};

static void open_listener(struct pair *pair)
{
	g_autoptr(VmsockAddress) any = vmsock_address_new(VMSOCK_CID_ANY, VMSOCK_PORT_ANY);
	g_autoptr(VmsockAddress) effective = NULL;
	GError *error = NULL;

	*pair = (struct pair){ .listener = vmsock_listener_new() };
	vmsock_listener_set_stack(pair->listener, stack);
	fine(vmsock_listener_add_address(pair->listener, any, &effective, &error), &error,
	     "listen on any port");
	pair->address = vmsock_address_new(own_cid, vmsock_address_get_port(effective));
	pair->client_maker = vmsock_client_new();
	vmsock_client_set_stack(pair->client_maker, stack);
}

static bool connect_pair(struct pair *pair)
{
	GError *error = NULL;

	pair->client = vmsock_client_connect(pair->client_maker, pair->address, NULL, &error);
	if (pair->client)
		pair->server = vmsock_listener_accept(pair->listener, NULL, &error);
	if (error)
		diag("%s", error->message);
	g_clear_error(&error);
	return pair->server != NULL;
}

static void disconnect_pair(struct pair *pair)
{
	g_clear_object(&pair->client);
	g_clear_object(&pair->server);
}

static void close_pair(struct pair *pair)
{
	disconnect_pair(pair);
	g_clear_object(&pair->client_maker);
	g_clear_object(&pair->address);
	g_clear_object(&pair->listener);
}

static void is_address(VmsockAddress *got, VmsockAddress *want, const char *what)
{
	g_autofree char *got_text = got ? vmsock_address_to_string(got) : NULL;
	g_autofree char *want_text = want ? vmsock_address_to_string(want) : NULL;

	is_str(got_text, want_text, "%s", what);
}

static void check_addresses(struct pair *pair)
{
	g_autoptr(VmsockAddress) client_local = NULL, client_remote = NULL, server_local = NULL;
	g_autoptr(VmsockAddress) server_remote = NULL;
	g_autoptr(GSocketAddress) plain = NULL;

	client_local = vmsock_connection_get_local_address(pair->client, NULL);
	client_remote = vmsock_connection_get_remote_address(pair->client, NULL);
	server_local = vmsock_connection_get_local_address(pair->server, NULL);
	server_remote = vmsock_connection_get_remote_address(pair->server, NULL);
	is_address(client_remote, pair->address, "the client's peer is the listener");
	is_address(server_local, pair->address, "... where the server's end is");
	is_u64(vmsock_address_get_port(server_remote), vmsock_address_get_port(client_local),
	       "the server's peer is the client's port");
	is_u64(vmsock_address_get_cid(server_remote), own_cid, "... and context");
	plain = g_socket_connection_get_remote_address(G_SOCKET_CONNECTION(pair->client), NULL);
	ok(VMSOCK_IS_ADDRESS(plain), "GIO knows the client's peer, too");
	ok(g_socket_connection_is_connected(G_SOCKET_CONNECTION(pair->client)),
	   "GIO knows that the client is connected");
	ok(g_socket_connection_is_connected(G_SOCKET_CONNECTION(pair->server)),
	   "... and the server");
}

static bool write_text(VmsockConnection *connection, const char *text)
{
	GOutputStream *stream = g_io_stream_get_output_stream(G_IO_STREAM(connection));

	return g_output_stream_write_all(stream, text, strlen(text), NULL, NULL, NULL);
}

/* Up to the end; NULL on failure. */
static char *read_text(VmsockConnection *connection)
{
	GInputStream *stream = g_io_stream_get_input_stream(G_IO_STREAM(connection));
	char buffer[1000];
	gsize got;

	if (!g_input_stream_read_all(stream, buffer, sizeof(buffer), &got, NULL, NULL))
		return NULL;
	return g_strndup(buffer, got);
}

static void check_half_close(struct pair *pair)
{
	g_autofree char *question = NULL, *answer = NULL;
	g_autoptr(VmsockAddress) remote = NULL;
	GError *error = NULL;

	ok(write_text(pair->client, "question"), "the client writes");
	fine(vmsock_connection_shutdown(pair->client, FALSE, TRUE, &error), &error,
	     "... and ends writing");
	question = read_text(pair->server);
	is_str(question, "question", "the server reads to the end");
	ok(write_text(pair->server, "answer"), "... and answers");
	fine(g_socket_shutdown(g_socket_connection_get_socket(G_SOCKET_CONNECTION(pair->server)),
			       FALSE, TRUE, &error), &error, "... and ends by plain GIO");
	answer = read_text(pair->client);
	is_str(answer, "answer", "the client reads to the end");
	remote = vmsock_connection_get_remote_address(pair->client, NULL);
	is_address(remote, pair->address, "the peer is known after the end");
	fine(vmsock_connection_shutdown(pair->client, TRUE, TRUE, &error), &error,
	     "ending what has ended is no error");
}

static void check_pair(void)
{
	struct pair pair;

	open_listener(&pair);
	if (ok(connect_pair(&pair), "connect and accept")) {
		check_addresses(&pair);
		check_half_close(&pair);
	}
	close_pair(&pair);
}

static guint64 size_of(VmsockConnection *connection)
{
	GSocket *socket = g_socket_connection_get_socket(G_SOCKET_CONNECTION(connection));
	guint64 size = 0;
	socklen_t length = sizeof(size);

	getsockopt(g_socket_get_fd(socket), vmsock_stack_get_family(stack), SO_VMCI_BUFFER_SIZE,
		   &size, &length);
	return size;
}

static guint64 timeout_of(VmsockConnection *connection)
{
	GSocket *socket = g_socket_connection_get_socket(G_SOCKET_CONNECTION(connection));
	struct timeval limit = { 0 };
	socklen_t length = sizeof(limit);

	getsockopt(g_socket_get_fd(socket), vmsock_stack_get_family(stack), SO_VMCI_CONNECT_TIMEOUT,
		   &limit, &length);
	return (guint64)limit.tv_sec * 1000 + (guint64)limit.tv_usec / 1000;
}

static void check_settings(void)
{
	static const guint64 sizes[] = { 4096, 1048576 };
	g_autoptr(VmsockAddress) from = vmsock_address_new(VMSOCK_CID_ANY, 6100);
	g_autoptr(VmsockAddress) local = NULL, seen = NULL;
	struct pair pair;

	open_listener(&pair);
	vmsock_client_set_connect_timeout(pair.client_maker, 1520);
	for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
		vmsock_client_set_buffer_size(pair.client_maker, sizes[i]);
		ok(connect_pair(&pair), "connect with settings");
		is_u64(size_of(pair.client), sizes[i], "... the size of queues");
		is_u64(timeout_of(pair.client), 1520, "... the time limit");
		disconnect_pair(&pair);
	}
	vmsock_client_set_local_address(pair.client_maker, from);
	ok(connect_pair(&pair), "connect from a port");
	local = vmsock_connection_get_local_address(pair.client, NULL);
	seen = vmsock_connection_get_remote_address(pair.server, NULL);
	is_u64(vmsock_address_get_port(local), 6100, "... it is ours");
	is_u64(vmsock_address_get_port(seen), 6100, "... and the server sees it");
	close_pair(&pair);
}

static void check_failures(void)
{
	g_autoptr(VmsockAddress) nobody = vmsock_address_new(own_cid, 59999);
	g_autoptr(VmsockAddress) foreign = vmsock_address_new(77, 5000);
	VmsockAddress *effective = NULL;
	GError *error = NULL;
	struct pair pair;

	open_listener(&pair);
	ok(!vmsock_client_connect(pair.client_maker, nobody, NULL, &error), "nobody listens");
	failed_with(&error, VMSOCK_ERROR_NO_LISTENER, ECONNRESET, "... is an error of its own");
	ok(!vmsock_client_connect(pair.client_maker, foreign, NULL, &error), "no such context");
	ok(error->domain == VMSOCK_ERROR, "... %s", error->message);
	g_clear_error(&error);
	vmsock_listener_add_address(pair.listener, pair.address, &effective, &error);
	failed_with(&error, VMSOCK_ERROR_ADDRESS_IN_USE, EADDRINUSE, "listen on a port in use");
	vmsock_listener_add_address(pair.listener, foreign, &effective, &error);
	failed_with(&error, VMSOCK_ERROR_ADDRESS_NOT_LOCAL, EADDRNOTAVAIL,
		    "listen on a foreign context");
	ok(!effective, "... and no address is returned");
	vmsock_client_set_local_address(pair.client_maker, foreign);
	ok(!vmsock_client_connect(pair.client_maker, pair.address, NULL, &error) &&
	   g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_ADDRESS_NOT_LOCAL),
	   "connect from a foreign context");
	g_clear_error(&error);
	close_pair(&pair);
}

/* Asynchronous calls: a counter of those that are not over, and the last results. */
struct flight {
	int pending;
	VmsockConnection *connected, *accepted;
	GError *connect_error, *accept_error;
};

static void on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
	struct flight *flight = data;

	flight->connected = vmsock_client_connect_finish(VMSOCK_CLIENT(source), result,
							 &flight->connect_error);
	flight->pending--;
}

static void on_accepted(GObject *source, GAsyncResult *result, gpointer data)
{
	struct flight *flight = data;

	flight->accepted = vmsock_listener_accept_finish(VMSOCK_LISTENER(source), result,
							 &flight->accept_error);
	flight->pending--;
}

static void land(struct flight *flight)
{
	while (flight->pending)
		g_main_context_iteration(NULL, TRUE);
}

static void clear(struct flight *flight)
{
	g_clear_object(&flight->connected);
	g_clear_object(&flight->accepted);
	g_clear_error(&flight->connect_error);
	g_clear_error(&flight->accept_error);
}

static void check_async(void)
{
	g_autoptr(VmsockAddress) nobody = vmsock_address_new(own_cid, 59999);
	struct flight flight = { .pending = 2 };
	struct pair pair;

	open_listener(&pair);
	vmsock_listener_accept_async(pair.listener, NULL, on_accepted, &flight);
	vmsock_client_connect_async(pair.client_maker, pair.address, NULL, on_connected, &flight);
	land(&flight);
	ok(flight.connected && flight.accepted, "connect and accept without waiting");
	pair.client = g_steal_pointer(&flight.connected);
	pair.server = g_steal_pointer(&flight.accepted);
	check_addresses(&pair);
	check_half_close(&pair);

	flight.pending = 1;
	vmsock_client_connect_async(pair.client_maker, nobody, NULL, on_connected, &flight);
	land(&flight);
	failed_with(&flight.connect_error, VMSOCK_ERROR_NO_LISTENER, ECONNRESET, "nobody listens");
	clear(&flight);
	close_pair(&pair);
}

static gpointer cancel_soon(gpointer cancellable)
{
	g_usleep(50000);
	g_cancellable_cancel(cancellable);
	return NULL;
}

/* What has arrived is taken first. */
static void check_closed_listener(struct pair *pair)
{
	struct flight flight = { 0 };

	do {
		clear(&flight);
		flight.pending = 1;
		vmsock_listener_accept_async(pair->listener, NULL, on_accepted, &flight);
		g_socket_listener_close(G_SOCKET_LISTENER(pair->listener));
		land(&flight);
	} while (flight.accepted);
	ok(g_error_matches(flight.accept_error, G_IO_ERROR, G_IO_ERROR_CLOSED),
	   "closing the listener ends accept");
	clear(&flight);
}

static void check_cancelled(void)
{
	g_autoptr(GCancellable) cancellable = g_cancellable_new();
	struct flight flight = { .pending = 1 };
	GError *error = NULL;
	struct pair pair;
	GThread *thread;

	open_listener(&pair);
	thread = g_thread_new(NULL, cancel_soon, cancellable);
	ok(!vmsock_listener_accept(pair.listener, cancellable, &error) && was_cancelled(&error),
	   "cancel accept");
	g_thread_join(thread);
	g_cancellable_reset(cancellable);
	vmsock_listener_accept_async(pair.listener, cancellable, on_accepted, &flight);
	g_cancellable_cancel(cancellable);
	land(&flight);
	ok(!flight.accepted && was_cancelled(&flight.accept_error), "cancel accept, asynchronous");
	g_cancellable_reset(cancellable);
	flight.pending = 1;
	vmsock_client_connect_async(pair.client_maker, pair.address, cancellable, on_connected,
				    &flight);
	g_cancellable_cancel(cancellable);
	land(&flight);
	ok(!flight.connected && was_cancelled(&flight.connect_error), "cancel connect");
	g_cancellable_reset(cancellable);
	pair.client = vmsock_client_connect(pair.client_maker, pair.address, NULL, &error);
	fine(pair.client != NULL, &error, "... and the next one succeeds");
	check_closed_listener(&pair);
	close_pair(&pair);
}

static void check_early_close(void)
{
	g_autofree char *text = NULL;
	GError *error = NULL;
	struct pair pair;

	open_listener(&pair);
	pair.client = vmsock_client_connect(pair.client_maker, pair.address, NULL, &error);
	fine(pair.client != NULL, &error, "connect");
	ok(write_text(pair.client, "last words"), "... write");
	g_clear_object(&pair.client);
	pair.server = vmsock_listener_accept(pair.listener, NULL, &error);
	fine(pair.server != NULL, &error, "a client that has gone is accepted");
	text = read_text(pair.server);
	is_str(text, "last words", "... and what it wrote is read");
	close_pair(&pair);
}

static void check_many(void)
{
	int good = 0, before;
	struct pair pair;

	open_listener(&pair);
	before = count_descriptors();
	for (int i = 0; i < MANY; i++) {
		g_autofree char *text = NULL;

		if (!connect_pair(&pair))
			break;
		if (write_text(pair.client, "x") &&
		    vmsock_connection_shutdown(pair.client, FALSE, TRUE, NULL))
			text = read_text(pair.server);
		good += g_strcmp0(text, "x") == 0;
		disconnect_pair(&pair);
	}
	is_s64(good, MANY, "many connections, one after the other");
	is_s64(count_descriptors(), before, "... and no descriptor is left");
	close_pair(&pair);
}

static VmsockDatagramSocket *open_datagrams(VmsockAddress *local)
{
	GError *error = NULL;
	VmsockDatagramSocket *socket = vmsock_datagram_socket_new(stack, local, &error);

	fine(socket != NULL, &error, "a datagram socket");
	return socket;
}

/* As the library's call; an address without a datagram would be a fault. */
static gssize receive_one(VmsockDatagramSocket *socket, GCancellable *cancellable, GError **error)
{
	VmsockAddress *from = NULL;
	guint8 byte;
	gssize got = vmsock_datagram_socket_receive_from(socket, &from, &byte, 1, cancellable,
							 error);

	if (!from == (got >= 0))
		ok(false, "an address comes with a datagram and only then");
	g_clear_object(&from);
	return got;
}

static void check_datagram_errors(VmsockDatagramSocket *socket, VmsockAddress *address)
{
	static guint8 large[VMSOCK_DATAGRAM_MAX + 1];
	g_autoptr(VmsockAddress) nobody = vmsock_address_new(own_cid, 59999);
	g_autoptr(GCancellable) cancellable = g_cancellable_new();
	GError *error = NULL;

	vmsock_datagram_socket_send_to(socket, address, large, sizeof(large), NULL, &error);
	failed_with(&error, VMSOCK_ERROR_TOO_LONG, EMSGSIZE, "a datagram that is too long");
	vmsock_datagram_socket_send_to(socket, nobody, large, 1, NULL, &error);
	failed_with(&error, VMSOCK_ERROR_NO_LISTENER, EHOSTUNREACH, "a port where nobody receives");
	g_thread_unref(g_thread_new(NULL, cancel_soon, cancellable));
	ok(receive_one(socket, cancellable, &error) == -1 && was_cancelled(&error),
	   "cancel receiving");
	g_socket_set_blocking(vmsock_datagram_socket_get_socket(socket), FALSE);
	ok(receive_one(socket, NULL, &error) == -1 &&
	   g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK), "nothing to receive");
	g_clear_error(&error);
}

static void check_datagrams(void)
{
	static const gsize sizes[] = { 5, 0, 1, VMSOCK_DATAGRAM_MAX };
	static guint8 out[VMSOCK_DATAGRAM_MAX], in[VMSOCK_DATAGRAM_MAX];
	g_autoptr(VmsockAddress) local = vmsock_address_new(VMSOCK_CID_ANY, 5100);
	g_autoptr(VmsockAddress) address = vmsock_address_new(own_cid, 5100);
	g_autoptr(VmsockAddress) bound = NULL;
	g_autoptr(VmsockDatagramSocket) receiver = open_datagrams(local);
	g_autoptr(VmsockDatagramSocket) sender = open_datagrams(NULL);

	bound = vmsock_datagram_socket_get_local_address(receiver, NULL);
	is_u64(vmsock_address_get_port(bound), 5100, "it is bound");
	memset(out, 0x5a, sizeof(out));
	for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autoptr(VmsockAddress) from = NULL, sent_from = NULL;

		is_s64(vmsock_datagram_socket_send_to(sender, address, out, sizes[i], NULL, NULL),
		       (gssize)sizes[i], "send %d bytes", (int)sizes[i]);
		is_s64(vmsock_datagram_socket_receive_from(receiver, &from, in, sizeof(in), NULL,
							   NULL),
		       (gssize)sizes[i], "... receive them");
		is_mem(in, out, sizes[i], "... all of them");
		sent_from = vmsock_datagram_socket_get_local_address(sender, NULL);
		is_u64(vmsock_address_get_port(from), vmsock_address_get_port(sent_from),
		       "... from the sender's port");
		is_u64(vmsock_address_get_cid(from), own_cid, "... and context");
	}
	check_datagram_errors(receiver, address);
}

static void check_no_datagrams(void)
{
	GError *error = NULL;

	ok(!vmsock_datagram_socket_new(stack, NULL, &error), "this stack has no datagrams");
	failed_with(&error, VMSOCK_ERROR_NO_DEVICE, ENODEV, "... and says so");
}

/* Is there a stack, without our asking for one? */
static bool stack_is_kept(void)
{
	gpointer kept = vmsock_stack_acquire(NULL);

	g_object_add_weak_pointer(kept, &kept);
	g_object_unref(kept);
	if (!kept)
		return false;
	g_object_remove_weak_pointer(kept, &kept);
	return true;
}

#define THREADS 4
#define REFUSALS 200

static gpointer be_refused(gpointer client)
{
	g_autoptr(VmsockAddress) nobody = vmsock_address_new(own_cid, 59999);
	int refused = 0;

	for (int i = 0; i < REFUSALS; i++) {
		g_autoptr(GError) error = NULL;

		refused += !vmsock_client_connect(client, nobody, NULL, &error) &&
			   g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_NO_LISTENER);
	}
	return GINT_TO_POINTER(refused);
}

/* Keeping the default stack and dropping it, all at once. */
static void check_threads(void)
{
	g_autoptr(VmsockClient) client = vmsock_client_new();
	GThread *threads[THREADS];
	int refused = 0;

	for (int i = 0; i < THREADS; i++)
		threads[i] = g_thread_new("refused", be_refused, client);
	for (int i = 0; i < THREADS; i++)
		refused += GPOINTER_TO_INT(g_thread_join(threads[i]));
	is_s64(refused, THREADS * REFUSALS, "threads share a client whose connects fail");
	ok(!stack_is_kept(), "... and no stack is left behind");
}

/* To look it up for each connection takes as long as half of the connection. */
static void check_default_stack(void)
{
	g_autoptr(VmsockAddress) nobody = vmsock_address_new(own_cid, 59999);
	g_autoptr(VmsockAddress) foreign = vmsock_address_new(77, 5000);
	struct pair pair;

	open_listener(&pair);
	ok(connect_pair(&pair), "a connection through the default stack");
	ok(stack_is_kept(), "... which is kept for the next one");
	ok(!vmsock_client_connect(pair.client_maker, nobody, NULL, NULL) && !stack_is_kept(),
	   "... unless that fails: there may be another stack then");
	disconnect_pair(&pair);
	ok(connect_pair(&pair) && stack_is_kept(), "... and again");
	disconnect_pair(&pair);
	vmsock_client_set_local_address(pair.client_maker, foreign);
	ok(!vmsock_client_connect(pair.client_maker, pair.address, NULL, NULL) && !stack_is_kept(),
	   "... also where it fails before connect()");
	vmsock_client_set_local_address(pair.client_maker, NULL);
	ok(connect_pair(&pair) && stack_is_kept(), "... and again");
	close_pair(&pair);
	ok(!stack_is_kept(), "... as long as there is the client");
	check_threads();
}

static void check_number_is_free(void)
{
	g_autofree char *text = NULL;

	ok(g_file_get_contents("/sys/module/vmsock/parameters/family", &text, NULL, NULL),
	   "our module shows its number");
	is_s64(atoi(text ? text : "-1"), 0, "... which is given back");
}

static void check_stack(const char *name)
{
	GError *error = NULL;
	guint32 cid;
	int family, before = count_descriptors();

	if (sscanf(name, "%u/%d", &cid, &family) != 2)
		exit(2);
	diag("context %u, family %d", cid, family);
	stack = family ? vmsock_stack_acquire_family(family, &error) : vmsock_stack_acquire(&error);
	if (!fine(stack != NULL, &error, "a stack"))
		return;
	own_cid = cid;
	ok(family || vmsock_stack_get_kind(stack) == VMSOCK_STACK_KIND_VMSOCK, "... is ours");
	is_s64(count_descriptors(), before + !family, "... and holds one descriptor");
	check_pair();
	check_settings();
	check_failures();
	check_async();
	check_cancelled();
	check_early_close();
	check_many();
	if (vmsock_stack_get_abilities(stack) & VMSOCK_STACK_ABILITIES_DATAGRAM)
		check_datagrams();
	else
		check_no_datagrams();
	g_clear_object(&stack);
	if (!family)
		check_default_stack();
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		check_stack(argv[i]);
	check_number_is_free();
	return done_testing();
}
