/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format.c - numbers as people read them
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "format.h"

struct unit {
	const char *name;
	double size;
};

/* The largest unit that fits, three digits or four. */
static char *in_units(double value, const struct unit *units, gsize count)
{
	const struct unit *unit = units;
	double number;

	for (gsize i = 1; i < count && value >= units[i].size; i++)
		unit = &units[i];
	number = value / unit->size;
	return g_strdup_printf(unit == units ? "%.0f %s" : number < 10 ? "%.2f %s" :
			       number < 100 ? "%.1f %s" : "%.0f %s", number, unit->name);
}

char *format_bytes(double bytes)
{
	static const struct unit units[] = {
		{ "B", 1 }, { "KiB", 1024 }, { "MiB", 1048576 }, { "GiB", 1073741824 },
		{ "TiB", 1099511627776 },
	};

	return in_units(bytes, units, G_N_ELEMENTS(units));
}

char *format_time(guint64 nanoseconds)
{
	static const struct unit units[] = {
		{ "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 },
	};

	return in_units((double)nanoseconds, units, G_N_ELEMENTS(units));
}

char *format_clock(double seconds)
{
	guint64 whole = (guint64)seconds;

	if (whole < 3600)
		return g_strdup_printf("%u:%02u", (guint)(whole / 60), (guint)(whole % 60));
	return g_strdup_printf("%" G_GUINT64_FORMAT ":%02u:%02u", whole / 3600,
			       (guint)(whole / 60 % 60), (guint)(whole % 60));
}
