/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/chain.h"

#include "policy/svcfilter.h"

/* The walk's own state: where it stands, and which records are on the chain. */
struct walk {
	const struct chain_ask *ask;
	struct answer *a;
	struct chain *c;
	struct name at;
	uint16_t at_offset;		/* where the message spells it */
	uint32_t longest_ttl;
	bool tampered;			/* the final set was changed: its signatures go */
};

static void bad(struct walk *w, const char *why)
{
	w->c->outcome = CHAIN_BAD;
	w->c->why = why;
}

static uint32_t clamp_ttl(const struct walk *w, uint32_t ttl)
{
	const struct conf_cache *cc = &w->ask->snapshot->conf->cache;

	if (ttl < cc->min_ttl)
		ttl = cc->min_ttl;
	return ttl > cc->max_ttl ? cc->max_ttl : ttl;
}

static void longer(struct walk *w, uint32_t ttl)
{
	ttl = clamp_ttl(w, ttl);
	if (ttl > w->longest_ttl)
		w->longest_ttl = ttl;
}

static bool keep(struct walk *w, size_t i, uint8_t section)
{
	struct chain *c = w->c;
	uint32_t ttl = clamp_ttl(w, w->a->rr[i].ttl);

	if (c->n_keep == ANSWER_RRS) {
		bad(w, "too many records");
		return false;
	}
	c->keep[c->n_keep++] = (struct answer_keep){ (uint16_t)i, section, ttl };
	if (ttl < c->min_ttl)
		c->min_ttl = ttl;
	return true;
}

static bool is(const struct walk *w, const struct answer_rr *rr, uint8_t section, uint16_t type)
{
	return rr->section == section && rr->type == type && rr->class == CLASS_IN;
}

static bool here(const struct walk *w, const struct answer_rr *rr, uint16_t type)
{
	return is(w, rr, ANSWER_AN, type) && answer_owner_is(w->a, rr, &w->at);
}

/* Judges a name that the answer leads to, and notes it for the learned names. */
static bool judge(struct walk *w, const struct name *target)
{
	const struct chain_ask *ask = w->ask;
	struct chain *c = w->c;
	uint32_t entry;
	bool ok = decide_target(ask->snapshot, ask->profile, ask->verdict, target, &entry) || ask->profile->trust;

	if (c->n_targets < CHAIN_TARGETS)
		c->targets[c->n_targets++] = (struct chain_target){ *target, w->longest_ttl, entry, ok };
	return ok;
}

/* Moves on to a link's target. */
static bool follow(struct walk *w, const struct name *target, uint16_t offset, uint32_t ttl)
{
	struct chain *c = w->c;

	longer(w, ttl);
	if (!judge(w, target) && c->outcome != CHAIN_BLOCKED) {
		c->outcome = CHAIN_BLOCKED;
		c->link = *target;
	}
	w->at = *target;
	w->at_offset = offset;
	return c->outcome != CHAIN_BLOCKED || w->ask->judge_all;
}

/*
 * The DNAME above the name where we are and its owner; -1: none, -2: several, which
 * cannot be: nothing stands below a DNAME (RFC 6672 2.4).
 */
static int find_dname(const struct walk *w, struct name *owner)
{
	struct name at;
	int found = -1;
	size_t off;

	for (size_t i = 0; i < w->a->n; i++) {
		const struct answer_rr *rr = &w->a->rr[i];

		off = rr->owner;
		if (!is(w, rr, ANSWER_AN, TYPE_DNAME) || name_read(&at, w->a->msg, w->a->len, &off) < 0 ||
		    at.labels >= w->at.labels || !name_under(&w->at, &at))
			continue;
		if (found >= 0)
			return -2;
		found = (int)i;
		*owner = at;
	}
	return found;
}

/* The one CNAME of the name where we are, -1: none, -2: two that differ. */
static int find_cname(const struct walk *w, struct name *target)
{
	struct name other;
	int found = -1;

	for (size_t i = 0; i < w->a->n; i++) {
		if (!here(w, &w->a->rr[i], TYPE_CNAME))
			continue;
		if (answer_target(w->a, &w->a->rr[i], found < 0 ? target : &other) < 0)
			return -2;
		if (found >= 0 && !name_equal(target, &other))
			return -2;
		if (found < 0)
			found = (int)i;
	}
	return found;
}

/* A CNAME that the DNAME stands for and the upstream left out (RFC 6672 3.1). Gives its index or -1. */
static int synthesize(struct walk *w, size_t dname, const struct name *target)
{
	struct answer *a = w->a;
	struct chain *c = w->c;

	if (!w->at_offset || a->n == ANSWER_RRS || c->scratch_len + target->len > sizeof(c->scratch))
		return -1;
	memcpy(c->scratch + c->scratch_len, target->wire, target->len);
	a->rr[a->n] = (struct answer_rr){
		.owner = w->at_offset, .type = TYPE_CNAME, .class = CLASS_IN, .section = ANSWER_AN,
		.ttl = a->rr[dname].ttl, .subst = c->scratch + c->scratch_len, .subst_len = target->len,
	};
	c->scratch_len += target->len;
	return (int)a->n++;
}

