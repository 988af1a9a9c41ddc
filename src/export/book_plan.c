/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/book_internal.h"

#include <errno.h>

#include "base/util.h"

/*
 * After a new connection a sink that forgets gets all live leases first. A set whose elements cannot be asked for one
 * by one is waited for while it is compared.
 */
static bool set_waits(const struct book_set *s)
{
	if (!s || !s->set.present || s->breaker != BREAKER_CLOSED)
		return false;
	return s->sink->kind->reads ? s->know == KNOW_ASK && s->conf->kind == EXPORT_IPSET : s->know == KNOW_LOST;
}

static bool must_wait(const struct book_hold *h)
{
	for (size_t i = 0; i < h->n_parts; i++) {
		for (size_t f = 0; f < 2; f++) {
			if (set_waits(h->parts[i].set[f]))
				return true;
		}
	}
	return false;
}

static bool skipped(const struct book_hold *h, const struct book_part *p, const struct addr *a)
{
	return !p->set[export_family(a)] || (!p->private && guard_private(h->layout->guard, a));
}

static size_t per_addr(const struct book_hold *h, const struct book_set *s)
{
	return s->shape.proto || s->shape.port ? h->ask.n_ports : 1;
}

static size_t elements(const struct book_hold *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_parts; i++) {
		for (size_t k = 0; k < h->ask.n_addrs; k++) {
			const struct addr *a = &h->ask.addrs[k];

			if (!skipped(h, &h->parts[i], a))
				n += per_addr(h, h->parts[i].set[export_family(a)]);
		}
	}
	return n;
}

static int element(struct book_hold *h, struct book_part *p, struct book_set *s, const struct shape_fields *f)
{
	uint64_t ttl = h->ask.ttl, grace = p->grace, base = h->asked_at;
	struct book_waiter w = { .hold = h, .part = (uint32_t)(p - h->parts) };
	uint8_t key[SHAPE_KEY_MAX];
	struct lease *l;
	int err;

	if (!s->set.present || s->reshape)
		return s->err ? s->err : -ENOENT;
	h->by_client |= s->shape.client;
	err = shape_key(&s->shape, f, key);
	if (err)
		return err;
	l = book_lease(s, key);
	if (!l)
		return -ENOMEM;
	w.need = base + (ttl + grace) * CLOCK_S;
	w.make = base + (MAX(ttl, p->min_time) + grace) * CLOCK_S + BOOK_ACK_US;
	err = book_want(s, l, &w);
	if (err < 0)
		book_settle(s, l);
	return err;
}

static void plan_part(struct book_hold *h, struct book_part *p)
{
	for (size_t k = 0; k < h->ask.n_addrs; k++) {
		struct shape_fields f = { .client = h->ask.client, .addr = h->ask.addrs[k] };
		struct book_set *s = p->set[export_family(&f.addr)];

		if (skipped(h, p, &f.addr))
			continue;
		for (size_t i = 0, n = per_addr(h, s); i < n && !h->err; i++) {
			int err;

			if (n > 1 || s->shape.proto || s->shape.port) {
				f.proto = h->ask.ports[i].proto;
				f.port = h->ask.ports[i].port;
			}
			err = element(h, p, s, &f);
			if (err < 0) {
				s->n.failed++;
				hold_failed(h, p, err);
			}
		}
	}
}

/* Gives what it cost, in elements. */
static size_t plan(struct book_hold *h)
{
	size_t n = 1;

	h->planned = true;
	if (!h->answered && !h->err) {
		h->epoch = book_epoch(h->book);
		h->asked_at = book_now(h->book).mono_us;
		h->by_client = false;
		n = elements(h);
		if (n > BOOK_ELEMENTS)
			h->err = -E2BIG;
		/* So that an operation that ends at once does not end the hold under way. */
		h->pending++;
		for (size_t i = 0; i < h->n_parts && !h->err; i++) {
			struct book_part *p = &h->parts[i];

			if (p->late)
				continue;
			p->until = BOOK_FAR;
			p->failed = false;
			plan_part(h, p);
		}
		h->pending--;
		hold_late(h);
	} else {
		h->epoch = book_epoch(h->book);
	}
	hold_look(h);
	return n + 1;
}

void book_plan(struct book *b)
{
	struct book_hold *later = NULL, **later_end = &later, *h;
	size_t cost = 0;

	while (b->plan && cost < BOOK_PLAN) {
		h = b->plan;
		b->plan = h->plan_next;
		if (!b->plan)
			b->plan_end = &b->plan;
		h->plan_next = NULL;
		if (!h->err && must_wait(h)) {
			*later_end = h;
			later_end = &h->plan_next;
			continue;
		}
		cost += plan(h);
	}
	if (b->plan)
		book_again(b);
	if (later) {
		*later_end = b->plan;
		if (!b->plan)
			b->plan_end = later_end;
		b->plan = later;
	}
}
