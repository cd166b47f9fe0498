// SPDX-License-Identifier: GPL-2.0-or-later
/* address - addresses given to and coming from the socket calls (vsock.md 3, 12.C)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-timeout: 120
 */
#include "vmtest.h"

/* An address is refused and the socket is as fresh as before. */
#define expect_bind_refused(fd, addr, len) ({					\
	expect_errno(bind((fd), SA(addr), (len)), EINVAL);			\
	expect_addr(local_of(fd), VMADDR_CID_ANY, VMADDR_PORT_ANY); })

static void each_type(void (*check)(int type))
{
	check(SOCK_STREAM);
	check(SOCK_DGRAM);
}

static int socket_of(int type)
{
	return type == SOCK_STREAM ? stream_socket() : dgram_socket();
}

static void short_bind(int type)
{
	struct sockaddr_vm addr = vm_addr(VMADDR_CID_ANY, VMADDR_PORT_ANY);
	int fd = socket_of(type);

	expect_bind_refused(fd, &addr, 15);
	expect_bind_refused(fd, &addr, 2);
	expect_bind_refused(fd, &addr, 0);
	expect_ok(bind(fd, SA(&addr), 16));
	close(fd);
}

static void bind_length_15(void)
{
	each_type(short_bind);
}

static void odd_length_bind(int type)
{
	union {
		struct sockaddr_vm vm;
		char bytes[128];
	} addr;
	int fd = socket_of(type);

	memset(&addr, 0xff, sizeof(addr));
	addr.vm = vm_addr(VMADDR_CID_ANY, VMADDR_PORT_ANY);
	expect_bind_refused(fd, &addr, 129);
	expect_bind_refused(fd, &addr, -1);
	expect_errno(bind(fd, SA(8), 16), EFAULT);
	expect_addr(local_of(fd), VMADDR_CID_ANY, VMADDR_PORT_ANY);
	expect_ok(bind(fd, SA(&addr), 128));
	close(fd);
}

static void bind_odd_lengths(void)
{
	each_type(odd_length_bind);
}

static void foreign_family_bind(int type)
{
	static const int families[] = { AF_UNSPEC, AF_UNIX, AF_INET, 255, 65535 };
	struct sockaddr_vm addr = vm_addr(VMADDR_CID_ANY, 5000);
	int fd = socket_of(type);

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		addr.svm_family = families[i];
		expect_bind_refused(fd, &addr, sizeof(addr));
	}
	close(fd);
}

static void bind_wrong_family(void)
{
	each_type(foreign_family_bind);
}

static void flagged_bind(int type)
{
	static const unsigned char bad[] = { 2, 3, 4, 0x80, 0xfe, 0xff };
	struct sockaddr_vm addr = vm_addr(VMADDR_CID_ANY, VMADDR_PORT_ANY);
	int fd = socket_of(type);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		addr.svm_zero[0] = bad[i];
		expect_bind_refused(fd, &addr, sizeof(addr));
	}
	addr.svm_zero[0] = VMADDR_FLAG_TO_HOST;
	expect_ok(bind(fd, SA(&addr), sizeof(addr)));
	close(fd);
}

static void bind_byte_12(void)
{
	each_type(flagged_bind);
}

static void padded_bind(int type)
{
	struct sockaddr_vm addr = vm_addr(VMADDR_CID_ANY, 5001);
	int fd = socket_of(type);

	addr.svm_reserved1 = 0x1234;
	addr.svm_zero[1] = 1;
	addr.svm_zero[2] = 2;
	addr.svm_zero[3] = 3;
	expect_ok(bind(fd, SA(&addr), sizeof(addr)));
	expect_addr(local_of(fd), VMADDR_CID_ANY, 5001);
	close(fd);
}

static void bind_reserved(void)
{
	each_type(padded_bind);
}

/* Every malformed address, to a call that must refuse all of them and change nothing. */
static void refuse_malformed(int fd, unsigned int port,
			     int (*call)(int fd, const struct sockaddr_vm *addr, socklen_t len))
{
	struct sockaddr_vm addr = vm_addr(vm_cid, port);

	expect_errno(call(fd, &addr, 15), EINVAL);
	expect_errno(call(fd, &addr, 2), EINVAL);
	expect_errno(call(fd, &addr, -1), EINVAL);
	expect_errno(call(fd, &addr, 129), EINVAL);
	expect_errno(call(fd, (void *)8, 16), EFAULT);
	addr.svm_zero[0] = 2;
	expect_errno(call(fd, &addr, 16), EINVAL);
	addr.svm_zero[0] = 0;
	addr.svm_family = AF_INET;
	expect_errno(call(fd, &addr, 16), EINVAL);
}

static int do_connect(int fd, const struct sockaddr_vm *addr, socklen_t len)
{
	return connect(fd, SA(addr), len);
}

