// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fault - what goes wrong on purpose, so that tests can see what becomes of it
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A rule is WHICH:ACTION[=VALUE]@N, with a "+" behind N for the N-th and all that follow, where
 * WHICH is a direction, or the name of a function for the guest's calls of it.  It counts from when
 * it was made.  A message that is late waits in a list, with a timer for the first of them.
 */
#include <errno.h>
#include <gio/gio.h>
#include <string.h>

#include "fault.h"
#include "function.h"
#include "hypercall.h"
#include "loop.h"
#include "memory.h"
#include "queue_pair.h"
#include "vmci/errors.h"

#define LATE_MS_DEFAULT		100
#define HOSTILE_MS		20u

enum action {
	ACTION_DROP,
	ACTION_DELAY,
	ACTION_DUPLICATE,
	ACTION_RESET,
	ACTION_ERROR,
	ACTION_STUCK,
	ACTIONS
};

enum direction { DIRECTION_OUT, DIRECTION_IN, DIRECTIONS };

static const char *const action_names[ACTIONS] = {
	[ACTION_DROP] = "drop",
	[ACTION_DELAY] = "delay",
	[ACTION_DUPLICATE] = "duplicate",
	[ACTION_RESET] = "reset",
	[ACTION_ERROR] = "error",
	[ACTION_STUCK] = "stuck",	/* the buffer that it is in never ends its transfer */
};

static const char *const direction_names[DIRECTIONS] = {
	[DIRECTION_OUT] = "out",	/* of the guest */
	[DIRECTION_IN] = "in",
};

#define ANY_FUNCTION	VMCI_RESOURCE_MAX

struct rule {
	enum direction direction;
	__u32 called;		/* function, or ANY_FUNCTION for all messages */
	enum action action;
	__s32 value;		/* milliseconds, or a result */
	__u64 seen;
	__u64 number;
	bool on;		/* and all that follow */
};

struct late {
	struct function *function;
	struct timer *timer;
	enum direction direction;
	struct vmci_datagram *datagram;
};

struct faults {
	GArray *rules;
	bool stuck[DIRECTIONS];		/* the buffer under way */
	GQueue late;
	bool hostile[HOSTILE_KINDS];
	struct timer *tick;		/* of hostile deeds that nobody asks for */
	unsigned int turn;
	bool inside;			/* what is sent now is subject to no rule */
};

/* Index of @name, which has @length characters, or @count */
static unsigned int find_name(const char *const *names, unsigned int count, const char *name,
			      size_t length)
{
	unsigned int i = 0;

	while (i < count && !(strlen(names[i]) == length && !strncmp(names[i], name, length)))
		i++;
	return i;
}

static struct faults *faults_of(struct function *function)
{
	if (!function->faults) {
		function->faults = g_new0(struct faults, 1);
		function->faults->rules = g_array_new(FALSE, TRUE, sizeof(struct rule));
	}
	return function->faults;
}

/* [=VALUE]@N[+] */
static bool parse_tail(struct rule *rule, const char *text)
{
	char *end = (char *)text;

	if (*end == '=')
		rule->value = (__s32)g_ascii_strtoll(end + 1, &end, 10);
	if (*end != '@')
		return false;
	rule->number = g_ascii_strtoull(end + 1, &end, 10);
	rule->on = *end == '+';
	return rule->number && !end[rule->on];
}

/* A direction, or the name of a function */
static bool parse_which(struct rule *rule, const char *text, size_t length)
{
	rule->called = ANY_FUNCTION;
	rule->direction = find_name(direction_names, DIRECTIONS, text, length);
	if (rule->direction < DIRECTIONS)
		return true;
	rule->direction = DIRECTION_OUT;
	for (rule->called = 0; rule->called < VMCI_RESOURCE_MAX; rule->called++) {
		const char *name = hypercall_name(rule->called);

		if (name && strlen(name) == length && !strncmp(name, text, length))
			return true;
	}
	return false;
}

bool fault_add_rule(struct function *function, const char *text, GError **error)
{
	size_t which = strcspn(text, ":"), action = 0;
	struct rule rule = { .value = 0 };

	if (text[which])
		action = strcspn(text + which + 1, "=@");
	rule.action = find_name(action_names, ACTIONS, text + which + 1, action);
	rule.value = rule.action == ACTION_DELAY ? LATE_MS_DEFAULT : VMCI_ERROR_NO_RESOURCES;
	if (parse_which(&rule, text, which) && rule.action < ACTIONS &&
	    parse_tail(&rule, text + which + 1 + action)) {
		g_array_append_val(faults_of(function)->rules, rule);
		return true;
	}
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
		    "\"%s\" is no fault; one is, say, out:drop@5", text);
	return false;
}

