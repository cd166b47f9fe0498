/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor-checks.c - the checks of vmsock doctor, one function each
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "config.h"

#include "doctor.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pci.h"

static void good(struct doctor *doctor, char *text)
{
	doctor_find(doctor, DOCTOR_OK, text, NULL);
}

static void nothing(struct doctor *doctor, const char *text)
{
	doctor_find(doctor, DOCTOR_NOT_APPLICABLE, g_strdup(text), NULL);
}

/* The kernel */

static void look_kernel(struct doctor *doctor)
{
	int major = 0, minor = 0;

	if (sscanf(doctor->release, "%d.%d", &major, &minor) == 2 &&
	    (major > 6 || (major == 6 && minor >= 1)))
		good(doctor, g_strconcat("Linux ", doctor->release, NULL));
	else
		doctor_find(doctor, DOCTOR_WARNING, g_strconcat("Linux ", doctor->release, NULL),
			    "the modules are made for Linux 6.1 and later");
}

/* 'y', 'm' or 'n' of CONFIG_@name; 0 if there is no configuration to read. */
static char config(const struct doctor *doctor, const char *name)
{
	g_autofree char *line = g_strdup_printf("\nCONFIG_%s=", name);
	const char *found;

	if (!doctor->config)
		return 0;
	found = strstr(doctor->config, line);
	return found ? found[strlen(line)] : 'n';
}

static void look_config(struct doctor *doctor)
{
	if (doctor->config)
		good(doctor, g_strdup("the kernel's configuration can be read"));
	else
		doctor_find(doctor, DOCTOR_WARNING, g_strdup("no configuration of this kernel"),
			    "kernel options are not looked at; /boot/config-RELEASE would help");
}

static void need_option(struct doctor *doctor, const char *name, const char *remedy)
{
	char value = config(doctor, name);

	if (!value)
		nothing(doctor, "no configuration to look at");
	else if (value == 'n')
		doctor_find(doctor, DOCTOR_FAILURE, g_strdup_printf("CONFIG_%s is not set", name),
			    remedy);
	else
		good(doctor, g_strdup_printf("CONFIG_%s is set", name));
}

static void look_config_modules(struct doctor *doctor)
{
	need_option(doctor, "MODULES", "use a kernel that can load modules");
}

static void look_config_msi(struct doctor *doctor)
{
	need_option(doctor, "PCI_MSI", "without it the device has one slow interrupt");
}

static void look_builtin_vmci(struct doctor *doctor)
{
	char value = config(doctor, "VMWARE_VMCI");

	if (!value)
		nothing(doctor, "no configuration to look at");
	else if (value == 'y')
		doctor_find(doctor, DOCTOR_FAILURE,
			    g_strdup("its own VMCI driver is built in, and takes the device"),
			    "boot with initcall_blacklist=vmci_drv_init, or use its own vsock");
	else
		good(doctor, g_strdup("the kernel's own VMCI driver is not built in"));
}

static void look_builtin_vsock(struct doctor *doctor)
{
	char value = config(doctor, "VSOCKETS");

	if (!value)
		nothing(doctor, "no configuration to look at");
	else if (value == 'y')
		doctor_find(doctor, DOCTOR_WARNING, g_strdup("the kernel's vsock is built in"),
			    "it has /dev/vsock; programs must ask /dev/vmsock for our family");
	else
		good(doctor, g_strdup("the kernel's vsock is not built in"));
}

/* The modules as files */

static char *module_file(const struct doctor *doctor, const char *name)
{
	g_autofree char *path = g_strdup_printf("/lib/modules/%s/modules.dep", doctor->release);
	g_autofree char *list = doctor_read(doctor, path);
	g_auto(GStrv) lines = g_strsplit(list ? list : "", "\n", -1);

	for (char **line = lines; *line; line++) {
		g_autofree char *file = g_strndup(*line, strcspn(*line, ":"));
		g_autofree char *base = g_path_get_basename(file);

		if (g_str_has_prefix(base, name) && g_str_has_prefix(base + strlen(name), ".ko"))
			return g_strdup_printf("/lib/modules/%s/%s", doctor->release, file);
	}
	return NULL;
}

