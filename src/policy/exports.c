/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/exports.h"

#include <string.h>

#include "base/hash.h"
#include "base/util.h"

static uint64_t add_text(uint64_t h, const char *text)
{
	return hash_more(h, text, strlen(text));
}

static uint64_t add_number(uint64_t h, uint64_t n)
{
	return hash_more(h, &n, sizeof(n));
}

/* Value by value: what stands between the fields of a struct may differ, and lines say nothing of the meaning. */
static uint64_t add_export(uint64_t h, const struct conf_export *e)
{
	const uint64_t numbers[] = {
		e->kind, e->create, e->key, e->size, e->min_time, e->grace, e->deadline_ms, e->or_answer, e->refresh,
		e->private, e->follow, e->follow_max,
	};

	h = add_text(h, e->name.text);
	for (unsigned f = 0; f < 2; f++) {
		h = add_text(h, e->set[f].family);
		h = add_text(h, e->set[f].table);
		h = add_text(h, e->set[f].name);
	}
	h = add_text(h, e->path.text);
	return hash_more(h, numbers, sizeof(numbers));
}

const struct exports *exports_build(struct arena *a, const struct conf *c)
{
	struct exports *e = arena_alloc(a, sizeof(*e));
	uint64_t h;

	if (!e)
		return NULL;
	e->v = c->exports;
	e->n = MIN(c->n_exports, (size_t)EXPORTS_MAX);	/* conf refuses more */
	h = add_number(add_number(add_number(0, c->cache.min_ttl), c->cache.max_ttl), e->n);
	for (size_t i = 0; i < e->n; i++)
		h = add_export(h, &e->v[i]);
	for (size_t i = 0; i < c->server.private.n; i++) {
		const struct prefix *p = &c->server.private.v[i].prefix;

		h = add_number(hash_more(h, p->addr.b, p->addr.len), p->bits);
	}
	e->hash = h ? h : 1;
	return e;
}

uint64_t exports_bits(const struct exports *e, const struct conf_strs *names)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < e->n; i++)
		for (size_t k = 0; k < names->n; k++)
			if (!strcmp(e->v[i].name.text, names->v[k].text))
				bits |= 1ull << i;
	return bits;
}

static bool has_set(const struct conf_export *e, enum export_family family)
{
	return *e->set[family].name != '\0';
}

bool export_takes(const struct conf_export *e, enum export_family family)
{
	if (has_set(e, EXPORT_V4) || has_set(e, EXPORT_V6))
		return has_set(e, family);
	/* whoever reads a socket or a list of addresses needs no set's name */
	return e->kind == EXPORT_SOCKET || e->kind == EXPORT_FILE;
}

unsigned exports_families(const struct exports *e, uint64_t bits)
{
	unsigned families = 0;

	for (size_t i = 0; i < e->n; i++) {
		if (!(bits >> i & 1))
			continue;
		for (unsigned f = EXPORT_V4; f <= EXPORT_V6; f++)
			if (export_takes(&e->v[i], f))
				families |= 1u << f;
	}
	return families;
}

static void warn_no_set(const struct conf *c, const struct conf_profile *p, unsigned families, struct diag_list *d)
{
	/* who wants no IPv6 says so by `aaaa`, and is not told again */
	const unsigned wanted = 1u << EXPORT_V4 | (p->aaaa ? 1u << EXPORT_V6 : 0);

	for (unsigned f = EXPORT_V4; f <= EXPORT_V6; f++)
		if (wanted & ~families & 1u << f)
			diag_warn(d, c->path, p->export.line, "no-set", "profile %s: none of its exports has set%c, so IPv%c "
				  "addresses are taken out of its answers%s", p->name.text, "46"[f], "46"[f],
				  f == EXPORT_V6 ? " (aaaa = no says that this is meant)" : "");
}

void exports_warn(const struct exports *e, const struct conf *c, struct diag_list *d)
{
	uint64_t named = 0;

	for (size_t i = 0; i < c->n_profiles; i++) {
		uint64_t bits = exports_bits(e, &c->profiles[i].export);

		named |= bits;
		if (bits)
			warn_no_set(c, &c->profiles[i], exports_families(e, bits), d);
	}
	for (size_t i = 0; i < e->n; i++)
		if (!(named >> i & 1))
			diag_warn(d, c->path, e->v[i].name.line, "unused", "[export %s]: no profile names it",
				  e->v[i].name.text);
}
