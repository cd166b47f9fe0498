// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mailbox.c - datagrams between ports of the guest and UNIX datagram sockets
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * PATH.dgram takes what programs send, and sends what they receive.  A program has its port by
 * the name of its socket, PATH_port.dgram; the eight bytes before the payload are the other
 * end's context and port.
 *
 * What the guest has no room for is kept, one datagram, and no more are read: the socket
 * fills, and senders block or get EAGAIN.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend_private.h"
#include "unix_socket.h"
#include "vmci/errors.h"
#include "vmci/packet.h"

#define SUFFIX		".dgram"
#define AT_ONCE		64

/* Before the payload, little endian: to whom a program sends, from whom it has received */
struct other_end {
	__u32 context;
	__u32 port;
};

struct letter {
	struct other_end other;
	char payload[VMCI_MAX_DG_PAYLOAD_SIZE];
};

struct mailbox {
	struct unix_backend *unix_backend;
	char *path;
	int fd;
	struct watch *watch;
	bool kept;			/* letter waits for room */
	__u32 from;
	size_t length;			/* of the payload */
	struct letter letter;
};

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/*
 * The port that a socket's name stands for; false for any other name.  The folder is not looked
 * at: the address is as the program wrote it, relative perhaps.
 */
static bool port_of(const struct mailbox *mailbox, const struct sockaddr_un *address,
		    __u32 *port)
{
	const char *own = last_part(mailbox->unix_backend->path);
	struct sockaddr_un again;
	char name[sizeof(address->sun_path) + 1] = "";
	guint64 number;

	memcpy(name, address->sun_path, sizeof(address->sun_path));
	if (strlen(last_part(name)) <= strlen(own) + 1)
		return false;
	number = g_ascii_strtoull(last_part(name) + strlen(own) + 1, NULL, 10);
	if (number >= VMSOCK_PORT_ANY)
		return false;
	/* The one spelling of that number, and nothing else */
	backend_port_address(&again, own, (__u32)number, SUFFIX);
	if (strcmp(again.sun_path, last_part(name)))
		return false;
	*port = (__u32)number;
	return true;
}

static bool for_guest(const struct mailbox *mailbox)
{
	__u32 context = le32toh(mailbox->letter.other.context);

	return context == VMSOCK_CID_ANY ||
	       context == endpoint_guest(mailbox->unix_backend->backend.endpoint);
}

/* The next letter that can be understood; false when there is none */
static bool take_letter(struct mailbox *mailbox)
{
	struct sockaddr_un sender = { .sun_family = AF_UNIX };
	struct iovec piece = { &mailbox->letter, sizeof(mailbox->letter) };
	struct msghdr message = {
		.msg_name = &sender,
		.msg_namelen = sizeof(sender),
		.msg_iov = &piece,
		.msg_iovlen = 1,
	};
	ssize_t length = recvmsg(mailbox->fd, &message, MSG_DONTWAIT);

	if (length < 0)
		return false;
	mailbox->kept = (size_t)length >= sizeof(mailbox->letter.other) &&
			!(message.msg_flags & MSG_TRUNC) &&
			port_of(mailbox, &sender, &mailbox->from) && for_guest(mailbox);
	mailbox->length = (size_t)length - sizeof(mailbox->letter.other);
	return true;
}

/* False when the guest has no room */
static bool pass_on(struct mailbox *mailbox)
{
	__s32 result = VMCI_SUCCESS;

	if (mailbox->kept)
		result = endpoint_datagram(mailbox->unix_backend->backend.endpoint, mailbox->from,
					   le32toh(mailbox->letter.other.port),
					   mailbox->letter.payload, mailbox->length);
	mailbox->kept = result == VMCI_ERROR_NO_RESOURCES;
	return !mailbox->kept;
}

static void collect(void *data, uint32_t events)
{
	struct mailbox *mailbox = data;

	(void)events;
	for (int i = 0; i < AT_ONCE && take_letter(mailbox); i++)
		if (!pass_on(mailbox)) {
			watch_events(mailbox->watch, 0);
			return;
		}
}

void mailbox_room(struct mailbox *mailbox)
{
	if (mailbox->kept && pass_on(mailbox))
		watch_events(mailbox->watch, EPOLLIN);
}

static __s32 delivery_error(int error)
{
	switch (error) {
	case EAGAIN:
	case ENOBUFS:
		return VMCI_ERROR_NO_RESOURCES;
	case ENOMEM:
		return VMCI_ERROR_NO_MEM;
	case EMSGSIZE:
		return VMCI_ERROR_PAYLOAD_TOO_LARGE;
	default:
		return VMCI_ERROR_INVALID_RESOURCE;
	}
}

__s32 mailbox_deliver(struct mailbox *mailbox, __u32 from, __u32 to, const void *payload,
		      size_t length)
{
	struct other_end other = {
		htole32(endpoint_guest(mailbox->unix_backend->backend.endpoint)), htole32(from)
	};
	struct iovec pieces[] = { { &other, sizeof(other) }, { (void *)payload, length } };
	struct sockaddr_un address;
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };

	message.msg_name = &address;
	message.msg_namelen = backend_port_address(&address, mailbox->unix_backend->path, to,
						   SUFFIX);
	if (sendmsg(mailbox->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return delivery_error(errno);
	return VMCI_SUCCESS;
}

struct mailbox *mailbox_new(struct unix_backend *unix_backend, GError **error)
{
	struct mailbox *mailbox = g_new0(struct mailbox, 1);

	mailbox->unix_backend = unix_backend;
	mailbox->path = g_strconcat(unix_backend->path, SUFFIX, NULL);
	mailbox->fd = unix_socket_bind(mailbox->path, SOCK_DGRAM, unix_backend->mode, error);
	if (mailbox->fd >= 0) {
		mailbox->watch = loop_watch(unix_backend->loop, mailbox->fd, EPOLLIN, collect,
					    mailbox);
		if (mailbox->watch)
			return mailbox;
		g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "%s: %s",
			    mailbox->path, g_strerror(errno));
	}
	mailbox_free(mailbox);
	return NULL;
}

void mailbox_free(struct mailbox *mailbox)
{
	if (!mailbox)
		return;
	watch_remove(mailbox->watch);
	if (mailbox->fd >= 0) {
		close(mailbox->fd);
		unlink(mailbox->path);
	}
	g_free(mailbox->path);
	g_free(mailbox);
}
