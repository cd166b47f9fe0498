// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fault-test - what is made to go wrong does, when it should, and nothing else
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <unistd.h>

#include "client.h"
#include "fault.h"
#include "tap.h"
#include "vmci/errors.h"
#include "vmci/regs.h"

static struct client client;

static __s32 out(void)
{
	const struct vmci_datagram datagram = {
		.dst = { VMCI_HOST_CONTEXT_ID, 5 }, .src = { CLIENT_CID, 1 },
	};

	return (__s32)client_send(&client, &datagram, sizeof(datagram));
}

static __s32 in(void)
{
	const struct vmci_datagram datagram = {
		.dst = { CLIENT_CID, 1 }, .src = { VMCI_HOST_CONTEXT_ID, 5 },
	};

	return function_send(client.function, &datagram);
}

/* Datagrams of 24 bytes that the guest receives now */
static unsigned int received(void)
{
	const uint8_t *area = client_receive(&client, 69632);
	unsigned int count = 0;

	while (area[24 * count + 4] != 0xff)
		count++;
	return count;
}

static void begin(const char *rule)
{
	GError *error = NULL;

	client_open(&client, NULL);
	client_boot(&client, 0x3c);
	ok(fault_add_rule(client.function, rule, &error), "%s", rule);
}

/* Three datagrams of the guest: results, and how many arrived after each */
static const struct {
	const char *rule;
	__s32 results[3];
	unsigned int arrived[3];
} outbound[] = {
	{ "out:drop@2", { 24, 24, 24 }, { 1, 1, 2 } },
	{ "out:drop@2+", { 24, 24, 24 }, { 1, 1, 1 } },
	{ "out:duplicate@2", { 24, 24, 24 }, { 1, 3, 4 } },
	{ "out:error@1", { VMCI_ERROR_NO_RESOURCES, 24, 24 }, { 0, 1, 2 } },
	{ "out:error=-1@3", { 24, 24, -1 }, { 1, 2, 2 } },
	{ "out:delay@1", { 24, 24, 24 }, { 0, 1, 2 } },
};

static void test_outbound(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(outbound); i++) {
		begin(outbound[i].rule);
		for (int n = 0; n < 3; n++) {
			is_s64(out(), outbound[i].results[n], "%s: result %d", outbound[i].rule,
			       n + 1);
			is_u64(client.host.datagrams, outbound[i].arrived[n], "%s: arrived",
			       outbound[i].rule);
		}
		client_close(&client);
	}
}

static void test_inbound(void)
{
	begin("in:drop@2");
	ok(in() == 24 && in() == 24 && in() == 24, "the sender sees nothing");
	is_u64(received(), 2, "one of three is lost");
	client_close(&client);
	begin("in:duplicate@1+");
	ok(in() == 24 && in() == 24, "two are sent");
	is_u64(received(), 4, "four arrive");
	client_close(&client);
	begin("in:error=-20@1");
	ok(in() == VMCI_ERROR_UNAVAILABLE && in() == 24, "the first is refused");
	is_u64(received(), 1, "the other arrives");
	client_close(&client);
}

/* However long it takes: late, but it comes, and not after a reset */
static void test_delay(void)
{
	begin("in:delay=30@1");
	is_s64(in(), 24, "one that is late");
	is_u64(received(), 0, "is not there yet");
	in();
	is_u64(received(), 1, "the next one overtakes it");
	for (int i = 0; i < 2000 && !client.function->inbound.bytes; i++) {
		usleep(5000);
		client_pump(&client);
	}
	is_u64(received(), 1, "then it comes");
	client_close(&client);

	begin("out:delay=30@1");
	out();
	client_set_reg(&client, VMCI_REG_CONTROL, VMCI_CONTROL_RESET);
	usleep(60000);
	client_pump(&client);
	is_u64(client.host.datagrams, 0, "a reset drops one that is late");
	client_close(&client);
}

static void test_reset(void)
{
	begin("out:reset@2");
	out();
	is_s64(out(), VMCI_ERROR_UNAVAILABLE, "the function is reset in mid-air");
	is_u64(client.host.resets, 1, "the host end hears of it");
	ok(!client.function->regs.negotiated, "the driver does not");
	client_close(&client);
}