/*
 * Messages that are late
 */

static void late_free(struct late *late)
{
	timer_remove(late->timer);
	g_free(late->datagram);
	g_free(late);
}

static void late_call(void *data)
{
	struct late *late = data;
	struct function *function = late->function;
	struct faults *faults = function->faults;

	g_queue_remove(&faults->late, late);
	faults->inside = true;
	if (late->direction == DIRECTION_IN)
		inbound_push(function, late->datagram);
	else if (function->host)
		function->host->ops->datagram(function->host, late->datagram);
	faults->inside = false;
	late_free(late);
}

/* Only what is for context 2 can be late: the guest waits for the result of a function */
static bool postpone(struct function *function, enum direction direction,
		     const struct vmci_datagram *datagram, unsigned int milliseconds)
{
	struct late *late;

	if (direction == DIRECTION_OUT && datagram->dst.context != VMCI_HOST_CONTEXT_ID)
		return false;
	late = g_new0(struct late, 1);
	late->function = function;
	late->direction = direction;
	late->datagram = g_memdup2(datagram, sizeof(*datagram) + datagram->payload_size);
	late->timer = loop_timer(function->loop, late_call, late);
	timer_set(late->timer, milliseconds);
	g_queue_push_tail(&function->faults->late, late);
	return true;
}

void fault_reset(struct function *function)
{
	struct late *late;

	if (function->faults)
		while ((late = g_queue_pop_head(&function->faults->late)))
			late_free(late);
}

static enum fault apply(struct function *function, const struct rule *rule,
			const struct vmci_datagram *datagram, __s32 *result)
{
	/* As if it had been sent */
	*result = datagram->dst.context == VMCI_HYPERVISOR_CONTEXT_ID ? 0 :
		  (__s32)(sizeof(*datagram) + datagram->payload_size);
	switch (rule->action) {
	case ACTION_DROP:
		return FAULT_TAKEN;
	case ACTION_DELAY:
		return postpone(function, rule->direction, datagram, (unsigned int)rule->value) ?
		       FAULT_TAKEN : FAULT_NONE;
	case ACTION_DUPLICATE:
		return FAULT_TWICE;
	case ACTION_RESET:
		function_reset(function);
		*result = VMCI_ERROR_UNAVAILABLE;
		return FAULT_TAKEN;
	case ACTION_STUCK:
		function->faults->stuck[rule->direction] = true;
		return FAULT_NONE;
	default:
		*result = rule->value;
		return FAULT_TAKEN;
	}
}

/* Is it one that the rule counts, and acts on? */
static bool concerns(struct rule *rule, enum direction direction,
		     const struct vmci_datagram *datagram)
{
	if (rule->direction != direction)
		return false;
	if (rule->called != ANY_FUNCTION &&
	    (datagram->dst.context != VMCI_HYPERVISOR_CONTEXT_ID ||
	     datagram->dst.resource != rule->called))
		return false;
	rule->seen++;
	return rule->on ? rule->seen >= rule->number : rule->seen == rule->number;
}

/* All rules count, the first that acts does */
static enum fault judge(struct function *function, enum direction direction,
			const struct vmci_datagram *datagram, __s32 *result)
{
	struct faults *faults = function->faults;
	const struct rule *found = NULL;

	if (!faults || faults->inside)
		return FAULT_NONE;
	for (guint i = 0; i < faults->rules->len; i++) {
		struct rule *rule = &g_array_index(faults->rules, struct rule, i);

		if (concerns(rule, direction, datagram) && !found)
			found = rule;
	}
	return found ? apply(function, found, datagram, result) : FAULT_NONE;
}

enum fault fault_outbound(struct function *function, const struct vmci_datagram *datagram,
			  __s32 *result)
{
	return judge(function, DIRECTION_OUT, datagram, result);
}

enum fault fault_inbound(struct function *function, const struct vmci_datagram *datagram,
			 __s32 *result)
{
	return judge(function, DIRECTION_IN, datagram, result);
}

/*
 * Hostile kinds
 */

static bool hostile(const struct function *function, enum hostile kind)
{
	return function->faults && function->faults->hostile[kind];
}

void fault_spoil(struct function *function, struct vmci_datagram *datagram)
{
	static const __u64 sizes[] = {
		0, 1, VMCI_MAX_DG_SIZE, VMCI_MAX_DG_PAYLOAD_SIZE + 1, 1ull << 31, (1ull << 32) - 24,
		(1ull << 32) - 1, 1ull << 32, ~0ull - 24, ~0ull - 23, ~0ull - 7, ~0ull,
	};

	/* Every other one is as it should be, so that something goes on */
	if (hostile(function, HOSTILE_SIZES) && ++function->faults->turn % 2)
		datagram->payload_size = sizes[function->faults->turn / 2 % G_N_ELEMENTS(sizes)];
}

