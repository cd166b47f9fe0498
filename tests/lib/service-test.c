/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * service-test.c - services: limits, filters, threads, inherited sockets, ends, many connections
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	service-test [CID/FAMILY...]
 *
 * Without arguments it needs no vsock: it uses a UNIX socket. In a guest it runs on the stacks
 * (tests/vm/library-service.sh).  VMSOCK_TEST_CONNECTIONS is how many is many.
 */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place.h"

/* What may be kept for good after the first connections. */
#define GROWTH_MAX 65536

static bool fine(bool good, GError **error, const char *what)
{
	ok(good, "%s", what);
	if (*error)
		diag("%s", (*error)->message);
	g_clear_error(error);
	return good;
}

static GInputStream *input_of(VmsockConnection *connection)
{
	return g_io_stream_get_input_stream(G_IO_STREAM(connection));
}

static GOutputStream *output_of(VmsockConnection *connection)
{
	return g_io_stream_get_output_stream(G_IO_STREAM(connection));
}

/* A byte there and back: is somebody serving? */
static bool is_served(VmsockConnection *connection)
{
	char byte = 'x';

	return g_output_stream_write_all(output_of(connection), &byte, 1, NULL, NULL, NULL) &&
	       g_input_stream_read(input_of(connection), &byte, 1, NULL, NULL) == 1 &&
	       byte == 'x';
}

/* Answers with the first byte, and keeps the connection if told so. */
struct server {
	GPtrArray *kept;
	int served;
};

static gboolean serve(VmsockConnection *connection)
{
	char byte;

	return g_input_stream_read(input_of(connection), &byte, 1, NULL, NULL) == 1 &&
	       g_output_stream_write_all(output_of(connection), &byte, 1, NULL, NULL, NULL);
}

static gboolean on_incoming(VmsockService *service G_GNUC_UNUSED, VmsockConnection *connection,
			    gpointer data)
{
	struct server *server = data;

	server->served++;
	if (server->kept)
		g_ptr_array_add(server->kept, g_object_ref(connection));
	return TRUE;
}

static VmsockAddress *start_service(struct place *place, VmsockService *service,
				    struct server *server)
{
	VmsockAddress *address = place_listen(place, VMSOCK_LISTENER(service));

	*server = (struct server){ .kept = g_ptr_array_new_with_free_func(g_object_unref) };
	g_signal_connect(service, "incoming", G_CALLBACK(on_incoming), server);
	vmsock_service_start(service);
	return address;
}

static void on_done(GObject *source, GAsyncResult *result, gpointer data)
{
	(void)source;
	g_set_object((GAsyncResult **)data, result);
}

static void iterate_until_done(GAsyncResult **result)
{
	while (!*result)
		g_main_context_iteration(NULL, TRUE);
}

static gboolean on_timer(gpointer over)
{
	*(bool *)over = true;
	return G_SOURCE_REMOVE;
}

/* Let happen what is going to happen. */
static void settle(void)
{
	bool over = false;

	g_timeout_add(150, on_timer, &over);
	while (!over)
		g_main_context_iteration(NULL, TRUE);
}

static VmsockConnection *connect_to(VmsockClient *client, VmsockAddress *address)
{
	GError *error = NULL;
	VmsockConnection *connection = vmsock_client_connect(client, address, NULL, &error);

	if (!connection)
		diag("%s", error->message);
	g_clear_error(&error);
	return connection;
}

/* Start, stop, and a limit of connections */