static void look_file(struct doctor *doctor, const char *name)
{
	g_autofree char *file = module_file(doctor, name);

	if (file)
		good(doctor, g_strdup(file));
	else
		doctor_find(doctor, DOCTOR_FAILURE,
			    g_strdup_printf("%s.ko is not installed for %s", name, doctor->release),
			    "install the modules, then run: depmod -a");
}

static void look_file_vmci(struct doctor *doctor)
{
	look_file(doctor, "vmci");
}

static void look_file_vmsock(struct doctor *doctor)
{
	look_file(doctor, "vmsock");
}

static char *modinfo(const struct doctor *doctor, const char *module, const char *field)
{
	g_autofree char *file = module_file(doctor, module);
	const char *const argv[] = { "modinfo", "-F", field, file, NULL };

	return file ? doctor_ask(argv) : NULL;
}

static void look_vermagic(struct doctor *doctor)
{
	g_autofree char *magic = modinfo(doctor, "vmsock", "vermagic");
	g_autofree char *built_for = magic ? g_strndup(magic, strcspn(magic, " ")) : NULL;

	if (!built_for || !*built_for)
		nothing(doctor, "there is no installed module, or no modinfo, to ask");
	else if (strcmp(built_for, doctor->release) == 0)
		good(doctor, g_strconcat("built for ", built_for, NULL));
	else
		doctor_find(doctor, DOCTOR_FAILURE,
			    g_strdup_printf("vmsock.ko is built for %s", built_for),
			    "build the modules for the kernel that runs");
}

static void look_modprobe(struct doctor *doctor)
{
	static const char *const folders[] = { "/etc/modprobe.d", "/run/modprobe.d",
					       "/usr/lib/modprobe.d", "/lib/modprobe.d" };
	static const char pattern[] = "^\\s*(blacklist\\s+(vmci|vmsock)\\s*$|"
				      "install\\s+(vmci|vmsock)\\s+\\S*/(false|true))";

	for (gsize i = 0; i < G_N_ELEMENTS(folders); i++) {
		g_autofree char *path = doctor_path(doctor, folders[i]);
		g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
		const char *name;

		while (folder && (name = g_dir_read_name(folder))) {
			g_autofree char *file = g_build_filename(folders[i], name, NULL);
			g_autofree char *text = doctor_read(doctor, file);

			if (!text || !g_regex_match_simple(pattern, text, G_REGEX_MULTILINE, 0))
				continue;
			doctor_find(doctor, DOCTOR_FAILURE,
				    g_strconcat(file, " keeps our modules from loading", NULL),
				    "remove the line, or load by hand with: modprobe vmsock");
			return;
		}
	}
	good(doctor, g_strdup("no file keeps our modules from loading"));
}

static void look_dkms(struct doctor *doctor)
{
	g_autofree char *path = doctor_path(doctor, "/var/lib/dkms/vmsock");
	g_autoptr(GDir) versions = g_dir_open(path, 0, NULL);
	const char *version;

	if (!versions) {
		nothing(doctor, "the modules are not managed by DKMS");
		return;
	}
	while ((version = g_dir_read_name(versions))) {
		g_autofree char *built = g_build_filename(path, version, doctor->release, NULL);

		if (g_file_test(built, G_FILE_TEST_IS_DIR)) {
			good(doctor, g_strdup_printf("DKMS has built %s for this kernel", version));
			return;
		}
	}
	doctor_find(doctor, DOCTOR_FAILURE, g_strdup("DKMS has not built them for this kernel"),
		    "install the kernel's headers, then run: dkms autoinstall");
}

/* The modules as loaded */

static char *module_attribute(const struct doctor *doctor, const char *module, const char *name)
{
	g_autofree char *path = g_build_filename("/sys/module", module, name, NULL);

	return doctor_read(doctor, path);
}

static bool is_loaded(const struct doctor *doctor, const char *module)
{
	g_autofree char *path = g_build_filename("/sys/module", module, NULL);

	return doctor_exists(doctor, path);
}

static void look_loaded(struct doctor *doctor, const char *module, const char *remedy)
{
	if (is_loaded(doctor, module))
		good(doctor, g_strconcat(module, " is loaded", NULL));
	else
		doctor_find(doctor, DOCTOR_FAILURE, g_strconcat(module, " is not loaded", NULL),
			    remedy);
}

