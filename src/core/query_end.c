/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/util.h"
#include "core/query_internal.h"
#include "core/reply.h"

/* What becomes of a query: its answer verified, remembered and given to those who wait. */

static struct reply_room room_for(const struct query *q, const struct waiter *wt)
{
	return (struct reply_room){ q->w->message, sizeof(q->w->message), wt->limit };
}

static void remember(struct query *q, const struct rcache_item *what, uint64_t ms)
{
	struct rcache_key key = query_key(q);
	struct rcache_item item = *what;

	/* judged by an older configuration, it is good for those who asked then, and for nobody after */
	if (!ms || q->snapshot != q->w->snapshot)
		return;
	item.stored = loop_now(q->w->loop).boot_ms;
	item.expires = item.stored + ms;
	rcache_put(q->w->cache, &key, q->hash, &item);
}

/* Remembers something other than an answer. */
static void remember_note(struct query *q, enum rcache_kind kind, const struct name *link, uint64_t ms)
{
	uint8_t wire[WIRE_HEADER + NAME_MAX_WIRE] = { 0 };

	memcpy(wire + WIRE_HEADER, q->qname.wire, q->qname.len);
	remember(q, &(struct rcache_item){
		.kind = kind, .wire = wire, .len = (size_t)WIRE_HEADER + q->qname.len, .link = link }, ms);
}

/* given: the TTL given to every record, 0: each its own. */
static void learn(struct query *q, const struct chain *c, uint32_t given)
{
	uint64_t now = loop_now(q->w->loop).boot_ms;

	if (q->snapshot != q->w->snapshot)
		return;
	for (size_t i = 0; i < c->n_targets; i++) {
		uint32_t ttl = given ? given : c->targets[i].ttl;

		if (c->targets[i].ok)
			learned_add(q->w->shared->learned, q->profile, &c->targets[i].name, &q->qname,
				    q->verdict.reason == REASON_LEARNED, &q->verdict.attrs, now, now + ttl * 1000ull);
	}
}

static void end_blocked(struct query *q, const struct name *link)
{
	uint32_t ttl = q->snapshot->conf->cache.block_ttl;
	struct waiter *next;

	remember_note(q, RCACHE_BLOCKED, link, ttl * 1000ull);
	for (struct waiter *wt = query_take_waiters(q); wt; wt = next) {
		size_t len = reply_block(q->snapshot, q->profile, &wt->q, link, room_for(q, wt));

		next = wt->next;
		stat_add(&q->w->stats, STAT_BLOCKED_CHAIN);
		query_event(q, wt, EVENT_BLOCKED, REASON_CHAIN, link, NULL);
		waiter_reply(wt, q->w->message, len, true);
	}
	query_free(q);
}

static void end_filtered(struct query *q, const struct chain *c, uint32_t ttl)
{
	struct waiter *next;

	remember_note(q, RCACHE_FILTERED, NULL, ttl * 1000ull);
	for (struct waiter *wt = query_take_waiters(q); wt; wt = next) {
		size_t len = reply_nodata(q->snapshot, &wt->q, REPLY_FILTERED, room_for(q, wt));

		next = wt->next;
		stat_add(&q->w->stats, STAT_RESOLVED);
		query_event(q, wt, q->audited ? EVENT_AUDITED : EVENT_ALLOWED, REASON_FILTERED, NULL, c);
		waiter_reply(wt, q->w->message, len, true);
	}
	query_free(q);
}

static void end_answer(struct query *q, const struct chain *c, const uint8_t *wire, size_t len)
{
	struct reply_stored r = {
		.wire = wire, .ttls = q->w->ttls, .len = len, .n_ttls = c->n_keep, .ceil = UINT32_MAX,
		.ede.code = EDE_NONE,
	};
	/* RFC 2308 5: a negative answer without an SOA is not remembered */
	uint32_t ttl = c->negative && !c->soa_ttl ? 0 : c->min_ttl;
	/* in audit mode a bad link does not end the walk, but is noted */
	const struct name *link = q->profile->audit && c->link.len ? &c->link : NULL;
	bool audited = q->audited || link;
	struct waiter *next;

	remember(q, &(struct rcache_item){
		.kind = link ? RCACHE_AUDITED : RCACHE_ANSWER, .wire = wire, .len = len,
		.ttls = q->w->ttls, .n_ttls = c->n_keep, .link = link }, ttl * 1000ull);
	for (struct waiter *wt = query_take_waiters(q); wt; wt = next) {
		size_t n = reply_stored(&r, &wt->q, room_for(q, wt));

		next = wt->next;
		stat_add(&q->w->stats, audited ? STAT_AUDITED : STAT_RESOLVED);
		query_event(q, wt, audited ? EVENT_AUDITED : EVENT_ALLOWED,
			    link && !q->audited ? REASON_CHAIN : q->verdict.reason, link, c);
		waiter_reply(wt, q->w->message, n, false);
	}
	query_free(q);
}

static void end_asked(struct query *q, const struct answer *a, const struct chain *c, const uint8_t *wire, size_t len)
{
	q->done(q->done_ctx, a, c, wire, len);
	query_free(q);
}

/*
 * Copies the reply with the question in its plain spelling: names that point
 * into it must not show clients the case that was drawn for this try.
 */
