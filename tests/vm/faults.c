// SPDX-License-Identifier: GPL-2.0-or-later
/* faults - every allocation of the socket calls fails once (vsock.md 11, 12.L-187)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-kernels: debug
 * vm-timeout: 150
 *
 * A call that meets a fault succeeds or says why not; what it promised before holds, nothing is
 * left behind, and the same call works when there is memory again.
 */
#include "faults.h"
#include "debugfs.h"

#include <sys/epoll.h>

/* What the calls of a row are about; each attempt has it to itself. */
static struct {
	int control;
	int fd;
	struct pair pair;
	struct task task;
	struct sockaddr_vm to;
	long got;
	char buf[100000];
} c;

static void take_module(void)
{
	load_vmsock();
	c.control = take_family();
}

/* --- family, socket, bind, listen --------------------------------------------------------- */

static long call_open(void)
{
	return open("/dev/vmsock", O_RDONLY | O_CLOEXEC);
}

static void close_if_open(long fd)
{
	if (fd >= 0)
		close(fd);
}

static void prepare_control(void)
{
	need(family_in_use() == 0);
	c.fd = open_control();
}

static long call_get_family(void)
{
	int32_t family = -1;

	if (ioctl(c.fd, IOCTL_VMCI_SOCKETS_GET_AF_VALUE, &family) < 0)
		return -1;
	if (family < 0)
		errno = -family;
	return family;
}

/* The family belongs to this descriptor alone: it comes, also at the next try, and goes. */
static void check_family(long family UNUSED)
{
	expect(ask_family(c.fd) > 0);
	close(c.fd);
	expect_is(family_in_use(), 0);
}

static void family(void)
{
	load_vmsock();
	fail_each(&(struct attempt){ "open the control device", NULL, call_open, close_if_open,
				     1 });
	fail_each(&(struct attempt){ "ask for the family", prepare_control, call_get_family,
				     check_family, 0 });
}

static long call_stream_socket(void)
{
	return socket(vm_family, SOCK_STREAM, 0);
}

static long call_dgram_socket(void)
{
	return socket(vm_family, SOCK_DGRAM, 0);
}

static void prepare_stream(void)
{
	c.fd = stream_socket();
}

static void prepare_dgram(void)
{
	c.fd = dgram_socket();
}

static long call_bind(void)
{
	return bind(c.fd, SA(&c.to), sizeof(c.to));
}

/* The port is its own or nobody's. */
static void check_bound(long result)
{
	if (result < 0)
		expect_ok(call_bind());
	expect_is(port_of(c.fd), c.to.svm_port);
	close(c.fd);
}

static void sockets(void)
{
	take_module();
	c.to = vm_addr(VMADDR_CID_ANY, 5555);
	fail_each(&(struct attempt){ "stream socket", NULL, call_stream_socket, close_if_open,
				     2 });
	fail_each(&(struct attempt){ "datagram socket", NULL, call_dgram_socket, close_if_open,
				     2 });
	fail_each(&(struct attempt){ "bind a stream", prepare_stream, call_bind, check_bound, 1 });
	fail_each(&(struct attempt){ "bind a datagram socket", prepare_dgram, call_bind,
				     check_bound, 2 });
}

/* --- connect and accept ------------------------------------------------------------------- */

static void prepare_client(void)
{
	c.pair.listener = listener(4);
	c.pair.client = stream_socket();
	c.to = vm_addr(vm_cid, port_of(c.pair.listener));
}

static long call_connect(void)
{
	return connect(c.pair.client, SA(&c.to), sizeof(c.to));
}

/* The child of the connection, not of one that was given up. */
static void accept_child(void)
{
	wait_for(c.pair.listener, POLLIN);
	c.pair.server = need_ok(accept(c.pair.listener, NULL, NULL));
}

static void check_pair(long result UNUSED)
{
	accept_child();
	expect_works(c.pair.client, c.pair.server);
	close_pair(&c.pair);
}

static void check_connected(long result)
{
	if (result < 0)
		need_ok(call_connect());
	check_pair(result);
}

static long call_connect_nonblocking(void)
{
	long result;

	set_blocking(c.pair.client, false);
	result = call_connect();
	return result < 0 && errno == EINPROGRESS ? 0 : result;
}