static void look_loaded_vmci(struct doctor *doctor)
{
	look_loaded(doctor, "vmci", "run: modprobe vmci");
}

static void look_loaded_vmsock(struct doctor *doctor)
{
	look_loaded(doctor, "vmsock", "run: modprobe vmsock");
}

static void look_versions(struct doctor *doctor)
{
	g_autofree char *vmci = module_attribute(doctor, "vmci", "version");
	g_autofree char *vmsock = module_attribute(doctor, "vmsock", "version");

	if (!vmci || !vmsock)
		nothing(doctor, "not both of vmci and vmsock are loaded");
	else if (strcmp(vmci, vmsock) == 0)
		good(doctor, g_strdup_printf("vmci and vmsock are version %s", vmci));
	else
		doctor_find(doctor, DOCTOR_FAILURE,
			    g_strdup_printf("vmci is version %s, vmsock %s", vmci, vmsock),
			    "install one version, then: modprobe -r vmsock vmci; modprobe vmsock");
}

static void look_fresh(struct doctor *doctor)
{
	g_autofree char *loaded = module_attribute(doctor, "vmsock", "srcversion");
	g_autofree char *installed = modinfo(doctor, "vmsock", "srcversion");

	if (!loaded || !installed || !*installed)
		nothing(doctor, "the module is not loaded, not installed, or does not say");
	else if (strcmp(loaded, installed) == 0)
		good(doctor, g_strdup("the module that is loaded is the one that is installed"));
	else
		doctor_find(doctor, DOCTOR_WARNING,
			    g_strdup("another vmsock is loaded than is installed"),
			    "load the installed one: modprobe -r vmsock vmci; modprobe vmsock");
}

static void look_clash_vmci(struct doctor *doctor)
{
	if (!is_loaded(doctor, "vmw_vmci"))
		good(doctor, g_strdup("vmw_vmci is not loaded"));
	else
		doctor_find(doctor, is_loaded(doctor, "vmci") ? DOCTOR_WARNING : DOCTOR_FAILURE,
			    g_strdup("the kernel's own VMCI driver, vmw_vmci, is loaded"),
			    "only one can have the device: modprobe -r vmw_vsock_vmci_transport "
			    "vmw_vmci; modprobe vmsock");
}

static void look_clash_vsock(struct doctor *doctor)
{
	if (!is_loaded(doctor, "vsock"))
		good(doctor, g_strdup("the kernel's vsock is not loaded"));
	else if (is_loaded(doctor, "vmsock"))
		good(doctor, g_strdup("the kernel's vsock is loaded beside ours, which works"));
	else
		doctor_find(doctor, DOCTOR_WARNING, g_strdup("only the kernel's vsock is loaded"),
			    "for VMCI sockets run: modprobe vmsock");
}

static void look_family(struct doctor *doctor)
{
	g_autofree char *wanted = module_attribute(doctor, "vmsock", "parameters/family");
	g_autofree char *used = module_attribute(doctor, "vmsock", "parameters/family_in_use");

	if (!wanted)
		nothing(doctor, "vmsock is not loaded");
	else if (strcmp(wanted, "0") == 0)
		good(doctor, g_strdup_printf("the family number is chosen, now %s",
					     used ? used : "unknown"));
	else if (g_strcmp0(used, "0") == 0 || g_strcmp0(used, wanted) == 0)
		good(doctor, g_strdup_printf("the family number is set to %s", wanted));
	else
		doctor_find(doctor, DOCTOR_WARNING,
			    g_strdup_printf("family %s was asked for, %s is used", wanted,
					    used ? used : "another"),
			    "the number is taken; see options in /etc/modprobe.d");
}

/* Signatures */

static bool is_locked_down(const struct doctor *doctor)
{
	g_autofree char *state = doctor_read(doctor, "/sys/kernel/security/lockdown");

	return state && !strstr(state, "[none]");
}

static bool has_secure_boot(const struct doctor *doctor)
{
	g_autofree char *name = doctor_path(doctor, "/sys/firmware/efi/efivars/SecureBoot-"
					    "8be4df61-93ca-11d2-aa0d-00e098032b8c");
	g_autofree char *bytes = NULL;
	gsize size;

	return g_file_get_contents(name, &bytes, &size, NULL) && size > 4 && bytes[4] == 1;
}

