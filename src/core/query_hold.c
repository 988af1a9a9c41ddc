/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "core/query_internal.h"
#include "core/reply.h"

/*
 * I1: an answer whose addresses the firewall has to take waits here until it has, and is given with TTLs
 * that end before the leases do. What is held is kept beside the cache: it may be gone from there by then.
 */

#define SLACK_MS 50			/* the agent's own deadline is the same: its answer is on its way */

static const char *why(int err)
{
	if (err == LINK_DOWN)
		return "the firewall agent is not running";
	if (err == -ETIMEDOUT)
		return "the firewall did not confirm the addresses in time";
	return "the firewall did not take the addresses";
}

static const struct export_page *page(const struct query *q)
{
	return q->w->link ? link_page(q->w->link) : NULL;
}

/* Whether `until` covers the TTL; *left: seconds of it. */
static bool covers(uint64_t until, uint64_t now_us, uint32_t ttl, uint32_t *left)
{
	*left = until > now_us ? (uint32_t)MIN((until - now_us) / CLOCK_S, UINT32_MAX - 1) : 0;
	/*
	 * TTLs are counted in whole seconds from when the answer came, leases go on from the very moment: for the
	 * part of a second between them nobody is asked, the client is told one less.
	 */
	return until >= now_us && *left + 1 >= ttl;
}

bool query_open(const struct worker *w, const struct rcache_entry *e, uint64_t ports, const struct addr *client,
		bool stale, uint32_t *covered)
{
	struct now now = loop_now(w->loop);
	uint64_t age = (now.boot_ms - e->stored) / 1000, until;
	uint32_t ttl = stale ? STALE_TTL : e->held_ttl > age ? e->held_ttl - (uint32_t)age : 0, epoch;

	*covered = UINT32_MAX;
	if (!e->held)
		return true;
	if (!w->link)
		return false;
	epoch = atomic_load_explicit(&link_page(w->link)->epoch, memory_order_acquire);
	if (e->epoch == epoch && e->ports == ports && covers(e->until_us, now.mono_us, ttl, covered))
		return true;
	until = bounds_find(w->bounds, &(struct bounds_key){ e->id, ports, *client }, epoch);
	return covers(until, now.mono_us, ttl, covered);
}

enum want query_wants(struct query *q, const uint8_t *wire, size_t len, uint32_t *ttl)
{
	struct answer *a = &q->w->answer;
	struct grant *g = &q->w->grant;

	*ttl = 0;
	grant_clear(g);
	if (answer_parse(a, wire, len) < 0)
		return WANT_TOO_MUCH;
	grant_answer(g, a);
	if (!grant_wanted(q->snapshot, q->profile, &q->verdict.attrs, g))
		return WANT_NOTHING;
	if (g->full)
		return WANT_TOO_MUCH;
	grant_trim(q->snapshot, q->profile, g);
	for (size_t i = 0; i < a->n; i++) {
		const struct answer_rr *rr = &a->rr[i];

		if (rr->section == ANSWER_AN && (rr->type == TYPE_A || rr->type == TYPE_AAAA ||
						 rr->type == TYPE_HTTPS || rr->type == TYPE_SVCB))
			*ttl = MAX(*ttl, rr->ttl);
	}
	return WANT_HOLD;
}

static void keep_targets(struct kept *k, const struct chain *c)
{
	for (size_t i = 0; i < c->n_targets; i++) {
		const struct chain_target *t = &c->targets[i];

		if (!t->ok || (size_t)k->chain_len + t->name.len > PROTO_CHAIN)
			continue;
		memcpy(k->chain + k->chain_len, t->name.wire, t->name.len);
		k->chain_len = (uint16_t)(k->chain_len + t->name.len);
		k->target_ttls[k->n_targets++] = t->ttl;
	}
}

