/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/book_internal.h"

#include <errno.h>

#include "base/util.h"

#define TRIES 6				/* operations that one waiter sees end without getting what it needs */

static uint64_t grace_us(const struct book_waiter *w)
{
	return w->hold->parts[w->part].grace * CLOCK_S;
}

/* It is held: the hold's opener is one of its openers now. B4: never later than what is held. */
static int grant(struct book_set *s, struct lease *l, const struct book_waiter *w)
{
	struct book *b = s->book;
	struct book_part *p = &w->hold->parts[w->part];
	uint64_t now = book_now(b).mono_us;
	uint64_t end = l->held >= w->make ? w->make : MIN(l->held, w->need);

	l->closing = 0;
	lease_open(&s->leases, l, w->hold->opener, end, now);
	/* No longer than it is wanted either: what nobody wants any more goes without a word. */
	p->until = MIN(p->until, MIN(l->held, lease_wanted(l)) - grace_us(w));
	return 0;
}

static int wait(struct book_set *s, struct lease *l, const struct book_waiter *w)
{
	struct book *b = s->book;
	struct book_op *op = slots_at(&b->ops, l->op);
	struct book_waiter *own;
	uint32_t id;

	if (w->tries >= TRIES)
		return -EAGAIN;
	own = slots_take(&b->waiters, &id);
	if (!own)
		return -ENOMEM;
	own->hold = w->hold;
	own->part = w->part;
	own->need = w->need;
	own->make = w->make;
	own->tries = w->tries + 1;
	own->next = op->waiters;
	op->waiters = id;
	own->hold->pending++;
	own->hold->parts[own->part].pending++;
	return 1;
}

/*
 * Another's element that ends too early is given more time only where that leaves alone what else it bears. Where it
 * cannot be, it is good for as long as it lasts.
 */
static bool as_it_is(const struct book_set *s, const struct lease *l, const struct book_waiter *w, uint64_t now)
{
	return l->foreign && s->set.refresh_replace && l->held > now + grace_us(w) + CLOCK_S;
}

int book_want(struct book_set *s, struct lease *l, const struct book_waiter *w)
{
	uint64_t now = book_now(s->book).mono_us, held;
	enum sink_what what;
	bool known, told;
	int err;

	held = book_held(s, l, &known);
	if (l->op) {
		const struct book_op *op = slots_at(&s->book->ops, l->op);

		/* While it is renewed for somebody else, what is held is held. */
		if (op->op.what == SINK_RENEW && known && held >= w->need && !book_tells_ports(s))
			return grant(s, l, w);
		return wait(s, l, w);
	}
	/*
	 * What was to be taken out may be gone. Another's may have got more time since: a renewal by what was known then would
	 * shorten it.
	 */
	if (!known || l->closing || (l->foreign && held > now && held < w->need && s->sink->kind->reads)) {
		err = book_ask(s, l);
		if (err)
			return err;
		held = l->held;
	} else if (l->gen != s->gen) {
		l->held = held;
		l->gen = s->gen;
	}
	told = !book_tells_ports(s) || book_ports_told(s, l, w->hold->opener);
	if (told && (held >= w->need || (held > now && as_it_is(s, l, w, now))))
		return grant(s, l, w);
	what = held > now ? SINK_RENEW : SINK_ADD;
	if (what == SINK_RENEW && l->foreign && s->set.refresh_replace)
		return -EEXIST;
	if (!breaker_allows(s, what))
		return s->err;
	l->closing = 0;
	/* For the sake of a port alone nothing gets shorter. */
	err = book_op(s, l, what, held == LEASE_EVER ? w->make : MAX(w->make, held), w->hold->opener, false);
	return err ? err : wait(s, l, w);
}

static void over(struct book_set *s, struct lease *l, struct book_waiter *w, int err)
{
	struct book_hold *h = w->hold;
	struct book_part *p = &h->parts[w->part];
	bool known;

	h->pending--;
	p->pending--;
	if (h->answered) {
		/* Too late for the answer, but what was granted is booked with its opener. */
		if (!err && book_held(s, l, &known) >= w->need && known)
			(void)grant(s, l, w);
	} else {
		if (!err)
			err = book_want(s, l, w);
		if (err < 0) {
			s->n.failed++;
			hold_failed(h, p, err);
		}
	}
	hold_look(h);
}

/* Who needs it longest comes first: what he starts then does for all. */
static uint32_t longest_first(struct book *b, uint32_t first)
{
	uint32_t *at = NULL, id;
	uint64_t most = 0;

	for (uint32_t *p = &first; *p; p = &((struct book_waiter *)slots_at(&b->waiters, *p))->next) {
		const struct book_waiter *w = slots_at(&b->waiters, *p);

		if (w->make > most) {
			most = w->make;
			at = p;
		}
	}
	if (!at || *at == first)
		return first;
	id = *at;
	*at = ((struct book_waiter *)slots_at(&b->waiters, id))->next;
	((struct book_waiter *)slots_at(&b->waiters, id))->next = first;
	return id;
}

void book_waiters_over(struct book_set *s, struct lease *l, uint32_t id, int err)
{
	struct book *b = s->book;

	id = longest_first(b, id);
	while (id) {
		struct book_waiter *at = slots_at(&b->waiters, id), w = *at;

		slots_give(&b->waiters, id);
		id = w.next;
		over(s, l, &w, err);
	}
}