/* Is a certificate of that issuer with that number, "01:AB:...", among those in the list? */
static bool has_certificate(const GByteArray *list, const char *signer, const char *number)
{
	g_auto(GStrv) digits = g_strsplit(number, ":", -1);
	g_autoptr(GByteArray) bytes = g_byte_array_new();

	for (char **digit = digits; *digit; digit++) {
		guint8 byte = strtoul(*digit, NULL, 16);

		g_byte_array_append(bytes, &byte, 1);
	}
	return bytes->len && memmem(list->data, list->len, bytes->data, bytes->len) &&
	       memmem(list->data, list->len, signer, strlen(signer));
}

/* The keys that the firmware has, and those that mokutil has enrolled there; the kernel takes them
 * beside its own. Empty if they cannot be read.
 */
static GByteArray *firmware_keys(const struct doctor *doctor)
{
	static const char *const lists[] = { "db-d719b2cb-3d3a-4596-a3bc-dad00e67656f",
					     "MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23" };
	GByteArray *keys = g_byte_array_new();

	for (gsize i = 0; i < G_N_ELEMENTS(lists); i++) {
		g_autofree char *file = g_strconcat(doctor->root, "/sys/firmware/efi/efivars/",
						    lists[i], NULL);
		g_autofree char *bytes = NULL;
		gsize size;

		if (g_file_get_contents(file, &bytes, &size, NULL))
			g_byte_array_append(keys, (const guint8 *)bytes, size);
	}
	return keys;
}

/* A module that is loaded has a key that the kernel has from elsewhere. */
static bool is_enrolled(const struct doctor *doctor, const char *signer)
{
	g_autofree char *number = modinfo(doctor, "vmsock", "sig_key");
	g_autoptr(GByteArray) keys = firmware_keys(doctor);

	return !keys->len || !number || doctor_exists(doctor, "/sys/module/vmsock") ||
	       has_certificate(keys, signer, number);
}

static void look_signature(struct doctor *doctor)
{
	g_autofree char *signer = modinfo(doctor, "vmsock", "signer");
	bool enforced = is_locked_down(doctor) || config(doctor, "MODULE_SIG_FORCE") == 'y';
	enum doctor_verdict bad = enforced ? DOCTOR_FAILURE : DOCTOR_WARNING;

	if (!has_secure_boot(doctor) && !enforced)
		good(doctor, g_strdup("the kernel takes unsigned modules"));
	else if (!signer || !*signer)
		doctor_find(doctor, bad,
			    g_strdup("Secure Boot or lockdown is on, and vmsock.ko is not signed"),
			    "sign it with a key that mokutil --import has made known");
	else if (!is_enrolled(doctor, signer))
		doctor_find(doctor, bad,
			    g_strdup_printf("vmsock.ko is signed by %s, which is not enrolled",
					    signer),
			    "mokutil --import /var/lib/dkms/mok.pub, reboot, choose Enroll MOK");
	else
		good(doctor, g_strconcat("vmsock.ko is signed by ", signer, NULL));
}

static void look_lockdown(struct doctor *doctor)
{
	if (is_locked_down(doctor))
		doctor_find(doctor, DOCTOR_WARNING, g_strdup("the kernel is locked down"),
			    "only signed modules are loaded, and debugfs is closed");
	else
		good(doctor, g_strdup("the kernel is not locked down"));
}

/* The device */

/* The folder of the device in sysfs, NULL if there is none. */
static const char *find_device(struct doctor *doctor)
{
	if (!doctor->device)
		doctor->device = pci_find_vmci(doctor->root);
	return doctor->device;
}

static void look_device(struct doctor *doctor)
{
	const char *device = find_device(doctor);

	if (device)
		good(doctor, g_strconcat("VMCI device at ", strrchr(device, '/') + 1, NULL));
	else
		nothing(doctor, "no VMCI device: this is a host, or a machine of its own");
}