bool query_keep(struct query *q, const uint8_t *wire, size_t len, const uint16_t *ttls, size_t n_ttls, uint32_t ttl,
		uint64_t stored, uint64_t id)
{
	const struct grant *g = &q->w->grant;
	const struct chain *c = &q->w->chain;
	size_t chain = 0;
	struct kept *k;

	for (size_t i = 0; i < c->n_targets; i++)
		chain += c->targets[i].name.len;
	k = malloc(sizeof(*k) + g->n * sizeof(*g->addrs) + n_ttls * sizeof(*ttls) + len + chain);
	if (!k)
		return false;
	*k = (struct kept){ .stored = stored, .id = id, .ttl = ttl, .len = len, .n_ttls = n_ttls, .n_addrs = g->n };
	k->addrs = (struct addr *)(k + 1);
	k->ttls = (uint16_t *)(k->addrs + g->n);
	k->wire = (uint8_t *)(k->ttls + n_ttls);
	k->chain = k->wire + len;
	memcpy(k->addrs, g->addrs, g->n * sizeof(*g->addrs));
	if (n_ttls)
		memcpy(k->ttls, ttls, n_ttls * sizeof(*ttls));
	memcpy(k->wire, wire, len);
	keep_targets(k, c);
	q->kept = k;
	return true;
}

bool query_keep_entry(struct query *q, const struct rcache_entry *e, bool stale)
{
	struct chain_ask ask = query_chain_ask(q);
	uint32_t ttl;

	/* what it wants is read from what will be given, and not from what it was made of */
	if (query_wants(q, rcache_wire(e), e->len, &ttl) != WANT_HOLD)
		return false;
	chain_walk(&ask, &q->w->answer, &q->w->chain);
	if (!query_keep(q, rcache_wire(e), e->len, e->ttls, e->n_ttls, ttl, e->stored, e->id))
		return false;
	q->kept->stale = stale;
	return true;
}

static void hold_free(struct hold *h)
{
	struct query *q = h->q;
	struct hold **link = &q->holds;

	while (*link != h)
		link = &(*link)->next;
	*link = h->next;
	link_cancel(&h->call);
	timer_cancel(loop_timers(q->w->loop), &h->timer);
	h->q = NULL;
	if (h != &q->first)
		free(h);
}

void query_drop_holds(struct query *q)
{
	while (q->holds)
		hold_free(q->holds);
	free(q->kept);
	q->kept = NULL;
}

static uint32_t age_of(const struct kept *k, struct now now)
{
	return (uint32_t)((now.boot_ms - k->stored) / 1000);
}

/* What the client will be told at most. */
static uint32_t ttl_of(const struct query *q)
{
	uint32_t age = age_of(q->kept, loop_now(q->w->loop));

	if (q->kept->stale)
		return STALE_TTL;
	return q->kept->ttl > age ? q->kept->ttl - age : 0;
}

static void hold_send(struct hold *h)
{
	const struct query *q = h->q;
	const struct snapshot *s = q->snapshot;
	const struct kept *k = q->kept;
	struct conf_port ports[CATALOG_PORTS];
	struct proto_hold msg = {
		.layout = s->exports->hash, .exports = q->profile->exports, .profile = q->profile->id,
		.ttl = ttl_of(q), .client = h->client, .name = q->qname, .chain = k->chain, .chain_len = k->chain_len,
		.file = "", .ports = ports, .addrs = k->addrs, .n_addrs = k->n_addrs,
	};
	int err;

	msg.n_ports = grant_ports(s->catalog, &q->verdict.attrs, ports, ARRAY_SIZE(ports));
	if (q->verdict.entry != ENTRY_NONE) {
		const struct entry *e = &s->catalog->entries[q->verdict.entry];

		msg.file = s->catalog->groups[e->group].file;
		msg.file_len = (uint16_t)MIN(strlen(msg.file), (size_t)PROTO_FILE - 1);
		msg.line = e->line;
	}
	err = q->w->link ? link_hold(q->w->link, &msg, &h->call) : LINK_DOWN;
	if (!err)
		return;
	h->err = err;
	timer_set(loop_timers(q->w->loop), &h->timer, loop_now(q->w->loop).mono_us);
}

static void on_held(struct link_call *c, const struct proto_held *a);
static void on_deadline(struct timer *t);