static int do_sendto(int fd, const struct sockaddr_vm *addr, socklen_t len)
{
	return sendto(fd, "x", 1, 0, SA(addr), len);
}

static void stream_connect_unspec(void)
{
	struct sockaddr_vm addr = vm_addr(vm_cid, 0);
	int server = listener(1), fd = stream_socket();

	addr.svm_port = port_of(server);
	addr.svm_family = AF_UNSPEC;
	expect_errno(connect(fd, SA(&addr), 16), EINVAL);
	expect_errno(connect(fd, SA(&addr), 2), EINVAL);
	expect_addr(local_of(fd), VMADDR_CID_ANY, VMADDR_PORT_ANY);
	expect_is(revents(server), 0);
	expect_ok(connect_to(fd, vm_cid, addr.svm_port));
	expect_errno(connect(fd, SA(&addr), 16), EISCONN);
	expect_addr(peer_of(fd), vm_cid, addr.svm_port);
}

static void stream_connect_malformed(void)
{
	int server = listener(1), fd = stream_socket();

	refuse_malformed(fd, port_of(server), do_connect);
	expect_addr(local_of(fd), VMADDR_CID_ANY, VMADDR_PORT_ANY);
	expect_errno(getpeername(fd, NULL, NULL), ENOTCONN);
	expect_is(revents(server), 0);
	expect_ok(connect_to(fd, vm_cid, port_of(server)));
}

static void dgram_connect_unspec(void)
{
	int server = dgram_bound(VMADDR_PORT_ANY), fd = dgram_socket(), stranger = dgram_socket();
	struct sockaddr_vm unspec = vm_addr(0, 0);
	unsigned int port = port_of(server);
	char byte;

	unspec.svm_family = AF_UNSPEC;
	expect_ok(connect_to(fd, vm_cid, port));
	expect_errno(connect(fd, SA(&unspec), 2), EINVAL);
	expect_addr(peer_of(fd), vm_cid, port);
	expect_is(expect_ok(send(fd, "a", 1, 0)), 1);
	expect_ok(connect(fd, SA(&unspec), 16));
	expect_errno(getpeername(fd, SA(&unspec), &(socklen_t){ 16 }), ENOTCONN);
	expect_errno(send(fd, "b", 1, 0), EINVAL);
	expect_ok(send_to(fd, "c", 1, vm_cid, port));
	expect_is(recv(server, &byte, 1, 0), 1);
	expect_is(byte, 'a');
	expect_is(recv(server, &byte, 1, 0), 1);
	expect_is(byte, 'c');
	/* Without a peer it hears everybody */
	expect_ok(send_to(stranger, "d", 1, vm_cid, port_of(fd)));
	expect_is(recv(fd, &byte, 1, 0), 1);
	expect_is(byte, 'd');
}

static void dgram_connect_malformed(void)
{
	int server = dgram_bound(VMADDR_PORT_ANY), fd = dgram_socket();

	refuse_malformed(fd, port_of(server), do_connect);
	expect_errno(getpeername(fd, NULL, NULL), ENOTCONN);
	expect_ok(connect_to(fd, vm_cid, port_of(server)));
	refuse_malformed(fd, port_of(server), do_connect);
	expect_addr(peer_of(fd), vm_cid, port_of(server));
}

static void dgram_sendto_malformed(void)
{
	int server = dgram_bound(VMADDR_PORT_ANY), fd = dgram_socket();

	refuse_malformed(fd, port_of(server), do_sendto);
	expect_is(revents_within(server, POLLIN, 50), 0);
}

/* Connected: an address that says nothing is as good as none; a good one is used. */
static void dgram_sendto_connected(void)
{
	int server = dgram_bound(VMADDR_PORT_ANY), other = dgram_bound(VMADDR_PORT_ANY);
	int fd = dgram_socket();
	struct sockaddr_vm addr = vm_addr(vm_cid, port_of(other));
	char buf[4];

	need_ok(connect_to(fd, vm_cid, port_of(server)));
	expect_is(sendto(fd, "1", 1, 0, SA(&addr), 15), 1);
	addr.svm_family = AF_INET;
	expect_is(sendto(fd, "22", 2, 0, SA(&addr), 16), 2);
	addr.svm_family = vm_family;
	addr.svm_zero[0] = 2;
	expect_is(sendto(fd, "333", 3, 0, SA(&addr), 16), 3);
	for (int n = 1; n <= 3; n++)
		expect_is(recv(server, buf, sizeof(buf), 0), n);
	expect_is(revents_within(other, POLLIN, 50), 0);
	expect_is(expect_ok(send_to(fd, "4444", 4, vm_cid, port_of(other))), 4);
	expect_is(recv(other, buf, sizeof(buf), 0), 4);
	expect_is(revents_within(server, POLLIN, 50), 0);
}

static void fresh_name(int type)
{
	int fd = socket_of(type);

	expect_addr(local_of(fd), VMADDR_CID_ANY, VMADDR_PORT_ANY);
	close(fd);
}

