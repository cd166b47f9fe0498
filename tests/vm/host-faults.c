// SPDX-License-Identifier: GPL-2.0-or-later
/* host-faults - every allocation of a monitor's requests fails once (vmci.md 8, vsock.md 12.L-187)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-kernels: debug
 * vm-sources: modules/common/packet.c modules/common/ring.c
 * vm-timeout: 150
 *
 * A request that meets a fault says so or does what was asked.  When it failed nothing of it is
 * left, and the same request works when there is memory again.
 */
#include "faults.h"
#include "host-vm.h"

/* What the requests of a row are about; each attempt has it to itself. */
static struct {
	int fd;
	int error;		/* of the request */
	uint8_t *memory;
	long locked;
	struct vm vm;
	int peer;
} c;

static const struct vmci_handle mine = { FIRST_CID, 7 };

/* A result as a system call would say it; what no want of memory explains is no proper refusal */
static long said(int32_t result)
{
	if (result == VMCI_ERROR_NO_MEM)
		errno = ENOMEM;
	else if (result < 0)
		errno = EPROTO;
	c.error = errno;
	return result < 0 || result == NO_RESULT ? -1 : result;
}

static void fail_both_ways(const struct attempt *attempt)
{
	fail_each(attempt);
	fail_each_lasting(attempt);
}

/* --- contexts ------------------------------------------------------------------------------- */

static long call_open(void)
{
	return open("/dev/vmci", O_RDWR | O_CLOEXEC);
}

static void close_if_open(long fd)
{
	if (fd >= 0)
		close(fd);
}

static void prepare_declared(void)
{
	c.fd = open_vmci();
	need_ok(declare(c.fd, VMCI_VERSION_CURRENT));
}

static long call_init(void)
{
	return init_context(c.fd, FIRST_CID, 0);
}

/* The id is its own or nobody's */
static void check_init(long result)
{
	if (result < 0)
		expect_is(call_init(), FIRST_CID);
	close(c.fd);
}

static void contexts(void)
{
	need_ok(insert("vmci"));
	fail_both_ways(&(struct attempt){ "open", NULL, call_open, close_if_open, 2 });
	fail_both_ways(&(struct attempt){ "INIT_CONTEXT", prepare_declared, call_init, check_init,
					  2 });
}

/* --- datagrams ------------------------------------------------------------------------------ */

#define LARGE	60000

static void prepare_monitor(void)
{
	c.fd = monitor(FIRST_CID);
}

static long call_send_small(void)
{
	return said(send_bytes(c.fd, message(mine, mine, 10), HDR + 10));
}

static long call_send_large(void)
{
	return said(send_bytes(c.fd, message(mine, mine, LARGE), HDR + LARGE));
}

static int drain_inbox(void)
{
	union message *got;
	int count = 0;

	while (receive_message(c.fd, &got) >= 0)
		count++;
	return count;
}

/* It is there if it was sent; if the result could not be told it may be */
static void check_sent(long result)
{
	int there = drain_inbox();

	if (result > 0)
		expect_is(there, 1);
	else if (c.error == ENOMEM)
		expect_is(there, 0);
	expect(call_send_small() > 0);
	close(c.fd);
}

static void prepare_letter(void)
{
	prepare_monitor();
	need(call_send_large() > 0);
}

static long call_receive(void)
{
	union message *got;

	return said(receive_message(c.fd, &got));
}

static void check_received(long result)
{
	if (result < 0)
		drain_inbox();
	expect_is(revents(c.fd), 0);
	close(c.fd);
}

static void datagrams(void)
{
	need_ok(insert("vmci"));
	fail_both_ways(&(struct attempt){ "DATAGRAM_SEND", prepare_monitor, call_send_small,
					  check_sent, 2 });
	fail_both_ways(&(struct attempt){ "DATAGRAM_SEND, large", prepare_monitor,
					  call_send_large, check_sent, 2 });
	fail_both_ways(&(struct attempt){ "DATAGRAM_RECEIVE", prepare_letter, call_receive,
					  check_received, 1 });
}

/* --- doorbells and checkpoints -------------------------------------------------------------- */

