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
	bool good = option_parse_size(text, &bytes);

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
	check_size("1T", G_GUINT64_CONSTANT(1099511627776));
	check_size("1Kx", 0);
	check_size("1Kib", 0);
	check_size("8589934592G", 0);
	check_size("99999999999999999999", 0);
}

static void check_second(const char *text, guint want)
{
	guint milliseconds = 77;
	bool good = option_parse_seconds(text, &milliseconds);

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

	ok(option_parse_port("1024", &port) && port == 1024, "port 1024");
	ok(option_parse_port("0x10", &port) && port == 16, "port 0x10");
	ok(!option_parse_port("x", &port) && port == 16, "port x");
	ok(!option_parse_port("2:1", &port) && port == 16, "port 2:1");
	ok(!option_parse_port("", &port) && port == 16, "no port");
}

static void check_counts(void)
{
	guint64 count = 77;

	ok(option_parse_count("1", &count) && count == 1, "count 1");
	ok(!option_parse_count("0", &count) && count == 1, "count 0");
	ok(!option_parse_count("-1", &count) && count == 1, "count -1");
	ok(!option_parse_count("9223372036854775808", &count) && count == 1, "count 2^63");
	ok(!option_parse_count("", &count) && count == 1, "no count");
}

static void check_cids(void)
{
	guint32 cid = 77;

	ok(tool_parse_cid("host", &cid) && cid == 2, "CID host");
	ok(tool_parse_cid("0x10", &cid) && cid == 16, "CID 0x10");
	ok(!tool_parse_cid("", &cid) && cid == 16, "no CID");
	ok(!tool_parse_cid("3:1", &cid) && cid == 16, "CID 3:1");
	ok(!tool_parse_cid("dog/", &cid) && cid == 16, "CID dog/");
}

/* What a command line does to options of each kind. */

static struct {
	gboolean flag;
	char *text;
	GStrv list;
	guint64 count, size;
	guint seconds;
	guint32 port;
} given;

static const struct option option_table[] = {
	{ "flag", 'f', OPTION_FLAG, &given.flag, NULL, "x", NULL, NULL },
	{ "text", 't', OPTION_TEXT, &given.text, "TEXT", "x", NULL, NULL },
	{ "list", 0, OPTION_LIST, &given.list, "TEXT", "x", NULL, NULL },
	{ "count", 'c', OPTION_COUNT, &given.count, "N", "x", NULL, NULL },
	{ "size", 's', OPTION_SIZE, &given.size, "SIZE", "x", NULL, NULL },
	{ "seconds", 0, OPTION_SECONDS, &given.seconds, "SECONDS", "x", NULL, NULL },
	{ "port", 'p', OPTION_PORT, &given.port, "PORT", "x", NULL, NULL },
	{ 0 }
};

static const struct command a_command = {
	.name = "test",
	.min = 1,
	.max = 2,
	.common = COMMON_FAMILY,
	.options = option_table,
};

/* The problem that parsing @line meets, or NULL; @left is what is left of it. */
static char *parse(const char *line, char **left)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	g_autofree char **argv = g_memdup2(words, (g_strv_length(words) + 1) * sizeof(*words));
	char **rest = argv, *problem = NULL;
	int argc = (int)g_strv_length(words);

	*left = option_parse(&a_command, &argc, &rest, &problem) ? g_strjoinv(" ", rest) : NULL;
	return problem;
}

static void check_line(const char *line, const char *want_left, const char *want_problem)
{
	g_autofree char *left = NULL;
	g_autofree char *problem = parse(line, &left);

	is_str(problem, want_problem, "%s: problem", line);
	is_str(left, want_left, "%s: arguments", line);
}

static void check_lines(void)
{
	check_line("test a", "a", NULL);
	check_line("test", NULL, "an argument is missing");
	check_line("test a b c", NULL, "there are too many arguments");
	check_line("test -- -f", "-f", NULL);
	ok(!given.flag, "what follows -- is no option");
	check_line("test -f a --text=one -t two --list 1 --list=2 -c 7 b", "a b", NULL);
	ok(given.flag && given.count == 7 && g_strcmp0(given.text, "two") == 0, "the last counts");
	ok(given.list && g_strv_length(given.list) == 2, "a list has all of them");
	check_line("test -s 2K --seconds=1.5 -p 0x10 -F 40 a", "a", NULL);
	ok(given.size == 2048 && given.seconds == 1500 && given.port == 16 &&
	   g_strcmp0(common.family, "40") == 0, "values");
	check_line("test a -c 0", NULL, "--count: '0' is not a number from 1");
	check_line("test a -c -1", NULL, "--count: '-1' is not a number from 1");
	check_line("test a --size=x", NULL, "--size: 'x' is not a size like 4096, 64K or 1Mi");
	check_line("test a -v", NULL, "Unknown option -v");
	check_line("test --help", "", NULL);
	ok(common.help, "--help needs no arguments");
	common.help = FALSE;
	g_clear_pointer(&given.text, g_free);
	g_clear_pointer(&given.list, g_strfreev);
	g_clear_pointer(&common.family, g_free);
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
	{ VMSOCK_ERROR_NO_RESOURCES, TOOL_IO },
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
	check_counts();
	check_cids();
	check_lines();
	check_addresses();
	check_exits();
	check_json();
	return done_testing();
}
