/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/query.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "core/query_internal.h"
#include "core/reply.h"
#include "state/tally.h"

#define BUCKETS 1024

struct queries {
	struct worker *w;
	struct query *buckets[BUCKETS];
	struct query *oldest, *newest;
	struct tally *clients;			/* how many questions of each client wait */
	size_t n;
	bool closing;
};

struct queries *queries_new(struct worker *w)
{
	struct queries *qs = calloc(1, sizeof(*qs));

	if (!qs)
		return NULL;
	qs->w = w;
	qs->clients = tally_new();
	if (!qs->clients) {
		free(qs);
		return NULL;
	}
	return qs;
}

size_t queries_count(const struct queries *qs)
{
	return qs->n;
}

void queries_close(struct queries *qs)
{
	qs->closing = true;
	while (qs->oldest)
		query_refuse(qs->oldest, "shutting down");
}

int queries_free(struct queries *qs)
{
	int left = (int)qs->n;

	tally_free(qs->clients);
	free(qs);
	return left;
}

struct rcache_key query_key(const struct query *q)
{
	return (struct rcache_key){
		.profile = q->profile->index, .type = q->qtype, .dnssec_ok = q->dnssec_ok, .view = (uint8_t)q->view,
		.name = &q->qname,
	};
}

struct rcache_key request_key(const struct request *r)
{
	return (struct rcache_key){
		.profile = r->profile->index, .type = r->q.qtype, .dnssec_ok = r->q.dnssec_ok,
		.view = (uint8_t)r->view, .name = &r->q.qname,
	};
}

const struct conf_upstream *query_upstream(const struct query *q)
{
	return snapshot_upstream(q->snapshot, q->verdict.upstream);
}

void query_event(const struct query *q, const struct waiter *wt, enum event_verdict verdict, enum reason reason,
		 const struct name *link, const struct chain *seen)
{
	worker_event(q->w, q->snapshot, q->profile, &wt->client, &q->qname, q->qtype, &q->verdict, verdict, reason,
		     link, seen, (uint32_t)MIN(loop_now(q->w->loop).mono_us - wt->since_us, UINT32_MAX));
}

/*
 * A query that asks upstream may be joined by all, one that waits with an answer of the cache only by
 * who may have that one; and who may have that one does not wait for upstream.
 */
static bool joinable(const struct query *q, bool parked)
{
	/* every grant that is answered goes through all who wait: in parts, so that no turn takes long */
	if (q->view & VIEW_HELD && q->n_waiters >= WAITERS_HELD)
		return false;
	return q->parked == parked || (parked && q->kept);
}

static struct query *find(const struct queries *qs, uint64_t hash, const struct request *r, bool parked)
{
	for (struct query *q = qs->buckets[hash % BUCKETS]; q; q = q->next) {
		if (q->hash == hash && q->qtype == r->q.qtype && q->dnssec_ok == r->q.dnssec_ok &&
		    q->snapshot == r->snapshot && q->profile == r->profile && !q->done && q->view == r->view &&
		    q->ports == r->ports && joinable(q, parked) && name_equal(&q->qname, &r->q.qname))
			return q;
	}
	return NULL;
}

static void on_timer(struct timer *t)
{
	struct query *q = container_of(t, struct query, timer);

	if (q->server) {
		stat_add(&q->w->stats, STAT_UP_TIMEOUT);
		upstream_failed(q->server, loop_now(q->w->loop));
	}
	query_stop_try(q);
	if (q->verdict.kind == VERDICT_RECORD)
		query_record(q);
	else
		query_try(q);
}

static void on_stale_timer(struct timer *t)
{
	query_give_stale(container_of(t, struct query, stale_timer));
}

static struct query *query_new(struct worker *w, const struct request *r, uint64_t hash)
{
	struct queries *qs = w->queries;
	struct query *q = malloc(sizeof(*q));

	if (!q)
		return NULL;
	*q = (struct query){
		.w = w, .snapshot = snapshot_hold(w->snapshot), .upstreams = upstreams_hold(w->upstreams),
		.profile = r->profile, .verdict = r->verdict, .hash = hash, .qname = r->q.qname,
		.qtype = r->q.qtype, .dnssec_ok = r->q.dnssec_ok, .audited = r->audited, .view = r->view,
		.ports = r->ports,
		.timer.fire = on_timer, .stale_timer.fire = on_stale_timer,
	};
	q->next = qs->buckets[hash % BUCKETS];
	qs->buckets[hash % BUCKETS] = q;
	q->older = qs->newest;
	*(qs->newest ? &qs->newest->newer : &qs->oldest) = q;
	qs->newest = q;
	qs->n++;
	return q;
}

void query_free(struct query *q)
{
	struct queries *qs = q->w->queries;
	struct query **link = &qs->buckets[q->hash % BUCKETS];

	query_stop_try(q);
	query_drop_holds(q);
	timer_cancel(loop_timers(q->w->loop), &q->stale_timer);
	while (*link != q)
		link = &(*link)->next;
	*link = q->next;
	*(q->older ? &q->older->newer : &qs->oldest) = q->newer;
	*(q->newer ? &q->newer->older : &qs->newest) = q->older;
	qs->n--;
	upstreams_release(q->upstreams);
	snapshot_release(q->snapshot);
	free(q);
}

struct waiter *query_take_waiters(struct query *q, const struct addr *client)
{
	struct queries *qs = q->w->queries;
	struct waiter **link = &q->waiters, *taken = NULL, **end = &taken;