static void check_service(struct place *place)
{
	g_autoptr(VmsockService) service = vmsock_service_new();
	g_autoptr(VmsockClient) client = place_client(place);
	g_autoptr(VmsockAddress) address = NULL;
	VmsockConnection *connections[4];
	GAsyncResult *result = NULL;
	GError *error = NULL;
	struct server server;
	gboolean active;

	address = start_service(place, service, &server);
	g_object_get(service, "active", &active, NULL);
	ok(active && vmsock_service_is_active(service), "a service is active");
	g_object_set(service, "max-connections", 2, NULL);
	for (int i = 0; i < 4; i++)
		connections[i] = connect_to(client, address);
	settle();
	is_s64(server.served, 2, "no more than two connections at a time");
	is_u64(vmsock_service_get_connections(service), 2, "... are counted");
	g_ptr_array_remove_index(server.kept, 0);
	settle();
	is_s64(server.served, 3, "when one goes, the next comes");
	g_object_set(service, "active", FALSE, NULL);
	g_ptr_array_set_size(server.kept, 0);
	settle();
	is_s64(server.served, 3, "none comes after the stop");
	is_u64(vmsock_service_get_connections(service), 0, "... and none is left");
	vmsock_service_start(service);
	settle();
	is_s64(server.served, 4, "the one that waited comes after the start");

	vmsock_service_drain_async(service, NULL, on_done, &result);
	settle();
	ok(!result, "a service ends with its last connection");
	g_ptr_array_set_size(server.kept, 0);
	iterate_until_done(&result);
	fine(vmsock_service_drain_finish(service, result, &error), &error, "... now it is over");
	ok(!vmsock_client_connect(client, address, NULL, &error), "nobody listens any more");
	ok(g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_NO_LISTENER), "... %s",
	   error ? error->message : "");
	g_clear_error(&error);
	g_clear_object(&result);
	for (int i = 0; i < 4; i++)
		g_clear_object(&connections[i]);
	g_ptr_array_unref(server.kept);
}

static void check_drain_cancelled(struct place *place)
{
	g_autoptr(VmsockService) service = vmsock_service_new();
	g_autoptr(VmsockClient) client = place_client(place);
	g_autoptr(GCancellable) cancellable = g_cancellable_new();
	g_autoptr(VmsockAddress) address = NULL;
	g_autoptr(VmsockConnection) connection = NULL;
	GAsyncResult *result = NULL;
	GError *error = NULL;
	struct server server;

	address = start_service(place, service, &server);
	connection = connect_to(client, address);
	settle();
	vmsock_service_drain_async(service, cancellable, on_done, &result);
	g_cancellable_cancel(cancellable);
	iterate_until_done(&result);
	ok(!vmsock_service_drain_finish(service, result, &error) &&
	   g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED),
	   "waiting for the end is cancelled");
	g_clear_error(&error);
	g_clear_object(&result);
	g_ptr_array_unref(server.kept);
}

/* Who may connect */

static void check_filter(struct place *place)
{
	const guint32 others[] = { 77, 78 }, ours[] = { 77, place->cid };
	g_autoptr(VmsockService) service = vmsock_service_new();
	g_autoptr(VmsockClient) client = place_client(place);
	g_autoptr(VmsockAddress) address = NULL;
	g_autoptr(VmsockConnection) refused = NULL, welcome = NULL;
	struct server server;
	char byte;

	address = start_service(place, service, &server);
	vmsock_listener_set_allowed_cids(VMSOCK_LISTENER(service), others, 2);
	refused = connect_to(client, address);
	settle();
	is_s64(server.served, 0, "who is not allowed is not served");
	is_s64(g_input_stream_read(input_of(refused), &byte, 1, NULL, NULL), 0,
	       "... but shown the door");
	vmsock_listener_set_allowed_cids(VMSOCK_LISTENER(service), ours, 2);
	welcome = connect_to(client, address);
	settle();
	is_s64(server.served, 1, "who is allowed is served");
	vmsock_service_stop(service);
	settle();
	g_ptr_array_unref(server.kept);
}

/* Threads */

struct threads {
	gint running, most, served;
	GMutex gate;
};

static gboolean on_run(VmsockThreadedService *service G_GNUC_UNUSED, VmsockConnection *connection,
		       gpointer data)
{
	struct threads *threads = data;
	gint running = g_atomic_int_add(&threads->running, 1) + 1;

	while (running > g_atomic_int_get(&threads->most))
		g_atomic_int_set(&threads->most, running);
	if (serve(connection))
		g_atomic_int_inc(&threads->served);
	g_atomic_int_add(&threads->running, -1);
	return TRUE;
}

static gpointer run_loop(gpointer loop)
{
	g_main_context_push_thread_default(g_main_loop_get_context(loop));
	g_main_loop_run(loop);
	return NULL;
}

