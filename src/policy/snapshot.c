/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/snapshot.h"

#include "base/hash.h"
#include "base/lpm.h"

#define SNAPSHOT_LIMIT ((size_t)8 << 30)

static bool build_profiles(struct snapshot *s, struct catalog_build *b)
{
	const struct conf *c = s->conf;

	s->n_profiles = c->n_profiles;
	s->profiles = arena_array(s->arena, c->n_profiles, sizeof(*s->profiles));
	if (!s->profiles)
		return false;
	for (size_t i = 0; i < c->n_profiles; i++) {
		const struct conf_profile *from = &c->profiles[i];
		struct profile *p = &s->profiles[i];

		*p = (struct profile){
			.name = from->name.text, .index = (uint16_t)i,
			.trust = from->trust, .local = from->local, .aaaa = from->aaaa, .audit = from->audit,
			.block = from->block, .sinkhole4 = from->sinkhole4, .sinkhole6 = from->sinkhole6,
			.exports = exports_bits(s->exports, &from->export),
			.id = hash_bytes(from->name.text, strlen(from->name.text)),
		};
		for (size_t t = 0; t < from->types.n; t++) {
			int bit = catalog_type_bit(b, from->types.v[t]);

			if (bit >= 0)
				p->types |= 1ull << bit;
		}
		if (!catalog_choose(b, &from->catalog, c->path))
			return false;
	}
	return true;
}

static bool build_forwards(struct snapshot *s, struct catalog_build *b)
{
	const struct conf *c = s->conf;

	s->forwards = nametab_new(s->arena, c->n_forwards);
	s->forward_attrs = arena_array(s->arena, c->n_forwards + 1, sizeof(*s->forward_attrs));
	if (!s->forwards || !s->forward_attrs)
		return false;
	for (size_t i = 0; i < c->n_forwards; i++) {
		nametab_put(s->forwards, &c->forwards[i].zone, (uint32_t)i);
		for (size_t k = 0; k < c->forwards[i].ports.n; k++) {
			int bit = catalog_port_bit(b, &c->forwards[i].ports.v[k]);

			if (bit >= 0)
				s->forward_attrs[i].ports[bit / 64] |= 1ull << bit % 64;
		}
	}
	return true;
}

static bool build_clients(struct snapshot *s)
{
	const struct conf *c = s->conf;
	size_t n = 0, k = 0;
	struct lpm_rule *acl = arena_array(s->arena, c->server.clients.n + 1, sizeof(*acl));
	struct lpm_rule *map;

	for (size_t i = 0; i < c->n_profiles; i++)
		n += c->profiles[i].clients.n;
	map = arena_array(s->arena, n + 1, sizeof(*map));
	if (!acl || !map)
		return false;
	for (size_t i = 0; i < c->server.clients.n; i++)
		acl[i] = (struct lpm_rule){ c->server.clients.v[i].prefix, 1 };
	for (size_t i = 0; i < c->n_profiles; i++) {
		for (size_t j = 0; j < c->profiles[i].clients.n; j++)
			map[k++] = (struct lpm_rule){ c->profiles[i].clients.v[j].prefix, (uint32_t)i };
	}
	s->clients = lpm_build(s->arena, acl, c->server.clients.n);
	s->profile_of = lpm_build(s->arena, map, n);
	return s->clients && s->profile_of;
}

/* `chain` entries that nobody can be led to: nothing of the profile may be asked for. */
static void warn_unreachable(const struct snapshot *s, struct diag_list *d)
{
	for (size_t i = 0; i < s->n_profiles; i++) {
		const struct choice *ch = &s->profiles[i].choice;
		const struct conf_profile *from = &s->conf->profiles[i];
		bool allow = false, chain = false;

		for (size_t k = 0; k < s->catalog->n_entries; k++) {
			const struct entry *e = &s->catalog->entries[k];
			const group_bits *bits = e->role == ROLE_ALLOW ? ch->allow : ch->chain;

			if (!(bits[e->group / 64] & 1ull << e->group % 64))
				continue;
			*(e->role == ROLE_ALLOW ? &allow : &chain) = true;
		}
		if (chain && !allow)
			diag_warn(d, s->conf->path, from->catalog.line ? from->catalog.line : from->name.line,
				  "unreachable", "profile %s: its catalogues hold chain entries only, nothing leads to them",
				  from->name.text);
	}
}

