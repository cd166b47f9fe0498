// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vfio-user-test - messages as QEMU sends them, and as nobody should
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The captured messages of vfio-user.md section 10, and the rows of its tables 1.4 and 7.3.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "tap.h"
#include "vector.h"

/* Bytes of a message of section 10.2, whose text has a bar behind the header */
static size_t message(const char *text, uint8_t *bytes)
{
	char plain[2 * VECTOR_MAX];
	size_t length = strlen(text);

	memcpy(plain, text, length + 1);
	for (size_t i = 0; i < length; i++)
		if (plain[i] == '|')
			plain[i] = ' ';
	return unhex(plain, bytes);
}

static unsigned int descriptors(void)
{
	unsigned int count = 0;

	for (int fd = 0; fd < 512; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

#define VERSION_CALL \
	"00 00 01 00 d6 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 7b 22 63 61 70 " \
	"61 62 69 6c 69 74 69 65 73 22 3a 20 7b 22 70 67 73 69 7a 65 73 22 3a 20 34 " \
	"30 39 36 2c 20 22 6d 61 78 5f 6d 73 67 5f 66 64 73 22 3a 20 31 36 2c 20 22 " \
	"6d 61 78 5f 64 6d 61 5f 6d 61 70 73 22 3a 20 36 35 35 33 35 2c 20 22 6d 61 " \
	"78 5f 64 61 74 61 5f 78 66 65 72 5f 73 69 7a 65 22 3a 20 31 30 34 38 35 37 " \
	"36 2c 20 22 6d 69 67 72 61 74 69 6f 6e 22 3a 20 7b 22 6d 61 78 5f 62 69 74 " \
	"6d 61 70 5f 73 69 7a 65 22 3a 20 32 36 38 34 33 35 34 35 36 2c 20 22 70 67 " \
	"73 69 7a 65 22 3a 20 34 30 39 36 7d 2c 20 22 77 72 69 74 65 5f 6d 75 6c 74 " \
	"69 70 6c 65 22 3a 20 74 72 75 65 7d 7d 00 "

/* What QEMU said, and what it got; NULL for no reply */
static const struct {
	const char *what, *call;
	unsigned int fds;
	const char *reply;
} capture[] = {
	{ "GET_INFO",
	  "0400 0400 20000000 00000000 00000000 | 10000000 00000000 00000000 00000000", 0,
	  "0400 0400 20000000 01000000 00000000 | 10000000 03000000 09000000 05000000" },
	{ "GET_REGION_INFO 0",
	  "0500 0500 30000000 00000000 00000000 | 20000000 00000000 00000000 00000000 00000000 "
	  "00000000 00000000 00000000", 0,
	  "0500 0500 30000000 01000000 00000000 | 20000000 03000000 00000000 00000000 40000000 "
	  "00000000 00000000 00000000" },
	{ "GET_REGION_INFO 1",
	  "0600 0500 30000000 00000000 00000000 | 20000000 00000000 01000000 00000000 00000000 "
	  "00000000 00000000 00000000", 0,
	  "0600 0500 30000000 01000000 00000000 | 20000000 03000000 01000000 00000000 00000400 "
	  "00000000 00000000 00000000" },
	{ "GET_REGION_INFO 2",
	  "0700 0500 30000000 00000000 00000000 | 20000000 00000000 02000000 00000000 00000000 "
	  "00000000 00000000 00000000", 0,
	  "0700 0500 30000000 01000000 00000000 | 20000000 00000000 02000000 00000000 00000000 "
	  "00000000 00000000 00000000" },
	{ "GET_REGION_INFO 7",
	  "0b00 0500 30000000 00000000 00000000 | 20000000 00000000 07000000 00000000 00000000 "
	  "00000000 00000000 00000000", 0,
	  "0b00 0500 30000000 01000000 00000000 | 20000000 03000000 07000000 00000000 00010000 "
	  "00000000 00000000 00000000" },
	{ "GET_IRQ_INFO 3",
	  "0c00 0700 20000000 00000000 00000000 | 10000000 00000000 03000000 00000000", 0,
	  "0c00 0700 20000000 01000000 00000000 | 10000000 01000000 03000000 00000000" },
	{ "GET_IRQ_INFO 2",
	  "1700 0700 20000000 00000000 00000000 | 10000000 00000000 02000000 00000000", 0,
	  "1700 0700 20000000 01000000 00000000 | 10000000 01000000 02000000 03000000" },
	{ "ROM sizing: read",
	  "0e00 0900 20000000 00000000 00000000 | 30000000 00000000 07000000 04000000", 0,
	  "0e00 0900 24000000 01000000 00000000 | 30000000 00000000 07000000 04000000 00000000" },
	{ "ROM sizing: write",
	  "0f00 0a00 24000000 00000000 00000000 | 30000000 00000000 07000000 04000000 00f8ffff", 0,
	  "0f00 0a00 20000000 01000000 00000000 | 30000000 00000000 07000000 04000000" },
	{ "ROM sizing: still 0",
	  "1000 0900 20000000 00000000 00000000 | 30000000 00000000 07000000 04000000", 0,
	  "1000 0900 24000000 01000000 00000000 | 30000000 00000000 07000000 04000000 00000000" },
	{ "kind of BAR0",
	  "1200 0900 20000000 00000000 00000000 | 10000000 00000000 07000000 04000000", 0,
	  "1200 0900 24000000 01000000 00000000 | 10000000 00000000 07000000 04000000 01000000" },
	{ "kind of BAR1",
	  "1300 0900 20000000 00000000 00000000 | 14000000 00000000 07000000 04000000", 0,
	  "1300 0900 24000000 01000000 00000000 | 14000000 00000000 07000000 04000000 00000000" },
	{ "MSI-X control",
	  "1400 0900 20000000 00000000 00000000 | 42000000 00000000 07000000 02000000", 0,
	  "1400 0900 22000000 01000000 00000000 | 42000000 00000000 07000000 02000000 0200" },
	{ "MSI-X table",
	  "1500 0900 20000000 00000000 00000000 | 44000000 00000000 07000000 04000000", 0,
	  "1500 0900 24000000 01000000 00000000 | 44000000 00000000 07000000 04000000 01000000" },
	{ "MSI-X pending bits",
	  "1600 0900 20000000 00000000 00000000 | 48000000 00000000 07000000 04000000", 0,
	  "1600 0900 24000000 01000000 00000000 | 48000000 00000000 07000000 04000000 01000100" },
	{ "interrupt pin",
	  "1800 0900 20000000 00000000 00000000 | 3d000000 00000000 07000000 01000000", 0,
	  "1800 0900 21000000 01000000 00000000 | 3d000000 00000000 07000000 01000000 01" },
	{ "SET_IRQS: INTx eventfd",
	  "1a00 0800 24000000 00000000 00000000 | 14000000 24000000 00000000 00000000 01000000", 1,
	  "1a00 0800 10000000 01000000 00000000" },
	{ "SET_IRQS: INTx off",
	  "1b00 0800 24000000 00000000 00000000 | 14000000 21000000 00000000 00000000 00000000", 0,
	  "1b00 0800 10000000 01000000 00000000" },
	{ "SET_IRQS: mask",
	  "1b00 0800 24000000 00000000 00000000 | 14000000 09000000 00000000 00000000 01000000", 0,
	  "1b00 0800 10000000 01000000 00000000" },
	{ "SET_IRQS: unmask eventfd",
	  "1c00 0800 24000000 00000000 00000000 | 14000000 14000000 00000000 00000000 01000000", 1,
	  "1c00 0800 10000000 01000000 00000000" },
	{ "SET_IRQS: unmask",
	  "1d00 0800 24000000 00000000 00000000 | 14000000 11000000 00000000 00000000 01000000", 0,
	  "1d00 0800 10000000 01000000 00000000" },
	{ "machine reset: COMMAND",
	  "1c00 0900 20000000 00000000 00000000 | 04000000 00000000 07000000 02000000", 0,
	  "1c00 0900 22000000 01000000 00000000 | 04000000 00000000 07000000 02000000 0000" },
	{ "machine reset: COMMAND cleared",
	  "1d00 0a00 22000000 00000000 00000000 | 04000000 00000000 07000000 02000000 0000", 0,
	  "1d00 0a00 20000000 01000000 00000000 | 04000000 00000000 07000000 02000000" },
	{ "DEVICE_RESET", "1e00 0d00 10000000 00000000 00000000", 0,
	  "1e00 0d00 10000000 01000000 00000000" },
	{ "COMMAND 0x0107",
	  "c400 0a00 22000000 00000000 00000000 | 04000000 00000000 07000000 02000000 0701", 0,
	  "c400 0a00 20000000 01000000 00000000 | 04000000 00000000 07000000 02000000" },
	{ "BAR sizing: ones",
	  "9500 0a00 24000000 00000000 00000000 | 14000000 00000000 07000000 04000000 ffffffff", 0,
	  "9500 0a00 20000000 01000000 00000000 | 14000000 00000000 07000000 04000000" },
	{ "MSI-X on",
	  "d200 0a00 22000000 00000000 00000000 | 42000000 00000000 07000000 02000000 02c0", 0,
	  "d200 0a00 20000000 01000000 00000000 | 42000000 00000000 07000000 02000000" },
	{ "SET_IRQS: MSI-X without vector",
	  "d400 0800 24000000 00000000 00000000 | 14000000 24000000 02000000 00000000 01000000", 0,
	  "d400 0800 10000000 01000000 00000000" },
	{ "SET_IRQS: vector 2",
	  "da00 0800 24000000 00000000 00000000 | 14000000 24000000 02000000 02000000 01000000", 1,
	  "da00 0800 10000000 01000000 00000000" },
	{ "CAPS",
	  "c700 0900 20000000 00000000 00000000 | 18000200 00000000 01000000 04000000", 0,
	  "c700 0900 24000000 01000000 00000000 | 18000200 00000000 01000000 04000000 3c000000" },
	{ "posted CAPS",
	  "c800 0a00 24000000 10000000 00000000 | 18000200 00000000 01000000 04000000 3c000000", 0,
	  NULL },
	{ "posted IMR",
	  "db00 0a00 24000000 10000000 00000000 | 0c000200 00000000 01000000 04000000 07000000", 0,
	  NULL },
	{ "posted CONTROL",
	  "dc00 0a00 24000000 10000000 00000000 | 04000200 00000000 01000000 04000000 02000000", 0,
	  NULL },
	{ "a byte to DATA_OUT",
	  "1701 0a00 21000000 00000000 00000000 | 10000000 00000000 00000000 01000000 ff", 0,
	  "1701 0a00 20000000 01000000 00000000 | 10000000 00000000 00000000 01000000" },
	{ "MSI-X off",
	  "5e01 0800 24000000 00000000 00000000 | 14000000 21000000 02000000 00000000 00000000", 0,
	  "5e01 0800 10000000 01000000 00000000" },
	{ "unknown command",
	  "2301 1000 20000000 00000000 00000000 | 10000000 00000400 00000000 00000000", 0,
	  "2301 1000 10000000 21000000 5f000000" },
	{ "REGION_WRITE_MULTI",
	  "2401 0f00 48000000 10000000 00000000 | 02000000 00000000 0c000200 00000000 01000000 "
	  "04000000 07000000 00000000 04000200 00000000 01000000 04000000 02000000 00000000", 0,
	  NULL },
	{ "DMA_UNMAP of everything",
	  "2501 0300 28000000 00000000 00000000 | 18000000 02000000 00000000 00000000 00000000 "
	  "00000000", 0,
	  "2501 0300 28000000 01000000 00000000 | 18000000 02000000 00000000 00000000 00000000 "
	  "00000000" },
};

static void say_version(struct client *client)
{
	uint8_t call[VECTOR_MAX], reply[VECTOR_MAX];

	client_put(client, call, unhex(VERSION_CALL, call), NULL, 0);
	client_get(client, reply, sizeof(reply));
}

static void test_version(void)
{
	uint8_t call[VECTOR_MAX], reply[VECTOR_MAX];
	struct client client;
	size_t size;

	client_open(&client, NULL);
	size = unhex(VERSION_CALL, call);
	is_u64(size, 214, "10.1 QEMU's request");
	client_put(&client, call, size, NULL, 0);
	size = client_get(&client, reply, sizeof(reply));
	ok(size > 20 && size <= 214, "1.5 the reply fits, %zu bytes", size);
	is_u64(reply[4] | reply[5] << 8, size, "and has its size");
	is_u64(reply[8], 1, "2 it is a reply without error");
	is_u64(reply[16] | reply[17] << 8 | reply[18] << 16 | reply[19] << 24, 0, "2 version 0.0");
	is_u64(reply[size - 1], 0, "2 the text ends in NUL");
	is_str((char *)reply + 20, "{\"capabilities\":{\"max_msg_fds\":8,"
	       "\"max_data_xfer_size\":65536,\"pgsizes\":4096,\"max_dma_maps\":65535}}",
	       "2 the text");
	client_put(&client, call, 214, NULL, 0);
	client_get(&client, reply, sizeof(reply));
	is_u64(reply[12], EINVAL, "2 a second VERSION is refused");
	client_close(&client);

	client_open(&client, NULL);
	call[16] = 1;
	client_put(&client, call, 214, NULL, 0);
	client_get(&client, reply, sizeof(reply));
	is_u64(reply[12], EINVAL, "2 version 1 is refused");
	ok(client.closed, "and the connection closed");
	client_close(&client);
}

/* The start of the capture: batches of mappings, pipelined */
static void test_mappings(struct client *client)
{
	static const char *const batch[] = {
		"0100 0200 30000000 00000000 00000000 | 20000000 03000000 00000000 00000000 "
		"00000000 00000000 00000a00 00000000",
		"0300 0200 30000000 00000000 00000000 | 20000000 01000000 00000000 00000000 "
		"0000fcff 00000000 00000400 00000000",
		"2800 0200 30000000 00000000 00000000 | 20000000 01000000 00000000 00000000 "
		"00000c00 00000000 00000200 00000000",
	};
	uint8_t call[VECTOR_MAX], reply[VECTOR_MAX], want[VECTOR_MAX];

	client_put(client, call, message(batch[0], call), &client->ram_fd, 1);
	client_put(client, call, message(batch[1], call), NULL, 0);
	client_put(client, call, message(batch[2], call), NULL, 0);
	is_u64(client_get(client, reply, sizeof(reply)), 48, "10.2 three DMA_MAPs, three replies");
	message("0100 0200 10000000 01000000 00000000 0300 0200 10000000 01000000 00000000 "
		"2800 0200 10000000 01000000 00000000", want);
	is_mem(reply, want, 48, "10.2 in order");
	client_put(client, call, message("2700 0300 28000000 00000000 00000000 | 18000000 00000000 "
					 "00000c00 00000000 00000200 00000000", call), NULL, 0);
	is_u64(client_get(client, reply, sizeof(reply)), 40, "3.2 DMA_UNMAP echoes");
	client_put(client, call, message("2700 0300 28000000 00000000 00000000 | 18000000 00000000 "
					 "00000c00 00000000 00000200 00000000", call), NULL, 0);
	client_get(client, reply, sizeof(reply));
	is_u64(reply[12], ENOENT, "3.2 nothing there any more");
}

static void test_capture(void)
{
	uint8_t call[VECTOR_MAX], reply[VECTOR_MAX], want[VECTOR_MAX];
	unsigned int before = descriptors();
	struct client client;

	client_open(&client, NULL);
	say_version(&client);
	test_mappings(&client);
	for (size_t i = 0; i < G_N_ELEMENTS(capture); i++) {
		int event = eventfd(0, EFD_CLOEXEC);
		size_t size = message(capture[i].call, call), wanted = 0;

		if (capture[i].reply)
			wanted = message(capture[i].reply, want);
		client_put(&client, call, size, &event, capture[i].fds);
		size = client_get(&client, reply, sizeof(reply));
		is_u64(size, wanted, "10.2 %s: size of the reply", capture[i].what);
		if (size == wanted)
			is_mem(reply, want, size, "10.2 %s: the reply", capture[i].what);
		close(event);
	}
	client_close(&client);
	is_u64(descriptors(), before, "1.3 no descriptor stays");
}

static void test_config(void)
{
	static const char start[] =
		"ad154007 00001000 10008008 00000000 01000000 00000000 00000000 00000000 00000000 "
		"00000000 00000000 ad154007 00000000 40000000 00000000 00010000 11000200 01000000 "
		"01000100 00000000";
	uint8_t call[VECTOR_MAX], reply[VECTOR_MAX], want[256] = { 0 };
	struct client client;

	client_open(&client, NULL);
	say_version(&client);
	unhex(start, want);
	client_put(&client, call, message("0d00 0900 20000000 00000000 00000000 | 00000000 "
					  "00000000 07000000 00010000", call), NULL, 0);
	is_u64(client_get(&client, reply, sizeof(reply)), 288, "10.2 all of config space");
	is_mem(reply + 32, want, 256, "10.2 its bytes");
	client_write(&client, VFIO_CONFIG, 0, ~0ull, 8);
	client_write(&client, VFIO_CONFIG, 0x10, ~0ull, 4);
	client_write(&client, VFIO_CONFIG, 0x0c, 0x4010, 4);
	client_write(&client, VFIO_CONFIG, 0x3c, 0xffff, 2);
	is_u64(client_read(&client, VFIO_CONFIG, 0, 8), 0x00100547074015adull,
	       "4.1 what of the first words can be written");
	is_u64(client_read(&client, VFIO_CONFIG, 0x10, 4), 1, "10.4 BAR0 stays what it is");
	is_u64(client_read(&client, VFIO_CONFIG, 0x0c, 4), 0x4010, "4.1 cache line and latency");
	is_u64(client_read(&client, VFIO_CONFIG, 0x3c, 2), 0x1ff,
	       "4.1 line is writable, pin is not");
	client_write(&client, VFIO_CONFIG, 0x42, 0xffff, 2);
	is_u64(client_read(&client, VFIO_CONFIG, 0x42, 2), 0xc002, "4.3 two bits of MSI-X control");
	client_call(&client, RESET, call, 0, 0, NULL, 0);
	is_u64(client_read(&client, VFIO_CONFIG, 4, 2), 0, "3.9 reset clears COMMAND");
	is_u64(client_read(&client, VFIO_CONFIG, 0x42, 2), 2, "3.9 and MSI-X control");
	is_u64(client_read(&client, VFIO_CONFIG, 0x0c, 4), 0, "3.9 and latency");
	client_close(&client);
}

/* A connection of its own for bytes that end it */
static void test_fatal(const char *what, const uint8_t *bytes, size_t size, const int *fds,
		       unsigned int fd_count)
{
	unsigned int before = descriptors();
	struct client client;

	client_open(&client, NULL);
	client_boot(&client, 0x3c);
	client_put(&client, bytes, size, fds, fd_count);
	client_pump(&client);
	ok(client.closed, "1.4 %s: dropped%s%s", what, client.closed ? ", " : "",
	   client.closed ? client.closed : "");
	client_close(&client);
	is_u64(descriptors(), before, "1.3 %s: no descriptor stays", what);
}

static void test_framing(void)
{
	uint8_t call[VECTOR_MAX], many[20];
	int fds[20];

	for (unsigned int i = 0; i < 20; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC);
	message("0000 0400 00000000 00000000 00000000", call);
	test_fatal("size 0", call, 16, NULL, 0);
	message("0000 0400 0f000000 00000000 00000000", call);
	test_fatal("size 15", call, 16, NULL, 0);
	message("0000 0400 ffffffff 00000000 00000000", call);
	test_fatal("size 0xffffffff", call, 16, NULL, 0);
	message("0000 0400 11100100 00000000 00000000", call);
	test_fatal("a byte more than a message may have", call, 16, NULL, 0);
	message("0000 0400 10000000 01000000 00000000", call);
	test_fatal("a reply", call, 16, NULL, 0);
	message("0000 0400 10000000 02000000 00000000", call);
	test_fatal("type 2", call, 16, NULL, 0);
	message("0000 0400 10000000 00000000 00000000", call);
	test_fatal("too many descriptors", call, 16, fds, 17);
	memset(many, 0xff, sizeof(many));
	test_fatal("endless ones", many, sizeof(many), NULL, 0);
	for (unsigned int i = 0; i < 20; i++)
		close(fds[i]);
}

static void test_pieces(void)
{
	uint8_t call[VECTOR_MAX], reply[VECTOR_MAX];
	struct client client;
	size_t size, got = 0;

	client_open(&client, NULL);
	size = unhex(VERSION_CALL, call);
	for (size_t i = 0; i < size; i++) {
		is_u64(got, 0, "1.4 nothing before byte %zu", i);
		client_put(&client, call + i, 1, NULL, 0);
		got = client_get(&client, reply, sizeof(reply));
	}
	ok(got > 20, "1.4 a message in single bytes is answered");
	client_close(&client);

	client_open(&client, NULL);
	client_put(&client, call, 7, NULL, 0);
	client_pump(&client);
	ok(!client.closed, "7.3 half a header waits");
	close(client.fd);
	client.fd = dup(0);
	client_pump(&client);
	ok(client.closed, "7.3 until the end");
	client_close(&client);
}

/* Commands that are answered with an error, and harm nobody: command, errno, payload */
static const struct {
	const char *what;
	uint16_t command;
	int error;
	const char *payload;
	unsigned int fds;
} refused[] = {
	{ "3 unknown command", 99, ENOTSUP, "" },
	{ "3.11 REGION_IO_FDS", 6, ENOTSUP, "20000000 00000000 00000000 00000000" },
	{ "3.11 DIRTY_PAGES", 14, ENOTSUP, "00000000 00000000" },
	{ "1.4 short DMA_MAP", DMA_MAP, EINVAL, "20000000 03000000" },
	{ "1.4 short GET_INFO", GET_INFO, EINVAL, "10000000" },
	{ "1.4 short SET_IRQS", SET_IRQS, EINVAL, "14000000 21000000 00000000" },
	{ "3.1 mapping over another", DMA_MAP, EEXIST,
	  "20000000 03000000 00000000 00000000 00100000 00000000 00100000 00000000", 1 },
	{ "7.3 mapping of an eventfd", DMA_MAP, EINVAL,
	  "20000000 03000000 00000000 00000000 00000080 00000000 00100000 00000000", 1 },
	{ "3.2 dirty bitmap", DMA_UNMAP, EINVAL,
	  "18000000 01000000 00000000 00000000 00008000 00000000" },
	{ "3.2 part of a mapping", DMA_UNMAP, EINVAL,
	  "18000000 00000000 00000000 00000000 00100000 00000000" },
	{ "3.4 region 9", GET_REGION_INFO, EINVAL,
	  "20000000 00000000 09000000 00000000 00000000 00000000 00000000 00000000" },
	{ "3.5 interrupt type 5", GET_IRQ_INFO, EINVAL, "10000000 00000000 05000000 00000000" },
	{ "3.6 interrupt type 5", SET_IRQS, EINVAL,
	  "14000000 21000000 05000000 00000000 00000000" },
	{ "3.6 two kinds of data", SET_IRQS, EINVAL,
	  "14000000 23000000 02000000 00000000 00000000" },
	{ "3.6 no action", SET_IRQS, EINVAL, "14000000 01000000 02000000 00000000 00000000" },
	{ "3.6 too many vectors", SET_IRQS, EINVAL,
	  "14000000 24000000 02000000 01000000 03000000" },
	{ "3.6 start and count wrap", SET_IRQS, EINVAL,
	  "14000000 24000000 02000000 02000000 ffffffff" },
	{ "3.6 two vectors, one descriptor", SET_IRQS, EINVAL,
	  "14000000 24000000 02000000 00000000 02000000", 1 },
	{ "3.6 BOOL without data", SET_IRQS, EINVAL,
	  "14000000 22000000 02000000 00000000 03000000 0101" },
	{ "3.6 vectors of an absent type", SET_IRQS, EINVAL,
	  "14000000 24000000 01000000 00000000 01000000", 1 },
	{ "3.6 mask eventfd", SET_IRQS, EINVAL, "14000000 0c000000 00000000 00000000 01000000", 1 },
	{ "3.7 no bytes", REGION_READ, EINVAL, "00000000 00000000 00000000 00000000" },
	{ "7.3 region 0, offset 63, count 4", REGION_READ, EINVAL,
	  "3f000000 00000000 00000000 04000000" },
	{ "3.7 offset and count wrap", REGION_READ, EINVAL, "ffffffff ffffffff 01000000 04000000" },
	{ "3.7 an absent region", REGION_READ, EINVAL, "00000000 00000000 02000000 04000000" },
	{ "3.7 region 0xffffffff", REGION_READ, EINVAL, "00000000 00000000 ffffffff 04000000" },
	{ "3.7 more than a transfer", REGION_READ, EINVAL, "00000000 00000000 01000000 01000100" },
	{ "3.8 fewer bytes than count", REGION_WRITE, EINVAL,
	  "00000000 00000000 01000000 04000000 000000" },
	{ "3.8 count 0xffffffff", REGION_WRITE, EINVAL,
	  "00000000 00000000 01000000 ffffffff 00000000" },
	{ "3.10 201 writes", WRITE_MULTI, EINVAL, "c9000000 00000000" },
	{ "3.10 fewer writes than said", WRITE_MULTI, EINVAL, "01000000 00000000 00000000" },
	{ "3.10 endless writes", WRITE_MULTI, EINVAL, "ffffffff ffffffff" },
};

static void test_refused(void)
{
	unsigned int before = descriptors();
	uint8_t payload[VECTOR_MAX];
	struct client client;

	client_open(&client, NULL);
	client_call(&client, GET_INFO, memset(payload, 0, 16), 16, 0, NULL, 0);
	is_s64(client.error, EINVAL, "1.4 a command before VERSION");
	client_boot(&client, 0x3c);
	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
		size_t size = unhex(refused[i].payload, payload), got;
		int event = eventfd(0, EFD_CLOEXEC);

		got = client_call(&client, refused[i].command, payload, size, sizeof(payload),
				  &event, refused[i].fds);
		is_s64(client.error, refused[i].error, "%s: error", refused[i].what);
		is_u64(got, 0, "%s: no payload", refused[i].what);
		close(event);
	}
	is_u64(client_reg(&client, 0x18), 0x3c, "after all that it works");
	client_close(&client);
	is_u64(descriptors(), before, "1.3 no descriptor stays");
}

/* Descriptors that are none of what they should be */
static void test_false_descriptors(void)
{
	struct client client;
	uint32_t set[5] = { 20, 0x24, IRQ_MSIX, 0, 1 };
	uint32_t unmask[5] = { 20, 0x14, IRQ_INTX, 0, 1 };
	int pipes[2], folder = open("/", O_RDONLY | O_CLOEXEC);

	client_open(&client, NULL);
	client_boot(&client, 0x3c);
	ok(pipe2(pipes, O_CLOEXEC) == 0, "a pipe");
	client_call(&client, SET_IRQS, set, sizeof(set), 0, &folder, 1);
	client_set_reg(&client, 0x0c, 7);
	client_set_reg(&client, 0x04, 2);
	client_receive(&client, 69632);
	ok(!client.closed, "7.3 a folder as an eventfd");
	client_call(&client, SET_IRQS, set, sizeof(set), 0, &pipes[0], 1);
	client_receive(&client, 69632);
	ok(!client.closed, "7.3 the reading end of a pipe");
	client_call(&client, SET_IRQS, unmask, sizeof(unmask), 0, &pipes[0], 1);
	close(pipes[1]);
	client_pump(&client);
	client_pump(&client);
	ok(!client.closed && client_reg(&client, 0x18) == 0x3c, "7.3 a pipe that ends");
	close(pipes[0]);
	close(folder);
	client_close(&client);
}

static void test_unshared(void)
{
	uint64_t map[4] = { 3ull << 32 | 32, 0, 0, 0x20000000 };
	struct client client;
	uint8_t info[16] = { 16 }, version[4] = { 0 };

	client_open(&client, NULL);
	client_call(&client, VERSION, version, 4, 0, NULL, 0);
	client_call(&client, DMA_MAP, map, sizeof(map), 0, NULL, 0);
	is_s64(client.error, 0, "3.1 memory without a descriptor can be mapped");
	client_call(&client, GET_INFO, info, sizeof(info), 0, NULL, 0);
	is_s64(client.error, EOPNOTSUPP, "6.3 but alone it is refused");
	client_map(&client, 0x100000000ull, 0, CLIENT_RAM);
	client_call(&client, GET_INFO, info, sizeof(info), 0, NULL, 0);
	is_s64(client.error, 0, "6.3 some that is shared is enough");
	client_close(&client);
}

/* The client sends and does not read: what it is owed waits, and it is read no further */
static void test_deaf_client(void)
{
	uint8_t call[VECTOR_MAX], reply[VECTOR_MAX];
	unsigned int sent = 0;
	struct client client;
	int small = 4096;
	size_t got = 0, size;

	client_open(&client, NULL);
	say_version(&client);
	setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	size = message("0d00 0900 20000000 00000000 00000000 | 00000000 00000000 07000000 00010000",
		       call);
	while (send(client.fd, call, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size &&
	       sent < 100000) {
		sent++;
		client_pump(&client);
	}
	ok(sent > 10 && sent < 100000, "1.4 no more is taken than is answered, after %u", sent);
	ok(!client.closed, "1.4 and nobody is dropped");
	for (int idle = 0; idle < 3; ) {
		size = client_get(&client, reply, sizeof(reply));
		got += size;
		idle = size ? 0 : idle + 1;
	}
	is_u64(got, sent * 288ull, "1.4 all answers come when there is room");
	client_close(&client);
}

int main(void)
{
	test_version();
	test_capture();
	test_config();
	test_framing();
	test_pieces();
	test_refused();
	test_false_descriptors();
	test_unshared();
	test_deaf_client();
	return done_testing();
}
