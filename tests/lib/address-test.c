/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * address-test.c - addresses as text: what is read, what is refused and where, what is written
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "tap.h"

#include <glib/gstdio.h>

#include "names.h"
#include "private.h"

static const struct {
	const char *text;
	guint32 cid, port;
	GSocketType type;
	const char *written;	/* NULL: as it was read */
} good[] = {
	{ "vsock:2:1024", 2, 1024, G_SOCKET_TYPE_INVALID, NULL },
	{ "vsock:0:0", 0, 0, G_SOCKET_TYPE_INVALID, NULL },
	{ "vsock::1024", G_MAXUINT32, 1024, G_SOCKET_TYPE_INVALID, NULL },
	{ "vsock::any", G_MAXUINT32, G_MAXUINT32, G_SOCKET_TYPE_INVALID, NULL },
	{ "vsock-stream:3:5", 3, 5, G_SOCKET_TYPE_STREAM, NULL },
	{ "vsock-dgram:3:5", 3, 5, G_SOCKET_TYPE_DATAGRAM, NULL },
	{ "vsock-seqpacket:3:5", 3, 5, G_SOCKET_TYPE_SEQPACKET, NULL },
	{ "vsock-dgram::5", G_MAXUINT32, 5, G_SOCKET_TYPE_DATAGRAM, NULL },
	{ "vsock:any:5", G_MAXUINT32, 5, G_SOCKET_TYPE_INVALID, "vsock::5" },
	{ "vsock:2:any", 2, G_MAXUINT32, G_SOCKET_TYPE_INVALID, NULL },
	{ "vsock://2:1024", 2, 1024, G_SOCKET_TYPE_INVALID, "vsock:2:1024" },
	{ "vmci://2:1024", 2, 1024, G_SOCKET_TYPE_INVALID, "vsock:2:1024" },
	{ "vmci://host:any", 2, G_MAXUINT32, G_SOCKET_TYPE_INVALID, "vsock:2:any" },
	{ "2:1024", 2, 1024, G_SOCKET_TYPE_INVALID, "vsock:2:1024" },
	{ "host:7", 2, 7, G_SOCKET_TYPE_INVALID, "vsock:2:7" },
	{ "hypervisor:14", 0, 14, G_SOCKET_TYPE_INVALID, "vsock:0:14" },
	{ "local:1", 1, 1, G_SOCKET_TYPE_INVALID, "vsock:1:1" },
	{ "any:1", G_MAXUINT32, 1, G_SOCKET_TYPE_INVALID, "vsock::1" },
	{ "vm(3):1024", 3, 1024, G_SOCKET_TYPE_INVALID, "vsock:3:1024" },
	{ "vm(host):any", 2, G_MAXUINT32, G_SOCKET_TYPE_INVALID, "vsock:2:any" },
	{ "VM(0x3):0x400", 3, 1024, G_SOCKET_TYPE_INVALID, "vsock:3:1024" },
	{ "0x10:0x1F", 16, 31, G_SOCKET_TYPE_INVALID, "vsock:16:31" },
	{ "0X10:0Xff", 16, 255, G_SOCKET_TYPE_INVALID, "vsock:16:255" },
	{ "VSOCK:HOST:ANY", 2, G_MAXUINT32, G_SOCKET_TYPE_INVALID, "vsock:2:any" },
	{ "VSock-DGram:Host:9", 2, 9, G_SOCKET_TYPE_DATAGRAM, "vsock-dgram:2:9" },
	{ "0002:010", 2, 10, G_SOCKET_TYPE_INVALID, "vsock:2:10" },
	{ "4294967295:4294967295", G_MAXUINT32, G_MAXUINT32, G_SOCKET_TYPE_INVALID, "vsock::any" },
	{ "4294967294:4294967294", G_MAXUINT32 - 1, G_MAXUINT32 - 1, G_SOCKET_TYPE_INVALID,
	  "vsock:4294967294:4294967294" },
	{ "0xffffffff:0x00000000000000001", G_MAXUINT32, 1, G_SOCKET_TYPE_INVALID, "vsock::1" },
	{ "vsock/3", 3, G_MAXUINT32, G_SOCKET_TYPE_INVALID, "vsock:3:any" },
	{ "vsock/3:22", 3, 22, G_SOCKET_TYPE_INVALID, "vsock:3:22" },
	{ "vsock/host", 2, G_MAXUINT32, G_SOCKET_TYPE_INVALID, "vsock:2:any" },
	{ "VSOCK/0x3:any", 3, G_MAXUINT32, G_SOCKET_TYPE_INVALID, "vsock:3:any" },
};

