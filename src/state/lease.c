/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state/lease.h"

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

struct more {
	struct slot slot;
	struct lease_link link;
};

void leases_init(struct leases *t, size_t key_len, struct openers *openers)
{
	size_t stride = (sizeof(struct lease) + key_len + 7) & ~(size_t)7;

	slots_init(&t->all, stride);
	slots_init(&t->links, sizeof(struct more));
	t->openers = openers;
	t->key_len = key_len;
}

void leases_free(struct leases *t)
{
	for (uint32_t id = 1; id <= t->all.top; id++) {
		struct lease *l = slots_at(&t->all, id);

		if (l)
			lease_forget(t, l);
	}
	slots_clear(&t->all);
	slots_clear(&t->links);
}

static uint32_t number(const struct leases *t, const uint8_t *key)
{
	uint32_t id = slots_first(&t->all, hash_bytes(key, t->key_len));

	while (id) {
		const struct lease *l = slots_at(&t->all, id);

		if (!memcmp(l->key, key, t->key_len))
			break;
		id = slots_next(&t->all, id);
	}
	return id;
}

struct lease *lease_find(const struct leases *t, const uint8_t *key)
{
	return slots_at(&t->all, number(t, key));
}

struct lease *lease_add(struct leases *t, const uint8_t *key)
{
	uint32_t id;
	struct lease *l = slots_add(&t->all, hash_bytes(key, t->key_len), &id);

	if (l)
		memcpy(l->key, key, t->key_len);
	return l;
}

void lease_remove(struct leases *t, struct lease *l)
{
	lease_forget(t, l);
	slots_remove(&t->all, number(t, l->key));
}

struct lease *lease_at(const struct leases *t, uint32_t id)
{
	return slots_at(&t->all, id);
}

void leases_trim(struct leases *t)
{
	if (!t->all.count && t->all.top) {
		slots_clear(&t->all);
		slots_clear(&t->links);
	}
}

static struct lease_link *link_at(const struct leases *t, uint32_t id)
{
	struct more *m = slots_at(&t->links, id);

	return m ? &m->link : NULL;
}

const struct lease_link *lease_next(const struct leases *t, const struct lease *l, const struct lease_link *at)
{
	if (!at)
		return l->link.opener ? &l->link : NULL;
	return link_at(t, at->more);
}

/* Takes the link out that *at names; its opener's count goes with it. */
static void unlink_at(struct leases *t, struct lease *l, uint32_t *at)
{
	uint32_t id = *at;
	struct lease_link *k = link_at(t, id);

	*at = k->more;
	opener_drop(t->openers, k->opener);
	slots_give(&t->links, id);
	l->n_links--;
}

/* Behind the newest: away with the opener that comes anew and those that ended; when it is full, with one more. */
static void make_way(struct leases *t, struct lease *l, uint32_t opener, uint64_t now)
{
	uint32_t *at = &l->link.more, *first = NULL, now_s = (uint32_t)(now / CLOCK_S);

	while (*at) {
		struct lease_link *k = link_at(t, *at);

		if (k->opener == opener || k->end_s < now_s) {
			unlink_at(t, l, at);
			continue;
		}
		if (!first || k->end_s < link_at(t, *first)->end_s)
			first = at;
		at = &k->more;
	}
	if (l->n_links >= LEASE_OPENERS && first)
		unlink_at(t, l, first);
}

void lease_open(struct leases *t, struct lease *l, uint32_t opener, uint64_t end, uint64_t now)
{
	uint32_t end_s = (uint32_t)((end + CLOCK_S - 1) / CLOCK_S), id;
	struct more *m;

	if (end > l->own)
		l->own = end;
	if (l->link.opener == opener) {
		if (end_s > l->link.end_s)
			l->link.end_s = end_s;
		return;
	}
	/* What this opener had further back it keeps. */
	for (const struct lease_link *k = lease_next(t, l, NULL); k; k = lease_next(t, l, k)) {
		if (k->opener == opener && k->end_s > end_s)
			end_s = k->end_s;
	}
	opener_keep(t->openers, opener);
	make_way(t, l, opener, now);
	if (l->link.opener) {
		m = l->link.end_s * CLOCK_S < now ? NULL : slots_take(&t->links, &id);
		if (m) {
			m->link = l->link;
			l->link.more = id;
		} else {
			opener_drop(t->openers, l->link.opener);
			l->n_links--;
		}
	}
	l->link.opener = opener;
	l->link.end_s = end_s;
	l->n_links++;
}

void lease_forget(struct leases *t, struct lease *l)
{
	while (l->link.more)
		unlink_at(t, l, &l->link.more);
	if (l->link.opener)
		opener_drop(t->openers, l->link.opener);
	l->link = (struct lease_link){ 0 };
	l->n_links = 0;
	l->own = 0;
	l->follow_s = 0;
}

size_t leases_size(const struct leases *t)
{
	return slots_size(&t->all) + slots_size(&t->links);
}