static const uint8_t *plain(struct query *q, const uint8_t *msg, size_t len)
{
	uint8_t *copy = q->w->message;

	memcpy(copy, msg, len);
	memcpy(copy + WIRE_HEADER, q->qname.wire, q->qname.len);
	return copy;
}

bool query_reply(struct query *q, const uint8_t *msg, size_t len)
{
	struct worker *w = q->w;
	struct chain *c = &w->chain;
	struct chain_ask ask = {
		.snapshot = q->snapshot, .profile = q->profile, .verdict = &q->verdict, .qname = &q->qname,
		.qtype = q->qtype, .dnssec_ok = q->dnssec_ok, .judge_all = q->profile->audit || q->done,
	};
	uint8_t *wire = w->composed;
	int n;

	if (answer_parse(&w->answer, plain(q, msg, len), len) < 0)
		return false;
	chain_walk(&ask, &w->answer, c);
	if (c->outcome == CHAIN_BAD)
		return false;
	upstream_judged(q->server, true);
	if (c->outcome == CHAIN_BLOCKED && !ask.judge_all) {
		end_blocked(q, &c->link);
		return true;
	}
	n = answer_compose(&w->answer, &q->qname, q->qtype, c->rcode, c->keep, c->n_keep, wire, sizeof(w->composed),
			   w->ttls);
	if (n < 0)
		return false;
	if (c->filtered)
		stat_add(&w->stats, STAT_UP_FILTERED);
	if (q->done) {
		end_asked(q, &w->answer, c, wire, (size_t)n);
		return true;
	}
	if (c->filtered && c->negative) {
		end_filtered(q, c, MIN(c->min_ttl, q->snapshot->conf->cache.block_ttl));
	} else {
		learn(q, c, 0);
		end_answer(q, c, wire, (size_t)n);
	}
	return true;
}

static struct rcache_entry *stale_entry(struct query *q)
{
	struct rcache_key key = query_key(q);
	struct rcache_entry *e = q->stale && q->snapshot == q->w->snapshot
				       ? rcache_find(q->w->cache, &key, q->hash) : NULL;

	return e && rcache_is_answer(e) ? e : NULL;
}

/* The names that a stale answer leads to may be asked for as long as its TTL says. */
static void learn_stale(struct query *q, const struct rcache_entry *e)
{
	struct chain_ask ask = {
		.snapshot = q->snapshot, .profile = q->profile, .verdict = &q->verdict, .qname = &q->qname,
		.qtype = q->qtype, .dnssec_ok = q->dnssec_ok, .judge_all = q->profile->audit,
	};

	if (answer_parse(&q->w->answer, rcache_wire(e), e->len) < 0)
		return;
	chain_walk(&ask, &q->w->answer, &q->w->chain);
	learn(q, &q->w->chain, STALE_TTL + FAILURE_MS / 1000);
}

void query_give_stale(struct query *q)
{
	struct rcache_entry *e = stale_entry(q);
	struct reply_stored r;
	struct waiter *next;
	struct name link;
	bool left;

	if (!e)
		return;
	q->stale_given = true;
	left = e->kind == RCACHE_AUDITED && rcache_link(e, &link);
	learn_stale(q, e);
	r = reply_of_entry(e, loop_now(q->w->loop).boot_ms, true);
	for (struct waiter *wt = query_take_waiters(q); wt; wt = next) {
		size_t n = reply_stored(&r, &wt->q, room_for(q, wt));

		next = wt->next;
		stat_add(&q->w->stats, STAT_STALE);
		query_event(q, wt, q->audited || left ? EVENT_AUDITED : EVENT_ALLOWED,
			    left && !q->audited ? REASON_CHAIN : q->verdict.reason, left ? &link : NULL, NULL);
		waiter_reply(wt, q->w->message, n, false);
	}
	/* until this time the cache gives it at once, and asks nobody */
	e->retry = loop_now(q->w->loop).boot_ms + FAILURE_MS;
}

static void fail_waiters(struct query *q, const struct wire_ede *ede)
{
	struct waiter *next;

	for (struct waiter *wt = query_take_waiters(q); wt; wt = next) {
		size_t n = reply_failure(&wt->q, ede, room_for(q, wt));

		next = wt->next;
		stat_add(&q->w->stats, STAT_FAILED);
		query_event(q, wt, q->audited ? EVENT_AUDITED : EVENT_FAILED, REASON_FAILED, NULL, NULL);
		waiter_reply(wt, q->w->message, n, false);
	}
}

void query_give_up(struct query *q)
{
	static const struct wire_ede ede = { EDE_NO_REACHABLE, NULL };

	if (q->done) {
		end_asked(q, NULL, NULL, NULL, 0);
		return;
	}
	if (stale_entry(q)) {
		query_give_stale(q);
	} else {
		remember_note(q, RCACHE_FAILED, NULL, FAILURE_MS);
		fail_waiters(q, &ede);
	}
	query_free(q);
}

void query_refuse(struct query *q, const char *why)
{
	struct wire_ede ede = { EDE_OTHER, why };

	if (q->done) {
		end_asked(q, NULL, NULL, NULL, 0);
		return;
	}
	fail_waiters(q, &ede);
	query_free(q);
}
