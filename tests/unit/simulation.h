/* SPDX-License-Identifier: GPL-2.0-or-later */
/* simulation.h - a connection of modules/common with itself, as a seed wants it
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef TESTS_UNIT_SIMULATION_H
#define TESTS_UNIT_SIMULATION_H

#include <stdbool.h>
#include <stdint.h>

/* What the connections of some seeds did */
struct simulation_sums {
	uint64_t bytes;			/* received */
	uint64_t established;		/* connections that both ends had */
	uint64_t cut;			/* ended before everything was written */
	uint64_t steps;
};

/** simulation_run() - one connection from request to the last close
 *
 * Returns NULL if all went well, else what went wrong and where everybody was, to be freed.
 */
char *simulation_run(uint64_t seed, struct simulation_sums *sums);

#endif /* TESTS_UNIT_SIMULATION_H */