/* Addresses with a path; a port of 0 in this table is none that was said. */
static const struct {
	const char *text;
	VmsockAddressKind kind;
	const char *path;
	guint32 port;
	const char *written;	/* NULL: as it was read */
} paths[] = {
	{ "unix:/run/x.sock", VMSOCK_ADDRESS_KIND_UNIX, "/run/x.sock", 0, NULL },
	{ "unix:./x:5", VMSOCK_ADDRESS_KIND_UNIX, "./x:5", 0, NULL },
	{ "unix:x", VMSOCK_ADDRESS_KIND_UNIX, "./x", 0, "unix:./x" },
	{ "unix:../x", VMSOCK_ADDRESS_KIND_UNIX, "../x", 0, NULL },
	{ "unix:///x", VMSOCK_ADDRESS_KIND_UNIX, "///x", 0, NULL },
	{ "UNIX:/X", VMSOCK_ADDRESS_KIND_UNIX, "/X", 0, "unix:/X" },
	{ "unix:/a b\tc", VMSOCK_ADDRESS_KIND_UNIX, "/a b\tc", 0, NULL },
	{ "unix:/\xff", VMSOCK_ADDRESS_KIND_UNIX, "/\xff", 0, NULL },
	{ "vsock-mux/run/vm.sock:1024", VMSOCK_ADDRESS_KIND_MUX, "/run/vm.sock", 1024, NULL },
	{ "vsock-mux//run/vm.sock:1024", VMSOCK_ADDRESS_KIND_MUX, "/run/vm.sock", 1024,
	  "vsock-mux/run/vm.sock:1024" },
	{ "vsock-mux///run:1", VMSOCK_ADDRESS_KIND_MUX, "//run", 1, NULL },
	{ "vsock-mux/./vm:0x10", VMSOCK_ADDRESS_KIND_MUX, "./vm", 16, "vsock-mux/./vm:16" },
	{ "vsock-mux/../vm:1", VMSOCK_ADDRESS_KIND_MUX, "../vm", 1, NULL },
	{ "vsock-mux//./vm:1", VMSOCK_ADDRESS_KIND_MUX, "/./vm", 1, NULL },
	{ "vsock-mux/.vm:1", VMSOCK_ADDRESS_KIND_MUX, "/.vm", 1, NULL },
	{ "vsock-mux/a:b:2", VMSOCK_ADDRESS_KIND_MUX, "/a:b", 2, NULL },
	{ "vsock-mux/:1:2", VMSOCK_ADDRESS_KIND_MUX, "/:1", 2, NULL },
	{ "vsock-mux/vm", VMSOCK_ADDRESS_KIND_MUX, "/vm", 0, "vsock-mux/vm:any" },
	{ "vsock-mux/vm:any", VMSOCK_ADDRESS_KIND_MUX, "/vm", 0, NULL },
	{ "VSOCK-mux/VM:1", VMSOCK_ADDRESS_KIND_MUX, "/VM", 1, "vsock-mux/VM:1" },
};