static void look_driver(struct doctor *doctor)
{
	const char *device = find_device(doctor);
	g_autofree char *driver = device ? pci_driver(doctor->root, device) : NULL;

	if (!device)
		nothing(doctor, "no VMCI device");
	else if (!driver)
		doctor_find(doctor, DOCTOR_FAILURE, g_strdup("no driver has taken the VMCI device"),
			    "run: modprobe vmci; then look at: dmesg | grep vmci");
	else if (strcmp(driver, "vmw_vmci") == 0 || strcmp(driver, "vfio-pci") == 0)
		doctor_find(doctor, DOCTOR_WARNING,
			    g_strdup_printf("the VMCI device belongs to the driver %s", driver),
			    "unload that driver to use ours, or use the kernel's vsock");
	else
		good(doctor, g_strdup_printf("the VMCI device has the driver %s", driver));
}

static void look_interrupts(struct doctor *doctor)
{
	const char *device = find_device(doctor);
	guint count = device ? pci_count_interrupts(doctor->root, device) : 0;

	if (!device)
		nothing(doctor, "no VMCI device");
	else if (count)
		good(doctor, g_strdup_printf("the device has %u message interrupts", count));
	else
		doctor_find(doctor, DOCTOR_WARNING, g_strdup("it has no message interrupts"),
			    "it works, slower; is pci=nomsi on the kernel command line?");
}

static void look_enabled(struct doctor *doctor)
{
	const char *device = find_device(doctor);
	g_autofree char *path = device ? g_strconcat(device, "/enable", NULL) : NULL;
	g_autofree char *enabled = path ? doctor_read(doctor, path) : NULL;

	if (!device)
		nothing(doctor, "no VMCI device");
	else if (g_strcmp0(enabled, "0") == 0)
		doctor_find(doctor, DOCTOR_FAILURE, g_strdup("the VMCI device is not enabled"),
			    "its driver could not start it; look at: dmesg | grep vmci");
	else
		good(doctor, g_strdup("the VMCI device is enabled"));
}

/* Nodes */

static void look_node(struct doctor *doctor, const char *path, enum doctor_verdict without,
		      const char *remedy)
{
	g_autofree char *file = doctor_path(doctor, path);
	struct stat status;

	if (stat(file, &status) < 0)
		doctor_find(doctor, without, g_strdup_printf("there is no %s", path), remedy);
	else if (!S_ISCHR(status.st_mode))
		doctor_find(doctor, DOCTOR_FAILURE, g_strdup_printf("%s is no device", path),
			    "remove it and load the module again");
	else
		good(doctor, g_strdup_printf("%s is there", path));
}

static void look_node_vmsock(struct doctor *doctor)
{
	look_node(doctor, "/dev/vmsock", DOCTOR_FAILURE,
		  "load the module; in a container, pass the device in");
}

static void look_node_vsock(struct doctor *doctor)
{
	look_node(doctor, "/dev/vsock", DOCTOR_WARNING,
		  "programs for VMware's header look for it");
}

static void look_permission(struct doctor *doctor)
{
	g_autofree char *path = doctor_path(doctor, "/dev/vmsock");

	if (access(path, F_OK) < 0)
		nothing(doctor, "there is no /dev/vmsock");
	else if (access(path, R_OK) < 0)
		doctor_find(doctor, DOCTOR_FAILURE, g_strdup("/dev/vmsock may not be opened"),
			    "install the udev rule, or run: chmod 666 /dev/vmsock");
	else
		good(doctor, g_strdup("/dev/vmsock may be opened"));
}

static void look_udev(struct doctor *doctor)
{
	static const char *const folders[] = { "/etc", "/run", "/usr/local/lib", "/usr/lib",
					       "/lib" };

	for (gsize i = 0; i < G_N_ELEMENTS(folders); i++) {
		g_autofree char *path = g_strconcat(folders[i],
						    "/udev/rules.d/60-vmsock.rules", NULL);

		if (doctor_exists(doctor, path)) {
			good(doctor, g_strdup(path));
			return;
		}
	}
	doctor_find(doctor, DOCTOR_WARNING, g_strdup("the udev rule is not installed"),
		    "only root may open the devices without 60-vmsock.rules");
}

/* What holds a process back */

