/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/book_internal.h"

#include "base/util.h"

void book_review_start(struct book *b)
{
	b->review++;
	b->review_at = 0;
	b->review_again = true;
	b->review_adopted = b->adopted = false;
}

bool book_review_adopted(struct book *b)
{
	if (!b->adopted)
		return false;
	for (const struct book_set *s = b->sets; s; s = s->next) {
		if (s->dumping)
			return false;
	}
	book_review_start(b);
	b->review_adopted = true;
	return true;
}

bool book_review_next(struct book *b, struct proto_review *r)
{
	for (;;) {
		struct opener *o;

		if (b->review_at >= b->openers.all.top) {
			/* Once more, for those that took numbers that were passed already. */
			if (!b->review_again)
				return false;
			b->review_again = false;
			b->review_at = 0;
			continue;
		}
		o = opener_at(&b->openers, ++b->review_at);
		if (!o || o->reviewed == b->review || (b->review_adopted && o->profile))
			continue;
		/* It bears no name that could be judged, or what an element's comment had room for: it ends by itself. */
		if (!o->text_len || (!o->profile && o->text_len >= BOOK_COMMENT) ||
		    name_from_text(&r->name, opener_text(o), o->text_len))
			continue;
		/* Until a verdict comes it may go on. */
		o->reviewed = b->review;
		o->exports_ok = UINT64_MAX;
		r->id = b->review_at;
		r->profile = o->profile;
		return true;
	}
}

void book_review_verdict(struct book *b, const struct proto_verdict *v)
{
	struct opener *o = opener_at(&b->openers, v->id);

	if (!o || o->reviewed != b->review)
		return;
	if (opener_judge(&b->openers, o, b->review, v->ok ? v->exports : 0, v->ports, v->n_ports))
		o->exports_ok = 0;
}

static bool has_port(const struct book_set *s, const struct lease *l, const struct conf_port *ports, size_t n)
{
	struct shape_fields f = { 0 };

	if (!s->shape.port && !s->shape.proto)
		return n > 0;
	shape_fields(&s->shape, l->key, &f);
	for (size_t i = 0; i < n; i++) {
		if ((!s->shape.proto || ports[i].proto == f.proto) && (!s->shape.port || ports[i].port == f.port))
			return true;
	}
	return false;
}

/* Whether one of its openers that still runs may go on, with this export and this port. */
static bool goes_on(const struct book *b, const struct book_set *s, const struct lease *l, uint64_t bits, uint64_t now)
{
	for (const struct lease_link *k = lease_next(&s->leases, l, NULL); k; k = lease_next(&s->leases, l, k)) {
		const struct opener *o = opener_at(&b->openers, k->opener);
		const struct conf_port *ports;
		size_t n;

		if (!o || (k->end_s + 1) * CLOCK_S < now)
			continue;
		if (o->reviewed != b->review || o->exports_ok == UINT64_MAX)
			return true;
		ports = opener_ports_ok(&b->openers, o, &n);
		if ((o->exports_ok & bits) && has_port(s, l, ports, n))
			return true;
	}
	return false;
}

bool book_may_hold(const struct book_set *s, const struct lease *l)
{
	const struct layout *y = s->book->force;
	struct shape_fields f;
	uint16_t first;

	if (!y || !layout_bits(y, s, &first) || y->exports->v[first].private)
		return true;
	shape_fields(&s->shape, l->key, &f);
	return !guard_private(y->guard, &f.addr);
}

uint64_t book_review_end(struct book *b)
{
	uint64_t now = book_now(b).mono_us, n = 0;

	for (struct book_set *s = b->sets; s; s = s->next) {
		uint16_t first;
		uint64_t bits = layout_bits(b->force, s, &first);

		for (uint32_t id = 1; id <= leases_top(&s->leases); id++) {
			struct lease *l = lease_at(&s->leases, id);

			if (!l || lease_wanted(l) <= now || (book_may_hold(s, l) && goes_on(b, s, l, bits, now)))
				continue;
			if (!n++)
				book_lost(b);
			book_unwant(s, l, now);
			if (l->closing)
				book_mend(s, l);
		}
	}
	return n;
}