enum step { STEP_END, STEP_ON, STEP_STOP };

static enum step step_dname(struct walk *w, int dname, const struct name *owner, int cname, const struct name *written)
{
	struct name to, made;
	const struct answer_rr *rr = &w->a->rr[dname];
	bool synthetic = cname < 0;

	if (answer_target(w->a, rr, &to) < 0 || name_replace(&made, &w->at, owner, &to) < 0) {
		bad(w, "DNAME without a usable target");
		return STEP_STOP;
	}
	if (!synthetic && !name_equal(written, &made)) {
		bad(w, "CNAME and DNAME disagree");
		return STEP_STOP;
	}
	if (synthetic && (cname = synthesize(w, (size_t)dname, &made)) < 0) {
		bad(w, "DNAME without its CNAME");
		return STEP_STOP;
	}
	if (!keep(w, (size_t)dname, ANSWER_AN) || !keep(w, (size_t)cname, ANSWER_AN))
		return STEP_STOP;
	return follow(w, &made, synthetic ? 0 : w->a->rr[cname].rdata, rr->ttl) ? STEP_ON : STEP_STOP;
}

/* One link from where we are. */
static enum step step(struct walk *w)
{
	struct name target, owner;
	int cname = find_cname(w, &target);
	int dname = find_dname(w, &owner);

	if (cname == -2 || dname == -2) {
		bad(w, "several CNAMEs or DNAMEs for one name");
		return STEP_STOP;
	}
	if (dname >= 0)
		return step_dname(w, dname, &owner, cname, &target);
	if (cname < 0)
		return STEP_END;
	if (!keep(w, (size_t)cname, ANSWER_AN))
		return STEP_STOP;
	return follow(w, &target, w->a->rr[cname].rdata, w->a->rr[cname].ttl) ? STEP_ON : STEP_STOP;
}

static bool links(struct walk *w)
{
	enum step s;

	if (w->ask->qtype == TYPE_CNAME || w->ask->qtype == TYPE_DNAME)
		return true;
	for (unsigned n = 0; (s = step(w)) == STEP_ON; n++) {
		if (n == CHAIN_LINKS) {
			bad(w, "more than 16 links, or a loop");
			return false;
		}
	}
	return s == STEP_END;
}

static bool private_address(const struct walk *w, const struct addr *a)
{
	const struct chain_ask *ask = w->ask;

	if (ask->verdict->attrs.private || snapshot_upstream(ask->snapshot, ask->verdict->upstream)->private)
		return false;
	return guard_private(ask->snapshot->guard, a);
}

static bool drop_hint(void *ctx, const struct addr *hint)
{
	const struct walk *w = ctx;

	return (hint->len == 16 && !w->ask->profile->aaaa) || private_address(w, hint);
}

static bool judge_target(void *ctx, const struct name *target, uint32_t ttl)
{
	struct walk *w = ctx;
	uint32_t longest = w->longest_ttl;
	bool ok;

	longer(w, ttl);
	ok = judge(w, target);
	if (!ok)
		w->c->link = *target;
	w->longest_ttl = longest;
	return ok || w->ask->profile->audit;
}

/* Whether a record of the type asked may pass; its rdata may have been changed. */
static bool passes(struct walk *w, struct answer_rr *rr)
{
	struct svcfilter f = {
		.snapshot = w->ask->snapshot, .verdict = w->ask->verdict, .at = &w->at,
		.judge = judge_target, .drop = drop_hint, .ctx = w,
	};
	struct addr addr;
	bool changed = false, ok;

	switch (rr->type) {
	case TYPE_A:
	case TYPE_AAAA:
		addr = rr->type == TYPE_A ? addr_v4(w->a->msg + rr->rdata) : addr_v6(w->a->msg + rr->rdata);
		ok = !private_address(w, &addr);
		if (!ok)
			w->c->why = "private address taken out";
		break;
	case TYPE_HTTPS:
	case TYPE_SVCB:
	case TYPE_SRV:
		f.room = w->c->scratch + w->c->scratch_len;
		f.cap = sizeof(w->c->scratch) - w->c->scratch_len;
		ok = svcfilter_pass(&f, w->a, rr, &changed);
		if (changed)
			w->c->scratch_len += rr->subst_len;
		else if (!ok)
			w->c->why = f.why;
		break;
	default:
		ok = true;
	}
	w->tampered |= changed || !ok;
	return ok;
}

/* A CNAME or DNAME that was itself asked for: its target is judged, but not gone to. */
static bool passes_link(struct walk *w, const struct answer_rr *rr)
{
	struct name target;

	if (rr->type != TYPE_CNAME && rr->type != TYPE_DNAME)
		return true;
	if (answer_target(w->a, rr, &target) < 0) {
		bad(w, "a link without a target");
		return false;
	}
	longer(w, rr->ttl);
	if (judge(w, &target))
		return true;
	w->c->outcome = CHAIN_BLOCKED;
	w->c->link = target;
	return w->ask->judge_all;
}