static void check_connecting(long result)
{
	int error = 0;

	set_blocking(c.pair.client, true);
	if (result == 0) {
		wait_for(c.pair.client, POLLOUT);
		error = socket_error(c.pair.client);
		expect(error == 0 || proper_end(error));
	}
	if (result < 0 || error)
		need_ok(call_connect());
	check_pair(result);
}

static void prepare_request(void)
{
	prepare_client();
	need_ok(call_connect());
	wait_for(c.pair.listener, POLLIN);
}

static long call_accept(void)
{
	socklen_t len = sizeof(c.to);

	return c.pair.server = accept(c.pair.listener, SA(&c.to), &len);
}

/* The connection still waits; or it was closed with the socket that accept() had made. */
static void check_accepted(long result)
{
	if (result < 0 && revents(c.pair.listener))
		result = c.pair.server = need_ok(accept(c.pair.listener, NULL, NULL));
	if (result < 0)
		expect_eof(c.pair.client);
	else
		expect_works(c.pair.client, c.pair.server);
	close_pair(&c.pair);
}

static void connections(void)
{
	take_module();
	fail_each(&(struct attempt){ "connect", prepare_client, call_connect, check_connected, 2,
				     true });
	fail_each(&(struct attempt){ "connect without blocking", prepare_client,
				     call_connect_nonblocking, check_connecting, 1, true });
	fail_each(&(struct attempt){ "accept", prepare_request, call_accept, check_accepted, 2 });
}

/* --- stream data -------------------------------------------------------------------------- */

static void prepare_pair(void)
{
	c.pair = make_pair();
	c.got = 0;
}

static long call_send(void)
{
	return send(c.pair.client, c.buf, sizeof(c.buf), MSG_NOSIGNAL);
}

/* What send said it took is there, and not a byte more. */
static void check_sent(long sent)
{
	if (sent > 0)
		receive_bytes(c.pair.server, sent, 1, 0);
	expect_errno(recv(c.pair.server, c.buf, 1, MSG_DONTWAIT), EAGAIN);
	expect_works(c.pair.client, c.pair.server);
	close_pair(&c.pair);
	fill_bytes((uint8_t *)c.buf, sizeof(c.buf), 1, 0);
}

static void read_one(void *arg UNUSED)
{
	char byte;

	c.got = recv(c.pair.server, &byte, 1, 0);
}

static void prepare_sleeping_reader(void)
{
	prepare_pair();
	start_task(&c.task, read_one, NULL);
	wait_in_syscall(&c.task, SYS_recvfrom);
}

static long call_send_byte(void)
{
	return send(c.pair.client, c.buf, 1, MSG_NOSIGNAL);
}

/* The reader is told, though the packet that tells it could not be sent at once. */
static void check_reader_woken(long sent)
{
	if (sent < 0)
		need_ok(call_send_byte());
	join_task(&c.task);
	expect_is(c.got, 1);
	expect_works(c.pair.client, c.pair.server);
	close_pair(&c.pair);
}

static void prepare_full(void)
{
	c.pair = make_pair_of(4096);
	c.got = fill_queue(c.pair.client, 1);
}

static long call_recv(void)
{
	return recv(c.pair.server, c.buf, 2000, 0);
}

/* The writer is told that there is space, and nothing was lost on the way. */
static void check_writer_told(long received)
{
	if (received < 0)
		need((received = call_recv()) > 0);
	expect_is(first_wrong((uint8_t *)c.buf, received, 1, 0), received);
	wait_for(c.pair.client, POLLOUT);
	receive_bytes(c.pair.server, c.got - received, 1, received);
	expect_works(c.pair.client, c.pair.server);
	close_pair(&c.pair);
}

/* Empties the full queue when the writer sleeps. */
static void drain(void *arg)
{
	pid_t *writer = arg;

	soon(sleeps_in(*writer, SYS_sendto) || c.got < 0);
	receive_bytes(c.pair.server, 4095, 1, 0);
}

static void prepare_full_and_drain(void)
{
	static pid_t self;

	self = syscall(SYS_gettid);
	prepare_full();
	start_task(&c.task, drain, &self);
}

