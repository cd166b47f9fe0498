/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options-test.c - values of options, exit codes of errors, JSON
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "tap.h"

#include "json.h"
#include "tool.h"

static void check_size(const char *text, guint64 want)
{
	guint64 bytes = 77;
	bool good = tool_parse_size("--size", text, &bytes);

	ok(good == (want != 0), "size '%s'", text);
	is_u64(bytes, want ? want : 77, "... is %s", want ? "right" : "left alone");
}

static void check_sizes(void)
{
	check_size("1", 1);
	check_size("4096", 4096);
	check_size("64K", 65536);
	check_size("64k", 65536);
	check_size("64Ki", 65536);
	check_size("1M", 1048576);
	check_size("1Mi", 1048576);
	check_size("2G", G_GUINT64_CONSTANT(2147483648));
	check_size("8589934591G", G_GUINT64_CONSTANT(9223372035781033984));
	check_size("", 0);
	check_size("0", 0);
	check_size("-1", 0);
	check_size("+1", 0);
	check_size(" 1", 0);
	check_size("1 ", 0);
	check_size("K", 0);
	check_size("1KB", 0);
	check_size("1.5M", 0);
	check_size("0x10", 0);
	check_size("8589934592G", 0);
	check_size("99999999999999999999", 0);
}

static void check_second(const char *text, guint want)
{
	guint milliseconds = 77;
	bool good = tool_parse_seconds("--timeout", text, &milliseconds);

	ok(good == (want != 0), "seconds '%s'", text);
	is_u64(milliseconds, want ? want : 77, "... are %s", want ? "right" : "left alone");
}

static void check_seconds(void)
{
	check_second("1", 1000);
	check_second("0.5", 500);
	check_second("0.001", 1);
	check_second("1e3", 1000000);
	check_second("1000000", 1000000000);
	check_second("", 0);
	check_second("0", 0);
	check_second("-1", 0);
	check_second("0.0001", 0);
	check_second("1000001", 0);
	check_second("1s", 0);
	check_second("nan", 0);
	check_second("inf", 0);
	check_second("1,5", 0);
}

static void check_ports(void)
{
	guint32 port = 77;

	ok(tool_parse_port("-p", "1024", &port) && port == 1024, "port 1024");
	ok(tool_parse_port("-p", "0x10", &port) && port == 16, "port 0x10");
	ok(!tool_parse_port("-p", "x", &port) && port == 16, "port x");
	ok(!tool_parse_port("-p", "2:1", &port) && port == 16, "port 2:1");
	ok(!tool_parse_port("-p", "", &port) && port == 16, "no port");
}

static void check_address(const char *text, bool listen, const char *want)
{
	g_autoptr(VmsockAddress) address = NULL;
	g_autofree char *got = NULL;

	address = listen ? tool_parse_listen_address(text) : tool_parse_address(text);
	got = address ? vmsock_address_to_string(address) : NULL;
	is_str(got, want, "%s to %s", text, listen ? "listen on" : "connect to");
}

static void check_addresses(void)
{
	check_address("2:1024", false, "vsock:2:1024");
	check_address("1024", false, NULL);
	check_address("1024", true, "vsock::1024");
	check_address("0x400", true, "vsock::1024");
	check_address("any", true, "vsock::any");
	check_address("vsock-dgram:2:5", true, "vsock-dgram:2:5");
	check_address("x", true, NULL);
	check_address("", true, NULL);
}

static const struct {
	VmsockError error;
	enum tool_exit code;
} exits[] = {
	{ VMSOCK_ERROR_FAILED, TOOL_IO },
	{ VMSOCK_ERROR_INVALID_ADDRESS, TOOL_USAGE },
	{ VMSOCK_ERROR_NO_STACK, TOOL_NO_STACK },
	{ VMSOCK_ERROR_NO_DEVICE, TOOL_NO_STACK },
	{ VMSOCK_ERROR_DENIED, TOOL_DENIED },
	{ VMSOCK_ERROR_NO_LISTENER, TOOL_REFUSED },
	{ VMSOCK_ERROR_UNREACHABLE, TOOL_REFUSED },
	{ VMSOCK_ERROR_TIMED_OUT, TOOL_TIMED_OUT },
	{ VMSOCK_ERROR_RESET, TOOL_IO },
	{ VMSOCK_ERROR_ADDRESS_IN_USE, TOOL_IO },
	{ VMSOCK_ERROR_PROTOCOL, TOOL_IO },
};

static void check_exits(void)
{
	g_autoptr(GError) other = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "x");

	for (gsize i = 0; i < G_N_ELEMENTS(exits); i++) {
		g_autoptr(GError) error = g_error_new_literal(VMSOCK_ERROR, (int)exits[i].error,
							      "x");

		is_s64(tool_exit_for(error), exits[i].code, "exit code of error %d",
		       (int)exits[i].error);
	}
	is_s64(tool_exit_for(other), TOOL_IO, "exit code of another domain's error");
}

static void check_json(void)
{
	g_autoptr(GString) text = NULL;
	struct json json;

	json_start(&json);
	json_string(&json, "quoted \"\\", "line\nend\x01 \xc3\xa9 \xff");
	json_string(&json, "none", NULL);
	json_number(&json, "number", G_MININT64);
	json_open(&json, "empty", '[');
	json_close(&json, ']');
	json_open(&json, "array", '[');
	json_bool(&json, NULL, true);
	json_open(&json, NULL, '{');
	json_bool(&json, "no", false);
	json_close(&json, '}');
	json_close(&json, ']');
	json_close(&json, '}');
	text = json.text;
	is_str(text->str,
	       "{\n"
	       "  \"quoted \\\"\\\\\": \"line\\u000aend\\u0001 \xc3\xa9 \xef\xbf\xbd\",\n"
	       "  \"none\": null,\n"
	       "  \"number\": -9223372036854775808,\n"
	       "  \"empty\": [],\n"
	       "  \"array\": [\n"
	       "    true,\n"
	       "    {\n"
	       "      \"no\": false\n"
	       "    }\n"
	       "  ]\n"
	       "}", "JSON");
}

int main(void)
{
	g_set_prgname("options-test");
	check_sizes();
	check_seconds();
	check_ports();
	check_addresses();
	check_exits();
	check_json();
	return done_testing();
}
