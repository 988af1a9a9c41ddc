/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/util.h"
#include "core/query_internal.h"
#include "core/reply.h"
#include "core/serve.h"

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

	/* where enforcing would have told nothing, audit mode is not led on: what is learned may be opened */
	if (q->snapshot != q->w->snapshot || q->audited || c->outcome == CHAIN_BLOCKED)
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
	for (struct waiter *wt = query_take_waiters(q, NULL); wt; wt = next) {
		size_t len = reply_block(q->snapshot, q->profile, &wt->q, link, room_for(q, wt));

		next = wt->next;
		stat_add(&q->w->stats, STAT_BLOCKED_CHAIN);
		query_event(q, wt, EVENT_BLOCKED, REASON_CHAIN, link, NULL);
		waiter_reply(wt, q->w->message, len, true);
	}
	query_free(q);
}

void query_end_filtered(struct query *q, const struct chain *c, uint32_t ttl)
{
	struct waiter *next;

	remember_note(q, RCACHE_FILTERED, NULL, ttl * 1000ull);
	for (struct waiter *wt = query_take_waiters(q, NULL); wt; wt = next) {
		size_t len = reply_nodata(q->snapshot, &wt->q, REPLY_FILTERED, room_for(q, wt));

		next = wt->next;
		stat_add(&q->w->stats, q->verdict.kind == VERDICT_RECORD ? STAT_LOCAL : STAT_RESOLVED);
		query_event(q, wt, q->audited ? EVENT_AUDITED : EVENT_ALLOWED, REASON_FILTERED, NULL, c);
		waiter_reply(wt, q->w->message, len, true);
	}
	query_free(q);
}

static void give_answer(struct query *q, const struct chain *c, size_t len, const struct name *link)
{
	struct reply_stored r = {
		.wire = q->w->composed, .ttls = q->w->ttls, .len = len, .n_ttls = c->n_keep, .ceil = UINT32_MAX,
		.ede.code = EDE_NONE,
	};
	bool audited = q->audited || link;
	enum counter counter = audited ? STAT_AUDITED : q->verdict.kind == VERDICT_RECORD ? STAT_LOCAL : STAT_RESOLVED;
	struct waiter *next;

	for (struct waiter *wt = query_take_waiters(q, NULL); wt; wt = next) {
		size_t n = reply_stored(&r, &wt->q, room_for(q, wt));

		next = wt->next;
		stat_add(&q->w->stats, counter);
		query_event(q, wt, audited ? EVENT_AUDITED : EVENT_ALLOWED,
			    link && !q->audited ? REASON_CHAIN : q->verdict.reason, link, c);
		waiter_reply(wt, q->w->message, n, false);
	}
	query_free(q);
}

/* The answer must not leave before the firewall has taken its addresses. */
static void hold_answer(struct query *q, size_t n_ttls, size_t len, uint32_t ttl)
{
	struct worker *w = q->w;

	if (!q->waiters) {
		query_free(q);
		return;
	}
	if (query_keep(q, w->composed, len, w->ttls, n_ttls, ttl, loop_now(w->loop).boot_ms, w->answers)) {
		query_stop_try(q);
		timer_cancel(loop_timers(w->loop), &q->stale_timer);
		query_hold(q);
	} else {
		query_refuse(q, "out of memory");
	}
}

bool query_outdated(const struct query *q)
{
	const struct snapshot *now = q->w->snapshot;

	return q->snapshot != now && (q->snapshot->exports->n || now->exports->n);
}

void query_again(struct query *q)
{
	struct waiter *wt = query_take_waiters(q, NULL), *next;
	struct worker *w = q->w;

	/* gone before they ask, so that it is not what they find in flight, nor what is ended to make room for them */
	query_free(q);
	for (; wt; wt = next) {
		next = wt->next;
		serve_again(w, wt);
	}
}