static void check_threaded(struct place *place)
{
	g_autoptr(VmsockThreadedService) service = vmsock_threaded_service_new(3);
	g_autoptr(VmsockClient) client = place_client(place);
	g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
	g_autoptr(VmsockAddress) address = NULL;
	struct threads threads = { 0 };
	VmsockConnection *connections[6];
	GThread *thread;
	int good = 0;

	address = place_listen(place, VMSOCK_LISTENER(service));
	g_signal_connect(service, "run", G_CALLBACK(on_run), &threads);
	vmsock_service_start(VMSOCK_SERVICE(service));
	thread = g_thread_new("loop", run_loop, loop);
	for (int i = 0; i < 6; i++)
		connections[i] = connect_to(client, address);
	for (int i = 0; i < 1000 && g_atomic_int_get(&threads.running) < 3; i++)
		g_usleep(10000);
	is_s64(g_atomic_int_get(&threads.running), 3, "three threads serve");
	for (int i = 0; i < 6; i++) {
		good += is_served(connections[i]);
		g_clear_object(&connections[i]);
	}
	is_s64(good, 6, "all are served");
	is_s64(threads.most, 3, "... by three threads at most");
	g_main_loop_quit(loop);
	g_thread_join(thread);
	vmsock_service_stop(VMSOCK_SERVICE(service));
	settle();
}

/* Sockets of a service manager */

static void pass_on(int fd)
{
	g_autofree char *pid = g_strdup_printf("%d", getpid());
	g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);

	dup2(open("/dev/null", O_RDONLY), 3);
	dup2(fd, 4);
	g_setenv("LISTEN_PID", pid, TRUE);
	g_setenv("LISTEN_FDS", "2", TRUE);
	execl(program, program, "--inherited", NULL);
	_exit(127);
}

/* The program that the service manager starts. */
static int be_inherited(void)
{
	g_autoptr(VmsockListener) listener = vmsock_listener_new();
	g_autoptr(VmsockConnection) connection = NULL;

	if (vmsock_listener_add_inherited(listener, NULL) != 1 || g_getenv("LISTEN_FDS") ||
	    !(fcntl(4, F_GETFD) & FD_CLOEXEC))
		return 2;
	if (vmsock_listener_add_inherited(listener, NULL) != 0)
		return 3;
	connection = vmsock_listener_accept(listener, NULL, NULL);
	return connection && serve(connection) ? 0 : 4;
}

/* Without a library between: the listener must not exist in this process. */
static int listening_descriptor(struct place *place, VmsockAddress **address)
{
	g_autoptr(VmsockListener) listener = vmsock_listener_new();
	int before, fd = -1;

	before = dup(0);
	close(before);
	*address = place_listen(place, listener);
	for (int i = before; i < before + 8 && fd < 0; i++) {
		int accepts = 0;
		socklen_t length = sizeof(accepts);

		if (getsockopt(i, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) == 0 && accepts)
			fd = dup(i);
	}
	return fd;
}

static void check_inherited(struct place *place)
{
	g_autoptr(VmsockClient) client = place_client(place);
	g_autoptr(VmsockListener) listener = vmsock_listener_new();
	g_autoptr(VmsockAddress) address = NULL;
	g_autoptr(VmsockConnection) connection = NULL;
	int fd = listening_descriptor(place, &address);
	int status = -1;
	pid_t child;

	is_s64(vmsock_listener_add_inherited(listener, NULL), 0, "nothing is inherited");
	g_setenv("LISTEN_PID", "1", TRUE);
	g_setenv("LISTEN_FDS", "1", TRUE);
	is_s64(vmsock_listener_add_inherited(listener, NULL), 0, "... nor what is for another");
	ok(fd >= 0, "a listening descriptor");
	child = fork();
	if (child == 0)
		pass_on(fd);
	close(fd);
	connection = connect_to(client, address);
	ok(connection && is_served(connection), "an inherited socket serves");
	waitpid(child, &status, 0);
	is_s64(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0, "... and all went well there");
}

/* Many connections */

struct mass {
	GMainContext *context;
	GMainLoop *loop;
	VmsockService *service;
	gint served;
};

static gboolean on_one_of_many(VmsockService *service G_GNUC_UNUSED, VmsockConnection *connection,
			       gpointer data)
{
	struct mass *mass = data;

	if (serve(connection))
		g_atomic_int_inc(&mass->served);
	return TRUE;
}

