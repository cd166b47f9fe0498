/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cid-plain.c - prints the context ID of this machine, and each one it gets
 * (tests/vm/library-cid.sh)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	cid-plain COUNT
 */
#include <stdio.h>
#include <stdlib.h>
#include <vmsock/vmsock.h>

static int left;

static void on_changed(VmsockStack *stack, guint cid, gpointer loop)
{
	(void)stack;
	printf("%u\n", cid);
	fflush(stdout);
	if (--left == 0)
		g_main_loop_quit(loop);
}

int main(int argc, char **argv)
{
	g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
	g_autoptr(GError) error = NULL;
	g_autoptr(VmsockStack) stack = vmsock_stack_acquire(&error);

	left = argc > 1 ? atoi(argv[1]) : 1;
	if (!stack) {
		fprintf(stderr, "%s\n", error->message);
		return EXIT_FAILURE;
	}
	g_signal_connect(stack, "cid-changed", G_CALLBACK(on_changed), loop);
	vmsock_stack_set_watching(stack, TRUE);
	printf("watching %u\n", vmsock_stack_get_local_cid(stack));
	fflush(stdout);
	g_main_loop_run(loop);
	vmsock_stack_set_watching(stack, FALSE);
	return EXIT_SUCCESS;
}