static void look_container(struct doctor *doctor)
{
	bool inside = doctor_exists(doctor, "/run/.containerenv") ||
		      doctor_exists(doctor, "/.dockerenv") ||
		      doctor_exists(doctor, "/run/systemd/container");

	if (inside)
		doctor_find(doctor, DOCTOR_WARNING, g_strdup("this is a container"),
			    "devices must be passed in, and its filters must allow the family");
	else
		good(doctor, g_strdup("this is no container"));
}

static void look_seccomp(struct doctor *doctor)
{
	g_autofree char *status = doctor_read(doctor, "/proc/self/status");
	const char *line = status ? strstr(status, "\nSeccomp:") : NULL;

	if (line && atoi(line + strlen("\nSeccomp:")) != 0)
		doctor_find(doctor, DOCTOR_WARNING, g_strdup("a seccomp filter is on"),
			    "it may know family 40 and deny ours; with systemd see "
			    "RestrictAddressFamilies=");
	else
		good(doctor, g_strdup("no seccomp filter is on"));
}

static void look_security_module(struct doctor *doctor)
{
	g_autofree char *label = doctor_read(doctor, "/proc/self/attr/current");

	if (!label || !*label || strstr(label, "unconfined") || strcmp(label, "kernel") == 0)
		good(doctor, g_strdup("no security module confines this process"));
	else
		doctor_find(doctor, DOCTOR_WARNING,
			    g_strdup_printf("this process runs as %s", label),
			    "look for denials with: journalctl -k | grep -i denied");
}

static void look_descriptors(struct doctor *doctor)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 1024)
		doctor_find(doctor, DOCTOR_WARNING,
			    g_strdup_printf("%ju open files are allowed",
					    (uintmax_t)limit.rlim_cur),
			    "servers need one for each connection: ulimit -n");
	else
		good(doctor, g_strdup_printf("%ju open files are allowed",
					     (uintmax_t)limit.rlim_cur));
}

static void look_memory(struct doctor *doctor)
{
	g_autofree char *info = doctor_read(doctor, "/proc/meminfo");
	const char *line = info ? strstr(info, "MemAvailable:") : NULL;
	guint64 kib = line ? g_ascii_strtoull(line + strlen("MemAvailable:"), NULL, 10) : 0;

	if (!line)
		nothing(doctor, "the kernel does not say how much memory is free");
	else if (kib < 64 * 1024)
		doctor_find(doctor, DOCTOR_WARNING, g_strdup("less than 64 MiB of memory is free"),
			    "a connection takes up to 512 KiB for its queues");
	else
		good(doctor, g_strdup_printf("%ju MiB of memory are free", (uintmax_t)kib / 1024));
}

/* What works */

static void look_stack(struct doctor *doctor)
{
	if (!doctor->stack)
		doctor_find(doctor, DOCTOR_FAILURE, g_strdup(doctor->reason),
			    "the failures above say what to do");
	else
		good(doctor, g_strdup_printf("family %d answers",
					     vmsock_stack_get_family(doctor->stack)));
}

static void look_cid(struct doctor *doctor)
{
	guint32 cid = doctor->stack ? vmsock_stack_get_local_cid(doctor->stack) : VMSOCK_CID_ANY;

	if (!doctor->stack)
		nothing(doctor, "there is no vsock");
	else if (cid == VMSOCK_CID_ANY)
		doctor_find(doctor, DOCTOR_WARNING, g_strdup("this machine has no context ID"),
			    "a guest gets one from its device, a host by a module such as vmsock");
	else
		good(doctor, g_strdup_printf("this machine is context %u", cid));
}

/* An address of this machine, any port. */
static VmsockAddress *own_address(const struct doctor *doctor)
{
	guint32 cid = vmsock_stack_get_local_cid(doctor->stack);

	return vmsock_address_new(cid == VMSOCK_CID_ANY ? VMSOCK_CID_LOCAL : cid, VMSOCK_PORT_ANY);
}

static bool exchange_byte(VmsockConnection *from, VmsockConnection *to, GError **error)
{
	GSocket *out = g_socket_connection_get_socket(G_SOCKET_CONNECTION(from));
	GSocket *in = g_socket_connection_get_socket(G_SOCKET_CONNECTION(to));
	char byte;

	g_socket_set_timeout(in, 2);
	return g_socket_send(out, "x", 1, NULL, error) == 1 &&
	       g_socket_receive(in, &byte, 1, NULL, error) == 1;
}

