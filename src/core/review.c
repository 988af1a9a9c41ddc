/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/review.h"

#include <string.h>

#include "policy/grant.h"

/* What the profile would open for the name. */
static bool opens(const struct snapshot *s, const struct learned *l, uint64_t now_ms, const struct profile *p,
		  const struct name *name, struct attrs *attrs)
{
	struct verdict v;
	uint64_t until;

	if (!p->exports)
		return false;
	/* of what type the question was is not known, and what entries open does not depend on it */
	decide(s, p, name, TYPE_A, &v);
	if (v.kind == VERDICT_UPSTREAM || v.kind == VERDICT_NODATA || v.kind == VERDICT_RECORD) {
		*attrs = v.attrs;
		return true;
	}
	return learned_find(l, p, name, now_ms, attrs, &until);
}

/*
 * Whether it may have been a learned name: those of an earlier process are known no more, nor which ports they had. What
 * an answer may lead to is enough.
 */
static bool led_to(const struct snapshot *s, const struct profile *p, const struct name *name)
{
	struct match m;

	if (!p->exports)
		return false;
	catalog_find(s->catalog, &p->choice, name, &m);
	return m.chain != ENTRY_NONE || nametab_find_above(s->forwards, name) != NAMETAB_NONE;
}

void review_judge(const struct snapshot *s, const struct learned *l, uint64_t now_ms, const struct proto_review *r,
		  struct proto_verdict *v)
{
	struct attrs all = { 0 }, attrs;

	v->ok = false;
	v->exports = 0;
	v->n_ports = 0;
	for (size_t i = 0; i < s->n_profiles; i++) {
		const struct profile *p = &s->profiles[i];
		struct conf_port first;

		if (!r->profile && led_to(s, p, &r->name)) {
			v->exports |= p->exports;
			memset(all.ports, 0xff, sizeof(all.ports));
			continue;
		}
		if ((r->profile && p->id != r->profile) || !opens(s, l, now_ms, p, &r->name, &attrs) ||
		    !grant_ports(s->catalog, &attrs, &first, 1))
			continue;
		v->exports |= p->exports;
		for (size_t k = 0; k < sizeof(all.ports) / sizeof(all.ports[0]); k++)
			all.ports[k] |= attrs.ports[k];
	}
	v->n_ports = grant_ports(s->catalog, &all, v->ports, PROTO_PORTS);
	v->ok = v->exports && v->n_ports;
}