	while (*link) {
		struct waiter *wt = *link;

		if (client && !addr_equal(&wt->client, client)) {
			link = &wt->next;
			continue;
		}
		*link = wt->next;
		q->n_waiters--;
		wt->next = NULL;
		*end = wt;
		end = &wt->next;
		tally_give(qs->clients, &wt->client);
		atomic_fetch_sub_explicit(&q->w->shared->waiting, 1, memory_order_relaxed);
	}
	return taken;
}

static enum served refuse(struct worker *w, const struct request *r, const char *why, size_t *len)
{
	struct wire_ede ede = { EDE_OTHER, why };

	stat_add(&w->stats, STAT_SHED);
	*len = reply_failure(&r->q, &ede, (struct reply_room){ r->out, r->cap, r->limit });
	return SERVED_REPLY;
}

/* Those that nobody waits for any more, because the stale answer was given, count too. */
static bool full(const struct worker *w, unsigned limit)
{
	return limit && (w->queries->n >= limit ||
			 atomic_load_explicit(&w->shared->waiting, memory_order_relaxed) >= limit);
}

/* Makes room by the bounds of [limits]; NULL, or why there is none. */
static const char *admit(struct worker *w, const struct request *r)
{
	const struct conf_limits *limits = &w->snapshot->conf->limits;
	struct queries *qs = w->queries;

	if (qs->closing)
		return "shutting down";
	if (!tally_take(qs->clients, &r->client, limits->client_inflight))
		return "too many questions of this client waiting";
	while (full(w, limits->inflight)) {
		if (!qs->oldest) {
			tally_give(qs->clients, &r->client);
			return "too many questions waiting";
		}
		/* the oldest has waited longest already and is the likeliest to fail */
		stat_add(&w->stats, STAT_SHED);
		query_refuse(qs->oldest, "too many questions waiting");
	}
	return NULL;
}

static bool wait_for(struct query *q, const struct request *r)
{
	struct waiter *wt = waiter_new(r, loop_now(q->w->loop).mono_us);

	if (!wt)
		return false;
	wt->next = q->waiters;
	q->waiters = wt;
	q->n_waiters++;
	atomic_fetch_add_explicit(&q->w->shared->waiting, 1, memory_order_relaxed);
	return true;
}

static bool join(struct query *q, const struct request *r)
{
	/* a grant that nobody waits for does no harm */
	if ((q->kept && !query_hold_more(q, &r->client)) || !wait_for(q, r))
		return false;
	stat_add(&q->w->stats, STAT_JOINED);
	return true;
}

static void begin(struct query *q, const struct rcache_entry *stale)
{
	uint64_t now = loop_now(q->w->loop).mono_us;

	if (stale) {
		q->stale = true;
		timer_set(loop_timers(q->w->loop), &q->stale_timer, now + STALE_WAIT_MS * CLOCK_MS);
	}
	/* a record could be answered at once, but never from within the question's own call */
	if (q->verdict.kind == VERDICT_RECORD)
		timer_set(loop_timers(q->w->loop), &q->timer, now);
	else
		query_try(q);
}

static bool join_or_start(struct worker *w, const struct request *r, const struct rcache_entry *stale)
{
	struct rcache_key key = request_key(r);
	uint64_t hash = rcache_hash(&key);
	struct query *q = find(w->queries, hash, r, false);

	if (q)
		return join(q, r);
	q = query_new(w, r, hash);
	if (!q)
		return false;
	if (!wait_for(q, r)) {
		query_free(q);
		return false;
	}
	begin(q, stale);
	return true;
}

enum served query_start(struct worker *w, const struct request *r, const struct rcache_entry *stale, size_t *len)
{
	const char *why = admit(w, r);

	if (why)
		return refuse(w, r, why, len);
	if (!join_or_start(w, r, stale)) {
		tally_give(w->queries->clients, &r->client);
		return refuse(w, r, "out of memory", len);
	}
	return SERVED_LATER;
}

static bool join_or_park(struct worker *w, const struct request *r, const struct rcache_entry *e, bool stale)
{
	struct query *q = find(w->queries, e->hash, r, true);

	if (q)
		return join(q, r);
	q = query_new(w, r, e->hash);
	if (!q)
		return false;
	q->parked = true;
	if (!query_keep_entry(q, e, stale) || !wait_for(q, r)) {
		query_free(q);
		return false;
	}
	query_hold(q);
	return true;
}

enum served query_park(struct worker *w, const struct request *r, const struct rcache_entry *e, bool stale,
		       size_t *len)
{
	const char *why = admit(w, r);

	if (why)
		return refuse(w, r, why, len);
	if (!join_or_park(w, r, e, stale)) {
		tally_give(w->queries->clients, &r->client);
		return refuse(w, r, "out of memory", len);
	}
	return SERVED_LATER;
}

struct query *query_park_new(struct query *q, const struct rcache_entry *e, bool stale)
{
	struct request r = {
		.snapshot = q->snapshot, .profile = q->profile, .verdict = q->verdict, .q.qname = q->qname,
		.q.qtype = q->qtype, .q.dnssec_ok = q->dnssec_ok, .audited = q->audited, .view = q->view,
		.ports = q->ports,
	};
	struct query *p = query_new(q->w, &r, q->hash);

	if (!p)
		return NULL;
	p->parked = true;
	if (query_keep_entry(p, e, stale))
		return p;
	query_free(p);
	return NULL;
}

int query_ask(struct worker *w, const struct request *r, query_done_fn *done, void *ctx)
{
	struct query *q = query_new(w, r, 0);

	if (!q)
		return -ENOMEM;
	q->done = done;
	q->done_ctx = ctx;
	query_try(q);
	return 0;
}
