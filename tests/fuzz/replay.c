// SPDX-License-Identifier: GPL-2.0-or-later
/* replay.c - a fuzz target as a test: its kept inputs once more, without a fuzzer
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * NAME-test takes the files of corpus/NAME; an input that breaks a law ends the program, and
 * a test without a plan has failed.  Usage: NAME-test [FILE...]
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>

#include "fuzz.h"
#include "tap.h"

#define INPUT_MAX	65536

static void replay(const char *path)
{
	static uint8_t buffer[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	uint8_t *exact;
	size_t size;

	if (!file) {
		ok(false, "%s: %s", path, strerror(errno));
		return;
	}
	size = fread(buffer, 1, sizeof(buffer), file);
	fclose(file);
	/* A copy of exactly that size, so that reading beyond it is seen */
	exact = malloc(size ? size : 1);
	memcpy(exact, buffer, size);
	diag("%s", path);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	ok(true, "%s", strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
}

static void replay_folder(const char *folder)
{
	struct dirent **names;
	int count = scandir(folder, &names, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		char *path = NULL;

		if (names[i]->d_name[0] != '.' &&
		    asprintf(&path, "%s/%s", folder, names[i]->d_name) > 0)
			replay(path);
		free(path);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	ok(tap_run > 0, "there are inputs in %s", folder);
}

/* .../NAME-test or .../lt-NAME-test: corpus/NAME */
static void replay_own(const char *program)
{
	const char *source = getenv("top_srcdir"), *slash = strrchr(program, '/');
	const char *name = slash ? slash + 1 : program;
	char *folder = NULL;

	if (strncmp(name, "lt-", 3) == 0)
		name += 3;
	if (asprintf(&folder, "%s/tests/fuzz/corpus/%.*s", source ? source : ".",
		     (int)(strlen(name) - strlen("-test")), name) > 0)
		replay_folder(folder);
	free(folder);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1)
		replay_own(argv[0]);
	return done_testing();
}