bool fault_stuck(struct function *function, bool receiving)
{
	enum direction direction = receiving ? DIRECTION_IN : DIRECTION_OUT;
	bool stuck = hostile(function, HOSTILE_STUCK);

	if (function->faults) {
		stuck |= function->faults->stuck[direction];
		function->faults->stuck[direction] = false;
	}
	return stuck;
}

bool fault_mute(const struct function *function)
{
	return hostile(function, HOSTILE_MUTE);
}

__u32 fault_cid(const struct function *function, __u32 cid)
{
	static const __u32 wrong[] = { 0, 1, 2, VMCI_INVALID_ID, (__u32)-2, (__u32)-41,
				       (__u32)-500, (__u32)-1000 };

	if (!hostile(function, HOSTILE_CID))
		return cid;
	return wrong[function->faults->turn++ % G_N_ELEMENTS(wrong)];
}

/* Ids that are none, sizes that do not fit them, and pairs and contexts that nobody has */
static void send_bad_event(struct function *function)
{
	struct faults *faults = function->faults;
	unsigned int turn = faults->turn++;
	static const __u32 sizes[] = { 0, 4, 8, 15, 16, 20, 23, 24, 25, 64 };
	static const __u32 ids[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x7fffffff, 0xffffffff };
	struct {
		struct vmci_event_msg message;
		__u8 more[64];
	} event;

	memset(&event, 0xa5, sizeof(event));
	event.message.hdr.dst.context = function->cid;
	event.message.hdr.dst.resource = VMCI_EVENT_HANDLER;
	event.message.hdr.src.context = VMCI_HYPERVISOR_CONTEXT_ID;
	event.message.hdr.src.resource = VMCI_CONTEXT_RESOURCE_ID;
	event.message.hdr.payload_size = sizes[turn % G_N_ELEMENTS(sizes)];
	event.message.data.event = ids[turn / G_N_ELEMENTS(sizes) % G_N_ELEMENTS(ids)];
	if (turn & 1)
		event.message.data.u.ctx.context = VMCI_INVALID_ID;
	inbound_push(function, &event.message.hdr);
}

/* Random and extreme values into both headers */
static void spoil_rings(struct function *function)
{
	GHashTableIter iter;
	struct pair *pair;

	pairs_iter(function, &iter);
	while ((pair = pairs_next(&iter))) {
		__u64 values[2] = { g_random_int(), ~0ull >> g_random_int_range(0, 64) };
		__u64 data = (pair->in_size + (1ull << pair->page_shift) - 1) >> pair->page_shift;
		__u64 page = pair->ppns[g_random_boolean() ? 0 : 1 + data];

		memory_write(function->memory, (page << pair->page_shift) +
			     offsetof(struct vmci_queue_header, producer_tail), values,
			     sizeof(values));
	}
}

static void tick(void *data)
{
	struct function *function = data;
	struct faults *faults = function->faults;

	faults->inside = true;
	if (faults->hostile[HOSTILE_EVENTS])
		send_bad_event(function);
	if (faults->hostile[HOSTILE_RINGS])
		spoil_rings(function);
	faults->inside = false;
	timer_set(faults->tick, HOSTILE_MS);
}

bool fault_set_hostile(struct function *function, const char *kind, bool on, GError **error)
{
	static const char *const names[] = {
#define FAULT_WORD(name, word) word,
		FAULT_HOSTILE(FAULT_WORD)
#undef FAULT_WORD
	};
	unsigned int index = find_name(names, HOSTILE_KINDS, kind, strlen(kind));
	struct faults *faults = faults_of(function);

	if (index == HOSTILE_KINDS) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
			    "\"%s\" is nothing hostile; sizes, events, stuck, rings, cid, mute "
			    "and gone are", kind);
		return false;
	}
	faults->hostile[index] = on;
	if (index == HOSTILE_GONE)
		function->gone = on;
	if (!faults->tick && (index == HOSTILE_EVENTS || index == HOSTILE_RINGS)) {
		faults->tick = loop_timer(function->loop, tick, function);
		timer_set(faults->tick, HOSTILE_MS);
	}
	return true;
}

void fault_free(struct function *function)
{
	struct faults *faults = function->faults;

	if (!faults)
		return;
	fault_reset(function);
	if (faults->tick)
		timer_remove(faults->tick);
	g_array_free(faults->rules, TRUE);
	g_clear_pointer(&function->faults, g_free);
}
