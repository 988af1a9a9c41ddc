/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state/timer.h"

#include <stddef.h>

/* Two heaps into one: the later root becomes the first child of the earlier. Either may be NULL. */
static struct timer *meld(struct timer *a, struct timer *b)
{
	struct timer *first = a, *second = b;

	if (!a)
		return b;
	if (!b)
		return a;
	if (b->due < a->due) {
		first = b;
		second = a;
	}
	second->prev = first;
	second->next = first->child;
	if (first->child)
		first->child->prev = second;
	first->child = second;
	return first;
}

/* The children of a node that was taken out, melded in pairs and then all: a loop, for the heap may be deep. */
static struct timer *meld_list(struct timer *list)
{
	struct timer *pairs = NULL, *all = NULL;

	while (list) {
		struct timer *a = list, *b = list->next, *pair;

		list = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		pair = meld(a, b);
		pair->next = pairs;
		pairs = pair;
	}
	while (pairs) {
		struct timer *t = pairs;

		pairs = t->next;
		t->next = NULL;
		all = meld(all, t);
	}
	return all;
}

/*
 * What hung below t takes its place: it is due no earlier, and so stays in
 * the heap that t was in, whichever of the two that is.
 */
static void take_out(struct timers *ts, struct timer *t)
{
	struct timer *rest = meld_list(t->child), *after = t->next;

	if (rest) {
		rest->prev = t->prev;
		rest->next = after;
		if (after)
			after->prev = rest;
	} else if (after) {
		after->prev = t->prev;
	}
	if (t == ts->root)
		ts->root = rest;
	else if (t == ts->later)
		ts->later = rest;
	else if (t->prev->child == t)
		t->prev->child = rest ? rest : after;
	else
		t->prev->next = rest ? rest : after;
	t->child = t->next = t->prev = NULL;
	t->set = false;
}

void timer_set(struct timers *ts, struct timer *t, uint64_t due)
{
	if (t->set)
		take_out(ts, t);
	t->due = due;
	t->child = t->next = t->prev = NULL;
	t->set = true;
	if (ts->running && due <= ts->run_us)
		ts->later = meld(ts->later, t);
	else
		ts->root = meld(ts->root, t);
}

void timer_cancel(struct timers *ts, struct timer *t)
{
	if (t->set)
		take_out(ts, t);
}

void timers_run(struct timers *ts, struct now now)
{
	ts->running = true;
	ts->run_us = now.mono_us;
	while (ts->root && ts->root->due <= now.mono_us) {
		struct timer *t = ts->root;

		take_out(ts, t);
		t->fire(t);
	}
	ts->running = false;
	ts->root = meld(ts->root, ts->later);
	ts->later = NULL;
}

uint64_t timers_next(const struct timers *ts)
{
	uint64_t next = ts->root ? ts->root->due : TIMERS_NEVER;

	return ts->later && ts->later->due < next ? ts->later->due : next;
}