static void getsockname_fresh(void)
{
	each_type(fresh_name);
}

static void getsockname_lengths(void)
{
	int fd = stream_bound(5002);
	struct sockaddr_vm want = vm_addr(VMADDR_CID_ANY, 5002);
	unsigned char bytes[32];
	socklen_t len = 7;

	memset(bytes, 0x5a, sizeof(bytes));
	expect_ok(getsockname(fd, SA(bytes), &len));
	expect_is(len, 16);
	expect(memcmp(bytes, &want, 7) == 0 && bytes[7] == 0x5a);
	len = sizeof(bytes);
	expect_ok(getsockname(fd, SA(bytes), &len));
	expect_is(len, 16);
	expect(memcmp(bytes, &want, 16) == 0 && bytes[16] == 0x5a);
	len = -1;
	expect_errno(getsockname(fd, SA(bytes), &len), EINVAL);
	len = 16;
	expect_errno(getsockname(fd, SA(8), &len), EFAULT);
}

static void accept_address(void)
{
	int server = listener(1), client = stream_bound(VMADDR_PORT_ANY), fd;
	struct sockaddr_vm peer;
	socklen_t len = sizeof(peer);

	memset(&peer, 0xff, sizeof(peer));
	need_ok(connect_to(client, vm_cid, port_of(server)));
	fd = need_ok(accept(server, SA(&peer), &len));
	expect_is(len, 16);
	expect_addr(peer, vm_cid, port_of(client));
	expect_addr(peer_of(fd), vm_cid, port_of(client));
	expect_addr(local_of(fd), vm_cid, port_of(server));
}

static void connect_padding(void)
{
	int server = listener(1), fd = stream_socket();
	struct sockaddr_vm addr = vm_addr(vm_cid, port_of(server));

	addr.svm_reserved1 = 0xbeef;
	addr.svm_zero[1] = addr.svm_zero[2] = addr.svm_zero[3] = 0xff;
	expect_ok(connect(fd, SA(&addr), sizeof(addr)));
	expect_addr(peer_of(fd), vm_cid, port_of(server));
}

static void recvfrom_address(void)
{
	int to = dgram_bound(VMADDR_PORT_ANY), from = dgram_bound(VMADDR_PORT_ANY);
	struct sockaddr_vm addr;
	socklen_t len = sizeof(addr);
	char byte;

	memset(&addr, 0xff, sizeof(addr));
	need_ok(send_to(from, "x", 1, vm_cid, port_of(to)));
	expect_is(recvfrom(to, &byte, 1, 0, SA(&addr), &len), 1);
	expect_is(len, 16);
	expect_addr(addr, vm_cid, port_of(from));
}

static void stream_recv_no_name(void)
{
	struct pair pair = make_pair();
	struct sockaddr_vm addr;
	socklen_t len = sizeof(addr);
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_name = &addr, .msg_namelen = sizeof(addr), .msg_iov = &iov, .msg_iovlen = 1,
	};

	need_ok(send(pair.client, "xy", 2, 0));
	expect_is(recvfrom(pair.server, &byte, 1, 0, SA(&addr), &len), 1);
	expect_is(len, 0);
	expect_is(recvmsg(pair.server, &msg, 0), 1);
	expect_is(msg.msg_namelen, 0);
}

static const struct vmtest rows[] = {
	{ "12.C-33", "bind with length 15 gives EINVAL", bind_length_15 },
	{ "3.2", "bind checks length and pointer, ignores what is longer", bind_odd_lengths },
	{ "12.C-34", "bind with a wrong family gives EINVAL", bind_wrong_family },
	{ "12.C-35", "bind takes flag 1 in byte 12 and nothing else", bind_byte_12 },
	{ "12.C-36", "bind ignores reserved and padding bytes", bind_reserved },
	{ "12.C-37", "stream connect to AF_UNSPEC gives EINVAL", stream_connect_unspec },
	{ "3.2", "stream connect refuses malformed addresses", stream_connect_malformed },
	{ "12.C-38", "datagram connect to AF_UNSPEC dissolves", dgram_connect_unspec },
	{ "3.2", "datagram connect refuses malformed addresses", dgram_connect_malformed },
	{ "3.2", "datagram sendto refuses malformed addresses", dgram_sendto_malformed },
	{ "3.2", "connected datagram sendto ignores malformed addresses", dgram_sendto_connected },
	{ "12.C-39", "getsockname of a fresh socket is any, any", getsockname_fresh },
	{ "3.3", "getsockname cuts and reports the length", getsockname_lengths },
	{ "12.C-40", "accept fills a clean 16-byte peer address", accept_address },
	{ "3.3", "getpeername after connect is clean", connect_padding },
	{ "12.C-41", "recvfrom reports a clean 16-byte sender", recvfrom_address },
	{ "12.C-41", "recv on a stream reports name length 0", stream_recv_no_name },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