static long call_create_bell(void)
{
	return said(create_bell(c.fd, mine));
}

/* It has the doorbell, or has not and can make it */
static void check_bell(long result)
{
	int32_t again = create_bell(c.fd, mine);

	if (result == 0)
		expect_is(again, VMCI_ERROR_DUPLICATE_ENTRY);
	else if (c.error == ENOMEM)
		expect_is(again, VMCI_SUCCESS);
	close(c.fd);
}

static void prepare_rung(void)
{
	prepare_monitor();
	need(create_bell(c.fd, mine) == 0);
	need(ring_bell(c.fd, mine) == 0);
}

static long call_take_rung(void)
{
	struct vmci_handle rung[2];

	return said(take_rung(c.fd, rung, ARRAY_SIZE(rung)));
}

/* It is told of once */
static void check_taken(long result)
{
	if (result >= 0)
		expect_is(result, 1);
	else if (c.error == ENOMEM)
		expect_is(call_take_rung(), 1);
	expect(call_take_rung() <= 1);
	expect_is(call_take_rung(), 0);
	close(c.fd);
}

static int32_t checkpoint(unsigned long number, uint32_t type, void *state, uint32_t size)
{
	struct vmci_checkpoint_block block = { address_of(state), type, size, NO_RESULT, 0 };

	return request(c.fd, number, &block);
}

static long call_save(void)
{
	struct vmci_doorbell_checkpoint state[4];

	return said(checkpoint(IOCTL_VMCI_CTX_GET_CPT_STATE, VMCI_CPT_DOORBELLS, state,
			       sizeof(state)));
}

static void check_saved(long result)
{
	if (result < 0)
		expect_is(call_save(), 0);
	close(c.fd);
}

static long call_restore(void)
{
	uint32_t cids[] = { HOST };

	return said(checkpoint(IOCTL_VMCI_CTX_SET_CPT_STATE, VMCI_CPT_NOTIFICATIONS, cids,
			       sizeof(cids)));
}

static void check_restored(long result)
{
	if (result < 0 && c.error == ENOMEM)
		expect_is(call_restore(), 0);
	close(c.fd);
}

static void doorbells(void)
{
	need_ok(insert("vmci"));
	fail_both_ways(&(struct attempt){ "NOTIFY_RESOURCE", prepare_monitor, call_create_bell,
					  check_bell, 2 });
	fail_both_ways(&(struct attempt){ "NOTIFICATIONS_RECEIVE", prepare_rung, call_take_rung,
					  check_taken, 2 });
	fail_both_ways(&(struct attempt){ "CTX_GET_CPT_STATE", prepare_rung, call_save,
					  check_saved, 2 });
	fail_both_ways(&(struct attempt){ "CTX_SET_CPT_STATE", prepare_monitor, call_restore,
					  check_restored, 2 });
}

/* --- queue pairs ---------------------------------------------------------------------------- */

#define LONG_RING	(600 * PAGE)	/* the list of its pages is more than one page */

static void prepare_memory(void)
{
	prepare_monitor();
	c.memory = pair_memory(mine, LONG_RING, PAGE);
	c.locked = locked_kib();
}

static long call_alloc(void)
{
	return said(alloc_pair(c.fd, mine, HOST, LONG_RING, PAGE, c.memory));
}

static void give_up(void)
{
	expect_is(locked_kib(), c.locked);
	close(c.fd);
	need_ok(munmap(c.memory, pair_pages(LONG_RING, PAGE) * PAGE));
}

/* Who does not learn the result has no pair, either */
static void check_alloc(long result)
{
	if (result < 0) {
		expect_is(detach_pair(c.fd, mine), VMCI_ERROR_NOT_FOUND);
		expect_is(locked_kib(), c.locked);
		expect_is(call_alloc(), 0);
	}
	expect_is(detach_pair(c.fd, mine), VMCI_SUCCESS);
	give_up();
}

static void prepare_unmapped(void)
{
	prepare_memory();
	need(call_alloc() == 0);
	need(set_va(c.fd, mine, NULL) == 0);
	need(locked_kib() == c.locked);
}