static const struct {
	const char *text;
	gssize offset;
} bad[] = {
	{ "", 0 },
	{ ":", 0 },
	{ "::", 0 },
	{ ":1", 0 },
	{ "1", 1 },
	{ "1:", 2 },
	{ "1::2", 2 },
	{ "1:2:3", 3 },
	{ "1:2 ", 3 },
	{ " 1:2", 0 },
	{ "1: 2", 2 },
	{ "1 :2", 1 },
	{ "1:2\n", 3 },
	{ "+1:2", 0 },
	{ "-1:2", 0 },
	{ "1:-2", 2 },
	{ "1:+2", 2 },
	{ "a:2", 0 },
	{ "1:b", 2 },
	{ "1a:2", 1 },
	{ "1:2a", 3 },
	{ "1.5:2", 1 },
	{ "1:2.0", 3 },
	{ "1e3:2", 1 },
	{ "0x:1", 2 },
	{ "1:0x", 4 },
	{ "0xg:1", 2 },
	{ "1:0x1g", 5 },
	{ "x1:1", 0 },
	{ "4294967296:1", 0 },
	{ "1:4294967296", 2 },
	{ "0x100000000:1", 0 },
	{ "1:0x100000000", 2 },
	{ "99999999999999999999999999:1", 0 },
	{ "18446744073709551616:1", 0 },
	{ "18446744073709551617:1", 0 },
	{ "1:0xfffffffffffffffff", 2 },
	{ "vsock", 0 },
	{ "vsock:", 6 },
	{ "vsock:1", 7 },
	{ "vsock::", 7 },
	{ "vsock:::1", 7 },
	{ "vsock:1:", 8 },
	{ "vsock:1:2:3", 9 },
	{ "vsock: 1:2", 6 },
	{ "vsock:/2:1", 6 },
	{ "vsock:///2:1", 8 },
	{ "vsock://:1", 8 },
	{ "vsock://", 8 },
	{ "vsock://2", 9 },
	{ "vsock://2/1", 9 },
	{ "vsock://2:1/", 11 },
	{ "vsock-stream", 0 },
	{ "vsock-stream://2:1", 13 },
	{ "vsock-dgram:", 12 },
	{ "vsock-raw:1:2", 0 },
	{ "vsocks:1:2", 0 },
	{ "vmci:2:1", 0 },
	{ "tcp:2:1", 0 },
	{ "vsock:vsock:1:2", 6 },
	{ "vm(", 3 },
	{ "vm()", 3 },
	{ "vm():1", 3 },
	{ "vm(3", 4 },
	{ "vm(3)", 4 },
	{ "vm(3)1", 4 },
	{ "vm(3):", 6 },
	{ "vm(3:1", 4 },
	{ "vm(3)):1", 4 },
	{ "vm (3):1", 0 },
	{ "vm(3): 1", 6 },
	{ "vsock:vm(3):1", 6 },
	{ "host", 4 },
	{ "hosts:1", 0 },
	{ "hos:1", 0 },
	{ "host:", 5 },
	{ "host:host", 5 },
	{ "anyone:1", 0 },
	{ "1:anyone", 2 },
	{ "1:any1", 2 },
	{ "any", 3 },
	{ "unix:", 5 },
	{ "unix", 0 },
	{ "unix/x", 0 },
	{ "vsock-mux/", 10 },
	{ "vsock-mux/:1", 10 },
	{ "vsock-mux", 0 },
	{ "vsock-mux:/vm:1", 0 },
	{ "vsock-mux/vm:", 13 },
	{ "vsock-mux/vm:x", 13 },
	{ "vsock-mux/vm:1x", 14 },
	{ "vsock-mux/vm:4294967296", 13 },
	{ "vsock/", 6 },
	{ "vsock/:1", 6 },
	{ "vsock/3:", 8 },
	{ "vsock/3/4", 7 },
	{ "vsock/nobody", 6 },
	{ "vsock/3:nobody", 8 },
	{ "nobody:1", 0 },
	{ "vsock:nobody:1", 6 },
	{ "1:nobody", 2 },
	{ "\xff\xfe:1", 0 },
	{ "1:\xc3\xa9", 2 },
	{ "\xe2\x85\xa7:1", 0 },
};

static void check_good(gsize i)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VmsockAddress) address = vmsock_address_parse(good[i].text, &error);
	g_autoptr(VmsockAddress) again = NULL;
	g_autofree char *text = NULL;

	if (!ok(address && !error, "'%s' is an address", good[i].text)) {
		diag("%s", error->message);
		return;
	}
	ok(vmsock_address_get_cid(address) == good[i].cid &&
	   vmsock_address_get_port(address) == good[i].port &&
	   vmsock_address_get_socket_type(address) == good[i].type, "... with the right parts");
	text = vmsock_address_to_string(address);
	is_str(text, good[i].written ? good[i].written : good[i].text, "... is written so");
	again = vmsock_address_parse(text, NULL);
	ok(again && vmsock_address_equal(address, again) &&
	   vmsock_address_hash(address) == vmsock_address_hash(again), "... and read back");
}