static bool finals(struct walk *w)
{
	struct chain *c = w->c;
	size_t n = w->a->n;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		struct answer_rr *rr = &w->a->rr[i];

		if (!here(w, rr, w->ask->qtype))
			continue;
		any = true;
		if (!passes_link(w, rr))
			return false;
		if (!passes(w, rr)) {
			c->filtered = true;
			continue;
		}
		c->negative = false;
		if (!keep(w, i, ANSWER_AN))
			return false;
	}
	if (any && c->rcode == RCODE_NXDOMAIN) {
		bad(w, "records of a name that it says does not exist");
		return false;
	}
	if (!any && !c->n_keep) {
		for (size_t i = 0; i < n; i++) {
			if (w->a->rr[i].section == ANSWER_AN) {
				bad(w, "records, but none of the chain");
				return false;
			}
		}
	}
	return true;
}

/* RFC 2308 5: the SOA of a negative answer; of a zone that the end of the chain is in. */
static bool negative_soa(struct walk *w)
{
	struct chain *c = w->c;
	struct name zone;
	uint32_t minimum;
	size_t off;

	for (size_t i = 0; i < w->a->n; i++) {
		const struct answer_rr *rr = &w->a->rr[i];

		if (!is(w, rr, ANSWER_NS, TYPE_SOA))
			continue;
		off = rr->owner;
		if (name_read(&zone, w->a->msg, w->a->len, &off) < 0 || !name_under(&w->at, &zone) ||
		    answer_soa_minimum(w->a, rr, &minimum) < 0)
			continue;
		c->soa_ttl = clamp_ttl(w, minimum < rr->ttl ? minimum : rr->ttl);
		if (!keep(w, i, ANSWER_NS))
			return false;
		c->keep[c->n_keep - 1].ttl = c->soa_ttl;
		if (c->soa_ttl < c->min_ttl)
			c->min_ttl = c->soa_ttl;
		return true;
	}
	return true;
}

static bool kept_set(const struct walk *w, const struct answer_rr *sig, size_t n_kept)
{
	uint16_t covers = answer_rrsig_covers(w->a, sig);
	struct name owner;
	size_t off = sig->owner;

	if (name_read(&owner, w->a->msg, w->a->len, &off) < 0)
		return false;
	for (size_t k = 0; k < n_kept; k++) {
		const struct answer_rr *rr = &w->a->rr[w->c->keep[k].index];

		if (rr->type == covers && !rr->subst && rr->section == sig->section &&
		    answer_owner_is(w->a, rr, &owner))
			return !(w->tampered && rr->type == w->ask->qtype && name_equal(&owner, &w->at));
	}
	return false;
}

/* With DO: the signatures of what stayed whole, and the proofs in the authority section. */
static bool dnssec(struct walk *w)
{
	size_t n_kept;

	for (size_t i = 0; i < w->a->n; i++) {
		const struct answer_rr *rr = &w->a->rr[i];

		if ((is(w, rr, ANSWER_NS, TYPE_NSEC) || is(w, rr, ANSWER_NS, TYPE_NSEC3)) && !keep(w, i, ANSWER_NS))
			return false;
	}
	n_kept = w->c->n_keep;
	for (uint8_t section = ANSWER_AN; section <= ANSWER_NS; section++) {
		for (size_t i = 0; i < w->a->n; i++) {
			const struct answer_rr *rr = &w->a->rr[i];

			if (is(w, rr, section, TYPE_RRSIG) && w->ask->qtype != TYPE_RRSIG && kept_set(w, rr, n_kept) &&
			    !keep(w, i, section))
				return false;
		}
	}
	return true;
}

/* Records stand by section; within one in the order they were found. */
static void sort_sections(struct chain *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_keep; i++) {
		struct answer_keep k = c->keep[i];

		if (k.section != ANSWER_AN)
			continue;
		memmove(&c->keep[n + 1], &c->keep[n], (i - n) * sizeof(k));
		c->keep[n++] = k;
	}
}

void chain_walk(const struct chain_ask *ask, struct answer *a, struct chain *c)
{
	struct walk w = { .ask = ask, .a = a, .c = c, .at = *ask->qname, .at_offset = WIRE_HEADER };

	c->outcome = CHAIN_PASS;
	c->rcode = a->rcode;
	c->negative = true;
	c->filtered = false;
	c->why = NULL;
	c->min_ttl = ask->snapshot->conf->cache.max_ttl;
	c->soa_ttl = 0;
	c->n_keep = c->n_targets = c->scratch_len = 0;
	c->link.len = 0;
	if (a->rcode != RCODE_NOERROR && a->rcode != RCODE_NXDOMAIN)
		bad(&w, "an error code");
	else if (links(&w) && finals(&w) && (!c->negative || negative_soa(&w)) && (!ask->dnssec_ok || dnssec(&w)))
		sort_sections(c);
	c->end = w.at;
}
