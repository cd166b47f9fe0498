/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * vmci_sockets.h - VMCI sockets for user space programs: constants, address, family lookup
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Theory of operation
 *
 * VMCI sockets have no fixed family number.  Our module takes one when the first descriptor on
 * its control device asks for it and gives it back when the last descriptor and socket are gone
 * (vsock.md 2.2), so a number is good only as long as the caller holds the descriptor that came
 * with it, or a socket.  The kernel's own VMCI transport has the fixed number 40 and no such
 * descriptor.  A program therefore says
 *
 *	int fd = -1;
 *	int family = VMCISock_GetAFValueFd(&fd);
 *	...
 *	struct sockaddr_vm addr;
 *	memset(&addr, 0, sizeof addr);
 *	addr.svm_family = family;
 *	addr.svm_cid = VMADDR_CID_ANY;
 *	addr.svm_port = 5000;
 *	...
 *	VMCISock_ReleaseAFValueFd(fd);
 *
 * The control devices are asked before family 40 is tried: that leaves a machine's vsock modules
 * alone, and never returns a number that nobody holds (vsock.md 2.4, 2.7).
 *
 * All functions may be called from any thread.  Descriptors are closed on exec.  On failure errno
 * names the cause and no output argument is written.
 *
 * The header needs GCC or Clang, C89 (as gnu89 or with __inline__) or C++98, and may be included
 * before or after <linux/vm_sockets.h>.
 */
#ifndef VMCI_SOCKETS_H
#define VMCI_SOCKETS_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <unistd.h>

/*
 * Socket options, level: the family number (vsock.md 2.5).  Values are 64 bit for the sizes and
 * struct timeval for the time limit of connect.  Number 8 belongs to the time limit on Linux; what
 * another platform's header calls the cause of a disconnection is deliberately absent.
 */
#define SO_VMCI_BUFFER_SIZE		0
#define SO_VMCI_BUFFER_MIN_SIZE		1
#define SO_VMCI_BUFFER_MAX_SIZE		2
#define SO_VMCI_PEER_HOST_VM_ID		3
#define SO_VMCI_SERVICE_LABEL		4
#define SO_VMCI_TRUSTED			5
#define SO_VMCI_NONBLOCK_TXRX		7
#define SO_VMCI_PEER_LIMIT_RATE		9
#define SO_VMCI_PEER_PRIV_LIMIT		10
#define SO_VMCI_PEER_BURST_LEVEL	11

#define VMCI_SOCKETS_PEER_LIMIT_RATE_MAX	16384

/*
 * Option 6 takes two longs.  A 32-bit program with 64-bit time has a larger struct timeval and
 * must use option 8 (vsock.md 10.2); there the macro is not usable in #if.
 */
#if defined(__LP64__) || defined(__x86_64__)
#define SO_VMCI_CONNECT_TIMEOUT		6
#else
#define SO_VMCI_CONNECT_TIMEOUT		(sizeof(time_t) == sizeof(long) ? 6 : 8)
#endif

#define VMCI_SOCKETS_INVALID_VERSION	0xFFFFFFFFU
#define VMCI_SOCKETS_VERSION_EPOCH(v)	(((v) & 0xFF000000U) >> 24)
#define VMCI_SOCKETS_VERSION_MAJOR(v)	(((v) & 0x00FF0000U) >> 16)
#define VMCI_SOCKETS_VERSION_MINOR(v)	((v) & 0x0000FFFFU)

/* Control devices in the order they are asked.  The last is another platform's and never opened. */
#ifndef VMCI_SOCKETS_OWN_DEVICE
#define VMCI_SOCKETS_OWN_DEVICE		"/dev/vmsock"
#endif
#ifndef VMCI_SOCKETS_DEFAULT_DEVICE
#define VMCI_SOCKETS_DEFAULT_DEVICE	"/dev/vsock"
#endif
#define VMCI_SOCKETS_CLASSIC_ESX_DEVICE	"/vmfs/devices/char/vsock/vsock"

