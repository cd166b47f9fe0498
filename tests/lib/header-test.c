/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * header-test.c - vmci_sockets.h where no device knows the family number
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The paths of the devices are variables here.  What works on a real device is tested in guests
 * (tests/vm).  vsock.md 2.6, 2.7, 12.B.
 */
extern const char *own_device, *default_device;

#define VMCI_SOCKETS_OWN_DEVICE own_device
#define VMCI_SOCKETS_DEFAULT_DEVICE default_device
#include "vmci_sockets.h"

#include "tap.h"

#include <dirent.h>
#include <pthread.h>
#include <stddef.h>

#define UNTOUCHED 12345

const char *own_device, *default_device;

static int kernel_family;	/* 40 if the kernel's vsock has datagrams here, else -1 */
static int kernel_errno;

static void ask_kernel(void)
{
	int fd = socket(40, SOCK_DGRAM, 0);

	kernel_family = fd < 0 ? -1 : 40;
	kernel_errno = errno;
	if (fd >= 0)
		close(fd);
}

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* @cause: the errno that says more than what the kernel's family answers; 0 if none */
static void check_lookup(const char *what, const char *own, const char *other, int cause)
{
	int before = count_descriptors();
	int fd = UNTOUCHED;
	int family;

	own_device = own;
	default_device = other;
	errno = 0;
	family = VMCISock_GetAFValueFd(&fd);
	is_s64(family, kernel_family, "%s: no number of a device", what);
	if (family < 0) {
		is_s64(errno, cause ? cause : kernel_errno, "... errno");
		is_s64(fd, UNTOUCHED, "... the descriptor is untouched");
	} else {
		is_s64(fd, -1, "... no descriptor");
	}
	is_s64(VMCISock_GetAFValue(), kernel_family, "... the same without a descriptor");
	is_u64(VMCISock_Version(), VMCI_SOCKETS_INVALID_VERSION, "... no version");
	is_u64(VMCISock_Uuid2ContextId("564d0000-0000-0000-0000-000000000000"), VMADDR_CID_ANY,
	       "... no context of a UUID");
	is_u64(VMCISock_Uuid2ContextId(NULL), VMADDR_CID_ANY, "... nor of none");
	is_s64(count_descriptors(), before, "... nothing is left open");
}

/* What stands at the paths, as a user who may not do everything. */
static void check_denied(void)
{
	char folder[] = "/tmp/header-test-XXXXXX";
	char path[64];
	int fd;

	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "%s/node", folder);
	fd = open(path, O_CREAT | O_WRONLY, 0);
	close(fd);
	if (chmod(folder, 0755) || (geteuid() == 0 && seteuid(65534)))
		abort();
	check_lookup("the first device is denied", path, "/nowhere", EACCES);
	check_lookup("the second device is denied", "/nowhere", path, EACCES);
	check_lookup("one denied, one of another kind", path, "/dev/null", EACCES);
	if (getuid() == 0 && seteuid(0))
		abort();
	unlink(path);
	rmdir(folder);
}

static void check_uuid_length(void)
{
	static char text[127];
	char *copy = malloc(sizeof(text));

	/* Not terminated: reading a 128th character is an error that sanitizers see. */
	memset(copy, 'a', sizeof(text));
	own_device = "/dev/null";
	is_u64(VMCISock_Uuid2ContextId(copy), VMADDR_CID_ANY,
	       "12.B-30 127 characters of a UUID are read");
	free(copy);
}

static void check_release(void)
{
	int fd = open("/dev/null", O_RDONLY);

	errno = 77;
	VMCISock_ReleaseAFValueFd(-1);
	is_s64(errno, 77, "releasing no descriptor does nothing");
	VMCISock_ReleaseAFValueFd(fd);
	ok(fcntl(fd, F_GETFD) < 0, "releasing one closes it");
}

static void check_cloexec(void)
{
	int fd = VMCISock_Open_("/dev/null");

	is_s64(fcntl(fd, F_GETFD), FD_CLOEXEC, "descriptors are closed on exec");
	close(fd);
}

static void check_constants(void)
{
	struct sockaddr_vm address;

	is_u64(VMCI_SOCKETS_VERSION_EPOCH(0x09080001U), 9, "12.B-29 epoch of a version");
	is_u64(VMCI_SOCKETS_VERSION_MAJOR(0x09080001U), 8, "12.B-29 major of a version");
	is_u64(VMCI_SOCKETS_VERSION_MINOR(0x09080001U), 1, "12.B-29 minor of a version");
	is_u64(sizeof(address), sizeof(struct sockaddr), "the size of an address");
	is_u64(offsetof(struct sockaddr_vm, svm_port), 4, "the port");
	is_u64(offsetof(struct sockaddr_vm, svm_cid), 8, "the context ID");
	is_u64(offsetof(struct sockaddr_vm, svm_zero), 12, "the padding");
	is_u64(sizeof(address.svm_zero), 4, "... all of it");
}

static void *look_up_often(void *unused)
{
	(void)unused;
	for (int i = 0; i < 500; i++)
		if (VMCISock_GetAFValue() != kernel_family)
			return (void *)1;
	return NULL;
}

static void check_threads(void)
{
	int before = count_descriptors();
	pthread_t threads[4];
	bool same = true;
	void *failed;

	own_device = default_device = "/dev/null";
	for (int i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, look_up_often, NULL))
			abort();
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &failed);
		same = same && !failed;
	}
	ok(same, "threads get the same answer");
	is_s64(count_descriptors(), before, "... and leave nothing open");
}

int main(void)
{
	ask_kernel();
	check_lookup("no devices", "/nowhere/a", "/nowhere/b", 0);
	check_lookup("devices of another kind", "/dev/null", "/dev/zero", 0);
	check_lookup("one of another kind", "/nowhere", "/dev/null", 0);
	check_lookup("a file", "/nowhere", "/etc/passwd", 0);
	check_lookup("a path through a file", "/etc/passwd/x", "/nowhere", ENOTDIR);
	check_denied();
	check_uuid_length();
	check_release();
	check_cloexec();
	check_constants();
	check_threads();
	return done_testing();
}