static long call_send_when_full(void)
{
	long sent = send(c.pair.client, c.buf, 1000, MSG_NOSIGNAL);

	if (sent < 0)
		c.got = -1;		/* nobody will sleep */
	return sent;
}

static void check_drained(long sent)
{
	join_task(&c.task);
	if (sent > 0)
		expect(receive_bytes(c.pair.server, sent, 1, 0));
	expect_works(c.pair.client, c.pair.server);
	close_pair(&c.pair);
}

static void stream_data(void)
{
	take_module();
	fill_bytes((uint8_t *)c.buf, sizeof(c.buf), 1, 0);
	fail_each(&(struct attempt){ "send", prepare_pair, call_send, check_sent, 2 });
	fail_each(&(struct attempt){ "send to a sleeping reader", prepare_sleeping_reader,
				     call_send_byte, check_reader_woken, 2 });
	fail_each(&(struct attempt){ "send when full", prepare_full_and_drain,
				     call_send_when_full, check_drained, 1 });
	fail_each(&(struct attempt){ "recv when full", prepare_full, call_recv, check_writer_told,
				     1 });
}

/* --- poll and the low-water mark ---------------------------------------------------------- */

static void prepare_less_than_wanted(void)
{
	int lowat = 100;

	prepare_pair();
	need_ok(setsockopt(c.pair.server, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof(lowat)));
	need(send(c.pair.client, c.buf, 50, 0) == 50);
}

static long call_poll(void)
{
	struct pollfd pfd = { .fd = c.pair.server, .events = POLLIN };

	return poll(&pfd, 1, 0);
}

/* All bytes are there, in order, wherever they were kept; the rest is announced. */
static void check_gathered(long result UNUSED)
{
	struct pollfd pfd = { .fd = c.pair.server, .events = POLLIN };
	int queued = 0;

	expect_is(expect_ok(ioctl(c.pair.server, FIONREAD, &queued)), 0);
	expect_is(queued, 50);
	need(send(c.pair.client, c.buf + 50, 50, 0) == 50);
	expect_is(poll(&pfd, 1, SOON_MS), 1);
	receive_bytes(c.pair.server, 100, 1, 0);
	close_pair(&c.pair);
}

static int epoll;

static void prepare_epoll(void)
{
	prepare_less_than_wanted();
	epoll = need_ok(epoll_create1(EPOLL_CLOEXEC));
}

static long call_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, c.pair.server, &event);
}

static void check_epoll(long result)
{
	struct epoll_event event = { 0 };

	if (result < 0)
		need_ok(call_epoll());
	need(send(c.pair.client, c.buf + 50, 50, 0) == 50);
	expect_is(epoll_wait(epoll, &event, 1, SOON_MS), 1);
	receive_bytes(c.pair.server, 100, 1, 0);
	close(epoll);
	close_pair(&c.pair);
}

static void polling(void)
{
	take_module();
	fill_bytes((uint8_t *)c.buf, sizeof(c.buf), 1, 0);
	fail_each(&(struct attempt){ "poll below the low-water mark", prepare_less_than_wanted,
				     call_poll, check_gathered, 1 });
	fail_each(&(struct attempt){ "epoll below the low-water mark", prepare_epoll, call_epoll,
				     check_epoll, 2 });
}

/* --- shutdown and close ------------------------------------------------------------------- */

static long call_shutdown(void)
{
	return shutdown(c.pair.client, SHUT_WR);
}

/* The peer learns it, and the other direction goes on. */
static void check_shut_down(long result)
{
	char byte = 'x';

	expect_is(result, 0);
	expect_errno(send(c.pair.client, &byte, 1, MSG_NOSIGNAL), EPIPE);
	wait_for(c.pair.server, POLLRDHUP);
	expect_eof(c.pair.server);
	expect_is(send(c.pair.server, &byte, 1, MSG_NOSIGNAL), 1);
	expect_is(recv(c.pair.client, &byte, 1, 0), 1);
	close_pair(&c.pair);
}

static long call_close(void)
{
	return close(c.pair.client);
}

