/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack-test.c - the stack of whatever machine this is; nothing leaves it
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "tap.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "private.h"

#define THREADS 8
#define ROUNDS 200

static int count_descriptors(void)
{
	g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
	int count = 0;

	while (g_dir_read_name(dir))
		count++;
	return count;
}

static gpointer acquire_often(gpointer data G_GNUC_UNUSED)
{
	for (int i = 0; i < ROUNDS; i++)
		g_clear_object(&(VmsockStack *){ vmsock_stack_acquire(NULL) });
	return NULL;
}

static void check_threads(void)
{
	int before = count_descriptors();
	GThread *threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		threads[i] = g_thread_new(NULL, acquire_often, NULL);
	for (int i = 0; i < THREADS; i++)
		g_thread_join(threads[i]);
	is_s64(count_descriptors(), before, "threads that come and go leave no descriptor");
}

static void check_present(VmsockStack *stack)
{
	g_autoptr(VmsockStack) again = vmsock_stack_acquire(NULL);
	g_autoptr(VmsockStack) same = NULL;
	int family = vmsock_stack_get_family(stack);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ok(again == stack, "everybody gets the same stack");
	ok(family > 0 && fd >= 0, "its family, %d, has sockets", family);
	close(fd);
	same = vmsock_stack_acquire_family(family, NULL);
	ok(same != NULL, "it can be asked for by number");
	is_u64(vmsock_stack_get_local_cid(stack), VMCISock_GetLocalCID(), "the local context ID");
	is_u64(vmsock_stack_get_version(stack), VMCISock_Version(), "the version");
	ok(vmsock_stack_get_abilities(stack) & VMSOCK_STACK_ABILITIES_STREAM, "it has streams");
}

static void check_absent(const GError *error)
{
	ok(error && error->domain == VMSOCK_ERROR &&
	   (error->code == VMSOCK_ERROR_NO_STACK || error->code == VMSOCK_ERROR_DENIED),
	   "no stack: %s", error ? error->message : "no reason");
	ok(vmsock_error_get_errno(error) != 0, "... with an errno");
}

static void check_other_families(void)
{
	static const int families[] = { AF_UNIX, AF_INET, 200, -1 };

	for (gsize i = 0; i < G_N_ELEMENTS(families); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(VmsockStack) stack = vmsock_stack_acquire_family(families[i], &error);

		ok(!stack && g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_NO_STACK),
		   "family %d is not vsock", families[i]);
	}
}

/* Calls fail in the same way as the look-up, and write nothing. */
static void check_calls_without_stack(void)
{
	g_autoptr(VmsockClient) client = vmsock_client_new();
	g_autoptr(VmsockListener) listener = vmsock_listener_new();
	g_autoptr(VmsockAddress) address = vmsock_address_new(VMSOCK_CID_ANY, 5000);
	VmsockAddress *effective = NULL;
	GError *error = NULL;
	char native[16];

	ok(!vmsock_client_connect(client, address, NULL, &error) &&
	   g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_NO_STACK), "nothing to connect with");
	g_clear_error(&error);
	ok(!vmsock_listener_add_address(listener, address, &effective, &error) && !effective &&
	   g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_NO_STACK), "nothing to listen on");
	g_clear_error(&error);
	ok(!vmsock_datagram_socket_new(NULL, NULL, &error) &&
	   g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_NO_STACK), "nothing to send with");
	g_clear_error(&error);
	ok(!g_socket_address_to_native(G_SOCKET_ADDRESS(address), native, sizeof(native), &error) &&
	   g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_NO_STACK), "no family for an address");
	g_clear_error(&error);
	ok(g_socket_address_get_family(G_SOCKET_ADDRESS(address)) == G_SOCKET_FAMILY_INVALID,
	   "... so it has none");
}

static void check_cancelled(void)
{
	g_autoptr(VmsockClient) client = vmsock_client_new();
	g_autoptr(VmsockAddress) address = vmsock_address_new(VMSOCK_CID_HOST, 1);
	g_autoptr(GCancellable) cancellable = g_cancellable_new();
	g_autoptr(GError) error = NULL;

	g_cancellable_cancel(cancellable);
	ok(!vmsock_client_connect(client, address, cancellable, &error) &&
	   g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED),
	   "a connect that is cancelled beforehand does not begin");
}

static void check_wrong_types(void)
{
	g_autoptr(VmsockClient) client = vmsock_client_new();
	g_autoptr(VmsockListener) listener = vmsock_listener_new();
	g_autoptr(VmsockAddress) address = NULL;
	GError *error = NULL;

	address = vmsock_address_new_with_type(VMSOCK_CID_HOST, 1, G_SOCKET_TYPE_DATAGRAM);
	ok(!vmsock_client_connect(client, address, NULL, &error) &&
	   g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_NOT_SUPPORTED),
	   "a datagram address is not connected to");
	g_clear_error(&error);
	ok(!vmsock_listener_add_address(listener, address, NULL, &error) &&
	   g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_NOT_SUPPORTED),
	   "... nor listened on");
	g_clear_error(&error);
}

static void on_notify(GObject *object G_GNUC_UNUSED, GParamSpec *spec G_GNUC_UNUSED, gpointer data)
{
	(*(int *)data)++;
}

static void check_settings(void)
{
	g_autoptr(VmsockClient) client = vmsock_client_new();
	g_autoptr(VmsockListener) listener = vmsock_listener_new();
	g_autoptr(VmsockAddress) address = vmsock_address_new(VMSOCK_CID_ANY, 1), got = NULL;
	int changes = 0;

	g_signal_connect(client, "notify", G_CALLBACK(on_notify), &changes);
	for (int twice = 0; twice < 2; twice++)
		g_object_set(client, "connect-timeout", 1500, "buffer-size", (guint64)65536,
			     "local-address", address, "stack", NULL, NULL);
	is_s64(changes, 3, "a setting that changes is told of once");
	is_u64(vmsock_client_get_connect_timeout(client), 1500, "connect timeout");
	is_u64(vmsock_client_get_buffer_size(client), 65536, "buffer size");
	ok(vmsock_client_get_local_address(client) == address, "local address");
	ok(!vmsock_client_get_stack(client), "no stack of its own");
	g_object_get(client, "local-address", &got, NULL);
	ok(got == address, "... as a property");
	g_clear_object(&got);
	g_object_set(listener, "buffer-size", (guint64)4096, NULL);
	is_u64(vmsock_listener_get_buffer_size(listener), 4096, "buffer size of a listener");
	ok(!vmsock_listener_get_stack(listener), "no stack of its own");
}

int main(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VmsockStack) stack = vmsock_stack_acquire(&error);

	if (stack) {
		check_present(stack);
		check_wrong_types();
	} else {
		check_absent(error);
		check_calls_without_stack();
	}
	check_threads();
	check_other_families();
	check_cancelled();
	check_settings();
	return done_testing();
}
