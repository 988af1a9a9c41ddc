/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/book_internal.h"

#include <stdlib.h>

#include "base/util.h"

#define ROUNDS 6			/* of operations that follow from how others ended, in one turn */

static void nothing(struct timer *t)
{
}

void book_again(struct book *b)
{
	if (!b->again.set)
		timer_set(loop_timers(b->loop), &b->again, 0);
}

static bool any_lease(const struct book *b)
{
	return b->leases || b->before;
}

static void ticked(struct timer *t)
{
	struct book *b = container_of(t, struct book, tick);
	uint64_t now = book_now(b).mono_us;
	struct book_set *s, *next;

	book_sweep(b);
	for (s = b->sets; s; s = next) {
		next = s->next;
		if (s->dying && (now >= s->dying_until || !s->set.present || (!leases_count(&s->leases) && !s->ops)))
			book_set_free(s);
	}
	if (!b->openers.all.count)
		slots_clear(&b->openers.all);
	if (any_lease(b) || b->sets)
		timer_set(loop_timers(b->loop), t, now + CLOCK_S);
}

struct book *book_new(struct loop *l, struct export_page *page, book_held_fn *held, void *ctx)
{
	struct book *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->row = calloc(1, sizeof(*b->row));
	if (!b->row) {
		free(b);
		return NULL;
	}
	b->loop = l;
	b->page = page;
	b->held = held;
	b->ctx = ctx;
	b->kind_of = sink_kind_of;
	b->max_leases = BOOK_LEASES;
	b->plan_end = &b->plan;
	b->again.fire = nothing;
	b->tick.fire = ticked;
	b->look.fire = nothing;
	book_events(&b->events);
	openers_init(&b->openers);
	slots_init(&b->ops, sizeof(struct book_op));
	slots_init(&b->waiters, sizeof(struct book_waiter));
	/* What an agent before this one confirmed counts no more. */
	book_lost(b);
	timer_set(loop_timers(l), &b->tick, loop_now(l).mono_us + CLOCK_S);
	return b;
}

void book_free(struct book *b)
{
	if (!b)
		return;
	for (struct book_hold *h = b->holds; h; h = h->next)
		h->forgotten = true;
	timer_cancel(loop_timers(b->loop), &b->before_timer);
	timer_cancel(loop_timers(b->loop), &b->tick);
	timer_cancel(loop_timers(b->loop), &b->look);
	while (b->sets)
		book_set_free(b->sets);
	book_holds_free(b);
	timer_cancel(loop_timers(b->loop), &b->again);
	free(b->force);
	free(b->prepared);
	free(b->before);
	while (book_layout_gone(b))
		;
	openers_free(&b->openers);
	slots_clear(&b->ops);
	slots_clear(&b->waiters);
	free(b->row);
	free(b);
}

struct lease *book_lease(struct book_set *s, const uint8_t *key)
{
	struct book *b = s->book;
	struct lease *l = lease_find(&s->leases, key);

	if (l || b->leases >= b->max_leases)
		return l;
	l = lease_add(&s->leases, key);
	if (l) {
		l->gen = s->gen;
		b->leases++;
	}
	return l;
}

void book_settle(struct book_set *s, struct lease *l)
{
	uint64_t now = book_now(s->book).mono_us, held;
	bool known;

	held = book_held(s, l, &known);
	if (l->op || l->queued || held > now || lease_wanted(l) > now)
		return;
	/* who is away is still to be told */
	if (l->closing && !s->sink->kind->reads)
		return;
	/* While a dump runs it stays, so that what the dump tells of it from before does not bring it back. */
	if (s->know == KNOW_ASK)
		return;
	lease_remove(&s->leases, l);
	s->book->leases--;
}

static void poll_sinks(struct book *b)
{
	for (struct book_sink *k = b->sinks; k; k = k->next)
		k->kind->poll(k->sink);
}

/* Sends what was planned, and what follows from how that ended. */
static void settle_ops(struct book *b)
{
	for (int i = 0; i < ROUNDS; i++) {
		book_submit(b);
		if (!book_overs(b))
			break;
		book_mends(b);
	}
}

/*
 * The order of a turn, in this one place. Events before grants, so that nothing is confirmed that is gone already;
 * grants before refilling, for somebody waits for them; refilling in one transaction a turn, so that no grant
 * waits long.
 */
void book_run(struct book *b)
{
	timer_cancel(loop_timers(b->loop), &b->again);
	poll_sinks(b);
	for (struct book_set *s = b->sets; s; s = s->next) {
		if (s->reshape && !s->ops)
			book_set_shape(s);
	}
	book_overs(b);
	book_plan(b);
	book_mends(b);
	settle_ops(b);
	book_refill(b);
	settle_ops(b);
	for (struct book_sink *k = b->sinks; k; k = k->next) {
		bool busy = book_busy(k);

		if (k->n && !busy)
			book_again(b);
		if ((busy || (k->kind->reads && b->leases >= BOOK_LARGE)) && !b->look.set)
			timer_set(loop_timers(b->loop), &b->look, book_now(b).mono_us + BOOK_LOOK_US);
	}
}