static bool hold_start(struct query *q, const struct addr *client)
{
	struct hold *h = q->first.q ? malloc(sizeof(*h)) : &q->first;

	if (!h)
		return false;
	*h = (struct hold){
		.next = q->holds, .q = q, .client = *client, .call.held = on_held, .timer.fire = on_deadline,
		.err = -ETIMEDOUT,
	};
	q->holds = h;
	timer_set(loop_timers(q->w->loop), &h->timer, loop_now(q->w->loop).mono_us + q->deadline_ms * CLOCK_MS);
	hold_send(h);
	return true;
}

static bool is_asked_for(const struct query *q, const struct addr *client)
{
	for (const struct hold *h = q->holds; h; h = h->next) {
		if (!q->by_client || addr_equal(&h->client, client))
			return true;
	}
	return false;
}

bool query_hold_more(struct query *q, const struct addr *client)
{
	return is_asked_for(q, client) || hold_start(q, client);
}

/* What those are told that the addresses were not taken for. */
static void fail(struct query *q, const struct addr *client, int err)
{
	struct wire_ede ede = { EDE_OTHER, why(err) };
	struct waiter *next;

	for (struct waiter *wt = query_take_waiters(q, client); wt; wt = next) {
		size_t n = reply_failure(&wt->q, &ede,
					 (struct reply_room){ q->w->message, sizeof(q->w->message), wt->limit });

		next = wt->next;
		stat_add(&q->w->stats, STAT_HOLD_FAILED);
		query_event(q, wt, EVENT_FAILED, REASON_EXPORT, NULL, NULL);
		waiter_reply(wt, q->w->message, n, false);
	}
}

/* For all who wait and have none; of a client for whom there is no memory the wait ends. */
static void hold_rest(struct query *q)
{
	struct waiter *wt = q->waiters;

	while (wt) {
		struct addr client = wt->client;

		if (query_hold_more(q, &client)) {
			wt = wt->next;
			continue;
		}
		fail(q, &client, -ENOMEM);
		wt = q->waiters;
	}
}

/* By the exports that take one of the addresses: how long they may need, and whether the answer leaves without them. */
static void read_exports(struct query *q)
{
	const struct exports *e = q->snapshot->exports;
	unsigned families = 0;

	for (size_t i = 0; i < q->kept->n_addrs; i++)
		families |= 1u << export_family(&q->kept->addrs[i]);
	q->or_answer = true;
	q->deadline_ms = 0;
	q->grace = UINT32_MAX;
	for (size_t i = 0; i < e->n; i++) {
		if (!(q->profile->exports >> i & 1) ||
		    !((families & 1u << EXPORT_V4 && export_takes(&e->v[i], EXPORT_V4)) ||
		      (families & 1u << EXPORT_V6 && export_takes(&e->v[i], EXPORT_V6))))
			continue;
		q->or_answer &= e->v[i].or_answer;
		q->deadline_ms = MAX(q->deadline_ms, e->v[i].deadline_ms);
		q->grace = MIN(q->grace, e->v[i].grace);
	}
	q->deadline_ms += SLACK_MS;
}

void query_hold(struct query *q)
{
	read_exports(q);
	q->by_client = view_by_client(q->snapshot, q->profile, page(q));
	hold_rest(q);
}

/* Remembers until when, by the answer or by (answer, client). */
static void note_bound(struct query *q, const struct addr *client, const struct proto_held *a)
{
	struct worker *w = q->w;
	struct rcache_key key = query_key(q);
	struct rcache_entry *e;

	if (a->err)
		return;
	if (a->by_client) {
		bounds_put(w->bounds, &(struct bounds_key){ q->kept->id, q->ports, *client }, a->epoch, a->until_us,
			   loop_now(w->loop).mono_us);
		return;
	}
	e = rcache_find(w->cache, &key, q->hash);
	/* another answer may stand there by now, or none: also where this one was judged by an older configuration */
	if (!e || e->id != q->kept->id)
		return;
	e->until_us = a->until_us;
	e->epoch = a->epoch;
	e->ports = q->ports;
}