/* Requests of the control device (vsock.md 9). */
#define IOCTL_VMCI_SOCKETS_VERSION		1972
#define IOCTL_VMCI_SOCKETS_GET_AF_VALUE		1976
#define IOCTL_VMCI_SOCKETS_GET_LOCAL_CID	1977
#define IOCTL_VMCI_SOCKETS_UUID_2_CID		1991

/* The family number of the kernel's own vsock. */
#define VMCI_SOCKETS_KERNEL_FAMILY		40

#ifndef VMADDR_CID_ANY
#define VMADDR_CID_ANY		0xFFFFFFFFU
#endif
#ifndef VMADDR_PORT_ANY
#define VMADDR_PORT_ANY		0xFFFFFFFFU
#endif
#ifndef VMADDR_CID_HYPERVISOR
#define VMADDR_CID_HYPERVISOR	0
#endif
#ifndef VMADDR_CID_RESERVED
#define VMADDR_CID_RESERVED	1
#endif
#ifndef VMADDR_CID_LOCAL
#define VMADDR_CID_LOCAL	1
#endif
#ifndef VMADDR_CID_HOST
#define VMADDR_CID_HOST		2
#endif
#ifndef VMADDR_FLAG_TO_HOST
#define VMADDR_FLAG_TO_HOST	0x01
#endif

/*
 * The kernel's header defines the same structure and cannot be told not to.  If it came first, its
 * definition is used: same size, same names, svm_zero one byte shorter behind svm_flags.  If it
 * comes later it must find itself included already, so everything it holds is defined here.
 */
#if !defined(_VM_SOCKETS_H) && !defined(_UAPI_VM_SOCKETS_H)
#define _VM_SOCKETS_H
#define _UAPI_VM_SOCKETS_H

/* An address: 16 bytes, the size of struct sockaddr, host byte order (vsock.md 3.1). */
struct sockaddr_vm {
	sa_family_t svm_family;		/* what VMCISock_GetAFValueFd() returned */
	unsigned short svm_reserved1;	/* 0 */
	unsigned int svm_port;
	unsigned int svm_cid;
	__extension__ union {
		unsigned char svm_zero[4];	/* 0 */
		unsigned char svm_flags;	/* VMADDR_FLAG_*, where the stack knows them */
	};
};

#define SO_VM_SOCKETS_BUFFER_SIZE		SO_VMCI_BUFFER_SIZE
#define SO_VM_SOCKETS_BUFFER_MIN_SIZE		SO_VMCI_BUFFER_MIN_SIZE
#define SO_VM_SOCKETS_BUFFER_MAX_SIZE		SO_VMCI_BUFFER_MAX_SIZE
#define SO_VM_SOCKETS_PEER_HOST_VM_ID		SO_VMCI_PEER_HOST_VM_ID
#define SO_VM_SOCKETS_TRUSTED			SO_VMCI_TRUSTED
#define SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD	6
#define SO_VM_SOCKETS_NONBLOCK_TXRX		SO_VMCI_NONBLOCK_TXRX
#define SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW	8
#define SO_VM_SOCKETS_CONNECT_TIMEOUT		SO_VMCI_CONNECT_TIMEOUT
#define VM_SOCKETS_INVALID_VERSION		VMCI_SOCKETS_INVALID_VERSION
#define VM_SOCKETS_VERSION_EPOCH(v)		VMCI_SOCKETS_VERSION_EPOCH(v)
#define VM_SOCKETS_VERSION_MAJOR(v)		VMCI_SOCKETS_VERSION_MAJOR(v)
#define VM_SOCKETS_VERSION_MINOR(v)		VMCI_SOCKETS_VERSION_MINOR(v)
#define IOCTL_VM_SOCKETS_GET_LOCAL_CID		IOCTL_VMCI_SOCKETS_GET_LOCAL_CID
#ifndef SOL_VSOCK
#define SOL_VSOCK				287
#endif
#ifndef VSOCK_RECVERR
#define VSOCK_RECVERR				1
#endif
#endif

