/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * far-plain.c - either side of a virtual device, a guest or its host, with the library
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	far-plain listen ADDRESS COUNT [PEER-CID]	send back what so many clients send
 *	far-plain call ADDRESS COUNT
 *	far-plain refused ADDRESS			nobody listens there
 *	far-plain silent ADDRESS			nobody answers there
 *	far-plain close ADDRESS COUNT			close the connections of so many clients
 *	far-plain compare ADDRESS COUNT			connect so often, and so often with bare
 *							sockets, to "close"; print the ratio
 *
 * Says what is wrong, and its status tells.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vmsock/vmsock.h>

#include "vmci_sockets.h"

#define BYTES (600 * 1024)
#define DEADLINE_MS 60000
#define PER_ROUND 20
#define LEAST_RATIO 0.7

static void need(gboolean good, const char *what, GError *error)
{
	if (good)
		return;
	g_printerr("%s%s%s\n", what, error ? ": " : "", error ? error->message : "");
	exit(1);
}

static void serve(VmsockConnection *connection)
{
	GInputStream *input = g_io_stream_get_input_stream(G_IO_STREAM(connection));
	GOutputStream *output = g_io_stream_get_output_stream(G_IO_STREAM(connection));
	GError *error = NULL;

	need(g_output_stream_splice(output, input, G_OUTPUT_STREAM_SPLICE_NONE, NULL,
				    &error) == BYTES, "not all comes back", error);
	need(vmsock_connection_shutdown(connection, FALSE, TRUE, &error), "no half-close", error);
}

static void listen_for(VmsockAddress *address, int count, const char *peer)
{
	g_autoptr(VmsockListener) listener = vmsock_listener_new();
	GError *error = NULL;

	need(vmsock_listener_add_address(listener, address, NULL, &error), "no listener", error);
	for (int i = 0; i < count; i++) {
		g_autoptr(VmsockConnection) connection = NULL;

		connection = vmsock_listener_accept(listener, NULL, &error);
		need(connection != NULL, "no connection", error);
		need(!peer || vmsock_connection_get_peer_cid(connection) == (guint32)atoi(peer),
		     "another peer", NULL);
		serve(connection);
	}
}

/* Writing and reading at once: the queues do not hold everything. */
static gpointer send_all(gpointer data)
{
	VmsockConnection *connection = data;
	g_autofree guint8 *bytes = g_malloc(BYTES);
	GError *error = NULL;

	for (gsize i = 0; i < BYTES; i++)
		bytes[i] = (guint8)(i * 7 ^ i >> 9);
	need(g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(connection)),
				       bytes, BYTES, NULL, NULL, &error), "not sent", error);
	need(vmsock_connection_shutdown(connection, FALSE, TRUE, &error), "no half-close", error);
	return NULL;
}

static void check_answer(VmsockConnection *connection)
{
	g_autofree guint8 *bytes = g_malloc(BYTES + 1);
	GError *error = NULL;
	gsize got = 0;

	need(g_input_stream_read_all(g_io_stream_get_input_stream(G_IO_STREAM(connection)), bytes,
				     BYTES + 1, &got, NULL, &error), "not received", error);
	need(got == BYTES, "another length", NULL);
	for (gsize i = 0; i < BYTES; i++)
		need(bytes[i] == (guint8)(i * 7 ^ i >> 9), "other bytes", NULL);
}

static void check_addresses(VmsockConnection *connection, VmsockAddress *address)
{
	g_autoptr(VmsockAddress) remote = NULL, local = NULL;
	GError *error = NULL;

	remote = vmsock_connection_get_remote_address(connection, &error);
	need(remote && vmsock_address_equal(remote, address), "another remote address", error);
	local = vmsock_connection_get_local_address(connection, &error);
	need(local && vmsock_address_get_cid(local) != VMSOCK_CID_ANY &&
	     vmsock_address_get_port(local) != VMSOCK_PORT_ANY, "no local address", error);
	need(vmsock_connection_is_alive(connection), "nobody is there", NULL);
}

static void call(VmsockAddress *address, int count)
{
	g_autoptr(VmsockClient) client = vmsock_client_new();
	GError *error = NULL;

	vmsock_client_set_retry(client, TRUE);
	vmsock_client_set_deadline(client, DEADLINE_MS);
	for (int i = 0; i < count; i++) {
		g_autoptr(VmsockConnection) connection = NULL;
		GThread *thread;

		connection = vmsock_client_connect(client, address, NULL, &error);
		need(connection != NULL, "no connection", error);
		check_addresses(connection, address);
		thread = g_thread_new("sender", send_all, connection);
		check_answer(connection);
		g_thread_join(thread);
	}
}

/* Nobody listens there: the cause is the same on either side. */
static void check_refusal(VmsockAddress *address)
{
	g_autoptr(VmsockClient) client = vmsock_client_new();
	g_autoptr(GError) error = NULL;

	need(!vmsock_client_connect(client, address, NULL, &error) &&
	     g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_NO_LISTENER),
	     "no refusal", error);
}

