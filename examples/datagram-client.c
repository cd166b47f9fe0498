/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * datagram-client.c - sends a text as a datagram and prints the answer
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	cc -I/usr/include/vmci -o datagram-client datagram-client.c
 *	./datagram-client 2 5000 hello
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "vmci_sockets.h"

#define DATAGRAM_MAX 69608
#define ANSWER_MS 2000

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static void send_text(int family, int fd, unsigned int cid, unsigned int port, const char *text)
{
	struct sockaddr_vm address;

	memset(&address, 0, sizeof(address));
	address.svm_family = family;
	address.svm_cid = cid;
	address.svm_port = port;
	if (sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("sendto");
}

/* An answer may be lost, so it is not waited for without end. */
static void print_answer(int fd)
{
	static char buffer[DATAGRAM_MAX];
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	ssize_t got;

	if (poll(&poll_fd, 1, ANSWER_MS) <= 0) {
		fprintf(stderr, "no answer\n");
		exit(EXIT_FAILURE);
	}
	got = recv(fd, buffer, sizeof(buffer), 0);
	if (got < 0)
		die("recv");
	fwrite(buffer, 1, (size_t)got, stdout);
	putchar('\n');
}

int main(int argc, char **argv)
{
	int vmci = -1;
	int family, fd;

	if (argc != 4) {
		fprintf(stderr, "usage: datagram-client CID PORT TEXT\n");
		return EXIT_FAILURE;
	}
	/* The family number is ours while this descriptor or a socket is open. */
	family = VMCISock_GetAFValueFd(&vmci);
	if (family < 0)
		die("no VMCI sockets here");
	fd = socket(family, SOCK_DGRAM, 0);
	if (fd < 0)
		die("socket");
	VMCISock_ReleaseAFValueFd(vmci);
	send_text(family, fd, (unsigned int)strtoul(argv[1], NULL, 10),
		  (unsigned int)strtoul(argv[2], NULL, 10), argv[3]);
	print_answer(fd);
	close(fd);
	return EXIT_SUCCESS;
}