static __s32 ask(void)
{
	const struct vmci_datagram datagram = {
		.dst = { 0, VMCI_GET_CONTEXT_ID }, .src = { VMCI_INVALID_ID, VMCI_INVALID_ID },
	};

	return (__s32)client_send(&client, &datagram, sizeof(datagram));
}

/* Calls of one function; a rule counts from when it was made */
static void test_calls(void)
{
	begin("VMCI_GET_CONTEXT_ID:error=-2@2");
	ok(out() == 24 && ask() == CLIENT_CID && out() == 24, "the first call is as always");
	is_s64(ask(), -2, "the second is not");
	ok(fault_add_rule(client.function, "out:error=-20@2", NULL), "another rule");
	ok(out() == 24 && out() == -20 && out() == 24, "which counts from now");
	client_close(&client);
	client_open(&client, NULL);
	ok(!fault_add_rule(client.function, "VMCI_GET_CONTEXT:drop@1", NULL), "no function");
	ok(!fault_add_rule(client.function, "in:stick@1", NULL), "no action");
	client_close(&client);
}

static void test_stuck(void)
{
	const struct vmci_dma_header *header;

	begin("VMCI_GET_CONTEXT_ID:stuck@1");
	header = (void *)(client.ram + 0x100000);
	ask();
	is_u64(header->busy, 1, "one call stays busy for ever");
	is_s64(ask(), CLIENT_CID, "the next does not");
	is_u64(header->busy, 0, "as can be seen");
	client_close(&client);
	begin("in:stuck@1");
	header = (const void *)(client_receive(&client, 69632) - 4096);
	is_u64(header->busy, 1, "nothing is delivered, and said to be");
	in();
	is_u64(received(), 1, "one is delivered");
	is_u64(header->busy, 0, "but that is never said");
	in();
	is_u64(received(), 1, "the next one is");
	is_u64(header->busy, 1, "and said to be");
	client_close(&client);
}

static void set_hostile(const char *kind)
{
	client_open(&client, NULL);
	client_boot(&client, 0x3c);
	ok(fault_set_hostile(client.function, kind, true, NULL), "hostile: %s", kind);
}

static void test_hostile(void)
{
	struct vmci_dma_header *header;
	unsigned int wrong = 0;

	set_hostile("stuck");
	header = (void *)(client.ram + 0x100000);
	is_s64(out(), 24, "it is sent");
	is_u64(header->busy, 1, "and stays busy");
	client_close(&client);

	set_hostile("cid");
	for (int i = 0; i < 8; i++)
		wrong += !function_good_cid((__u32)ask());
	is_u64(wrong, 8, "no context ID is one");
	client_close(&client);

	set_hostile("mute");
	header = (void *)(client.ram + 0x100000);
	header->result = 0x5a5a;
	is_s64(ask(), CLIENT_CID, "a result in the register");
	ok(!header->busy && header->result == 0x5a5a, "and none in the buffer");
	client_close(&client);

	set_hostile("gone");
	is_u64(client_reg(&client, VMCI_REG_CAPS), 0xffffffff, "registers read as ones");
	is_u64(client_read(&client, VFIO_CONFIG, 0, 4), 0xffffffff, "and so does the identity");
	fault_set_hostile(client.function, "gone", false, NULL);
	is_u64(client_reg(&client, VMCI_REG_CAPS), 0x3c, "until it is back");
	client_close(&client);

	set_hostile("sizes");
	in();
	ok(((const struct vmci_datagram *)(const void *)client_receive(&client, 4096))->payload_size
	   != 0 || received() == 0, "a size that lies");
	client_close(&client);

	set_hostile("events");
	for (int i = 0; i < 2000 && client.function->inbound.bytes < 200; i++) {
		usleep(5000);
		client_pump(&client);
	}
	ok(client.function->inbound.bytes >= 200, "events that nobody caused");
	client_close(&client);
}

int main(void)
{
	test_outbound();
	test_inbound();
	test_delay();
	test_reset();
	test_calls();
	test_stuck();
	test_hostile();
	return done_testing();
}
