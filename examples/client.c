/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client.c - sends its input over a stream and prints the answer
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	cc -I/usr/include/vmci -o client client.c
 *	./client 2 5000 <file
 *
 * The end of the input is passed on as a half-close; then the answer is read to its end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "vmci_sockets.h"

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static int connect_to(int family, unsigned int cid, unsigned int port)
{
	struct sockaddr_vm address;
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket");
	memset(&address, 0, sizeof(address));
	address.svm_family = family;
	address.svm_cid = cid;
	address.svm_port = port;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("connect");
	return fd;
}

static void send_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			die("send");
		data += sent;
		length -= (size_t)sent;
	}
}

static void send_input(int fd)
{
	static char buffer[65536];
	size_t got;

	while ((got = fread(buffer, 1, sizeof(buffer), stdin)) > 0)
		send_all(fd, buffer, got);
	if (ferror(stdin))
		die("standard input");
}

static void print_answer(int fd)
{
	char buffer[4096];
	ssize_t got;

	while ((got = recv(fd, buffer, sizeof(buffer), 0)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			die("recv");
		fwrite(buffer, 1, (size_t)got, stdout);
	}
}

int main(int argc, char **argv)
{
	int vmci = -1;
	int family, fd;

	if (argc != 3) {
		fprintf(stderr, "usage: client CID PORT\n");
		return EXIT_FAILURE;
	}
	/* The family number is ours while this descriptor or a socket is open. */
	family = VMCISock_GetAFValueFd(&vmci);
	if (family < 0)
		die("no VMCI sockets here");
	fd = connect_to(family, (unsigned int)strtoul(argv[1], NULL, 10),
			(unsigned int)strtoul(argv[2], NULL, 10));
	VMCISock_ReleaseAFValueFd(vmci);
	send_input(fd);
	if (shutdown(fd, SHUT_WR) < 0)
		die("shutdown");
	print_answer(fd);
	close(fd);
	return EXIT_SUCCESS;
}