static int connect_often(VmsockClient *client, VmsockAddress *address, int count)
{
	int good = 0;

	for (int i = 0; i < count; i++) {
		g_autoptr(VmsockConnection) connection = connect_to(client, address);

		good += connection && is_served(connection);
	}
	return good;
}

static int how_many(void)
{
	const char *text = g_getenv("VMSOCK_TEST_CONNECTIONS");

	return text ? atoi(text) : 10000;
}

static gsize allocated(void)
{
	return mallinfo2().uordblks;
}

static gboolean stop_on_loop(gpointer service)
{
	vmsock_service_stop(service);
	return G_SOURCE_REMOVE;
}

static void check_many(struct place *place)
{
	g_autoptr(VmsockClient) client = place_client(place);
	g_autoptr(VmsockAddress) address = NULL;
	int many = how_many(), before;
	struct mass mass = { 0 };
	GThread *thread;
	gsize used;

	mass.context = g_main_context_new();
	mass.loop = g_main_loop_new(mass.context, FALSE);
	g_main_context_push_thread_default(mass.context);
	mass.service = vmsock_service_new();
	g_main_context_pop_thread_default(mass.context);
	address = place_listen(place, VMSOCK_LISTENER(mass.service));
	g_signal_connect(mass.service, "incoming", G_CALLBACK(on_one_of_many), &mass);
	vmsock_service_start(mass.service);
	thread = g_thread_new("service", run_loop, mass.loop);
	connect_often(client, address, 50);
	before = count_descriptors();
	used = allocated();
	is_s64(connect_often(client, address, many), many, "%d connections through one service",
	       many);
	g_main_context_invoke(mass.context, stop_on_loop, mass.service);
	while (vmsock_service_get_connections(mass.service))
		g_usleep(1000);
	is_s64(mass.served, many + 50, "... all were served");
	ok(count_descriptors() <= before, "... and no descriptor is left");
	ok(allocated() <= used + GROWTH_MAX, "... nor memory: %zu bytes before, %zu after", used,
	   allocated());
	g_main_loop_quit(mass.loop);
	g_thread_join(thread);
	while (g_main_context_iteration(mass.context, FALSE))
		;
	g_object_unref(mass.service);
	g_main_loop_unref(mass.loop);
	g_main_context_unref(mass.context);
}

/* What there is with a descriptor that somebody else has made a connection of. */
static void check_from_fd(struct place *place)
{
	g_autoptr(VmsockListener) listener = vmsock_listener_new();
	g_autoptr(VmsockClient) client = place_client(place);
	g_autoptr(VmsockAddress) address = place_listen(place, listener), remote = NULL;
	g_autoptr(VmsockConnection) made = connect_to(client, address);
	g_autoptr(VmsockConnection) server = NULL, wrapped = NULL;
	GError *error = NULL;
	int fd;

	server = vmsock_listener_accept(listener, NULL, NULL);
	fd = dup(g_socket_get_fd(g_socket_connection_get_socket(G_SOCKET_CONNECTION(made))));
	wrapped = vmsock_connection_new_from_fd(fd, &error);
	fine(wrapped != NULL, &error, "a connection of a descriptor");
	remote = vmsock_connection_get_remote_address(wrapped, NULL);
	ok(remote && vmsock_address_equal(remote, address), "... knows its peer");
	ok(g_socket_connection_is_connected(G_SOCKET_CONNECTION(wrapped)), "... and is connected");
	fd = open("/dev/null", O_RDONLY);
	ok(!vmsock_connection_new_from_fd(fd, &error), "... which a file is not");
	g_clear_error(&error);
	close(fd);
}

static void check_place(const char *name)
{
	struct place place;

	diag("%s", name ? name : "a UNIX socket");
	place_init(&place, name);
	check_service(&place);
	check_drain_cancelled(&place);
	check_filter(&place);
	check_threaded(&place);
	check_inherited(&place);
	check_from_fd(&place);
	check_many(&place);
	place_clear(&place);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--inherited") == 0)
		return be_inherited();
	if (argc == 1)
		check_place(NULL);
	for (int i = 1; i < argc; i++)
		check_place(argv[i]);
	return done_testing();
}