static void check_path(gsize i)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VmsockAddress) address = vmsock_address_parse(paths[i].text, &error);
	g_autofree char *shown = g_strescape(paths[i].text, NULL);
	g_autoptr(VmsockAddress) again = NULL;
	g_autofree char *text = NULL;

	if (!ok(address && !error, "'%s' is an address", shown)) {
		diag("%s", error->message);
		return;
	}
	is_s64(vmsock_address_get_kind(address), paths[i].kind, "... of the right kind");
	ok(g_strcmp0(vmsock_address_get_path(address), paths[i].path) == 0, "... with the path");
	is_u64(vmsock_address_get_port(address), paths[i].port ? paths[i].port : G_MAXUINT32,
	       "... with the port");
	is_u64(vmsock_address_get_cid(address), G_MAXUINT32, "... without a context");
	text = vmsock_address_to_string(address);
	ok(g_strcmp0(text, paths[i].written ? paths[i].written : paths[i].text) == 0,
	   "... is written so");
	again = vmsock_address_parse(text, NULL);
	ok(again && vmsock_address_equal(address, again) &&
	   vmsock_address_hash(address) == vmsock_address_hash(again), "... and read back");
}

static void check_long_path(void)
{
	g_autofree char *fill = g_strnfill(VMSOCK_PATH_MAX - 1, 'x');
	g_autofree char *good_text = g_strconcat("unix:/", fill, NULL);
	g_autofree char *bad_text = g_strconcat("unix:/x", fill, NULL);
	g_autofree char *bad_mux = g_strconcat("vsock-mux/x", fill, ":1", NULL);
	g_autofree char *path = g_strconcat("/x", fill, NULL);
	g_autoptr(VmsockAddress) address = vmsock_address_parse(good_text, NULL);
	g_autoptr(VmsockAddress) too_long = vmsock_address_new_unix(path);
	g_autoptr(GError) error = NULL, mux_error = NULL, native_error = NULL;
	char native[200];

	ok(address != NULL, "a path of %d bytes", (int)VMSOCK_PATH_MAX);
	is_s64(g_socket_address_get_native_size(G_SOCKET_ADDRESS(address)),
	       sizeof(struct sockaddr_un), "... fills the kernel's form");
	ok(g_socket_address_to_native(G_SOCKET_ADDRESS(address), native, sizeof(native), NULL),
	   "... and goes there");
	ok(!vmsock_address_parse(bad_text, &error), "one byte more is too many");
	is_s64(vmsock_error_get_offset(error), 5, "... from the path on");
	ok(!vmsock_address_parse(bad_mux, &mux_error), "... also behind vsock-mux");
	is_s64(vmsock_error_get_offset(mux_error), 10, "... from the path on");
	ok(!g_socket_address_to_native(G_SOCKET_ADDRESS(too_long), native, sizeof(native),
				       &native_error) &&
	   g_error_matches(native_error, VMSOCK_ERROR, VMSOCK_ERROR_INVALID_ADDRESS),
	   "... and has no kernel's form");
}

static void check_bad(gsize i)
{
	g_autofree char *shown = g_strescape(bad[i].text, NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(VmsockAddress) address = vmsock_address_parse(bad[i].text, &error);

	if (!ok(!address && g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_INVALID_ADDRESS),
		"'%s' is no address", shown))
		return;
	is_s64(vmsock_error_get_offset(error), bad[i].offset, "... from there on");
	ok(g_utf8_validate(error->message, -1, NULL) && !strpbrk(error->message, "\n\r\t"),
	   "... and the message is one clean line");
	ok(!vmsock_address_parse(bad[i].text, NULL), "... also without a place for the error");
}

/* Each text one character shorter, and with each character replaced: never a crash, and an offset
 * inside the text. */
