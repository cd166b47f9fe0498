/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory.h - how much the kernel has in use
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef TESTS_VM_MEMORY_H
#define TESTS_VM_MEMORY_H

#include "vmtest.h"

static void write_byte(int fd, char byte)
{
	need(write(fd, &byte, 1) == 1);
	close(fd);
}

/*
 * Give back what is only cached, so that what is left is in use.  Shrinking a slab also ends the
 * quarantine in which KASAN keeps its freed objects, megabytes of them.
 */
static void drop_caches(void)
{
	DIR *slabs = opendir("/sys/kernel/slab");
	struct dirent *slab;
	char path[300];
	int fd;

	write_byte(need_ok(open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC)), '3');
	while (slabs && (slab = readdir(slabs))) {
		if (slab->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/shrink", slab->d_name);
		fd = openat(dirfd(slabs), path, O_WRONLY | O_CLOEXEC);
		/* The cache of a module that was removed may go meanwhile. */
		if (fd < 0 && errno == ENOENT)
			continue;
		write_byte(need_ok(fd), '1');
	}
	if (slabs)
		closedir(slabs);
}

/* One line of /proc/meminfo. */
static long meminfo_kb(const char *name)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/meminfo", "re");

	need(f);
	while (kb < 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			kb = atol(line + strlen(name) + 1);
	fclose(f);
	need(kb >= 0);
	return kb;
}

/* Free pages that each CPU keeps to itself, up to some megabytes. */
static long per_cpu_kb(void)
{
	char line[128];
	long pages = 0, count;
	FILE *f = fopen("/proc/zoneinfo", "re");

	need(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " count: %ld", &count) == 1)
			pages += count;
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

struct memory {
	long objects;	/* of the kernel */
	long free;
};

UNUSED static struct memory memory_now(void)
{
	drop_caches();
	return (struct memory){
		.objects = meminfo_kb("SUnreclaim") + meminfo_kb("VmallocUsed"),
		.free = meminfo_kb("MemFree") + per_cpu_kb(),
	};
}

UNUSED static bool memory_is_back(struct memory before)
{
	struct memory now = memory_now();

	return now.objects < before.objects + 2048 && now.free > before.free - 4096;
}

UNUSED static void show_memory(const char *when, struct memory memory)
{
	diag("%s: kernel objects %ld KiB, free %ld KiB", when, memory.objects, memory.free);
}

#endif /* TESTS_VM_MEMORY_H */
