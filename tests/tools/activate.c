/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * activate.c - starts a program as a service manager does
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	activate [-n FILE] [-u PATH] [-v PORT] PROGRAM [ARGUMENT]...
 *
 * The program gets listening sockets: UNIX (-u), vsock of family 40 (-v); what it tells its manager
 * is written to FILE (-n), a message a line.
 */
#include <linux/vm_sockets.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int next_fd = 3;

static void need(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	unlink(path);
	return address;
}

/* Descriptors are to be passed from 3 on. */
static void pass(int fd, const struct sockaddr *address, socklen_t length)
{
	need(fd >= 0 && bind(fd, address, length) == 0 && listen(fd, 16) == 0, "listen");
	if (fd != next_fd) {
		need(dup2(fd, next_fd) >= 0, "dup2");
		close(fd);
	}
	next_fd++;
}

static void pass_unix(const char *path)
{
	struct sockaddr_un address = unix_address(path);

	pass(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address));
}

static void pass_vsock(const char *port)
{
	struct sockaddr_vm address = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
		.svm_port = (unsigned int)atoi(port),
	};

	pass(socket(AF_VSOCK, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address));
}

/* A child writes down what is told; it ends with this process, which becomes the program. */
static void note_messages(const char *file)
{
	struct sockaddr_un address = unix_address("notify");
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char message[256];
	ssize_t got;
	FILE *out;

	need(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "notify");
	need(realpath("notify", message) != NULL, "notify");
	setenv("NOTIFY_SOCKET", message, 1);
	if (fork()) {
		close(fd);
		return;
	}
	alarm(300);
	out = fopen(file, "w");
	need(out != NULL, file);
	while ((got = recv(fd, message, sizeof(message), 0)) > 0) {
		fprintf(out, "%.*s\n", (int)got, message);
		fflush(out);
	}
	exit(0);
}

int main(int argc, char **argv)
{
	const char *notes = NULL;
	char number[16];
	int option;

	while ((option = getopt(argc, argv, "+n:u:v:")) != -1) {
		if (option == 'n')
			notes = optarg;
		else if (option == 'u')
			pass_unix(optarg);
		else if (option == 'v')
			pass_vsock(optarg);
		else
			return 1;
	}
	if (notes)
		note_messages(notes);
	snprintf(number, sizeof(number), "%d", next_fd - 3);
	setenv("LISTEN_FDS", number, 1);
	snprintf(number, sizeof(number), "%d", getpid());
	setenv("LISTEN_PID", number, 1);
	execvp(argv[optind], argv + optind);
	need(0, argv[optind]);
	return 1;
}
