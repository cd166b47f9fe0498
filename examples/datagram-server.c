/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * datagram-server.c - prints datagrams and sends each back to where it came from
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	cc -I/usr/include/vmci -o datagram-server datagram-server.c
 *	./datagram-server 5000
 */
#include <stdio.h>
#include <stdlib.h>

#include "vmci_sockets.h"

/* The most that one datagram can carry. */
#define DATAGRAM_MAX 69608

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static int make_socket(int family, unsigned int port)
{
	struct sockaddr_vm address;
	int fd = socket(family, SOCK_DGRAM, 0);

	if (fd < 0)
		die("socket");
	memset(&address, 0, sizeof(address));
	address.svm_family = family;
	address.svm_cid = VMADDR_CID_ANY;
	address.svm_port = port;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("bind");
	return fd;
}

/* Nothing is acknowledged: a datagram that does not fit into the client's queue is lost. */
static void serve_one(int fd)
{
	static char buffer[DATAGRAM_MAX];
	struct sockaddr_vm client;
	socklen_t length = sizeof(client);
	ssize_t got = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&client, &length);

	if (got < 0 && errno == EINTR)
		return;
	if (got < 0)
		die("recvfrom");
	printf("%zd bytes from %u:%u\n", got, client.svm_cid, client.svm_port);
	fflush(stdout);
	if (sendto(fd, buffer, (size_t)got, 0, (struct sockaddr *)&client, length) < 0)
		perror("sendto");
}

int main(int argc, char **argv)
{
	int vmci = -1;
	int family, fd;

	if (argc != 2) {
		fprintf(stderr, "usage: datagram-server PORT\n");
		return EXIT_FAILURE;
	}
	/* The family number is ours while this descriptor or a socket is open. */
	family = VMCISock_GetAFValueFd(&vmci);
	if (family < 0)
		die("no VMCI sockets here");
	fd = make_socket(family, (unsigned int)strtoul(argv[1], NULL, 10));
	VMCISock_ReleaseAFValueFd(vmci);
	fprintf(stderr, "receiving on %u:%s\n", VMCISock_GetLocalCID(), argv[1]);
	for (;;)
		serve_one(fd);
}