void query_end_answer(struct query *q, const struct chain *c, size_t len)
{
	struct worker *w = q->w;
	/* RFC 2308 5: a negative answer without an SOA is not remembered */
	uint32_t ttl = c->negative && !c->soa_ttl ? 0 : c->min_ttl, held_ttl = 0;
	/* in audit mode a bad link does not end the walk, but is noted */
	const struct name *link = q->profile->audit && c->link.len ? &c->link : NULL;
	/* what only audit mode lets through opens nothing */
	enum want want = link || !(q->view & VIEW_HELD) ? WANT_NOTHING
							: query_wants(q, w->composed, len, &held_ttl);
	bool held = want != WANT_NOTHING;

	if (query_outdated(q)) {
		query_again(q);
		return;
	}
	if (want == WANT_TOO_MUCH) {
		query_refuse(q, "more addresses than the firewall is told of at once");
		return;
	}
	/* known to be open to nobody yet: the next who asks is told of it when the firewall has taken it, too */
	remember(q, &(struct rcache_item){
		.kind = link ? RCACHE_AUDITED : RCACHE_ANSWER, .wire = w->composed, .len = len, .ttls = w->ttls,
		.n_ttls = c->n_keep, .link = link, .held = held, .held_ttl = held_ttl, .id = ++w->answers,
		.ports = q->ports }, ttl * 1000ull);
	if (held) {
		hold_answer(q, c->n_keep, len, held_ttl);
		return;
	}
	learn(q, c, 0);
	give_answer(q, c, len, link);
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
static void plain(struct query *q, const uint8_t *msg, size_t len)
{
	memcpy(q->w->message, msg, len);
	memcpy(q->w->message + WIRE_HEADER, q->qname.wire, q->qname.len);
}

struct chain_ask query_chain_ask(const struct query *q)
{
	return (struct chain_ask){
		.snapshot = q->snapshot, .profile = q->profile, .verdict = &q->verdict, .qname = &q->qname,
		.qtype = q->qtype, .families = view_families(q->view), .dnssec_ok = q->dnssec_ok,
		.judge_all = q->profile->audit || q->done,
	};
}

/* Reads and walks the reply in w->message. */
static int verify(struct query *q, size_t len)
{
	struct worker *w = q->w;
	struct chain_ask ask = query_chain_ask(q);
	int err = answer_parse(&w->answer, w->message, len);

	if (err < 0)
		return err;
	chain_walk(&ask, &w->answer, &w->chain);
	if (!q->profile->audit || !w->chain.link.len || ask.families == EXPORT_BOTH)
		return 0;
	/* let through by audit mode only: nothing of it is opened, so nothing is taken out for having no set either */
	ask.families = EXPORT_BOTH;
	err = answer_parse(&w->answer, w->message, len);
	if (!err)
		chain_walk(&ask, &w->answer, &w->chain);
	return err;
}

bool query_reply(struct query *q, const uint8_t *msg, size_t len)
{
	struct worker *w = q->w;
	struct chain *c = &w->chain;
	int n;

	plain(q, msg, len);
	if (verify(q, len) < 0 || c->outcome == CHAIN_BAD)
		return false;
	upstream_judged(q->server, true);
	if (c->outcome == CHAIN_BLOCKED && !q->profile->audit && !q->done) {
		end_blocked(q, &c->link);
		return true;
	}
	n = answer_compose(&w->answer, &q->qname, q->qtype, c->rcode, c->keep, c->n_keep, w->composed,
			   sizeof(w->composed), w->ttls);
	if (n < 0)
		return false;
	if (c->filtered)
		stat_add(&w->stats, STAT_UP_FILTERED);
	if (q->done)
		end_asked(q, &w->answer, c, w->composed, (size_t)n);
	else if (c->filtered && c->negative)
		query_end_filtered(q, c, MIN(c->min_ttl, q->snapshot->conf->cache.block_ttl));
	else
		query_end_answer(q, c, (size_t)n);
	return true;
}

static void fail_waiters(struct query *q, const struct wire_ede *ede)
{
	struct waiter *next;

	for (struct waiter *wt = query_take_waiters(q, NULL); wt; wt = next) {
		size_t n = reply_failure(&wt->q, ede, room_for(q, wt));

		next = wt->next;
		stat_add(&q->w->stats, STAT_FAILED);
		query_event(q, wt, q->audited ? EVENT_AUDITED : EVENT_FAILED, REASON_FAILED, NULL, NULL);
		waiter_reply(wt, q->w->message, n, false);
	}
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
	struct chain_ask ask = query_chain_ask(q);

	if (answer_parse(&q->w->answer, rcache_wire(e), e->len) < 0)
		return;
	chain_walk(&ask, &q->w->answer, &q->w->chain);
	learn(q, &q->w->chain, STALE_TTL + FAILURE_MS / 1000);
}

static void give_stale(struct query *q, struct waiter *wt, const struct rcache_entry *e, uint32_t covered)
{
	struct reply_stored r = reply_of_entry(e, loop_now(q->w->loop).boot_ms, true);
	struct name link;
	bool left = e->kind == RCACHE_AUDITED && rcache_link(e, &link);
	size_t n;

	r.ceil = MIN(r.ceil, covered);
	n = reply_stored(&r, &wt->q, room_for(q, wt));
	stat_add(&q->w->stats, STAT_STALE);
	query_event(q, wt, q->audited || left ? EVENT_AUDITED : EVENT_ALLOWED,
		    left && !q->audited ? REASON_CHAIN : q->verdict.reason, left ? &link : NULL, NULL);
	waiter_reply(wt, q->w->message, n, false);
}

void query_give_stale(struct query *q)
{
	struct rcache_entry *e = stale_entry(q);
	struct waiter **link = &q->waiters;
	struct query *parked = NULL;
	uint32_t covered;
	bool learnt = false;

	if (!e)
		return;
	q->stale_given = true;
	while (*link) {
		struct addr client = (*link)->client;
		struct waiter *next;

		if (!query_open(q->w, e, q->ports, &client, true, &covered)) {
			link = &(*link)->next;
			continue;
		}
		if (!learnt)
			learn_stale(q, e);
		learnt = true;
		for (struct waiter *wt = query_take_waiters(q, &client); wt; wt = next) {
			next = wt->next;
			give_stale(q, wt, e, covered);
		}
		link = &q->waiters;
	}
	/* until this time the cache gives it at once, and asks nobody */
	e->retry = loop_now(q->w->loop).boot_ms + FAILURE_MS;
	if (!q->waiters)
		return;
	/* the others wait for the firewall, and this query goes on without them */
	parked = query_park_new(q, e, true);
	if (!parked) {
		fail_waiters(q, &(struct wire_ede){ EDE_OTHER, "out of memory" });
		return;
	}
	parked->waiters = q->waiters;
	parked->n_waiters = q->n_waiters;
	q->waiters = NULL;
	q->n_waiters = 0;
	query_hold(parked);
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
