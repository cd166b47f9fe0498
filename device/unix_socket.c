// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unix_socket - a socket at a path of which somebody else may have left the remains
 *
 * Copyright (C) 2026 The vmsock authors
 */
#define _GNU_SOURCE
#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "unix_socket.h"

#define BACKLOG 128

static int fail(GError **error, const char *path, const char *what)
{
	int number = errno;

	g_set_error(error, G_IO_ERROR, g_io_error_from_errno(number), "%s: %s: %s", path, what,
		    strerror(number));
	return -1;
}

/* Does somebody have it?  If not, what is left is removed, but nothing that is no socket. */
static int make_way(const struct sockaddr_un *address, int type, GError **error)
{
	int fd, result = -1, number;
	struct stat status;

	if (lstat(address->sun_path, &status) < 0)
		return 0;
	errno = EEXIST;
	if (!S_ISSOCK(status.st_mode))
		return fail(error, address->sun_path, "a file that is no socket");
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(error, address->sun_path, "socket");
	result = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	number = errno;
	close(fd);
	if (result == 0 || number == EAGAIN) {
		errno = EADDRINUSE;
		return fail(error, address->sun_path, "another server has it");
	}
	if (number == ECONNREFUSED && unlink(address->sun_path) < 0)
		return fail(error, address->sun_path, "unlink");
	return 0;
}

static int bind_with_mode(int fd, const struct sockaddr_un *address, unsigned int mode)
{
	mode_t before = umask(0777 & ~mode);
	int result = bind(fd, (const struct sockaddr *)address, sizeof(*address));

	umask(before);
	return result;
}

int unix_socket_bind(const char *path, int type, unsigned int mode, GError **error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (!*path || strlen(path) >= sizeof(address.sun_path)) {
		errno = *path ? ENAMETOOLONG : EINVAL;
		return fail(error, path, "path of a socket");
	}
	strcpy(address.sun_path, path);
	if (make_way(&address, type, error) < 0)
		return -1;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(error, path, "socket");
	if (bind_with_mode(fd, &address, mode) == 0 &&
	    (type != SOCK_STREAM || listen(fd, BACKLOG) == 0))
		return fd;
	fail(error, path, "cannot bind");
	close(fd);
	return -1;
}

int unix_socket_listen(const char *path, unsigned int mode, GError **error)
{
	return unix_socket_bind(path, SOCK_STREAM, mode, error);
}

int unix_socket_accept(int fd)
{
	int connection;

	do
		connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	while (connection < 0 && (errno == EINTR || errno == ECONNABORTED));
	return connection;
}
