/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/jout.h"
#include "cmd/catalog_diff.h"
#include "dns/types.h"
#include "policy/catalog_index.h"

/* What the other catalogue lacks of an entry. */
enum lack { LACK_NOTHING, LACK_ENTRY, LACK_ROLE, LACK_REST };

struct finding {
	uint32_t entry;
	uint32_t by;			/* the other's entry that takes it, or ENTRY_NONE */
	enum lack lack;
	struct attrs rest;		/* ports and types that the other does not give it */
};

struct diff {
	const struct catalog *c;
	const struct choice *a, *b;
	const char *a_name, *b_name;
	struct finding *v;
	size_t n, n_entries;		/* findings; entries of A */
};

struct search {
	const struct diff *d;
	const struct pattern *p;
	uint32_t allow, chain;
	struct attrs attrs;
};

static bool chosen(const struct choice *ch, const struct entry *e)
{
	const group_bits *bits = e->role == ROLE_ALLOW ? ch->allow : ch->chain;

	return bits[e->group / 64] >> e->group % 64 & 1;
}

static bool load(struct pattern *p, const struct catalog *c, uint32_t entry)
{
	char text[256];

	catalog_entry_text(c, entry, text);
	return pattern_parse(p, text, strlen(text), NULL, 0) == 0;
}

static void consider(void *ctx, uint32_t i)
{
	struct search *s = ctx;
	const struct catalog *c = s->d->c;
	const struct entry *e = &c->entries[i];
	struct pattern wide;

	if (!chosen(s->d->b, e) || !load(&wide, c, i) || !pattern_covers(&wide, s->p))
		return;
	if (e->role == ROLE_CHAIN) {
		s->chain = s->chain == ENTRY_NONE ? i : s->chain;
		return;
	}
	s->allow = s->allow == ENTRY_NONE ? i : s->allow;
	for (unsigned k = 0; k < CATALOG_PORTS / 64; k++)
		s->attrs.ports[k] |= c->groups[e->group].attrs.ports[k];
	s->attrs.types |= c->groups[e->group].attrs.types;
}

/* Ports and types of `all` that are not in `some`; whether there are any. */
static bool rest(struct attrs *out, const struct attrs *all, const struct attrs *some)
{
	uint64_t any = out->types = all->types & ~some->types;

	for (unsigned k = 0; k < CATALOG_PORTS / 64; k++)
		any |= out->ports[k] = all->ports[k] & ~some->ports[k];
	return any;
}

/* The entry is held against those of B one by one: what only several of them take together counts as lacking. */
static void look_up(const struct diff *d, uint32_t i, struct finding *f)
{
	const struct entry *e = &d->c->entries[i];
	struct pattern p;
	struct search s = { .d = d, .p = &p, .allow = ENTRY_NONE, .chain = ENTRY_NONE };
	struct name sample;

	*f = (struct finding){ .entry = i, .by = ENTRY_NONE, .lack = LACK_ENTRY };
	if (!load(&p, d->c, i) || (!pattern_sample(&sample, p.wire, p.dot) && !pattern_sample(&sample, p.wire, false)))
		return;
	catalog_index_each(d->c->index, &sample, consider, &s);
	f->by = s.allow != ENTRY_NONE ? s.allow : s.chain;
	if (f->by == ENTRY_NONE)
		return;
	if (e->role == ROLE_CHAIN)
		f->lack = LACK_NOTHING;
	else if (s.allow == ENTRY_NONE)
		f->lack = LACK_ROLE;
	else
		f->lack = rest(&f->rest, &d->c->groups[e->group].attrs, &s.attrs) ? LACK_REST : LACK_NOTHING;
}

static int by_group(const void *pa, const void *pb)
{
	const struct finding *a = pa, *b = pb;

	return a->entry < b->entry ? -1 : a->entry > b->entry;
}

