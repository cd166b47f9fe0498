/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * server.c - takes what stream clients send, and tells them how much it was
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	cc -I/usr/include/vmci -o server server.c
 *	./server 5000 >received
 *
 * Clients are served one after the other; what they send goes to standard output.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "vmci_sockets.h"

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static int make_listener(int family, unsigned int port)
{
	struct sockaddr_vm address;
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket");
	memset(&address, 0, sizeof(address));
	address.svm_family = family;
	address.svm_cid = VMADDR_CID_ANY;
	address.svm_port = port;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("bind");
	if (listen(fd, 5) < 0)
		die("listen");
	return fd;
}

/* Read to the end of what the client sends; the number of bytes. */
static uint64_t receive_all(int fd)
{
	static char buffer[65536];
	uint64_t total = 0;
	ssize_t got;

	while ((got = recv(fd, buffer, sizeof(buffer), 0)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			perror("recv");
			break;
		}
		if (fwrite(buffer, 1, (size_t)got, stdout) != (size_t)got)
			die("standard output");
		total += (uint64_t)got;
	}
	if (fflush(stdout) != 0)
		die("standard output");
	return total;
}

/* A receipt is short enough for one send. */
static void serve(int fd, const struct sockaddr_vm *client)
{
	uint64_t total = receive_all(fd);
	char receipt[64];
	int length;

	length = snprintf(receipt, sizeof(receipt), "%" PRIu64 " bytes received\n", total);
	if (send(fd, receipt, (size_t)length, MSG_NOSIGNAL) != length)
		perror("send");
	fprintf(stderr, "%" PRIu64 " bytes from %u:%u\n", total, client->svm_cid,
		client->svm_port);
}

int main(int argc, char **argv)
{
	int vmci = -1;
	int family, listener;

	if (argc != 2) {
		fprintf(stderr, "usage: server PORT\n");
		return EXIT_FAILURE;
	}
	/* The family number is ours while this descriptor or a socket is open. */
	family = VMCISock_GetAFValueFd(&vmci);
	if (family < 0)
		die("no VMCI sockets here");
	listener = make_listener(family, (unsigned int)strtoul(argv[1], NULL, 10));
	VMCISock_ReleaseAFValueFd(vmci);
	fprintf(stderr, "listening on %u:%s\n", VMCISock_GetLocalCID(), argv[1]);
	for (;;) {
		struct sockaddr_vm client;
		socklen_t length = sizeof(client);
		int fd = accept(listener, (struct sockaddr *)&client, &length);

		if (fd < 0 && errno != EINTR)
			die("accept");
		if (fd < 0)
			continue;
		serve(fd, &client);
		close(fd);
	}
}