#define VMCI_SOCKETS_INLINE_ static __inline__ __attribute__((__unused__))

/*
 * The descriptor that VMCISock_GetAFValue() keeps, one for the whole process however many files
 * include this header: weak definitions are merged.
 */
__attribute__((__weak__)) int VMCISock_heldDescriptor_ = -1;

/* Close without touching errno. */
VMCI_SOCKETS_INLINE_ void VMCISock_Close_(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
}

/* Open one control device for reading; -1 with errno. */
VMCI_SOCKETS_INLINE_ int VMCISock_Open_(const char *path)
{
	int fd;

	do {
#ifdef O_CLOEXEC
		fd = open(path, O_RDONLY | O_CLOEXEC);
#else
		fd = open(path, O_RDONLY);
#endif
	} while (fd < 0 && errno == EINTR);
#ifndef O_CLOEXEC
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
	return fd;
}

/*
 * Put a request to the control devices in order until one knows it.  Returns the open descriptor
 * of the one that did, or -1 with the errno of the most specific failure: a node that is there
 * and cannot be opened says more than one that is not, or that does not know the request.
 */
VMCI_SOCKETS_INLINE_ int VMCISock_Ask_(unsigned int request, void *answer)
{
	const char *node[2];
	int cause = ENOENT;
	int unknown = 0;
	int i;

	node[0] = VMCI_SOCKETS_OWN_DEVICE;
	node[1] = VMCI_SOCKETS_DEFAULT_DEVICE;
	for (i = 0; i < 2; i++) {
		int fd = VMCISock_Open_(node[i]);
		int ret;

		if (fd < 0) {
			if (cause == ENOENT)
				cause = errno;
			continue;
		}
		do {
			ret = ioctl(fd, request, answer);
		} while (ret < 0 && errno == EINTR);
		if (ret >= 0)
			return fd;
		unknown = errno;
		VMCISock_Close_(fd);
	}
	errno = cause == ENOENT && unknown ? unknown : cause;
	return -1;
}

/* Ask for one 32-bit value and close; fallback when no device knows. */
VMCI_SOCKETS_INLINE_ unsigned int VMCISock_AskOnce_(unsigned int request, unsigned int fallback)
{
	unsigned int value = fallback;
	int fd = VMCISock_Ask_(request, &value);

	if (fd < 0)
		return fallback;
	VMCISock_Close_(fd);
	return value;
}

/* Are datagrams of the kernel's own vsock there?  Only VMCI has them (vsock.md 2.3). */
VMCI_SOCKETS_INLINE_ int VMCISock_KernelHasVmci_(void)
{
	int type = SOCK_DGRAM;
	int fd;

#ifdef SOCK_CLOEXEC
	type |= SOCK_CLOEXEC;
#endif
	fd = socket(VMCI_SOCKETS_KERNEL_FAMILY, type, 0);
	if (fd < 0)
		return 0;
	VMCISock_Close_(fd);
	return 1;
}

/* Do two descriptors stand for the same device?  False also when one of them is not open. */
VMCI_SOCKETS_INLINE_ int VMCISock_SameDevice_(int a, int b)
{
	struct stat sa, sb;
	int saved = errno;
	int same;

	same = fstat(a, &sa) == 0 && fstat(b, &sb) == 0 &&
	       S_ISCHR(sa.st_mode) && S_ISCHR(sb.st_mode) && sa.st_rdev == sb.st_rdev;
	errno = saved;
	return same;
}

/*
 * VMCISock_Version - the version of the driver
 *
 * Returns the version, to be taken apart with VMCI_SOCKETS_VERSION_EPOCH(), _MAJOR() and _MINOR(),
 * or VMCI_SOCKETS_INVALID_VERSION without the module; the kernel's own vsock has none to tell.
 */
VMCI_SOCKETS_INLINE_ unsigned int VMCISock_Version(void)
{
	return VMCISock_AskOnce_(IOCTL_VMCI_SOCKETS_VERSION, VMCI_SOCKETS_INVALID_VERSION);
}

