/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/chain_internal.h"

void chain_bad(struct chain_walk *w, const char *why)
{
	w->c->outcome = CHAIN_BAD;
	w->c->why = why;
}

uint32_t chain_clamp_ttl(const struct chain_walk *w, uint32_t ttl)
{
	const struct conf_cache *cc = &w->ask->snapshot->conf->cache;

	if (ttl < cc->min_ttl)
		ttl = cc->min_ttl;
	return ttl > cc->max_ttl ? cc->max_ttl : ttl;
}

void chain_longer(struct chain_walk *w, uint32_t ttl)
{
	ttl = chain_clamp_ttl(w, ttl);
	if (ttl > w->longest_ttl)
		w->longest_ttl = ttl;
}

bool chain_keep(struct chain_walk *w, size_t i, uint8_t section)
{
	struct chain *c = w->c;
	uint32_t ttl = chain_clamp_ttl(w, w->a->rr[i].ttl);

	if (c->n_keep == ANSWER_RRS) {
		chain_bad(w, "too many records");
		return false;
	}
	c->keep[c->n_keep++] = (struct answer_keep){ (uint16_t)i, section, ttl };
	if (ttl < c->min_ttl)
		c->min_ttl = ttl;
	return true;
}

bool chain_is(const struct chain_walk *w, const struct answer_rr *rr, uint8_t section, uint16_t type)
{
	return rr->section == section && rr->type == type && rr->class == CLASS_IN;
}

bool chain_here(const struct chain_walk *w, const struct answer_rr *rr, uint16_t type)
{
	return chain_is(w, rr, ANSWER_AN, type) && rr->owner_hash == w->at_hash && answer_owner_is(w->a, rr, &w->at);
}

bool chain_judge(struct chain_walk *w, const struct name *target)
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
static bool follow(struct chain_walk *w, const struct name *target, uint16_t offset, uint32_t ttl)
{
	struct chain *c = w->c;

	chain_longer(w, ttl);
	if (!chain_judge(w, target) && c->outcome != CHAIN_BLOCKED) {
		c->outcome = CHAIN_BLOCKED;
		c->link = *target;
	}
	w->at = *target;
	w->at_hash = name_hash(target);
	w->at_offset = offset;
	return c->outcome != CHAIN_BLOCKED || w->ask->judge_all;
}

/*
 * The DNAME above the name where we are and its owner; -1: none, -2: several, which
 * cannot be: nothing stands below a DNAME (RFC 6672 2.4).
 */
static int find_dname(const struct chain_walk *w, struct name *owner)
{
	struct name at;
	int found = -1;
	size_t off;

	for (unsigned i = 0; i < w->n_dnames; i++) {
		const struct answer_rr *rr = &w->a->rr[w->dnames[i]];

		off = rr->owner;
		if (name_read(&at, w->a->msg, w->a->len, &off) < 0 || at.labels >= w->at.labels ||
		    !name_under(&w->at, &at))
			continue;
		if (found >= 0)
			return -2;
		found = w->dnames[i];
		*owner = at;
	}
	return found;
}

static bool list_dnames(struct chain_walk *w)
{
	for (size_t i = 0; i < w->a->n; i++) {
		if (!chain_is(w, &w->a->rr[i], ANSWER_AN, TYPE_DNAME))
			continue;
		if (w->n_dnames == DNAMES) {
			chain_bad(w, "too many DNAMEs");
			return false;
		}
		w->dnames[w->n_dnames++] = (uint16_t)i;
	}
	return true;
}

/* The one CNAME of the name where we are, -1: none, -2: two that differ. */
static int find_cname(const struct chain_walk *w, struct name *target)
{
	struct name other;
	int found = -1;

	for (size_t i = 0; i < w->a->n; i++) {
		if (!chain_here(w, &w->a->rr[i], TYPE_CNAME))
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
static int synthesize(struct chain_walk *w, size_t dname, const struct name *target)
{
	struct answer *a = w->a;
	struct chain *c = w->c;

	if (!w->at_offset || a->n == ANSWER_RRS || c->scratch_len + target->len > sizeof(c->scratch))
		return -1;
	memcpy(c->scratch + c->scratch_len, target->wire, target->len);
	a->rr[a->n] = (struct answer_rr){
		.owner_hash = w->at_hash, .owner = w->at_offset, .type = TYPE_CNAME, .class = CLASS_IN, .section = ANSWER_AN,
		.ttl = a->rr[dname].ttl, .subst = c->scratch + c->scratch_len, .subst_len = target->len,
	};
	c->scratch_len += target->len;
	return (int)a->n++;
}

enum step { STEP_END, STEP_ON, STEP_STOP };

static enum step step_dname(struct chain_walk *w, int dname, const struct name *owner, int cname,
			    const struct name *written)
{
	struct name to, made;
	const struct answer_rr *rr = &w->a->rr[dname];
	bool synthetic = cname < 0;

	if (answer_target(w->a, rr, &to) < 0 || name_replace(&made, &w->at, owner, &to) < 0) {
		chain_bad(w, "DNAME without a usable target");
		return STEP_STOP;
	}
	if (!synthetic && !name_equal(written, &made)) {
		chain_bad(w, "CNAME and DNAME disagree");
		return STEP_STOP;
	}
	if (synthetic && (cname = synthesize(w, (size_t)dname, &made)) < 0) {
		chain_bad(w, "DNAME without its CNAME");
		return STEP_STOP;
	}
	if (!chain_keep(w, (size_t)dname, ANSWER_AN) || !chain_keep(w, (size_t)cname, ANSWER_AN))
		return STEP_STOP;
	return follow(w, &made, synthetic ? 0 : w->a->rr[cname].rdata, rr->ttl) ? STEP_ON : STEP_STOP;
}

/* One link from where we are. */
static enum step step(struct chain_walk *w)
{
	struct name target, owner;
	int cname = find_cname(w, &target);
	int dname = find_dname(w, &owner);

	if (cname == -2 || dname == -2) {
		chain_bad(w, "several CNAMEs or DNAMEs for one name");
		return STEP_STOP;
	}
	if (dname >= 0)
		return step_dname(w, dname, &owner, cname, &target);
	if (cname < 0)
		return STEP_END;
	if (!chain_keep(w, (size_t)cname, ANSWER_AN))
		return STEP_STOP;
	return follow(w, &target, w->a->rr[cname].rdata, w->a->rr[cname].ttl) ? STEP_ON : STEP_STOP;
}

static bool links(struct chain_walk *w)
{
	enum step s;

	if (w->ask->qtype == TYPE_CNAME || w->ask->qtype == TYPE_DNAME)
		return true;
	if (!list_dnames(w))
		return false;
	for (unsigned n = 0; (s = step(w)) == STEP_ON; n++) {
		if (n == CHAIN_LINKS) {
			chain_bad(w, "more than 16 links, or a loop");
			return false;
		}
	}
	return s == STEP_END;
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
	struct chain_walk w = {
		.ask = ask, .a = a, .c = c,
		.at = *ask->qname, .at_hash = name_hash(ask->qname), .at_offset = WIRE_HEADER,
	};

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
		chain_bad(&w, "an error code");
	else if (links(&w) && chain_finals(&w) && (!c->negative || chain_negative_soa(&w)) &&
		 (!ask->dnssec_ok || chain_dnssec(&w)))
		sort_sections(c);
	c->end = w.at;
}
