/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/book_internal.h"

#include <stdio.h>

#include "base/util.h"

static bool of_addr(const struct book_set *s, const struct lease *l, const struct addr *addr, struct shape_fields *f)
{
	*f = (struct shape_fields){ 0 };
	shape_fields(&s->shape, l->key, f);
	return !addr || (addr->len == f->addr.len && !memcmp(addr->b, f->addr.b, addr->len));
}

/* The bytes that nobody reads stay what they were. */
static void fill(const struct book_set *s, const struct lease *l, const struct shape_fields *f, uint64_t now,
		 struct proto_lease *r)
{
	const struct openers *os = &s->book->openers;
	const struct opener *o = opener_at(os, l->link.opener);
	uint64_t left = MIN(lease_wanted(l), l->held) - now;
	const char *file = "";
	size_t len = 0;

	r->addr = f->addr;
	r->client = f->client;
	r->proto = f->proto;
	r->port = f->port;
	r->seconds = (uint32_t)(left / CLOCK_S);
	r->name.len = r->name.labels = 0;
	r->chain_len = 0;
	r->line = 0;
	if (o) {
		file = opener_file(os, o, &len);
		if (!o->text_len || name_from_text(&r->name, opener_text(o), o->text_len))
			r->name.len = r->name.labels = 0;
		memcpy(r->chain, opener_chain(o), o->chain_len);
		r->chain_len = o->chain_len;
		r->line = o->line;
	}
	len = MIN(len, sizeof(r->file) - 1);
	memcpy(r->file, file, len);
	r->file[len] = 0;
}

/* The set whose index is the first from `from` on. */
static struct book_set *set_from(struct book *b, uint64_t from)
{
	struct book_set *first = NULL;

	for (struct book_set *s = b->sets; s; s = s->next) {
		if (s->set.index >= from && (!first || s->set.index < first->set.index))
			first = s;
	}
	return first;
}

/* *id: where to begin behind. False: each() wants no more, of which *id is the first. */
static bool list_set(struct book_set *s, const struct addr *addr, uint32_t *id,
		     bool (*each)(void *ctx, const struct proto_lease *l), void *ctx)
{
	struct book *b = s->book;
	uint64_t now = book_now(b).mono_us;
	struct proto_lease *r = b->row;
	struct shape_fields f;

	if (s->dying || !layout_bits(b->force, s, &r->export))
		return true;
	snprintf(r->set, sizeof(r->set), "%s", s->set.what);
	for (; *id < leases_top(&s->leases); ++*id) {
		const struct lease *l = lease_at(&s->leases, *id + 1);

		if (!l || !book_relied(s, l, now) || !of_addr(s, l, addr, &f))
			continue;
		fill(s, l, &f, now, r);
		if (!each(ctx, r))
			return false;
	}
	return true;
}

bool book_list(struct book *b, const struct addr *addr, uint64_t *cursor,
	       bool (*each)(void *ctx, const struct proto_lease *l), void *ctx)
{
	struct book_set *s;

	while ((s = set_from(b, *cursor >> 32))) {
		uint32_t id = s->set.index == *cursor >> 32 ? (uint32_t)*cursor : 0;
		bool all = list_set(s, addr, &id, each, ctx);

		*cursor = all ? (uint64_t)(s->set.index + 1u) << 32 : (uint64_t)s->set.index << 32 | id;
		if (!all)
			return true;
	}
	return false;
}

/* B3: the epoch goes up first, and once. Counts, or closes. */
static uint64_t close_some(struct book *b, const struct addr *addr, bool really)
{
	uint64_t now = book_now(b).mono_us, n = 0;
	struct shape_fields f;

	for (struct book_set *s = b->sets; s; s = s->next) {
		for (uint32_t id = 1; id <= leases_top(&s->leases); id++) {
			struct lease *l = lease_at(&s->leases, id);

			if (!l || lease_wanted(l) <= now || !of_addr(s, l, addr, &f))
				continue;
			n += !l->foreign;
			if (!really)
				return 1;
			book_unwant(s, l, now);
			if (l->closing)
				book_mend(s, l);
		}
	}
	return n;
}

uint64_t book_close(struct book *b, const struct addr *addr)
{
	if (!close_some(b, addr, false))
		return 0;
	book_lost(b);
	return close_some(b, addr, true);
}

static void count(const struct book_set *s, struct proto_set *r)
{
	uint64_t now = book_now(s->book).mono_us;

	for (uint32_t id = 1; id <= leases_top(&s->leases); id++) {
		const struct lease *l = lease_at(&s->leases, id);

		if (!l || !book_relied(s, l, now))
			continue;
		r->leases += !l->foreign;
		r->foreign += l->foreign;
	}
}

void book_sets(struct book *b, void (*each)(void *ctx, const struct proto_set *s), void *ctx)
{
	uint64_t now = book_now(b).mono_us;

	/* As they are written, set4 before set6. */
	for (size_t i = 0; b->force && i < b->force->exports->n * 2; i++) {
		const struct book_set *s = b->force->sets[i];
		struct proto_set r;

		if (!s)
			continue;
		r = (struct proto_set){ .export = (uint16_t)(i / 2), .six = i % 2,
			.present = s->set.present, .by_client = s->set.shape.client,
			.breaker = (uint8_t)s->breaker, .added = s->n.added, .renewed = s->n.renewed,
			.deleted = s->n.deleted, .failed = s->n.failed, .lost = s->n.lost, .refilled = s->n.refilled,
			.err = s->last_err };

		snprintf(r.set, sizeof(r.set), "%s", s->set.what);
		snprintf(r.kind, sizeof(r.kind), "%s", s->sink->kind->name);
		if (s->last_err)
			r.err_age = (uint32_t)((now - s->last_err_at) / CLOCK_S);
		count(s, &r);
		each(ctx, &r);
	}
}