static bool is_sound(const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VmsockAddress) address = vmsock_address_parse(text, &error);
	gssize offset = error ? vmsock_error_get_offset(error) : 0;

	return !address == !!error && offset >= 0 && offset <= (gssize)strlen(text);
}

static bool are_sound(const char *text)
{
	static const char replacements[] = ":(/ x0-\xff";
	gsize length = strlen(text);
	bool sound = true;

	for (gsize at = 0; at < length; at++) {
		for (gsize i = 0; i < sizeof(replacements); i++) {
			g_autofree char *altered = g_strdup(text);

			altered[at] = replacements[i];
			sound = sound && is_sound(altered);
		}
	}
	return sound;
}

static void check_mutations(void)
{
	bool sound = true;

	for (gsize i = 0; i < G_N_ELEMENTS(good); i++)
		sound = sound && are_sound(good[i].text);
	for (gsize i = 0; i < G_N_ELEMENTS(paths); i++)
		sound = sound && are_sound(paths[i].text);
	ok(sound, "cut and altered texts are read or refused, with an offset inside the text");
}

static void check_native(void)
{
	struct sockaddr_vm native = {
		.svm_family = 40, .svm_reserved1 = 7, .svm_port = 5, .svm_cid = 6,
	};
	struct sockaddr_vm out;
	g_autoptr(VmsockAddress) address = NULL;
	GError *error = NULL;

	address = vmsock_address_new_from_native(&native, sizeof(native));
	ok(address && vmsock_address_get_cid(address) == 6 && vmsock_address_get_port(address) == 5,
	   "an address from the kernel's form");
	ok((int)g_socket_address_get_family(G_SOCKET_ADDRESS(address)) == 40, "... has its family");
	is_s64(g_socket_address_get_native_size(G_SOCKET_ADDRESS(address)), 16, "... has 16 bytes");
	memset(&out, 0xff, sizeof(out));
	ok(g_socket_address_to_native(G_SOCKET_ADDRESS(address), &out, sizeof(out), NULL),
	   "... and goes back");
	native.svm_reserved1 = 0;
	is_mem(&out, &native, sizeof(out), "... with nothing in the unused bytes");
	ok(!g_socket_address_to_native(G_SOCKET_ADDRESS(address), &out, 15, &error) &&
	   g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE), "15 bytes are too few");
	g_clear_error(&error);
	ok(!vmsock_address_new_from_native(&native, 15), "... in both directions");
	native.svm_family = AF_INET;
	ok(!vmsock_address_new_from_native(&native, sizeof(native)), "an internet address is none");
	native.svm_family = AF_UNSPEC;
	ok(!vmsock_address_new_from_native(&native, sizeof(native)), "no family is none");
	ok(!vmsock_address_new_from_native(&native, 1), "... nor half of one");
}

static void check_native_unix(void)
{
	struct sockaddr_un native = { .sun_family = AF_UNIX, .sun_path = "/run/x" };
	const gsize offset = offsetof(struct sockaddr_un, sun_path);
	g_autoptr(VmsockAddress) address = NULL, unnamed = NULL, cut = NULL;
	char out[200];

	address = vmsock_address_new_from_native(&native, offset + 7);
	ok(address && g_strcmp0(vmsock_address_get_path(address), "/run/x") == 0,
	   "a UNIX address from the kernel's form");
	is_s64(g_socket_address_get_family(G_SOCKET_ADDRESS(address)), G_SOCKET_FAMILY_UNIX,
	       "... has its family");
	is_s64(g_socket_address_get_native_size(G_SOCKET_ADDRESS(address)), (gssize)offset + 7,
	       "... and its size");
	ok(g_socket_address_to_native(G_SOCKET_ADDRESS(address), out, sizeof(out), NULL) &&
	   memcmp(out, &native, offset + 7) == 0, "... and goes back");
	cut = vmsock_address_new_from_native(&native, offset + 4);
	ok(cut && g_strcmp0(vmsock_address_get_path(cut), "/run") == 0,
	   "a path ends with the length, zero byte or not");
	unnamed = vmsock_address_new_from_native(&native, offset);
	ok(unnamed && g_strcmp0(vmsock_address_get_path(unnamed), "") == 0,
	   "a socket without a name");
	native.sun_path[0] = '\0';
	ok(!vmsock_address_new_from_native(&native, offset + 7), "an abstract name is none");
}