static void check_closed(long result UNUSED)
{
	expect_eof(c.pair.server);
	expect(send(c.pair.server, c.buf, 1, MSG_NOSIGNAL) < 0);
	close(c.pair.server);
	close(c.pair.listener);
}

static long call_close_listener(void)
{
	return close(c.pair.listener);
}

static void check_listener_closed(long result UNUSED)
{
	expect_eof(c.pair.client);
	close(c.pair.client);
}

static void endings(void)
{
	take_module();
	fail_each(&(struct attempt){ "shutdown", prepare_pair, call_shutdown, check_shut_down });
	fail_each(&(struct attempt){ "close", prepare_pair, call_close, check_closed });
	fail_each(&(struct attempt){ "close a listener", prepare_request, call_close_listener,
				     check_listener_closed });
}

/* --- datagrams ---------------------------------------------------------------------------- */

#define LARGE	60000

static void prepare_two_dgrams(void)
{
	c.pair.server = dgram_bound(VMADDR_PORT_ANY);
	c.pair.client = dgram_socket();
	c.to = vm_addr(vm_cid, port_of(c.pair.server));
}

static long call_send_small(void)
{
	return sendto(c.pair.client, c.buf, 10, 0, SA(&c.to), sizeof(c.to));
}

static long call_send_large(void)
{
	return sendto(c.pair.client, c.buf, LARGE, 0, SA(&c.to), sizeof(c.to));
}

/* A datagram that was sent arrives whole, or gets lost; one that was not does not arrive. */
static void check_dgram(long sent)
{
	static char got[LARGE + 1];
	long len;

	need(call_send_small() == 10);
	wait_for(c.pair.server, POLLIN);
	len = recv(c.pair.server, got, sizeof(got), 0);
	if (sent > 10 && len == sent) {
		expect(memcmp(got, c.buf, sent) == 0);
		wait_for(c.pair.server, POLLIN);
		len = recv(c.pair.server, got, sizeof(got), 0);
	}
	expect_is(len, 10);
	expect(memcmp(got, c.buf, 10) == 0);
	if (recv(c.pair.server, got, sizeof(got), MSG_DONTWAIT) > 0)
		expect_is(sent, 10);
	close(c.pair.client);
	close(c.pair.server);
}

static void prepare_waiting_dgram(void)
{
	prepare_two_dgrams();
	need(call_send_large() == LARGE);
	wait_for(c.pair.server, POLLIN);
}

static long call_recv_dgram(void)
{
	static char got[LARGE];

	return recv(c.pair.server, got, sizeof(got), MSG_DONTWAIT);
}

static void check_dgram_read(long received)
{
	if (received < 0)
		expect_is(call_recv_dgram(), LARGE);
	else
		expect_is(received, LARGE);
	check_dgram(-1);
}

static long call_connect_dgram(void)
{
	return connect(c.pair.client, SA(&c.to), sizeof(c.to));
}

/* A connection of datagrams sends nothing. */
static void check_dgram_connected(long result)
{
	if (result < 0)
		expect_ok(call_connect_dgram());
	expect_addr(peer_of(c.pair.client), vm_cid, c.to.svm_port);
	check_dgram(-1);
}

static void datagrams(void)
{
	take_module();
	fill_bytes((uint8_t *)c.buf, sizeof(c.buf), 1, 0);
	fail_each(&(struct attempt){ "send a datagram", prepare_two_dgrams, call_send_small,
				     check_dgram, 3 });
	fail_each(&(struct attempt){ "send a large datagram", prepare_two_dgrams, call_send_large,
				     check_dgram, 3 });
	fail_each(&(struct attempt){ "connect a datagram socket", prepare_two_dgrams,
				     call_connect_dgram, check_dgram_connected, 1 });
	fail_each(&(struct attempt){ "receive a datagram", prepare_waiting_dgram, call_recv_dgram,
				     check_dgram_read, 1 });
}

/* --- names, options, listings ------------------------------------------------------------- */