/* The names for catfile_each to be appended to. */
struct names {
	struct arena *arena;
	struct conf_strs list;
	bool failed;
};

static void add_name(void *ctx, const char *name, const char *path)
{
	struct names *n = ctx;
	struct conf_str *more = arena_array(n->arena, n->list.n + 1, sizeof(*more));

	if (!more) {
		n->failed = true;
		return;
	}
	if (n->list.n)
		memcpy(more, n->list.v, n->list.n * sizeof(*more));
	more[n->list.n++].text = name;
	n->list.v = more;
}

/* What `check` looks at besides the profiles, [catalog] sections that nobody names too: choices that nobody uses. */
static bool choose_more(struct snapshot *s, struct catalog_build *b, const struct snapshot_options *o)
{
	struct names all = { .arena = s->arena };
	size_t n = o->hygiene ? s->conf->n_catalogs : 0;
	struct conf_strs sections = { .v = arena_array(s->arena, n + 1, sizeof(*sections.v)), .n = n };

	if (!sections.v)
		return false;
	for (size_t i = 0; i < n; i++)
		sections.v[i] = s->conf->catalogs[i].name;
	if (!catalog_choose(b, &sections, s->conf->path))
		return false;
	if (o->all && catfile_each(s->arena, s->conf, add_name, &all) < 0)
		return false;
	return !all.failed && catalog_choose(b, &o->more, s->conf->path) && catalog_choose(b, &all.list, s->conf->path);
}

/* All but the catalogue, whose build it feeds. */
static bool build_parts(struct snapshot *s, struct catalog_build *b, const struct snapshot_options *o,
			struct diag_list *d)
{
	if (!build_profiles(s, b) || !choose_more(s, b, o) || !build_forwards(s, b) || !build_clients(s))
		return false;
	s->guard = guard_build(s->arena, &s->conf->server.private);
	s->records = records_build(s->arena, s->conf, d);
	s->specials = special_build(s->arena);
	return s->guard && s->records && s->specials;
}

static bool build(struct snapshot *s, const struct snapshot_options *o, struct diag_list *d)
{
	struct catalog_build *b;
	struct choice *choices;

	s->generation = o->generation;
	s->conf = conf_read(s->arena, o->path, o->path_written, d);
	s->exports = s->conf ? exports_build(s->arena, s->conf) : NULL;
	if (!s->exports || !(b = catalog_build_new(s->arena, s->conf, d)))
		return false;
	choices = arena_array(s->arena, s->conf->n_profiles + 3, sizeof(*choices));
	if (!choices || !build_parts(s, b, o, d)) {
		catalog_build_free(b);
		return false;
	}
	s->catalog = catalog_finish(b, choices, o->hygiene);
	if (!s->catalog)
		return false;
	for (size_t i = 0; i < s->n_profiles; i++)
		s->profiles[i].choice = choices[i];
	if (o->hygiene) {
		warn_unreachable(s, d);
		exports_warn(s->exports, s->conf, d);
	}
	return true;
}

struct snapshot *snapshot_build(const struct snapshot_options *o, struct diag_list *d)
{
	struct arena *a = arena_new(SNAPSHOT_LIMIT);
	struct snapshot *s = a ? arena_alloc(a, sizeof(*s)) : NULL;
	size_t errors = diag_errors(d);

	if (!s || (s->arena = a, !build(s, o, d))) {
		if (diag_errors(d) == errors)
			diag_error(d, o->path, 0, "out of memory");
		arena_free(a);
		return NULL;
	}
	if (diag_errors(d) > errors) {
		arena_free(a);
		return NULL;
	}
	atomic_init(&s->refs, 1);
	return s;
}

void snapshot_release(struct snapshot *s)
{
	if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		arena_free(s->arena);
}

bool snapshot_client_ok(const struct snapshot *s, const struct addr *client)
{
	return lpm_find(s->clients, client) != LPM_NONE;
}

const struct profile *snapshot_profile(const struct snapshot *s, const struct addr *client)
{
	uint32_t i = lpm_find(s->profile_of, client);

	return &s->profiles[i == LPM_NONE ? 0 : i];
}

unsigned snapshot_families(const struct snapshot *s, const struct profile *p)
{
	return p->exports ? exports_families(s->exports, p->exports) : EXPORT_BOTH;
}