static void check_default_port(void)
{
	static const struct {
		const char *text;
		guint32 port;
	} rows[] = {
		{ "vsock/3", 22 },
		{ "vsock/3:23", 23 },
		{ "vsock-mux/vm", 22 },
		{ "vsock-mux/vm:23", 23 },
		{ "vsock:3:24", 24 },
	};
	g_autoptr(GError) error = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(VmsockAddress) address = NULL;

		address = vmsock_address_parse_with_default_port(rows[i].text, 22, NULL);
		is_u64(address ? vmsock_address_get_port(address) : 0, rows[i].port,
		       "the port of %s", rows[i].text);
	}
	ok(!vmsock_address_parse_with_default_port("vsock:3", 22, &error) &&
	   vmsock_error_get_offset(error) == 7, "elsewhere a port must be said");
}

static bool write_file(const char *folder, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);

	return g_file_set_contents(path, text, -1, NULL);
}

static void remove_file(const char *folder, const char *name)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);

	g_unlink(path);
}

static void check_names(void)
{
	static const struct {
		const char *text, *written;
	} rows[] = {
		{ "web:22", "vsock:3:22" },
		{ "WEB-1:22", "vsock:3:22" },
		{ "vm(db.example):1", "vsock:4:1" },
		{ "vsock/db.example:ssh", "vsock:4:22" },
		{ "vsock:host:ssh", "vsock:2:22" },
		{ "vsock-dgram:web:log", "vsock-dgram:3:514" },
		{ "web:log", "vsock:3:514" },
		{ "web:shell", "vsock:3:22" },
		{ "web:hex", "vsock:3:31" },
		{ "vsock-mux/vm:ssh", "vsock-mux/vm:22" },
		{ "last:1", "vsock:9:1" },
		{ "any:first", "vsock::1" },
	};
	static const char *const wrong[] = {
		"vsock-stream:web:log", "big:1", "text:1", "remark:1", "web:nothing", "web:range",
		"web:odd", "1:web",
	};
	g_autofree char *folder = g_dir_make_tmp("vmsock-names-XXXXXX", NULL);

	_vmsock_names_set_directory(folder);
	ok(!vmsock_address_parse("web:22", NULL), "no files, no names");
	write_file(folder, "hosts", "# CID name\n3 web web-1 # remark\n\n  0x4\tdb.example\r\n"
				    "4294967296 big\ntext text\n5\n2 web\n9 last");
	write_file(folder, "services", "ssh 22 shell\nlog 514/dgram\nnothing\nrange 4294967296\n"
				       "odd 5/raw\nhex 0x1f\nfirst 1\nfirst 2\n");
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(VmsockAddress) address = vmsock_address_parse(rows[i].text, NULL);
		g_autofree char *text = address ? vmsock_address_to_string(address) : NULL;

		is_str(text, rows[i].written, "%s", rows[i].text);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
		ok(!vmsock_address_parse(wrong[i], NULL), "%s has no meaning", wrong[i]);
	remove_file(folder, "hosts");
	remove_file(folder, "services");
	g_rmdir(folder);
	_vmsock_names_set_directory(NAMES_DIRECTORY);
}

static void check_variant_of(const char *text)
{
	g_autoptr(VmsockAddress) address = vmsock_address_parse(text, NULL), again = NULL;
	g_autoptr(GVariant) variant = NULL;

	variant = g_variant_ref_sink(vmsock_address_to_variant(address));
	ok(g_variant_is_of_type(variant, G_VARIANT_TYPE(VMSOCK_ADDRESS_VARIANT_TYPE)),
	   "a variant of %s", text);
	again = vmsock_address_new_from_variant(variant);
	ok(again && vmsock_address_equal(address, again), "... is read back");
}