/*
 * VMCISock_GetAFValueFd - the family number, and the descriptor that keeps it valid
 * @outFd: where to put the descriptor, -1 if the number needs none; or NULL, which leaves the
 *	descriptor open for the life of the process (see VMCISock_GetAFValue())
 *
 * Give the descriptor to VMCISock_ReleaseAFValueFd() when no socket will be made any more.
 *
 * Returns the number, or a negative value with errno set and *@outFd untouched: EACCES if a control
 * device may not be opened, EAFNOSUPPORT if there is no vsock at all, ENODEV if there is one
 * without VMCI.
 */
VMCI_SOCKETS_INLINE_ int VMCISock_GetAFValueFd(int *outFd)
{
	int family = -1;
	int held = __sync_fetch_and_add(&VMCISock_heldDescriptor_, 0);
	int fd = VMCISock_Ask_(IOCTL_VMCI_SOCKETS_GET_AF_VALUE, &family);

	if (fd < 0) {
		int cause = errno;

		if (VMCISock_KernelHasVmci_()) {
			if (outFd)
				*outFd = -1;
			return VMCI_SOCKETS_KERNEL_FAMILY;
		}
		if (cause != ENOENT && cause != ENOTTY && cause != EINVAL)
			errno = cause;
		return -1;
	}
	if (family <= 0) {
		close(fd);
		errno = family ? -family : EAFNOSUPPORT;
		return family ? family : -1;
	}
	if (outFd)
		*outFd = fd;
	else if (held != fd &&
		 (VMCISock_SameDevice_(held, fd) ||
		  !__sync_bool_compare_and_swap(&VMCISock_heldDescriptor_, held, fd)))
		VMCISock_Close_(fd);
	return family;
}

/*
 * VMCISock_GetAFValue - the family number, kept valid for the life of the process
 *
 * However often it is called, and from however many threads, one descriptor stays open; it is
 * opened anew if the program closed it behind our back.
 *
 * Returns as VMCISock_GetAFValueFd() does.
 */
VMCI_SOCKETS_INLINE_ int VMCISock_GetAFValue(void)
{
	return VMCISock_GetAFValueFd(NULL);
}

/*
 * VMCISock_ReleaseAFValueFd - give back what VMCISock_GetAFValueFd() handed out
 * @fd: the descriptor; negative ones are ignored
 */
VMCI_SOCKETS_INLINE_ void VMCISock_ReleaseAFValueFd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/*
 * VMCISock_GetLocalCID - the context ID of this machine
 *
 * Returns the ID, or VMADDR_CID_ANY if there is no control device or no context.
 */
VMCI_SOCKETS_INLINE_ unsigned int VMCISock_GetLocalCID(void)
{
	return VMCISock_AskOnce_(IOCTL_VMCI_SOCKETS_GET_LOCAL_CID, VMADDR_CID_ANY);
}

/*
 * VMCISock_Uuid2ContextId - the context ID of the virtual machine with a UUID
 * @uuidString: the UUID; 127 characters of it are looked at, at most
 *
 * No Linux driver can tell, so on Linux this returns VMADDR_CID_ANY.
 */
VMCI_SOCKETS_INLINE_ unsigned int VMCISock_Uuid2ContextId(const char *uuidString)
{
	struct {
		unsigned int contextId;
		unsigned int pad;
		char text[128];
	} io;
	unsigned int i;
	int fd;

	memset(&io, 0, sizeof io);
	io.contextId = VMADDR_CID_ANY;
	for (i = 0; uuidString && i < sizeof io.text - 1 && uuidString[i]; i++)
		io.text[i] = uuidString[i];
	fd = VMCISock_Ask_(IOCTL_VMCI_SOCKETS_UUID_2_CID, &io);
	if (fd < 0)
		return VMADDR_CID_ANY;
	VMCISock_Close_(fd);
	return io.contextId;
}

#endif
