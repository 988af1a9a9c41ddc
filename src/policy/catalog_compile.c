/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/catalog_build.h"
#include "policy/catalog_index.h"

#define GROUPS_MAX (1u << 30)		/* what the field in struct entry holds */

/* What a choice has taken of a source, so that what two ways lead to is walked once. */
enum { TOOK_CHAIN = 1, TOOK_ALL = 2, TOOK_INCLUDED = 4 };

static void attrs_port(struct catalog_build *b, struct attrs *attrs, const struct conf_port *p)
{
	int bit = catalog_port_bit(b, p);

	if (bit >= 0)
		attrs->ports[bit / 64] |= 1ull << bit % 64;
}

/* Ports and types of a group as attributes. */
static void group_attrs(struct catalog_build *b, struct attrs *attrs, const struct group_decl *g)
{
	static const struct conf_port web[] = { { IPPROTO_TCP, 80 }, { IPPROTO_TCP, 443 } };

	*attrs = (struct attrs){ .private = g->private, .churn = g->churn };
	for (size_t i = 0; i < 2 && !g->ports.line; i++)
		attrs_port(b, attrs, &web[i]);
	for (size_t i = 0; i < g->ports.n && g->ports.line; i++)
		attrs_port(b, attrs, &g->ports.v[i]);
	for (size_t i = 0; i < g->types.n; i++) {
		int bit = catalog_type_bit(b, g->types.v[i]);

		if (bit >= 0)
			attrs->types |= 1ull << bit;
	}
}

const struct group_decl *catalog_group_decl(const struct catalog_build *b, uint32_t group, const struct catfile **f)
{
	const struct source *s = b->sources[b->c->groups[group].catalog_index];

	*f = s->file;
	return &s->file->groups[group - s->first_group];
}

static const char *keep(struct catalog_build *b, const char *text)
{
	return arena_text(b->a, text, strlen(text));
}

static bool build_groups(struct catalog_build *b)
{
	struct catalog *c = b->c;

	for (size_t i = 0; i < b->n_sources; i++)
		c->n_groups += b->sources[i]->file ? b->sources[i]->file->n_groups : 0;
	c->groups = arena_array(b->a, c->n_groups, sizeof(*c->groups));
	if (!c->groups || c->n_groups >= GROUPS_MAX)
		return false;
	c->n_groups = 0;
	for (size_t i = 0; i < b->n_sources; i++) {
		struct source *s = b->sources[i];
		const char *name = keep(b, s->name), *path = s->file ? keep(b, s->file->path) : "";

		s->first_group = (uint32_t)c->n_groups;
		for (size_t k = 0; s->file && k < s->file->n_groups; k++) {
			const struct group_decl *from = &s->file->groups[k];
			struct group *g = &c->groups[c->n_groups++];

			g->catalog = name;
			g->file = path;
			g->catalog_index = (uint32_t)i;
			g->name = keep(b, from->name.text);
			g->purpose = keep(b, from->purpose.text);
			g->source = keep(b, *from->source.text ? from->source.text : s->file->source.text);
			group_attrs(b, &g->attrs, from);
			if (!name || !path || !g->name || !g->purpose || !g->source)
				return false;
		}
	}
	return true;
}

static void build_file(struct catalog_build *b, const struct source *s, size_t *text)
{
	struct catalog *c = b->c;
	char why[PATTERN_WHY], shown[PATTERN_SHOWN];
	struct pattern p;

	for (size_t i = 0; i < s->file->n_entries; i++) {
		const struct entry_decl *e = &s->file->entries[i];

		if (pattern_parse(&p, e->text, e->len, why, sizeof(why))) {
			diag_error(b->d, s->file->path, e->line, "%s: %s", pattern_shown(e->text, e->len, shown), why);
			continue;
		}
		c->entries[c->n_entries++] = (struct entry){
			.wire = (uint32_t)*text, .line = e->line, .group = s->first_group + e->group,
			.role = e->role, .dot = p.dot,
		};
		memcpy(c->text + *text, p.wire, p.len);
		*text += p.len;
		b->shaped += p.stars > 1 || (p.stars && (p.wire[0] > 1 || p.wire[1] != '*'));
	}
}

static bool build_entries(struct catalog_build *b)
{
	struct catalog *c = b->c;
	size_t entries = 0, text = 0;

	for (size_t i = 0; i < b->n_sources; i++) {
		const struct catfile *f = b->sources[i]->file;

		for (size_t k = 0; f && k < f->n_entries; k++)
			text += f->entries[k].len + 2u;
		entries += f ? f->n_entries : 0;
	}
	if (text > UINT32_MAX)
		return false;
	c->entries = arena_array(b->a, entries, sizeof(*c->entries));
	c->text = arena_alloc(b->a, text);
	if (!c->entries || !c->text)
		return false;
	text = 0;
	for (size_t i = 0; i < b->n_sources; i++)
		if (b->sources[i]->file)
			build_file(b, b->sources[i], &text);
	return true;
}

static void set_bit(group_bits *bits, uint32_t group)
{
	bits[group / 64] |= 1ull << group % 64;
}

/*
 * Takes what the pick names, and what that includes. Of a single group its catalogue's includes
 * count as chain: its names may be led to where they lead, but nothing else becomes askable.
 */
static void take(const struct catalog_build *b, struct choice *ch, uint8_t *took, const struct pick *p, bool allow)
{
	const struct source *s = b->sources[p->source];
	uint32_t n = (uint32_t)s->file->n_groups;
	uint8_t mark = p->group != PICK_ALL ? TOOK_INCLUDED : allow ? TOOK_ALL : TOOK_CHAIN;

	for (uint32_t g = 0; g < n; g++) {
		if (p->group != PICK_ALL && p->group != g)
			continue;
		set_bit(ch->chain, s->first_group + g);
		if (allow)
			set_bit(ch->allow, s->first_group + g);
	}
	if (took[p->source] & (mark | TOOK_ALL))
		return;
	took[p->source] |= mark;
	for (size_t i = 0; i < s->includes.n; i++)
		take(b, ch, took, &s->includes.v[i], allow && p->group == PICK_ALL);
}

static bool build_choice(struct catalog_build *b, struct choice *ch, const struct picks *picks)
{
	size_t words = b->c->n_groups / 64 + 1;
	uint8_t *took = arena_alloc(b->scratch, b->n_sources);

	ch->allow = arena_array(b->a, words, sizeof(*ch->allow));
	ch->chain = arena_array(b->a, words, sizeof(*ch->chain));
	if (!took || !ch->allow || !ch->chain)
		return false;
	for (size_t i = 0; i < picks->n; i++) {
		struct pick p = picks->v[i];

		if (p.group != PICK_ALL)
			set_bit(ch->allow, b->sources[p.source]->first_group + p.group);
		take(b, ch, took, &(struct pick){ p.source, PICK_ALL }, p.group == PICK_ALL);
	}
	return true;
}

static bool finish(struct catalog_build *b, struct choice *choices)
{
	if (!build_groups(b) || !build_entries(b))
		return false;
	for (size_t i = 0; i < b->n_choices; i++)
		if (!build_choice(b, &choices[i], &b->choices[i]))
			return false;
	b->c->index = catalog_index_build(b->a, b->scratch, b->c, b->shaped);
	return b->c->index;
}

const struct catalog *catalog_finish(struct catalog_build *b, struct choice *choices, bool hygiene)
{
	struct catalog *c = finish(b, choices) ? b->c : NULL;

	if (c && hygiene)
		catalog_hygiene(b);
	catalog_build_free(b);
	return c;
}