static long call_map(void)
{
	return said(set_va(c.fd, mine, c.memory));
}

static void check_mapped(long result)
{
	if (result < 0)
		expect_is(call_map(), 0);
	expect_is(detach_pair(c.fd, mine), VMCI_SUCCESS);
	give_up();
}

static void prepare_old(void)
{
	c.fd = monitor_of(VMCI_VERSION_NOTIFY, FIRST_CID, 0);
	c.memory = pair_memory(mine, LONG_RING, PAGE);
	c.locked = locked_kib();
}

static long call_alloc_old(void)
{
	struct vmci_qp_alloc_block_old block = {
		.handle = mine, .peer = HOST, .produce_size = LONG_RING, .consume_size = PAGE,
		.result = NO_RESULT,
	};

	return said(request(c.fd, IOCTL_VMCI_QUEUEPAIR_ALLOC, &block));
}

static void check_alloc_old(long result)
{
	if (result < 0) {
		expect_is(detach_pair(c.fd, mine), VMCI_ERROR_NOT_FOUND);
		expect_is(call_alloc_old(), VMCI_SUCCESS_QUEUEPAIR_CREATE);
	}
	expect_is(detach_pair(c.fd, mine), VMCI_SUCCESS_LAST_DETACH);
	give_up();
}

static void prepare_without_store(void)
{
	prepare_old();
	need(call_alloc_old() == VMCI_SUCCESS_QUEUEPAIR_CREATE);
}

static long call_set_store(void)
{
	struct vmci_qp_page_file_block block = {
		.handle = mine, .produce_address = address_of(c.memory),
		.consume_address = address_of(c.memory + LONG_RING + PAGE), .result = NO_RESULT,
	};

	return said(request(c.fd, IOCTL_VMCI_QUEUEPAIR_SETPAGEFILE, &block));
}

/* When the result could not be told the memory may be there already */
static void check_store(long result)
{
	if (result < 0 && c.error == ENOMEM)
		expect_is(call_set_store(), 0);
	expect_is(detach_pair(c.fd, mine), VMCI_SUCCESS_LAST_DETACH);
	give_up();
}

static long call_set_notify(void)
{
	return said(set_notify(c.fd, c.memory));
}

static void check_notify(long result UNUSED)
{
	expect_is(set_notify(c.fd, NULL), VMCI_SUCCESS);
	expect_is(call_set_notify(), 0);
	give_up();
}

static void queue_pairs(void)
{
	need_ok(insert("vmci"));
	fail_both_ways(&(struct attempt){ "QUEUEPAIR_ALLOC", prepare_memory, call_alloc,
					  check_alloc, 3 });
	fail_both_ways(&(struct attempt){ "QUEUEPAIR_ALLOC of an old version", prepare_old,
					  call_alloc_old, check_alloc_old, 2 });
	fail_both_ways(&(struct attempt){ "QUEUEPAIR_SETPAGEFILE", prepare_without_store,
					  call_set_store, check_store, 2 });
	fail_both_ways(&(struct attempt){ "QUEUEPAIR_SETVA", prepare_unmapped, call_map,
					  check_mapped, 2 });
	fail_both_ways(&(struct attempt){ "SET_NOTIFY", prepare_memory, call_set_notify,
					  check_notify, 1 });
}

/* --- a connection with a virtual machine ---------------------------------------------------- */

#define UNREAD	2000

static void take_module(void)
{
	load_vmsock();
	take_family();
}

/* Once round, so that the rest has two parts */
static void prepare_unread(void)
{
	c.vm = vm_of(0);
	c.peer = vm_connection(&c.vm);
	vm_writes(&c.vm, 3000, 1, 0);
	need(receive_bytes(c.peer, 3000, 1, 0));
	vm_writes(&c.vm, UNREAD, 1, 3000);
}

static long call_detach(void)
{
	return said(detach_pair(c.vm.fd, c.vm.handle));
}

static long call_die(void)
{
	return close(c.vm.fd);
}