static long call_names_and_options(void)
{
	uint64_t size = 4096;
	socklen_t len = sizeof(c.to);
	int queued;

	if (getsockname(c.pair.client, SA(&c.to), &len) < 0 ||
	    getpeername(c.pair.client, SA(&c.to), &len) < 0 ||
	    setsockopt(c.pair.client, vm_family, SO_VMCI_BUFFER_SIZE, &size, sizeof(size)) < 0)
		return -1;
	len = sizeof(size);
	if (getsockopt(c.pair.client, vm_family, SO_VMCI_BUFFER_SIZE, &size, &len) < 0)
		return -1;
	return ioctl(c.pair.client, FIONREAD, &queued);
}

static void check_works(long result UNUSED)
{
	expect_works(c.pair.client, c.pair.server);
	close_pair(&c.pair);
}

static long call_read_listing(void)
{
	int fd = open(SOCKETS_FILE, O_RDONLY | O_CLOEXEC), error;
	long len;

	if (fd < 0)
		return -1;
	len = read(fd, c.buf, sizeof(c.buf));
	error = errno;
	close(fd);
	errno = error;
	return len;
}

static void settings(void)
{
	take_module();
	fail_each(&(struct attempt){ "names and options", prepare_pair, call_names_and_options,
				     check_works, 3 });
	fail_each(&(struct attempt){ "list the sockets", prepare_pair, call_read_listing,
				     check_works, 3 });
}

/* --- work items --------------------------------------------------------------------------- */

static bool try_to_connect(int server)
{
	struct timeval patience = { .tv_usec = 300000 };
	int fd = stream_socket();
	bool good;

	need_ok(setsockopt(fd, vm_family, SO_VMCI_CONNECT_TIMEOUT, &patience, sizeof(patience)));
	let_me_fail(true);
	good = connect_to(fd, vm_cid, port_of(server)) == 0;
	let_me_fail(false);
	if (!good && !proper_end(errno))
		vm_fail(__FILE__, __LINE__, "connect: %s", strerrorname_np(errno));
	if (revents_within(server, POLLIN, good ? 300 : 0))
		close_if_open(accept(server, NULL, NULL));
	close(fd);
	return good;
}

/* Packets are lost between request and attach, and nobody can be told. */
static void handshakes(void)
{
	int server, good = 0, tries = 400;
	long before = faults_injected();
	struct pair pair;

	take_module();
	server = listener(8);
	set_blocking(server, false);
	fail_often("10");
	for (int i = 0; i < tries; i++) {
		if (i % 20 == 0)
			let_workers_fail("1");
		good += try_to_connect(server);
	}
	fail_no_more();
	diag("%d of %d connected, %ld faults", good, tries, faults_injected() - before);
	expect(good > 0 && good < tries);
	close(server);
	expect_soon(count_sockets() == 0);
	pair = make_pair();
	expect_works(pair.client, pair.server);
}

/* While this is open nothing is delivered at once: senders have to queue it, and need memory. */
static int stall(void)
{
	return need_ok(open("/sys/kernel/debug/vm_raw/stall", O_WRONLY | O_CLOEXEC));
}

static volatile bool transferred;

static void stall_often(void *arg UNUSED)
{
	while (!transferred) {
		int stalled = stall();

		breathe();
		close(stalled);
	}
}

#define TRANSFER	300000
#define TRANSFERS_MAX	20	/* to have enough faults among them */
#define TRANSFER_FAULTS	10

static long transfer_before, transfer_sent;

static void send_part(long end)
{
	uint8_t buf[TRANSFER / 100];
	size_t len;
	long n;

	let_me_fail(true);
	while (transfer_sent < end) {
		len = sizeof(buf) - transfer_sent % sizeof(buf);
		fill_bytes(buf, len, 1, transfer_sent);
		n = send(c.pair.client, buf, len, MSG_NOSIGNAL);
		if (n < 0 && !expect(proper_refusal(errno)))
			break;
		transfer_sent += n > 0 ? n : 0;
	}
	let_me_fail(false);
}

static void send_all(void *arg UNUSED)
{
	for (int i = 1; i <= TRANSFERS_MAX; i++) {
		send_part(i * TRANSFER);
		if (faults_injected() - transfer_before > TRANSFER_FAULTS)
			break;
	}
	need_ok(shutdown(c.pair.client, SHUT_WR));
}