static bool find_all(struct diff *d, struct arena *arena)
{
	d->v = arena_array(arena, d->c->n_entries + 1, sizeof(*d->v));
	if (!d->v)
		return false;
	for (uint32_t i = 0; i < d->c->n_entries; i++) {
		if (!chosen(d->a, &d->c->entries[i]))
			continue;
		d->n_entries++;
		look_up(d, i, &d->v[d->n]);
		d->n += d->v[d->n].lack != LACK_NOTHING;
	}
	qsort(d->v, d->n, sizeof(*d->v), by_group);
	return true;
}

static const struct group *group_of(const struct diff *d, uint32_t entry)
{
	return &d->c->groups[d->c->entries[entry].group];
}

/* "CATALOG/GROUP", or of a list its name. */
static const char *group_text(const struct group *g, char *buf)
{
	snprintf(buf, 2 * CATFILE_NAME_MAX + 2, "%s%s%s", g->catalog, g->name[0] ? "/" : "", g->name);
	return buf;
}

static void print_ports(const struct diff *d, const struct attrs *a, const char *before)
{
	char text[16];

	for (size_t i = 0; i < d->c->n_ports; i++) {
		if (a->ports[i / 64] >> i % 64 & 1) {
			printf("%s%s", before, conf_port_text(&d->c->ports[i], text));
			before = " ";
		}
	}
}

static void print_types(const struct diff *d, const struct attrs *a, const char *before)
{
	char text[16];

	for (size_t i = 0; i < d->c->n_types; i++) {
		if (a->types >> i & 1) {
			printf("%s%s", before, type_text(d->c->types[i], text));
			before = " ";
		}
	}
}

static void print_finding(const struct diff *d, const struct finding *f, int width)
{
	const struct entry *e = &d->c->entries[f->entry];
	char text[256], group[2 * CATFILE_NAME_MAX + 2];

	printf("  %s  %-*s  ", e->role == ROLE_ALLOW ? "allow" : "chain", width,
	       catalog_entry_text(d->c, f->entry, text));
	if (f->lack == LACK_ENTRY) {
		printf("not there\n");
		return;
	}
	printf("%s", f->lack == LACK_ROLE ? "only to be led to" : "there without");
	if (f->lack == LACK_REST) {
		print_ports(d, &f->rest, " ");
		print_types(d, &f->rest, " ");
	}
	printf(" (%s in %s)\n", catalog_entry_text(d->c, f->by, text), group_text(group_of(d, f->by), group));
}

static int width_of(const struct diff *d, size_t first, size_t end)
{
	char text[256];
	size_t width = 0;

	for (size_t i = first; i < end; i++) {
		size_t len = strlen(catalog_entry_text(d->c, d->v[i].entry, text));

		width = len > width ? len : width;
	}
	return (int)(width > 60 ? 60 : width);
}

static void print_text(const struct diff *d)
{
	char group[2 * CATFILE_NAME_MAX + 2];
	size_t end;
	int width;

	printf("%s: %zu of %zu entries, with what it includes, are not or not wholly in %s\n", d->a_name, d->n,
	       d->n_entries, d->b_name);
	for (size_t i = 0; i < d->n; i = end) {
		const struct group *g = group_of(d, d->v[i].entry);

		for (end = i + 1; end < d->n && group_of(d, d->v[end].entry) == g; end++)
			continue;
		printf("\n%s", group_text(g, group));
		print_ports(d, &g->attrs, "  ");
		printf("\n");
		if (g->purpose && g->purpose[0])
			printf("  %s\n", g->purpose);
		width = width_of(d, i, end);
		for (size_t k = i; k < end; k++)
			print_finding(d, &d->v[k], width);
	}
}

static struct jout *ports_json(const struct diff *d, const struct attrs *a)
{
	struct jout *all = jout_array();
	char text[16];

	for (size_t i = 0; i < d->c->n_ports; i++) {
		if (a->ports[i / 64] >> i % 64 & 1)
			jout_add_text(all, conf_port_text(&d->c->ports[i], text));
	}
	return all;
}

static struct jout *types_json(const struct diff *d, const struct attrs *a)
{
	struct jout *all = jout_array();
	char text[16];