/* Times are lower limits only: a slow machine takes longer. */
static void fail_after(VmsockClient *client, VmsockAddress *address, gint64 least_us,
		       const char *message)
{
	gint64 begun = g_get_monotonic_time();
	g_autoptr(GError) error = NULL;

	need(!vmsock_client_connect(client, address, NULL, &error) &&
	     g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_TIMED_OUT), "not in time", error);
	need(g_get_monotonic_time() - begun >= least_us, "too early", error);
	need(strstr(error->message, message) != NULL, message, error);
}

/* Nobody answers: whatever limit comes first ends the attempt, and is named. */
static void check_silence(VmsockAddress *address)
{
	g_autoptr(VmsockClient) client = vmsock_client_new();

	vmsock_client_set_connect_timeout(client, 100);
	fail_after(client, address, 90000, "cannot connect");
	vmsock_client_set_deadline(client, 50);
	fail_after(client, address, 50000, "after 50 ms");
	vmsock_client_set_connect_timeout(client, 0);
	fail_after(client, address, 50000, "after 50 ms");
	vmsock_client_set_deadline(client, 60000);
	fail_after(client, address, 1900000, "cannot connect");
	vmsock_client_set_retry(client, TRUE);
	vmsock_client_set_connect_timeout(client, 40);
	vmsock_client_set_deadline(client, 250);
	fail_after(client, address, 250000, "the last try");
}

static void close_all(VmsockAddress *address, int count)
{
	g_autoptr(VmsockListener) listener = vmsock_listener_new();
	GError *error = NULL;

	need(vmsock_listener_add_address(listener, address, NULL, &error), "no listener", error);
	while (count--) {
		VmsockConnection *connection = vmsock_listener_accept(listener, NULL, &error);

		need(connection != NULL, "no connection", error);
		g_object_unref(connection);
	}
}

static void meet_bare(VmsockAddress *address)
{
	struct sockaddr_vm native;
	int fd;

	need(g_socket_address_to_native(G_SOCKET_ADDRESS(address), &native, sizeof(native), NULL),
	     "no address", NULL);
	fd = socket(native.svm_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	need(connect(fd, (struct sockaddr *)&native, sizeof(native)) == 0,
	     "no bare connection", NULL);
	need(recv(fd, &(char){ 0 }, 1, 0) == 0, "a bare connection does not end", NULL);
	close(fd);
}

static void meet(VmsockClient *client, VmsockAddress *address)
{
	g_autoptr(VmsockConnection) connection = NULL;
	GError *error = NULL;

	connection = vmsock_client_connect(client, address, NULL, &error);
	need(connection != NULL, "no connection", error);
	need(g_input_stream_read(g_io_stream_get_input_stream(G_IO_STREAM(connection)),
				 &(char){ 0 }, 1, NULL, &error) == 0,
	     "a connection does not end", error);
}

/* Both in turn, so that whatever else the machines do hits both; of each the best round counts. */
static void compare(VmsockAddress *address, int count)
{
	g_autoptr(VmsockClient) client = vmsock_client_new();
	g_autoptr(VmsockStack) stack = NULL;
	gint64 least[2] = { G_MAXINT64, G_MAXINT64 };
	GError *error = NULL;
	double ratio;

	stack = vmsock_stack_acquire(&error);
	need(stack != NULL, "no stack", error);
	for (int done = 0; done < count; done += PER_ROUND) {
		for (int bare = 0; bare < 2; bare++) {
			gint64 begun = g_get_monotonic_time();

			for (int i = 0; i < PER_ROUND; i++)
				bare ? meet_bare(address) : meet(client, address);
			least[bare] = MIN(least[bare], g_get_monotonic_time() - begun);
		}
	}
	ratio = (double)least[1] / (double)least[0];
	g_print("%d connections: library %" G_GINT64_FORMAT " us, bare %" G_GINT64_FORMAT
		" us, ratio of rates %.3f\n", PER_ROUND, least[0], least[1], ratio);
	need(ratio >= LEAST_RATIO, "slower than bare sockets", NULL);
}

int main(int argc, char **argv)
{
	g_autoptr(VmsockAddress) address = NULL;
	GError *error = NULL;

	need(argc > 2, "not enough arguments", NULL);
	address = vmsock_address_parse(argv[2], &error);
	need(address != NULL, "no address", error);
	if (strcmp(argv[1], "listen") == 0 && argc > 3)
		listen_for(address, atoi(argv[3]), argc > 4 ? argv[4] : NULL);
	else if (strcmp(argv[1], "call") == 0 && argc > 3)
		call(address, atoi(argv[3]));
	else if (strcmp(argv[1], "close") == 0 && argc > 3)
		close_all(address, atoi(argv[3]));
	else if (strcmp(argv[1], "compare") == 0 && argc > 3)
		compare(address, atoi(argv[3]));
	else if (strcmp(argv[1], "silent") == 0)
		check_silence(address);
	else
		check_refusal(address);
	return 0;
}