/* What was not read is there, or there was no memory for it, and the stream ends without it */
static void expect_rest(void)
{
	uint8_t bytes[UNREAD + 1];
	ssize_t n = recv(c.peer, bytes, sizeof(bytes), MSG_WAITALL);

	if (n > 0 && expect_is(n, UNREAD))
		expect_is(first_wrong(bytes, UNREAD, 1, 3000), UNREAD);
	expect(n >= 0 || errno == ECONNRESET);
	expect(recv(c.peer, bytes, 1, 0) <= 0);
	close(c.peer);
	need_ok(munmap(c.vm.memory, pair_pages(RING, RING) * PAGE));
}

static void check_detached(long result)
{
	if (result < 0)
		detach_pair(c.vm.fd, c.vm.handle);
	expect_rest();
	close(c.vm.fd);
}

static void check_dead(long result UNUSED)
{
	expect_rest();
	close(monitor(VM));
}

static void prepare_connection(void)
{
	c.locked = locked_kib();
	c.vm = vm_of(0);
	c.peer = vm_connection(&c.vm);
}

static long call_leave(void)
{
	return close(c.peer);
}

/* With or without memory to wait until the machine knows of the connection, it hears of the end */
static void check_left(long result)
{
	expect_is(result, 0);
	need_detach(&c.vm);
	expect_is(detach_pair(c.vm.fd, c.vm.handle), VMCI_SUCCESS);
	close(c.vm.fd);
	need_ok(munmap(c.vm.memory, pair_pages(RING, RING) * PAGE));
	expect_is(locked_kib(), c.locked);
}

static void endings(void)
{
	take_module();
	fail_both_ways(&(struct attempt){ "QUEUEPAIR_DETACH", prepare_unread, call_detach,
					  check_detached, 1 });
	fail_both_ways(&(struct attempt){ "close", prepare_unread, call_die, check_dead, 0 });
	fail_both_ways(&(struct attempt){ "close, of the host's end", prepare_connection,
					  call_leave, check_left, 0 });
}

/* --- user memory that is not there when it is copied ----------------------------------------- */

#define PART	1000

/* What send() took arrives, and nothing else; what recv() did not give stays */
static void vanishing_memory(void)
{
	static uint8_t bytes[PART];
	uint64_t sent = 0, received = 0;
	long before = faults_injected();
	ssize_t n;

	take_module();
	c.vm = vm_of(0);
	c.peer = vm_connection(&c.vm);
	hold_memory();
	fault_setting("fail_usercopy", "probability", "60");
	for (int i = 0; i < 100; i++) {
		fill_bytes(bytes, PART, 2, sent);
		let_me_fail(true);
		n = send(c.peer, bytes, PART, MSG_DONTWAIT | MSG_NOSIGNAL);
		let_me_fail(false);
		if (n > 0)
			need(vm_reads(&c.vm, n, 2, sent));
		expect(n > 0 || errno == EFAULT);
		sent += n > 0 ? n : 0;

		vm_writes(&c.vm, PART, 1, received);
		let_me_fail(true);
		n = recv(c.peer, bytes, PART, MSG_DONTWAIT);
		let_me_fail(false);
		if (expect(n == PART || (n < 0 && errno == EFAULT)) && n < 0)
			n = recv(c.peer, bytes, PART, MSG_DONTWAIT);
		need(n == PART && first_wrong(bytes, PART, 1, received) == PART);
		received += PART;
		drain(&c.vm);
	}
	fault_setting("fail_usercopy", "probability", "0");
	diag("%ld faults", faults_injected() - before);
	expect(sent >= 90 * PART && faults_injected() - before > 100);
	expect_carries(&c.vm, c.peer);
}

static const struct vmtest rows[] = {
	{ "faults", "opening and INIT_CONTEXT", contexts },
	{ "faults", "datagrams of a monitor", datagrams },
	{ "faults", "doorbells and checkpoints", doorbells },
	{ "faults", "queue pairs and pinned memory", queue_pairs, 60 },
	{ "faults", "the end of a machine whose bytes wait, and of the host's end", endings },
	{ "faults", "buffers that vanish while a machine's memory is copied", vanishing_memory },
};

int main(int argc, char **argv)
{
	faults_prepare();
	return module_main(argc, argv, rows, ARRAY_SIZE(rows));
}
