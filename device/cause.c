// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cause - why the guest is interrupted, and how
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The guest has chosen one of three ways:
 *
 * a vector for each cause	nobody reads ICR: each event is a signal of its own, and a cause is
 *				pending only until it can be signalled
 * one vector (MSI-X or MSI)	a signal when the first enabled cause becomes pending; reading ICR
 *				clears them
 * INTx				a line that is high while an enabled cause is pending
 */
#include "cause.h"
#include "function.h"
#include "irq.h"
#include "vmci/regs.h"

enum way { NO_WAY, VECTORS, ONE_VECTOR, LINE };

static enum way way_of(const struct function *function, enum irq_type *type)
{
	const struct irqs *irqs = function->irqs;
	unsigned int vectors;

	if (!irqs)
		return NO_WAY;
	vectors = irqs_assigned(irqs, IRQ_MSIX);
	*type = IRQ_MSIX;
	if (vectors == 1 && irqs_has(irqs, IRQ_MSIX, 0))
		return ONE_VECTOR;
	if (vectors)
		return VECTORS;
	if (pci_msix(&function->pci))
		return NO_WAY;
	*type = IRQ_MSI;
	if (irqs_assigned(irqs, IRQ_MSI))
		return ONE_VECTOR;
	*type = IRQ_INTX;
	return LINE;
}

/* Messages are writes to memory: without bus mastering they wait, a line does not */
static enum way way_now(const struct function *function, enum irq_type *type)
{
	enum way way = way_of(function, type);

	return way == LINE || pci_bus_master(&function->pci) ? way : NO_WAY;
}

static __u32 active(const struct function *function)
{
	return function->causes.enabled ? function->causes.pending & function->causes.mask : 0;
}

static void signal_vector(struct function *function, enum irq_type type, unsigned int vector)
{
	if (irqs_signal(function->irqs, type, vector))
		function->stats.interrupts++;
}

/* A cause whose vector the driver does not use is one that it does not want */
static void signal_each(struct function *function)
{
	__u32 causes = active(function);

	function->causes.pending &= ~causes;
	for (unsigned int vector = 0; causes >> vector; vector++)
		if (causes >> vector & 1)
			signal_vector(function, IRQ_MSIX, vector);
}

static void set_line(struct function *function)
{
	if (function->irqs)
		irqs_line(function->irqs, active(function) && pci_intx(&function->pci));
}

void cause_raise(struct function *function, __u32 causes)
{
	__u32 before = active(function);
	enum irq_type type;

	function->causes.pending |= causes;
	switch (way_now(function, &type)) {
	case NO_WAY:
		break;
	case VECTORS:
		signal_each(function);
		break;
	case ONE_VECTOR:
		if (!before && active(function))
			signal_vector(function, type, 0);
		break;
	case LINE:
		function->stats.interrupts += !before && active(function);
		set_line(function);
		break;
	}
}

__u32 cause_acknowledge(struct function *function)
{
	__u32 causes = function->causes.pending;
	enum irq_type type;

	function->causes.pending = 0;
	if (way_now(function, &type) == LINE)
		set_line(function);
	return causes;
}

void cause_update(struct function *function)
{
	enum irq_type type;

	switch (way_now(function, &type)) {
	case NO_WAY:
		break;
	case VECTORS:
		signal_each(function);
		break;
	case ONE_VECTOR:
		if (active(function))
			signal_vector(function, type, 0);
		break;
	case LINE:
		set_line(function);
		break;
	}
}

void cause_reset(struct function *function)
{
	function->causes.pending = 0;
	function->causes.mask = 0;
	function->causes.enabled = false;
	if (function->irqs)
		irqs_line(function->irqs, false);
}
