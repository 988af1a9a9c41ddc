/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/grant.h"

#include "dns/svcb.h"

#define RECENT 32			/* looked at for one that is there already: one address twice costs little */

static void add(struct grant *g, const struct addr *addr)
{
	size_t from = g->n > RECENT ? g->n - RECENT : 0;

	for (size_t i = from; i < g->n; i++)
		if (addr_equal(&g->addrs[i], addr))
			return;
	if (g->n == GRANT_ADDRS)
		g->full = true;
	else
		g->addrs[g->n++] = *addr;
}

static void add_hints(struct grant *g, const uint8_t *rdata, size_t rdlen)
{
	struct addr addr;
	struct svcb s;

	if (svcb_parse(&s, rdata, 0, rdlen) < 0) {
		/* what it holds is not known */
		g->full = true;
		return;
	}
	for (size_t i = 0; i + 4 <= s.hint4_len; i += 4) {
		addr = addr_v4(s.hint4 + i);
		add(g, &addr);
	}
	for (size_t i = 0; i + 16 <= s.hint6_len; i += 16) {
		addr = addr_v6(s.hint6 + i);
		add(g, &addr);
	}
}

static void add_rdata(struct grant *g, uint16_t type, const uint8_t *rdata, size_t rdlen)
{
	struct addr addr;

	switch (type) {
	case TYPE_A:
	case TYPE_AAAA:
		if (rdlen != (type == TYPE_A ? 4 : 16)) {
			g->full = true;
			return;
		}
		addr = type == TYPE_A ? addr_v4(rdata) : addr_v6(rdata);
		add(g, &addr);
		break;
	case TYPE_HTTPS:
	case TYPE_SVCB:
		add_hints(g, rdata, rdlen);
		break;
	default:
		break;
	}
}

void grant_rr(struct grant *g, const struct answer *a, const struct answer_rr *rr)
{
	if (rr->class != CLASS_IN)
		return;
	if (rr->subst)
		add_rdata(g, rr->type, rr->subst, rr->subst_len);
	else
		add_rdata(g, rr->type, a->msg + rr->rdata, rr->rdlen);
}

void grant_answer(struct grant *g, const struct answer *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->rr[i].section == ANSWER_AN)
			grant_rr(g, a, &a->rr[i]);
}

size_t grant_ports(const struct catalog *c, const struct attrs *attrs, struct conf_port *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_ports && n < cap; i++)
		if (attrs->ports[i / 64] >> i % 64 & 1)
			out[n++] = c->ports[i];
	return n;
}

static bool taken(const struct snapshot *s, const struct profile *p, const struct addr *addr)
{
	bool private = guard_private(s->guard, addr);

	for (size_t i = 0; i < s->exports->n; i++) {
		const struct conf_export *e = &s->exports->v[i];

		if (p->exports >> i & 1 && export_takes(e, export_family(addr)) && (!private || e->private))
			return true;
	}
	return false;
}

bool grant_wanted(const struct snapshot *s, const struct profile *p, const struct attrs *attrs, const struct grant *g)
{
	const uint64_t *bits = attrs->ports;

	if (!p->exports || !(bits[0] | bits[1] | bits[2] | bits[3]))
		return false;
	if (g->full)
		return true;
	for (size_t i = 0; i < g->n; i++)
		if (taken(s, p, &g->addrs[i]))
			return true;
	return false;
}

void grant_trim(const struct snapshot *s, const struct profile *p, struct grant *g)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		if (taken(s, p, &g->addrs[i]))
			g->addrs[n++] = g->addrs[i];
	g->n = n;
}
