// SPDX-License-Identifier: GPL-2.0-or-later
/* simulation-test.c - connections of modules/common with itself, by the thousand
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * What a seed does is in simulation.c.  Without arguments: the regressions, then a few
 * thousand seeds.  Usage: simulation-test [first seed [number of seeds]]
 */
#include "simulation.h"
#include "tap.h"

#define SEEDS		2000u
#define TESTS		20u	/* the seeds are spread over so many */

/*
 * Seeds that found a defect, in the core or in a copy that was broken on purpose, and that few
 * others find.  What a seed does changes with the simulation: look for new ones then.
 */
static const struct {
	uint64_t seed;
	const char *what;
} regressions[] = {
	{ 542, "shutdown while connecting to a server that does not know REQUEST2" },
	{ 882, "detach event before ATTACH, with data in the ring" },
	{ 1017, "second shutdown leaves the bits of the first" },
	{ 18, "reader looks at the ring again before it sleeps" },
	{ 36, "writer looks at the ring again before it sleeps" },
	{ 22, "writer: own tail is visible before the peer's head is read" },
	{ 28, "reader: own head is visible before the peer's tail is read" },
	{ 166, "READ goes to a peer that only sends" },
	{ 33, "a refused notification is sent later" },
};

static bool run_seed(uint64_t seed, struct simulation_sums *sums)
{
	char *fault = simulation_run(seed, sums);

	if (!fault)
		return true;
	diag("seed %" PRIu64 " fails, repeat with: tests/unit/simulation-test %" PRIu64, seed,
	     seed);
	for (char *line = strtok(fault, "\n"); line; line = strtok(NULL, "\n"))
		diag("%s", line);
	free(fault);
	return false;
}

static void run_regressions(void)
{
	struct simulation_sums sums = { 0 };

	for (size_t i = 0; i < sizeof(regressions) / sizeof(regressions[0]); i++)
		ok(run_seed(regressions[i].seed, &sums), "seed %" PRIu64 ": %s",
		   regressions[i].seed, regressions[i].what);
}

static void run_seeds(uint64_t first, uint64_t count)
{
	struct simulation_sums sums = { 0 };
	bool good = true;

	for (uint64_t seed = first; seed < first + count; seed++)
		good = run_seed(seed, &sums) && good;
	ok(good, "seeds %" PRIu64 " to %" PRIu64 ": every byte arrives, nobody stalls", first,
	   first + count - 1);
	diag("%" PRIu64 " connections, %" PRIu64 " cut short; %" PRIu64 " bytes, %" PRIu64 " steps",
	     sums.established, sums.cut, sums.bytes, sums.steps);
}

static void run_range(uint64_t first, uint64_t count)
{
	uint64_t share = (count + TESTS - 1) / TESTS;

	for (uint64_t done = 0; done < count; done += share)
		run_seeds(first + done, count - done < share ? count - done : share);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		run_range(strtoull(argv[1], NULL, 0), argc > 2 ? strtoull(argv[2], NULL, 0) : 1);
	} else {
		run_regressions();
		run_range(1, SEEDS);
	}
	return done_testing();
}
