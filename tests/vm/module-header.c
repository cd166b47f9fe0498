// SPDX-License-Identifier: GPL-2.0-or-later
/* module-header - the functions of vmci_sockets.h on our modules, the kernel's, and none
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vsock.md 2.6, 2.7 and 12.B.
 *
 * vm-bits: 64 32
 */
#include "module.h"

#include <dirent.h>

#define UNTOUCHED	12345

/* Descriptors of this process on device number @device. */
static int descriptors_on(dev_t device)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int count = 0;

	need(dir);
	while ((entry = readdir(dir))) {
		struct stat st;

		if (entry->d_name[0] == '.' || fstat(atoi(entry->d_name), &st))
			continue;
		if (S_ISCHR(st.st_mode) && st.st_rdev == device)
			count++;
	}
	closedir(dir);
	return count;
}

static int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	need(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* The kernel's VMCI transport, with its datagrams. */
static void load_intree(void)
{
	need_ok(insert("vsock"));
	need_ok(insert("vmw_vmci"));
	need_ok(insert("vmw_vsock_vmci_transport"));
}

/* The kernel's vsock without VMCI. */
static void load_loopback(void)
{
	need_ok(insert("vsock"));
	need_ok(insert("vmw_vsock_virtio_transport_common"));
	need_ok(insert("vsock_loopback"));
}

static void intree_family(void)
{
	int fd = UNTOUCHED;

	load_intree();
	expect_is(VMCISock_GetAFValueFd(&fd), KERNEL_FAMILY);
	expect_is(fd, -1);
}

static void own_family(void)
{
	int fd = UNTOUCHED;
	int family;

	load_vmsock();
	family = VMCISock_GetAFValueFd(&fd);
	expect_is(family, FIRST_CHOICE);
	expect_is(family_in_use(), family);
	need(fd >= 0 && fd != UNTOUCHED);
	expect_is(descriptors_on(device_of("/dev/vmsock")), 1);
	expect_is(ask_family(fd), family);
	VMCISock_ReleaseAFValueFd(fd);
	expect_is(family_in_use(), 0);
}

/* Ours is preferred, whoever has /dev/vsock. */
static void own_family_beside_intree(void)
{
	int fd = UNTOUCHED;

	load_intree();
	load_vmsock();
	expect_is(VMCISock_GetAFValueFd(&fd), FIRST_CHOICE);
	expect_is(VMCISock_GetLocalCID(), VMADDR_CID_HOST);
	expect(fd >= 0 && fd != UNTOUCHED);
	VMCISock_ReleaseAFValueFd(fd);
}

/* The old name serves where the new one is missing. */
static void own_family_by_old_node(void)
{
	int fd = UNTOUCHED;

	load_vmsock();
	need_ok(unlink("/dev/vmsock"));
	expect_is(VMCISock_GetAFValueFd(&fd), FIRST_CHOICE);
	expect_is(descriptors_on(device_of("/dev/vsock")), 1);
	VMCISock_ReleaseAFValueFd(fd);
}

static void expect_none(int want)
{
	int fd = UNTOUCHED;

	errno = 0;
	expect(VMCISock_GetAFValueFd(&fd) < 0);
	expect_is(errno, want);
	expect_is(fd, UNTOUCHED);
	errno = 0;
	expect(VMCISock_GetAFValue() < 0);
	expect_is(errno, want);
}

static void neither(void)
{
	int before = descriptors();

	expect_none(EAFNOSUPPORT);
	expect_is(VMCISock_GetLocalCID(), VMADDR_CID_ANY);
	expect_is(VMCISock_Version(), VMCI_SOCKETS_INVALID_VERSION);
	expect_is(descriptors(), before);
}

static void intree_without_datagrams(void)
{
	int before = descriptors();

	load_loopback();
	expect_none(ENODEV);
	expect_is(descriptors(), before);
}

static void closed_node(void)
{
	load_vmsock();
	drop_privileges();
	expect_none(EACCES);
}

static void every_number_taken(void)
{
	int before = descriptors();
	int fd = UNTOUCHED;

	need_ok(insert("vm_families"));
	load_vmsock();
	need_ok(put_text("/sys/module/vm_families/parameters/taken", "all"));
	expect(VMCISock_GetAFValueFd(&fd) < 0);
	expect_is(fd, UNTOUCHED);
	expect_is(descriptors(), before);
}

static void one_descriptor_kept(void)
{
	int before = descriptors();

	load_vmsock();
	for (int i = 0; i < 5; i++)
		expect_is(VMCISock_GetAFValue(), FIRST_CHOICE);
	expect_is(descriptors_on(device_of("/dev/vmsock")), 1);
	expect_is(descriptors(), before + 1);
	expect_is(family_in_use(), FIRST_CHOICE);
}

static void none_kept_intree(void)
{
	int before = descriptors();

	load_intree();
	for (int i = 0; i < 5; i++)
		expect_is(VMCISock_GetAFValue(), KERNEL_FAMILY);
	expect_is(descriptors(), before);
}

#define ASKERS	8

static void ask_often(void *arg)
{
	(void)arg;
	for (int i = 0; i < 50; i++)
		need(VMCISock_GetAFValue() == FIRST_CHOICE);
}

static void one_descriptor_from_many_threads(void)
{
	struct task tasks[ASKERS];

	load_vmsock();
	for (int i = 0; i < ASKERS; i++)
		start_task(&tasks[i], ask_often, NULL);
	for (int i = 0; i < ASKERS; i++)
		join_task(&tasks[i]);
	expect_is(descriptors_on(device_of("/dev/vmsock")), 1);
}

static void release(void)
{
	int before, fd = UNTOUCHED;

	load_vmsock();
	before = descriptors();
	VMCISock_ReleaseAFValueFd(-1);
	VMCISock_ReleaseAFValueFd(-2);
	expect_is(descriptors(), before);
	expect(VMCISock_GetAFValueFd(&fd) > 0);
	expect_is(descriptors(), before + 1);
	VMCISock_ReleaseAFValueFd(fd);
	expect_is(descriptors(), before);
	expect_errno(fcntl(fd, F_GETFD), EBADF);
}

static void local_cid(void)
{
	uint32_t cid = 0;
	int fd;

	load_vmsock();
	fd = open_control();
	need_ok(ioctl(fd, IOCTL_VMCI_SOCKETS_GET_LOCAL_CID, &cid));
	close(fd);
	expect_is(VMCISock_GetLocalCID(), cid);
	expect_is(cid, VMADDR_CID_HOST);
	expect_is(family_in_use(), 0);
}

static void version(void)
{
	uint32_t word = 0;
	int fd;

	load_vmsock();
	fd = open_control();
	need_ok(ioctl(fd, IOCTL_VMCI_SOCKETS_VERSION, &word));
	expect_is(VMCISock_Version(), word);
	expect(word != VMCI_SOCKETS_INVALID_VERSION);
	diag("version %u.%u.%u", VMCI_SOCKETS_VERSION_EPOCH(word),
	     VMCI_SOCKETS_VERSION_MAJOR(word), VMCI_SOCKETS_VERSION_MINOR(word));
}

static void version_intree(void)
{
	load_intree();
	expect_is(VMCISock_Version(), VMCI_SOCKETS_INVALID_VERSION);
}

static void uuid(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	char *edge = pages + page;

	need(pages != MAP_FAILED);
	memset(pages, 'f', 2 * page - 1);
	load_vmsock();
	expect_is(VMCISock_Uuid2ContextId(pages), VMADDR_CID_ANY);
	/* Nothing is mapped behind 127 characters */
	need_ok(munmap(edge, page));
	expect_is(VMCISock_Uuid2ContextId(edge - 127), VMADDR_CID_ANY);
	expect_is(VMCISock_Uuid2ContextId(""), VMADDR_CID_ANY);
	expect_is(VMCISock_Uuid2ContextId(NULL), VMADDR_CID_ANY);
}

static void close_on_exec(void)
{
	int fd = UNTOUCHED;

	load_vmsock();
	expect(VMCISock_GetAFValueFd(&fd) > 0);
	expect_is(need_ok(fcntl(fd, F_GETFD)) & FD_CLOEXEC, FD_CLOEXEC);
	expect_is(need_ok(fcntl(fd, F_GETFL)) & O_ACCMODE, O_RDONLY);
}

static const struct vmtest rows[] = {
	{ "12.B-21", "the kernel's VMCI gives 40 and -1", intree_family },
	{ "12.B-22", "ours gives a number and its descriptor", own_family },
	{ "12.B-22", "so it does beside the kernel's", own_family_beside_intree },
	{ "12.B-22", "and through the old name", own_family_by_old_node },
	{ "12.B-23", "with neither: negative, EAFNOSUPPORT, nothing written", neither },
	{ "12.B-23", "a node that may not be opened: negative, EACCES, nothing written",
	  closed_node },
	{ "12.B-23", "every number taken: negative, nothing written", every_number_taken },
	{ "12.B-24", "the kernel's vsock without datagrams: negative, ENODEV",
	  intree_without_datagrams },
	{ "12.B-25", "VMCISock_GetAFValue keeps one descriptor", one_descriptor_kept },
	{ "12.B-25", "one, however many threads ask", one_descriptor_from_many_threads },
	{ "12.B-25", "none on the kernel's", none_kept_intree },
	{ "12.B-26", "VMCISock_ReleaseAFValueFd closes, and ignores negatives", release },
	{ "12.B-27", "VMCISock_GetLocalCID is request 1977", local_cid },
	{ "12.B-28", "VMCISock_Version is request 1972", version },
	{ "12.B-28", "the kernel's has no version", version_intree },
	{ "12.B-30", "VMCISock_Uuid2ContextId knows nobody", uuid },
	{ "12.B-32", "the descriptor is closed on exec", close_on_exec },
};

int main(int argc, char **argv)
{
	return module_main(argc, argv, rows, ARRAY_SIZE(rows));
}