/* Whatever fails: an established connection delivers what it took, and nobody sleeps for ever. */
static void transfer(void)
{
	struct task staller;
	uint8_t buf[2000];
	long received = 0, n;

	take_module();
	need_ok(insert("vm_raw"));
	c.pair = make_pair_of(2048);
	start_task(&staller, stall_often, NULL);
	transfer_before = faults_injected();
	fail_often("20");
	start_task(&c.task, send_all, NULL);
	let_me_fail(true);
	while ((n = recv(c.pair.server, buf, sizeof(buf), 0)) != 0) {
		if (n < 0 && expect(proper_refusal(errno)))
			continue;
		if (n < 0 || !expect_is(first_wrong(buf, n, 1, received), n))
			break;
		received += n;
	}
	let_me_fail(false);
	join_task(&c.task);
	fail_no_more();
	transferred = true;
	join_task(&staller);
	diag("%ld bytes, %ld faults", received, faults_injected() - transfer_before);
	expect_is(received, transfer_sent);
	expect(faults_injected() - transfer_before > TRANSFER_FAULTS);
	expect_eof(c.pair.server);
}

/* No packet gets through for a while: the sleeping reader is told when there is memory again. */
static void late_notification(void)
{
	int stalled;

	take_module();
	need_ok(insert("vm_raw"));
	c.pair = make_pair();
	expect_works(c.pair.client, c.pair.server);
	start_task(&c.task, read_one, NULL);
	wait_in_syscall(&c.task, SYS_recvfrom);
	mark();
	stalled = stall();
	set_chance("100");
	let_me_fail(true);
	expect_is(send(c.pair.client, "x", 1, MSG_NOSIGNAL), 1);
	let_me_fail(false);
	set_chance("0");
	expect_is(sent_since(P(WROTE)), 0);
	close(stalled);
	join_task(&c.task);
	expect_is(c.got, 1);
	expect_works(c.pair.client, c.pair.server);
}

/* Datagrams may be lost; what arrives was sent, and each only once. */
static void lost_datagrams(void)
{
	long before = faults_injected();
	int sent = 0, received = 0, number, last = -1;

	take_module();
	prepare_two_dgrams();
	set_blocking(c.pair.server, false);
	fail_often("20");
	let_me_fail(true);
	for (int i = 0; i < 1000; i++) {
		if (sendto(c.pair.client, &i, sizeof(i), 0, SA(&c.to), sizeof(c.to)) == sizeof(i))
			sent++;
		else
			expect(proper_refusal(errno));
		while (recv(c.pair.server, &number, sizeof(number), 0) == sizeof(number)) {
			expect(number > last && number <= i);
			last = number;
			received++;
		}
	}
	let_me_fail(false);
	fail_no_more();
	diag("%d sent, %d received, %ld faults", sent, received, faults_injected() - before);
	expect(sent > 0 && received > 0 && received <= sent);
}

/* --- all ---------------------------------------------------------------------------------- */

static void works_afterwards(void)
{
	load_vmsock();
	expect_vmsock_works();
	expect_is(count_sockets(), 0);
}

static void enough(void)
{
	long count = faults_injected();

	diag("%ld faults injected", count);
	expect(count >= 1000);
}

static const struct vmtest rows[] = {
	{ "faults", "the family number", family },
	{ "faults", "socket and bind", sockets },
	{ "faults", "connect and accept", connections },
	{ "faults", "send and recv on a stream", stream_data },
	{ "faults", "poll below the low-water mark", polling },
	{ "faults", "shutdown and close", endings },
	{ "faults", "datagrams", datagrams },
	{ "faults", "names, options, listings", settings },
	{ "faults", "handshakes whose packets get lost", handshakes, 60 },
	{ "faults", "a transfer whose notifications get lost", transfer, 60 },
	{ "faults", "a notification that cannot be sent at once", late_notification },
	{ "faults", "datagrams without memory", lost_datagrams },
	{ "12.L-187", "all works afterwards", works_afterwards },
	{ "faults", "at least 1,000 faults", enough },
};

int main(int argc, char **argv)
{
	faults_prepare();
	return module_main(argc, argv, rows, ARRAY_SIZE(rows));
}
