/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls-test.c - TLS over a connection, with GIO's own streams
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	tls-test [CID/FAMILY...]
 */
#include "tap.h"

#include "place.h"

#define SIZE (1024 * 1024)

/* Made for this test, for nobody else to trust. */
static const char identity[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBgjCCASmgAwIBAgIUaxMyx9b0mMFF+JK4lKzOqLkf1qkwCgYIKoZIzj0EAwIw\n"
	"FjEUMBIGA1UEAwwLdm1zb2NrLnRlc3QwIBcNMjYxMTIzMDMwODA2WhgPMjEyNjEw\n"
	"MzAwMzA4MDZaMBYxFDASBgNVBAMMC3Ztc29jay50ZXN0MFkwEwYHKoZIzj0CAQYI\n"
	"KoZIzj0DAQcDQgAEZUAJc5UwYXlEqF0FpAVqQw34zQY6wI5OojF82wb4qdVdjX2Z\n"
	"xw6R8PflIGOpg0lEk2Kop1Ex9e14CGMj9FVs06NTMFEwHQYDVR0OBBYEFH00Td0B\n"
	"4CrP2jE2mMXr2W2hBmxpMB8GA1UdIwQYMBaAFH00Td0B4CrP2jE2mMXr2W2hBmxp\n"
	"MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgXOFRm4cwteNyQO4N\n"
	"jbXscPVIR2Zyf1QH5NmGBvXPEJgCIGl3xJZ8Kyki7PE01CpWmB0QhnT64M9ULWGL\n"
	"dlDQ5iuO\n"
	"-----END CERTIFICATE-----\n"
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJiTDFow9iO2SVNDR\n"
	"EMRbUpyQ80OviuRXGqp+lfBTtfihRANCAARlQAlzlTBheUSoXQWkBWpDDfjNBjrA\n"
	"jk6iMXzbBvip1V2NfZnHDpHw9+UgY6mDSUSTYqinUTH17XgIYyP0VWzT\n"
	"-----END PRIVATE KEY-----\n";

static GTlsCertificate *certificate;

struct side {
	VmsockListener *listener;
	bool good;
};

static bool echo(GIOStream *stream)
{
	g_autofree guint8 *bytes = g_malloc(SIZE);
	gsize got, put;

	return g_input_stream_read_all(g_io_stream_get_input_stream(stream), bytes, SIZE, &got,
				       NULL, NULL) && got == SIZE &&
	       g_output_stream_write_all(g_io_stream_get_output_stream(stream), bytes, SIZE, &put,
					 NULL, NULL);
}

static gpointer serve(gpointer data)
{
	struct side *side = data;
	g_autoptr(VmsockConnection) connection = NULL;
	g_autoptr(GIOStream) tls = NULL;
	char byte;

	connection = vmsock_listener_accept(side->listener, NULL, NULL);
	tls = g_tls_server_connection_new(G_IO_STREAM(connection), certificate, NULL);
	side->good = tls && echo(tls) &&
		     g_input_stream_read(g_io_stream_get_input_stream(tls), &byte, 1, NULL,
					 NULL) == 0;
	return NULL;
}

static gboolean is_ours(GTlsConnection *connection G_GNUC_UNUSED, GTlsCertificate *peer,
			GTlsCertificateFlags flags G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	return g_tls_certificate_is_same(peer, certificate);
}

static void talk(VmsockConnection *connection)
{
	g_autofree guint8 *out = g_malloc(SIZE), *in = g_malloc0(SIZE);
	g_autoptr(GIOStream) tls = NULL;
	GError *error = NULL;
	gsize count = 0;

	for (gsize i = 0; i < SIZE; i++)
		out[i] = (guint8)(i * 7 + (i >> 8));
	tls = g_tls_client_connection_new(G_IO_STREAM(connection), NULL, &error);
	g_signal_connect(tls, "accept-certificate", G_CALLBACK(is_ours), NULL);
	ok(g_tls_connection_handshake(G_TLS_CONNECTION(tls), NULL, &error), "a handshake");
	ok(g_output_stream_write_all(g_io_stream_get_output_stream(tls), out, SIZE, &count, NULL,
				     &error), "a megabyte is written");
	ok(g_input_stream_read_all(g_io_stream_get_input_stream(tls), in, SIZE, &count, NULL,
				   &error) && count == SIZE, "... and read back");
	is_mem(in, out, SIZE, "... unchanged");
	ok(g_io_stream_close(tls, NULL, &error), "the end");
	if (error)
		diag("%s", error->message);
	g_clear_error(&error);
}

static void check_place(const char *name)
{
	g_autoptr(VmsockListener) listener = vmsock_listener_new();
	g_autoptr(VmsockClient) client = NULL;
	g_autoptr(VmsockAddress) address = NULL;
	g_autoptr(VmsockConnection) connection = NULL;
	struct side side = { .listener = listener };
	struct place place;
	GThread *thread;

	diag("%s", name ? name : "a UNIX socket");
	place_init(&place, name);
	client = place_client(&place);
	address = place_listen(&place, listener);
	thread = g_thread_new("server", serve, &side);
	connection = vmsock_client_connect(client, address, NULL, NULL);
	talk(connection);
	g_thread_join(thread);
	ok(side.good, "the server has seen all that, too");
	g_clear_object(&connection);
	place_clear(&place);
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;

	if (!g_tls_backend_supports_tls(g_tls_backend_get_default()))
		skip_all("GIO has no TLS here; install glib-networking");
	certificate = g_tls_certificate_new_from_pem(identity, -1, &error);
	if (!ok(certificate != NULL, "a certificate"))
		diag("%s", error->message);
	if (argc == 1)
		check_place(NULL);
	for (int i = 1; i < argc; i++)
		check_place(argv[i]);
	g_clear_object(&certificate);
	return done_testing();
}
