/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/catalog_build.h"
#include "policy/catalog_index.h"

#define LOOK_AT 1000			/* entries, for one */

struct search {
	const struct catalog *c;
	const struct pattern *p;
	uint32_t entry;
	uint32_t same, wider;		/* entries of the same catalogue, the first written of each kind */
	unsigned looked_at;
};

static bool accepted(const struct group_decl *g, const char *warning)
{
	for (size_t i = 0; i < g->accept.n; i++)
		if (!strcmp(g->accept.v[i].text, warning))
			return true;
	return false;
}

static void load(struct pattern *p, const struct catalog *c, const struct entry *e)
{
	const uint8_t *w, *wire = c->text + e->wire;

	p->dot = e->dot;
	p->labels = p->stars = 0;
	for (w = wire; *w; w += *w + 1u) {
		p->labels++;
		for (unsigned i = 1; i <= *w; i++)
			p->stars += w[i] == '*';
	}
	p->len = (uint8_t)(w - wire + 1);
	memcpy(p->wire, wire, p->len);
}

/* Whether names keep all that the group gives them when it no longer lists them. */
static bool attrs_within(const struct attrs *a, const struct attrs *in)
{
	for (unsigned i = 0; i < CATALOG_PORTS / 64; i++)
		if (a->ports[i] & ~in->ports[i])
			return false;
	return !(a->types & ~in->types) && a->private <= in->private && a->churn <= in->churn;
}

static void consider(void *ctx, uint32_t i)
{
	struct search *s = ctx;
	const struct entry *e = &s->c->entries[s->entry], *o = &s->c->entries[i];
	const struct group *eg = &s->c->groups[e->group], *og = &s->c->groups[o->group];
	struct pattern wide;
	bool same;

	/* Thousands of stars under one suffix: what lies further off stays unsaid, for the check must end. */
	if (++s->looked_at > LOOK_AT)
		return;
	/* What may be asked for may be led to as well, but not the other way round. */
	if (i == s->entry || eg->catalog_index != og->catalog_index || (e->role == ROLE_ALLOW && o->role == ROLE_CHAIN))
		return;
	load(&wide, s->c, o);
	same = wide.dot == s->p->dot && wide.len == s->p->len && !memcmp(wide.wire, s->p->wire, wide.len);
	if (same && e->role == o->role) {
		if (i < s->entry && (s->same == ENTRY_NONE || i < s->same))
			s->same = i;
		return;
	}
	if (e->role == ROLE_ALLOW && !attrs_within(&eg->attrs, &og->attrs))
		return;
	if (pattern_covers(&wide, s->p) && (s->wider == ENTRY_NONE || i < s->wider))
		s->wider = i;
}

static void check_entry(const struct catalog_build *b, uint32_t i)
{
	const struct catalog *c = b->c;
	const struct entry *e = &c->entries[i];
	const struct catfile *f;
	const struct group_decl *g = catalog_group_decl(b, e->group, &f);
	struct search s = { .c = c, .entry = i, .same = ENTRY_NONE, .wider = ENTRY_NONE };
	char text[256], other[256];
	struct pattern p;
	struct name n;

	load(&p, c, e);
	s.p = &p;
	catalog_entry_text(c, i, text);
	if (e->role == ROLE_ALLOW && !accepted(g, "anybody") && pattern_anybody(&p))
		diag_warn(b->d, f->path, e->line, "anybody", "%s: anybody can get a name that this takes", text);
	/* Whatever takes the sample may take all that this entry takes; nothing else does. */
	if (!pattern_sample(&n, p.wire, p.dot) && !pattern_sample(&n, p.wire, false))
		return;
	catalog_index_each(c->index, &n, consider, &s);
	if (s.same != ENTRY_NONE) {
		if (!accepted(g, "duplicate"))
			diag_warn(b->d, f->path, e->line, "duplicate", "%s: line %u has it already", text,
				  (unsigned)c->entries[s.same].line);
	} else if (s.wider != ENTRY_NONE && !accepted(g, "useless")) {
		diag_warn(b->d, f->path, e->line, "useless", "%s: %s in line %u takes all that it takes", text,
			  catalog_entry_text(c, s.wider, other), (unsigned)c->entries[s.wider].line);
	}
}

/* bits: groups that have an allow entry, and those that have any. */
static void check_group(const struct catalog_build *b, uint32_t group, bool allow, bool any)
{
	const struct catfile *f;
	const struct group_decl *g = catalog_group_decl(b, group, &f);

	/* A list has no place to write either. */
	if (f->list)
		return;
	if (allow && !g->ports.line && !accepted(g, "no-ports"))
		diag_warn(b->d, f->path, g->name.line, "no-ports", "group %s says no ports: tcp/80 and tcp/443 are opened for it",
			  g->name.text);
	if (any && !*g->source.text && !*f->source.text && !accepted(g, "no-source"))
		diag_warn(b->d, f->path, g->name.line, "no-source", "group %s: neither it nor [catalog] says where it is from",
			  g->name.text);
}

void catalog_hygiene(const struct catalog_build *b)
{
	const struct catalog *c = b->c;
	uint8_t *has = arena_alloc(b->scratch, c->n_groups);

	if (!has) {
		diag_error(b->d, b->conf->path, 0, "out of memory");
		return;
	}
	for (uint32_t i = 0; i < c->n_entries; i++) {
		has[c->entries[i].group] |= c->entries[i].role == ROLE_ALLOW ? 3 : 1;
		check_entry(b, i);
	}
	for (uint32_t i = 0; i < c->n_groups; i++)
		check_group(b, i, has[i] & 2, has[i] & 1);
}