static bool try_stream(struct doctor *doctor, GError **error)
{
	g_autoptr(VmsockListener) listener = vmsock_listener_new();
	g_autoptr(VmsockClient) client = vmsock_client_new();
	g_autoptr(VmsockAddress) own = own_address(doctor), bound = NULL, target = NULL;
	g_autoptr(VmsockConnection) there = NULL, here = NULL;

	vmsock_listener_set_stack(listener, doctor->stack);
	vmsock_client_set_stack(client, doctor->stack);
	if (!vmsock_listener_add_address(listener, own, &bound, error))
		return false;
	target = vmsock_address_new(vmsock_address_get_cid(own), vmsock_address_get_port(bound));
	here = vmsock_client_connect(client, target, NULL, error);
	if (!here)
		return false;
	there = vmsock_listener_accept(listener, NULL, error);
	return there && exchange_byte(here, there, error) && exchange_byte(there, here, error);
}

static void look_self_stream(struct doctor *doctor)
{
	g_autoptr(GError) error = NULL;

	if (!doctor->stack)
		nothing(doctor, "there is no vsock");
	else if (try_stream(doctor, &error))
		good(doctor, g_strdup("a stream to this machine itself works"));
	else
		doctor_find(doctor, DOCTOR_FAILURE,
			    g_strdup_printf("no stream to this machine itself: %s", error->message),
			    "over the kernel's vsock: modprobe vsock_loopback");
}

static bool try_datagram(struct doctor *doctor, GError **error)
{
	g_autoptr(VmsockDatagramSocket) from = NULL, to = NULL;
	g_autoptr(VmsockAddress) own = own_address(doctor), bound = NULL;
	guint8 byte = 0;

	to = vmsock_datagram_socket_new(doctor->stack, own, error);
	from = to ? vmsock_datagram_socket_new(doctor->stack, NULL, error) : NULL;
	bound = from ? vmsock_datagram_socket_get_local_address(to, error) : NULL;
	if (!bound)
		return false;
	g_socket_set_timeout(vmsock_datagram_socket_get_socket(to), 2);
	return vmsock_datagram_socket_send_to(from, bound, &byte, 1, NULL, error) == 1 &&
	       vmsock_datagram_socket_receive_from(to, NULL, &byte, 1, NULL, error) == 1;
}

static void look_self_datagram(struct doctor *doctor)
{
	g_autoptr(GError) error = NULL;

	if (!doctor->stack)
		nothing(doctor, "there is no vsock");
	else if (!(vmsock_stack_get_abilities(doctor->stack) & VMSOCK_STACK_ABILITIES_DATAGRAM))
		nothing(doctor, "this stack has no datagrams");
	else if (try_datagram(doctor, &error))
		good(doctor, g_strdup("a datagram to this machine itself works"));
	else
		doctor_find(doctor, DOCTOR_FAILURE,
			    g_strdup_printf("no datagram to this machine itself: %s",
					    error->message),
			    "please report it, with --bundle");
}

/* A host of virtual machines */

static void look_qemu(struct doctor *doctor)
{
	static const char *const argv[] = { "qemu-system-x86_64", "--version", NULL };
	g_autofree char *text = doctor_ask(argv);
	const char *version = text ? strstr(text, "version ") : NULL;
	int major = 0, minor = 0;

	if (!version || sscanf(version, "version %d.%d", &major, &minor) != 2)
		nothing(doctor, "there is no QEMU here");
	else if (major > 10 || (major == 10 && minor >= 1))
		good(doctor, g_strdup_printf("QEMU %d.%d has vfio-user-pci", major, minor));
	else
		doctor_find(doctor, DOCTOR_WARNING, g_strdup_printf("QEMU %d.%d", major, minor),
			    "the virtual VMCI device needs QEMU 10.1 or later");
}

/* The arguments of a process, one space between them; NULL if there is none of that number. */
static char *command_line(const struct doctor *doctor, const char *pid)
{
	g_autofree char *name = g_build_filename("/proc", pid, "cmdline", NULL);
	g_autofree char *path = doctor_path(doctor, name);
	char *text = NULL;
	gsize size;

	if (!g_ascii_isdigit(*pid) || !g_file_get_contents(path, &text, &size, NULL))
		return NULL;
	for (gsize i = 0; i + 1 < size; i++)
		if (!text[i])
			text[i] = ' ';
	return text;
}

