/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/catalog.h"

#include "policy/catalog_index.h"

struct search {
	const struct catalog *c;
	const struct choice *choice;
	const struct name *n;
	struct match *m;
};

/* Of equals the first written, whose number is smaller. */
static uint32_t better(const struct catalog *c, uint32_t a, uint32_t b)
{
	const struct entry *ea, *eb;
	int d;

	if (a == ENTRY_NONE)
		return b;
	ea = &c->entries[a];
	eb = &c->entries[b];
	d = pattern_compare(c->text + ea->wire, ea->dot, c->text + eb->wire, eb->dot);
	if (d)
		return d < 0 ? a : b;
	return a < b ? a : b;
}

static void attrs_add(struct attrs *to, const struct attrs *from)
{
	for (unsigned i = 0; i < CATALOG_PORTS / 64; i++)
		to->ports[i] |= from->ports[i];
	to->types |= from->types;
	to->private |= from->private;
	to->churn |= from->churn;
}

static void consider(void *ctx, uint32_t i)
{
	const struct search *s = ctx;
	const struct entry *e = &s->c->entries[i];
	const group_bits *bits = e->role == ROLE_ALLOW ? s->choice->allow : s->choice->chain;

	if (!(bits[e->group / 64] >> e->group % 64 & 1) || !pattern_match_wire(s->c->text + e->wire, e->dot, s->n))
		return;
	if (e->role == ROLE_CHAIN) {
		s->m->chain = better(s->c, s->m->chain, i);
		return;
	}
	s->m->allow = better(s->c, s->m->allow, i);
	attrs_add(&s->m->attrs, &s->c->groups[e->group].attrs);
}

void catalog_find(const struct catalog *c, const struct choice *ch, const struct name *n, struct match *m)
{
	*m = (struct match){ .allow = ENTRY_NONE, .chain = ENTRY_NONE };
	catalog_index_each(c->index, n, consider, &(struct search){ c, ch, n, m });
}

const char *catalog_entry_text(const struct catalog *c, uint32_t entry, char *buf)
{
	return pattern_text(c->text + c->entries[entry].wire, c->entries[entry].dot, buf);
}