/* What the answer led to may be asked for while a TTL told on the way or a lease of its own runs. */
static void learn(struct query *q, const struct proto_held *a, uint32_t covered)
{
	struct now now = loop_now(q->w->loop);
	const struct kept *k = q->kept;
	uint64_t left = a->until_us > now.mono_us ? (a->until_us - now.mono_us) / CLOCK_MS : 0;
	uint64_t lease = a->err ? 0 : MIN(left, LEARNED_MAX_S * 1000ull) + q->grace * 1000ull;
	struct name target;
	size_t off = 0;

	if (q->snapshot != q->w->snapshot)
		return;
	for (size_t i = 0; i < k->n_targets && name_read(&target, k->chain, k->chain_len, &off) == 0; i++) {
		uint32_t age = age_of(k, now), ttl = k->target_ttls[i];

		ttl = k->stale ? STALE_TTL + FAILURE_MS / 1000 : ttl > age ? ttl - age : 0;
		learned_add(q->w->shared->learned, q->profile, &target, &q->qname, q->verdict.reason == REASON_LEARNED,
			    &q->verdict.attrs, now.boot_ms, now.boot_ms + MAX(MIN(ttl, covered) * 1000ull, lease));
	}
}

static enum counter counter_of(const struct query *q)
{
	if (q->verdict.kind == VERDICT_RECORD)
		return STAT_LOCAL;
	if (!q->parked)
		return STAT_RESOLVED;
	return q->kept->stale ? STAT_STALE : STAT_CACHED;
}

static void give(struct query *q, const struct addr *client, uint32_t covered)
{
	const struct kept *k = q->kept;
	struct reply_stored r = {
		.wire = k->wire, .ttls = k->ttls, .len = k->len, .n_ttls = k->n_ttls,
		.age = age_of(k, loop_now(q->w->loop)), .ceil = covered, .ede.code = EDE_NONE,
	};
	struct waiter *next;

	if (k->stale) {
		r.floor = STALE_TTL;
		r.ceil = MIN(STALE_TTL, covered);
		r.ede.code = EDE_STALE;
	}
	for (struct waiter *wt = query_take_waiters(q, client); wt; wt = next) {
		size_t n = reply_stored(&r, &wt->q,
					(struct reply_room){ q->w->message, sizeof(q->w->message), wt->limit });

		next = wt->next;
		stat_add(&q->w->stats, counter_of(q));
		stat_add(&q->w->stats, STAT_HELD);
		if (q->parked)
			stat_add(&q->w->stats, STAT_WARM_RENEWED);
		query_event(q, wt, EVENT_ALLOWED, q->verdict.reason, NULL, NULL);
		waiter_reply(wt, q->w->message, n, false);
	}
}

/* A grant is answered, or will not be. */
static void hold_over(struct hold *h, const struct proto_held *a)
{
	struct query *q = h->q;
	struct addr client = h->client;
	bool one = a->by_client || (a->err && q->by_client), unforeseen = a->by_client && !q->by_client;
	uint64_t now = loop_now(q->w->loop).mono_us, left = a->until_us > now ? (a->until_us - now) / CLOCK_S : 0;
	uint32_t covered = a->err ? UINT32_MAX : (uint32_t)MIN(left, UINT32_MAX);

	hold_free(h);
	if (query_outdated(q)) {
		query_again(q);
		return;
	}
	q->by_client |= a->by_client;
	if (!a->err || q->or_answer) {
		note_bound(q, &client, a);
		learn(q, a, covered);
		give(q, one ? &client : NULL, covered);
	} else {
		fail(q, one ? &client : NULL, a->err);
	}
	/* before, one grant was for all; otherwise whoever waits has his own, and of a thousand none is looked for */
	if (unforeseen)
		hold_rest(q);
	if (!q->waiters)
		query_free(q);
}

static void on_held(struct link_call *c, const struct proto_held *a)
{
	struct hold *h = container_of(c, struct hold, call);
	uint32_t epoch = atomic_load_explicit(&page(h->q)->epoch, memory_order_acquire);

	/* something was taken out of a set since: whether it was this, only the agent can tell */
	if (!a->err && a->epoch != epoch && !query_outdated(h->q))
		hold_send(h);
	else
		hold_over(h, a);
}

static void on_deadline(struct timer *t)
{
	struct hold *h = container_of(t, struct hold, timer);

	hold_over(h, &(struct proto_held){ .err = h->err });
}
