/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor.h - what vmsock doctor looks at
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A check looks at one thing and says what it found with doctor_find().  Files are read below
 * @root, so that the system of an image, or one made for a test, can be looked at; checks that ask
 * the running kernel are left out then.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <glib.h>
#include <stdbool.h>
#include <vmsock/vmsock.h>

enum doctor_verdict {
	DOCTOR_OK,
	DOCTOR_WARNING,
	DOCTOR_FAILURE,
	DOCTOR_NOT_APPLICABLE,		/* there is nothing of that kind here */
};

struct doctor {
	char *root;			/* "" for this system */
	char *release;			/* of the kernel */
	char *config;			/* of the kernel, after a newline; or NULL */
	VmsockStack *stack;		/* or NULL, and then @reason says why */
	char *reason;
	char *device;			/* folder of the PCI device in sysfs, once it was found */

	enum doctor_verdict verdict;	/* of the check that runs */
	char *text, *remedy;
};

struct doctor_check {
	const char *name, *title;
	void (*look)(struct doctor *doctor);
	bool live;			/* asks the running kernel */
};

extern const struct doctor_check doctor_checks[];
extern const gsize doctor_check_count;

/* What a check has found; @remedy may be NULL.  Takes @text. */
void doctor_find(struct doctor *doctor, enum doctor_verdict verdict, char *text,
		 const char *remedy);

/* A file below the root without blanks at its ends, or NULL. */
char *doctor_read(const struct doctor *doctor, const char *path);
bool doctor_exists(const struct doctor *doctor, const char *path);
char *doctor_path(const struct doctor *doctor, const char *path);

/* What a program prints, without blanks at its ends; NULL if it is not there or fails. */
char *doctor_ask(const char *const *argv);

/* Write a tar archive with what a bug report needs; @report is what was found. */
bool bundle_write(const struct doctor *doctor, const char *path, const char *report,
		  GError **error);

#endif