static void look_qemu_memory(struct doctor *doctor)
{
	g_autofree char *path = doctor_path(doctor, "/proc");
	g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
	const char *pid;
	guint count = 0;

	while (folder && (pid = g_dir_read_name(folder))) {
		g_autofree char *line = command_line(doctor, pid);

		if (!line || !strstr(line, "qemu") || !strstr(line, "vfio-user-pci"))
			continue;
		count++;
		if (strstr(line, "share=on") || strstr(line, "\"share\":true"))
			continue;
		doctor_find(doctor, DOCTOR_FAILURE,
			    g_strdup_printf("the memory of QEMU process %s is not shared", pid),
			    "give it -object memory-backend-memfd,...,share=on");
		return;
	}
	if (count)
		good(doctor, g_strdup_printf("the memory of %u QEMU processes is shared", count));
	else
		nothing(doctor, "no guest with a vfio-user device runs here");
}

static void look_device_program(struct doctor *doctor)
{
	g_autofree char *path = g_find_program_in_path("vmci-device");

	if (path)
		good(doctor, g_strdup(path));
	else
		nothing(doctor, "vmci-device is not installed; hosts of QEMU guests need it");
}

const struct doctor_check doctor_checks[] = {
	{ "kernel", "version of the kernel", look_kernel, false },
	{ "config", "configuration of the kernel", look_config, false },
	{ "config-modules", "loadable modules", look_config_modules, false },
	{ "config-msi", "message interrupts", look_config_msi, false },
	{ "builtin-vmci", "VMCI driver built in", look_builtin_vmci, false },
	{ "builtin-vsock", "vsock built in", look_builtin_vsock, false },
	{ "file-vmci", "vmci.ko", look_file_vmci, false },
	{ "file-vmsock", "vmsock.ko", look_file_vmsock, false },
	{ "vermagic", "built for this kernel", look_vermagic, true },
	{ "modprobe", "configuration of modprobe", look_modprobe, false },
	{ "dkms", "state of DKMS", look_dkms, false },
	{ "lockdown", "lockdown", look_lockdown, false },
	{ "signature", "Secure Boot and signature", look_signature, false },
	{ "loaded-vmci", "vmci loaded", look_loaded_vmci, false },
	{ "loaded-vmsock", "vmsock loaded", look_loaded_vmsock, false },
	{ "versions", "versions agree", look_versions, false },
	{ "fresh", "loaded as installed", look_fresh, true },
	{ "clash-vmci", "clash with vmw_vmci", look_clash_vmci, false },
	{ "clash-vsock", "clash with vsock", look_clash_vsock, false },
	{ "family", "family number", look_family, false },
	{ "device", "PCI device", look_device, false },
	{ "driver", "driver of the device", look_driver, false },
	{ "enabled", "device enabled", look_enabled, false },
	{ "interrupts", "interrupt mode", look_interrupts, false },
	{ "node-vmsock", "/dev/vmsock", look_node_vmsock, false },
	{ "node-vsock", "/dev/vsock", look_node_vsock, false },
	{ "permission", "permission", look_permission, false },
	{ "udev", "udev rule", look_udev, false },
	{ "container", "container", look_container, false },
	{ "seccomp", "seccomp", look_seccomp, false },
	{ "security-module", "AppArmor or SELinux", look_security_module, false },
	{ "descriptors", "open files", look_descriptors, true },
	{ "memory", "free memory", look_memory, false },
	{ "stack", "a vsock that answers", look_stack, true },
	{ "cid", "context ID", look_cid, true },
	{ "self-stream", "stream to itself", look_self_stream, true },
	{ "self-datagram", "datagram to itself", look_self_datagram, true },
	{ "qemu", "version of QEMU", look_qemu, true },
	{ "qemu-memory", "memory of guests", look_qemu_memory, false },
	{ "device-program", "vmci-device", look_device_program, true },
};
const gsize doctor_check_count = G_N_ELEMENTS(doctor_checks);
