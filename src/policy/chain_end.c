/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/chain_internal.h"
#include "policy/svcfilter.h"

#define PROOFS 32			/* looked at of one answer; real ones have eight at most */

static bool private_address(const struct chain_walk *w, const struct addr *a)
{
	const struct chain_ask *ask = w->ask;

	if (ask->verdict->attrs.private || snapshot_upstream(ask->snapshot, ask->verdict->upstream)->private)
		return false;
	return guard_private(ask->snapshot->guard, a);
}

/* Whether no set takes addresses of this family, for this client. */
static bool foreign_family(const struct chain_walk *w, const struct addr *a)
{
	return !(w->ask->families >> export_family(a) & 1);
}

static bool drop_hint(void *ctx, const struct addr *hint)
{
	const struct chain_walk *w = ctx;

	return (hint->len == 16 && !w->ask->profile->aaaa) || foreign_family(w, hint) || private_address(w, hint);
}

static bool judge_target(void *ctx, const struct name *target, uint32_t ttl)
{
	struct chain_walk *w = ctx;
	uint32_t longest = w->longest_ttl;
	bool ok;

	chain_longer(w, ttl);
	ok = chain_judge(w, target);
	if (!ok)
		w->c->link = *target;
	w->longest_ttl = longest;
	return ok || w->ask->profile->audit;
}

/* Whether a record of the type asked may pass; its rdata may have been changed. */
static bool passes(struct chain_walk *w, struct answer_rr *rr)
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
		ok = !foreign_family(w, &addr) && !private_address(w, &addr);
		if (!ok)
			w->c->why = foreign_family(w, &addr) ? CHAIN_NO_SET : "private address taken out";
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
static bool passes_link(struct chain_walk *w, const struct answer_rr *rr)
{
	struct name target;

	if (rr->type != TYPE_CNAME && rr->type != TYPE_DNAME)
		return true;
	if (answer_target(w->a, rr, &target) < 0) {
		chain_bad(w, "a link without a target");
		return false;
	}
	chain_longer(w, rr->ttl);
	if (chain_judge(w, &target))
		return true;
	w->c->outcome = CHAIN_BLOCKED;
	w->c->link = target;
	return w->ask->judge_all;
}

bool chain_finals(struct chain_walk *w)
{
	struct chain *c = w->c;
	size_t n = w->a->n;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		struct answer_rr *rr = &w->a->rr[i];

		if (!chain_here(w, rr, w->ask->qtype))
			continue;
		any = true;
		if (!passes_link(w, rr))
			return false;
		if (!passes(w, rr)) {
			c->filtered = true;
			continue;
		}
		c->negative = false;
		if (!chain_keep(w, i, ANSWER_AN))
			return false;
	}
	if (any && c->rcode == RCODE_NXDOMAIN) {
		chain_bad(w, "records of a name that it says does not exist");
		return false;
	}
	if (!any && !c->n_keep) {
		for (size_t i = 0; i < n; i++) {
			if (w->a->rr[i].section == ANSWER_AN) {
				chain_bad(w, "records, but none of the chain");
				return false;
			}
		}
	}
	return true;
}

/* RFC 2308 5: the SOA of a negative answer; of a zone that the end of the chain is in. */
bool chain_negative_soa(struct chain_walk *w)
{
	struct chain *c = w->c;
	struct name zone;
	uint32_t minimum;
	size_t off;

	for (size_t i = 0; i < w->a->n; i++) {
		const struct answer_rr *rr = &w->a->rr[i];

		if (!chain_is(w, rr, ANSWER_NS, TYPE_SOA))
			continue;
		off = rr->owner;
		if (name_read(&zone, w->a->msg, w->a->len, &off) < 0 || !name_under(&w->at, &zone) ||
		    answer_soa_minimum(w->a, rr, &minimum) < 0)
			continue;
		c->soa_ttl = chain_clamp_ttl(w, minimum < rr->ttl ? minimum : rr->ttl);
		if (!chain_keep(w, i, ANSWER_NS))
			return false;
		c->keep[c->n_keep - 1].ttl = c->soa_ttl;
		if (c->soa_ttl < c->min_ttl)
			c->min_ttl = c->soa_ttl;
		return true;
	}
	return true;
}

static bool kept_set(const struct chain_walk *w, const struct answer_rr *sig, size_t n_kept)
{
	uint16_t covers = answer_rrsig_covers(w->a, sig);
	struct name owner;
	size_t off = sig->owner;

	if (name_read(&owner, w->a->msg, w->a->len, &off) < 0)
		return false;
	for (size_t k = 0; k < n_kept; k++) {
		const struct answer_rr *rr = &w->a->rr[w->c->keep[k].index];

		if (rr->type == covers && !rr->subst && rr->section == sig->section &&
		    rr->owner_hash == sig->owner_hash && answer_owner_is(w->a, rr, &owner))
			return !(w->tampered && rr->type == w->ask->qtype && name_equal(&owner, &w->at));
	}
	return false;
}

/* Whether the chain passes through the zone. */
static bool on_chain(const struct chain_walk *w, const struct name *zone)
{
	if (name_under(w->ask->qname, zone) || name_under(&w->at, zone))
		return true;
	for (size_t i = 0; i < w->c->n_targets; i++) {
		if (name_under(&w->c->targets[i].name, zone))
			return true;
	}
	return false;
}

/* A proof says something of this answer only if a zone on the chain signed it, and it belongs to that zone. */
static bool is_proof(const struct chain_walk *w, const struct answer_rr *rr)
{
	struct name owner, signer;
	size_t off = rr->owner;

	if (name_read(&owner, w->a->msg, w->a->len, &off) < 0)
		return false;
	for (size_t i = 0; i < w->a->n; i++) {
		const struct answer_rr *sig = &w->a->rr[i];

		if (chain_is(w, sig, ANSWER_NS, TYPE_RRSIG) && sig->owner_hash == rr->owner_hash &&
		    answer_rrsig_covers(w->a, sig) == rr->type && answer_rrsig_signer(w->a, sig, &signer) == 0)
			return name_under(&owner, &signer) && on_chain(w, &signer);
	}
	return false;
}

static bool keep_proofs(struct chain_walk *w)
{
	unsigned seen = 0;

	for (size_t i = 0; i < w->a->n && seen < PROOFS; i++) {
		const struct answer_rr *rr = &w->a->rr[i];

		if (!chain_is(w, rr, ANSWER_NS, TYPE_NSEC) && !chain_is(w, rr, ANSWER_NS, TYPE_NSEC3))
			continue;
		seen++;
		if (is_proof(w, rr) && !chain_keep(w, i, ANSWER_NS))
			return false;
	}
	return true;
}

/* With DO: the signatures of what stayed whole, and the proofs in the authority section. */
bool chain_dnssec(struct chain_walk *w)
{
	size_t n_kept;

	if (!keep_proofs(w))
		return false;
	n_kept = w->c->n_keep;
	for (uint8_t section = ANSWER_AN; section <= ANSWER_NS; section++) {
		for (size_t i = 0; i < w->a->n; i++) {
			const struct answer_rr *rr = &w->a->rr[i];

			if (chain_is(w, rr, section, TYPE_RRSIG) && w->ask->qtype != TYPE_RRSIG &&
			    kept_set(w, rr, n_kept) && !chain_keep(w, i, section))
				return false;
		}
	}
	return true;
}