	for (size_t i = 0; i < d->c->n_types; i++) {
		if (a->types >> i & 1)
			jout_add_text(all, type_text(d->c->types[i], text));
	}
	return all;
}

static struct jout *finding_json(const struct diff *d, const struct finding *f)
{
	static const char *const lacks[] = { [LACK_ENTRY] = "entry", [LACK_ROLE] = "allow", [LACK_REST] = "ports" };
	const struct entry *e = &d->c->entries[f->entry];
	bool types_alone = f->lack == LACK_REST && !(f->rest.ports[0] | f->rest.ports[1] | f->rest.ports[2] |
						     f->rest.ports[3]);
	struct jout *o = jout_object();
	char text[256], group[2 * CATFILE_NAME_MAX + 2];

	jout_set_text(o, "pattern", catalog_entry_text(d->c, f->entry, text));
	jout_set_text(o, "role", e->role == ROLE_ALLOW ? "allow" : "chain");
	jout_set_number(o, "line", e->line);
	jout_set_text(o, "lacks", types_alone ? "types" : lacks[f->lack]);
	jout_set(o, "ports", ports_json(d, &f->rest));
	jout_set(o, "types", types_json(d, &f->rest));
	jout_set_text(o, "by", f->by == ENTRY_NONE ? NULL : catalog_entry_text(d->c, f->by, text));
	jout_set_text(o, "by-group", f->by == ENTRY_NONE ? NULL : group_text(group_of(d, f->by), group));
	return o;
}

static struct jout *group_json(const struct diff *d, size_t first, size_t end)
{
	const struct group *g = group_of(d, d->v[first].entry);
	struct jout *o = jout_object(), *entries = jout_array();

	jout_set_text(o, "catalog", g->catalog);
	jout_set_text(o, "group", g->name[0] ? g->name : NULL);
	jout_set_text(o, "purpose", g->purpose && g->purpose[0] ? g->purpose : NULL);
	jout_set_text(o, "source", g->source && g->source[0] ? g->source : NULL);
	jout_set_text(o, "file", g->file);
	jout_set(o, "ports", ports_json(d, &g->attrs));
	for (size_t i = first; i < end; i++)
		jout_add(entries, finding_json(d, &d->v[i]));
	jout_set(o, "entries", entries);
	return o;
}

static int print_json(const struct diff *d)
{
	struct jout *o = jout_object(), *groups = jout_array();
	size_t end;
	char *text;

	jout_set_text(o, "a", d->a_name);
	jout_set_text(o, "b", d->b_name);
	jout_set_number(o, "entries", (int64_t)d->n_entries);
	jout_set_number(o, "lacking", (int64_t)d->n);
	for (size_t i = 0; i < d->n; i = end) {
		for (end = i + 1; end < d->n && group_of(d, d->v[end].entry) == group_of(d, d->v[i].entry); end++)
			continue;
		jout_add(groups, group_json(d, i, end));
	}
	jout_set(o, "groups", groups);
	text = jout_print(o, false);
	if (!text)
		return 1;
	puts(text);
	free(text);
	return 0;
}

int catalog_diff(struct arena *a, const struct conf *c, const char *const names[2], struct diag_list *d, bool json)
{
	struct conf_str strs[2] = { { .text = names[0] }, { .text = names[1] } };
	struct diff diff = { .a_name = names[0], .b_name = names[1] };
	struct catalog_build *b = catalog_build_new(a, c, d);
	struct choice choices[2];

	for (unsigned i = 0; b && i < 2; i++) {
		if (!catalog_choose(b, &(struct conf_strs){ .v = &strs[i], .n = 1 }, c->path)) {
			catalog_build_free(b);
			b = NULL;
		}
	}
	diff.c = b ? catalog_finish(b, choices, false) : NULL;
	diff.a = &choices[0];
	diff.b = &choices[1];
	if (diag_errors(d))
		return 1;
	if (!diff.c || !find_all(&diff, a)) {
		diag_error(d, c->path, 0, "out of memory");
		return 1;
	}
	if (json)
		return print_json(&diff);
	print_text(&diff);
	return 0;
}