static void check_variants(void)
{
	static const char *const wrong[] = {
		"('tcp', uint32 1, uint32 2, @ay [])", "('vsock-mux', uint32 1, uint32 2, @ay [])",
		"('vsock', uint32 1, uint32 2, b'/x')", "'vsock:1:2'", "uint32 5",
	};
	static const char *const right[] = {
		"vsock:1:2", "vsock::any", "vsock-stream:1:2", "vsock-dgram:1:2",
		"vsock-seqpacket:1:2", "vsock-mux/vm:7", "vsock-mux/vm", "unix:/x", "unix:\xff",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(right); i++)
		check_variant_of(right[i]);
	for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
		ok(!vmsock_address_new_from_variant(g_variant_new_parsed(wrong[i])),
		   "%s is no address", wrong[i]);
}

static void check_table(void)
{
	g_autoptr(GHashTable) table = g_hash_table_new_full(vmsock_address_hash,
							    vmsock_address_equal, g_object_unref,
							    NULL);

	g_hash_table_add(table, vmsock_address_new(1, 2));
	g_hash_table_add(table, vmsock_address_new(1, 2));
	g_hash_table_add(table, vmsock_address_new_mux("/vm", 2));
	g_hash_table_add(table, vmsock_address_new_mux("/vm", 2));
	g_hash_table_add(table, vmsock_address_new_unix("/vm"));
	is_u64(g_hash_table_size(table), 3, "equal addresses are one in a table");
}

static void check_connectable(void)
{
	g_autoptr(VmsockAddress) address = vmsock_address_new(3, 4);
	g_autoptr(GSocketAddressEnumerator) enumerator = NULL;
	g_autoptr(GSocketAddress) first = NULL;
	g_autofree char *text = NULL;
	guint32 cid, port;
	GSocketType type;

	text = g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(address));
	is_str(text, "vsock:3:4", "GIO writes an address as we do");
	enumerator = g_socket_connectable_enumerate(G_SOCKET_CONNECTABLE(address));
	first = g_socket_address_enumerator_next(enumerator, NULL, NULL);
	ok(first == (GSocketAddress *)address, "an address connects to itself");
	ok(!g_socket_address_enumerator_next(enumerator, NULL, NULL), "... and to nothing else");
	g_object_get(address, "cid", &cid, "port", &port, "socket-type", &type, NULL);
	ok(cid == 3 && port == 4 && type == G_SOCKET_TYPE_INVALID, "properties");
}

static void check_equality(void)
{
	g_autoptr(VmsockAddress) a = vmsock_address_new(3, 4);
	g_autoptr(VmsockAddress) cid = vmsock_address_new(4, 4);
	g_autoptr(VmsockAddress) port = vmsock_address_new(3, 3);
	g_autoptr(VmsockAddress) type = vmsock_address_new_with_type(3, 4, G_SOCKET_TYPE_STREAM);

	ok(vmsock_address_equal(a, a), "an address equals itself");
	ok(!vmsock_address_equal(a, cid), "... and none of another context");
	ok(!vmsock_address_equal(a, port), "... nor of another port");
	ok(!vmsock_address_equal(a, type), "... nor of another kind");
}

/* "self" needs a stack, and this machine may have none. */
static void check_self(void)
{
	unsigned int cid = VMCISock_GetLocalCID();
	g_autoptr(VmsockStack) stack = vmsock_stack_acquire(NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(VmsockAddress) address = vmsock_address_parse("vsock:self:9", &error);

	if (address)
		is_u64(vmsock_address_get_cid(address), cid, "self is this machine");
	else if (stack)
		is_s64(vmsock_error_get_offset(error), 6, "self has no context ID here: %s",
		       error->message);
	else
		ok(error->domain == VMSOCK_ERROR && error->code != VMSOCK_ERROR_INVALID_ADDRESS,
		   "self needs a stack: %s", error->message);
	ok(!vmsock_address_parse("selfish:9", NULL), "selfish is no name");
}

int main(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(good); i++)
		check_good(i);
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
		check_bad(i);
	for (gsize i = 0; i < G_N_ELEMENTS(paths); i++)
		check_path(i);
	check_long_path();
	check_mutations();
	check_default_port();
	check_names();
	check_variants();
	check_table();
	check_native();
	check_native_unix();
	check_connectable();
	check_equality();
	check_self();
	return done_testing();
}
