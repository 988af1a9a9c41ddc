/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rand.h"
#include "core/serve.h"
#include "io/dgram.h"

#define BOUNDS_SLOTS 65536
#define REFUSALS_TOLD 10000u		/* a second, each of them; beyond that fewer, down to one in */
#define REFUSALS_SAMPLE 64u

/*
 * The one place where the order of a turn is promised, before the loop sleeps. First the grants of the turn go
 * to the agent, all in one message. What it acknowledged has been read by then: its channel
 * is one of the descriptors that the turn was about, and answers that it let go stand in the queues, as do those
 * that fail in link_flush. Then all replies are sent. None can pass its own grant: it is
 * composed only when that is acknowledged.
 */
static void before_sleep(void *ctx)
{
	struct worker *w = ctx;

	if (w->link)
		link_flush(w->link);
	dgram_flush(w->loop);
	for (size_t i = 0; i < w->n_listeners; i++)
		udp_flush(w->udp[i]);
}

static size_t cache_share(const struct snapshot *s, unsigned workers)
{
	return s->conf->cache.size / workers;
}

/* Only where there is an agent to talk to. */
static bool make_link(struct worker *w)
{
	if (!w->shared->page)
		return true;
	w->link = link_new(w->loop, w->shared->page);
	w->bounds = bounds_new(BOUNDS_SLOTS);
	return w->link && w->bounds;
}

struct worker *worker_new(unsigned index, struct snapshot *s, const struct resolv *resolv, struct shared *shared)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->index = index;
	w->shared = shared;
	w->snapshot = snapshot_hold(s);
	w->loop = loop_new(before_sleep, w);
	w->cache = rcache_new(cache_share(s, shared->workers));
	w->queries = queries_new(w);
	w->events = event_ring_new();
	if (w->loop)
		w->upstreams = upstreams_new(w->loop, s, resolv, NULL);
	if (w->loop && w->cache && w->queries && w->events && w->upstreams && make_link(w))
		return w;
	if (w->loop)
		worker_close(w);
	if (worker_free(w))
		log_error("worker %u: left something open", index);
	return NULL;
}

int worker_listen(struct worker *w, int udp_fd, int tcp_fd)
{
	struct tcp_handler handler = serve_tcp_handler;
	size_t n = w->n_listeners + 1;
	struct udp **udp = realloc(w->udp, n * sizeof(*udp));
	struct tcp **tcp = realloc(w->tcp, n * sizeof(*tcp));

	if (udp)
		w->udp = udp;
	if (tcp)
		w->tcp = tcp;
	if (!udp || !tcp) {
		close(udp_fd);
		close(tcp_fd);
		return -ENOMEM;
	}
	handler.ctx = w;
	w->udp[n - 1] = udp_new(w->loop, udp_fd, serve_udp, w);
	w->tcp[n - 1] = tcp_new(w->loop, tcp_fd, &handler, &w->shared->tcp);
	if (!w->udp[n - 1] || !w->tcp[n - 1]) {
		if (w->udp[n - 1])
			udp_close(w->udp[n - 1]);
		if (w->tcp[n - 1])
			tcp_close(w->tcp[n - 1]);
		return -ENOMEM;
	}
	w->n_listeners = n;
	return 0;
}

int worker_swap(struct worker *w, struct snapshot *s, const struct resolv *resolv)
{
	struct upstreams *u = upstreams_new(w->loop, s, resolv, w->upstreams);
	size_t size = cache_share(s, w->shared->workers);
	struct rcache *c = NULL;

	if (!u)
		return -ENOMEM;
	if (size != cache_share(w->snapshot, w->shared->workers) && !(c = rcache_new(size))) {
		upstreams_release(u);
		return -ENOMEM;
	}
	upstreams_release(w->upstreams);
	w->upstreams = u;
	if (c) {
		rcache_free(w->cache);
		w->cache = c;
	} else if (s != w->snapshot) {
		rcache_flush(w->cache, NULL);
	}
	snapshot_release(w->snapshot);
	w->snapshot = snapshot_hold(s);
	return 0;
}

void worker_close(struct worker *w)
{
	if (w->queries)
		queries_close(w->queries);
	before_sleep(w);
	link_free(w->link);
	w->link = NULL;
	for (size_t i = 0; i < w->n_listeners; i++) {
		udp_close(w->udp[i]);
		tcp_close(w->tcp[i]);
	}
	w->n_listeners = 0;
	upstreams_release(w->upstreams);
	w->upstreams = NULL;
}

int worker_free(struct worker *w)
{
	int left = 0;

	if (w->queries)
		left += queries_free(w->queries);
	if (w->loop)
		left += loop_free(w->loop);
	rcache_free(w->cache);
	bounds_free(w->bounds);
	event_ring_free(w->events);
	snapshot_release(w->snapshot);
	free(w->udp);
	free(w->tcp);
	free(w);
	return left;
}

/* All that the answer led to, in the catalogue or not. */
static uint16_t pack_path(const struct chain *c, uint8_t *out)
{
	size_t len = 0;

	for (size_t i = 0; i < c->n_targets; i++) {
		memcpy(out + len, c->targets[i].name.wire, c->targets[i].name.len);
		len += c->targets[i].name.len;
	}
	return (uint16_t)len;
}

static enum event_outcome outcome(const struct chain *c)
{
	if (c->rcode == RCODE_NXDOMAIN)
		return EVENT_NXDOMAIN;
	if (!c->negative)
		return EVENT_FOUND;
	return c->filtered ? EVENT_FILTERED : EVENT_NODATA;
}

/*
 * How many refusals this one is told for, 0: it is not told. A flood of them would cost as much to tell as to answer: of
 * what comes in one second the first are told each, then one in two, and after each doubling half as many. Where
 * each is to be a line of the log all are.
 */
static uint16_t refusal_weight(struct worker *w, const struct conf_log *log)
{
	uint64_t second = loop_now(w->loop).mono_us / CLOCK_S;
	uint16_t weight = 1;

	if (second != w->refused_second) {
		w->refused_second = second;
		w->refused = 0;
	}
	w->refused++;
	if (w->refused <= REFUSALS_TOLD || (log->queries != QUERIES_NONE && log->rate > REFUSALS_TOLD))
		return 1;
	while (weight < REFUSALS_SAMPLE && w->refused > REFUSALS_TOLD * weight)
		weight *= 2;
	return rand_below(weight) ? 0 : weight;
}

void worker_event(struct worker *w, const struct snapshot *s, const struct profile *p, const struct addr *client,
		  const struct name *name, uint16_t type, const struct verdict *v, enum event_verdict verdict,
		  enum reason reason, const struct name *link, const struct chain *seen, uint32_t us)
{
	enum conf_queries log = s->conf->log.queries;
	uint16_t weight = 1;
	struct event e;
	int put;

	/* refusals are counted for `postern blocked` whatever is logged */
	if (log != QUERIES_ALL && verdict != EVENT_BLOCKED && verdict != EVENT_AUDITED)
		return;
	if (verdict == EVENT_BLOCKED && !(weight = refusal_weight(w, &s->conf->log)))
		return;
	e.weight = weight;
	e.client = *client;
	e.generation = s->generation;
	e.entry = v->entry;
	e.profile = p->index;
	e.type = type;
	e.verdict = (uint8_t)verdict;
	e.reason = (uint8_t)reason;
	e.us = us;
	e.outcome = reason == REASON_FAILED ? EVENT_UNANSWERED : EVENT_UNKNOWN;
	e.path_len = 0;
	e.path = w->path;
	if (verdict == EVENT_AUDITED && seen) {
		e.outcome = (uint8_t)outcome(seen);
		e.path_len = pack_path(seen, w->path);
	}
	e.name.len = name->len;
	e.name.labels = name->labels;
	memcpy(e.name.wire, name->wire, name->len);
	e.link.len = 0;
	e.link.labels = 0;
	if (link && link->len)
		e.link = *link;
	put = event_put(w->events, &e);
	if (put < 0)
		stat_add(&w->stats, STAT_EVENTS_LOST);
	else if (put)
		w->shared->wake(w->shared->wake_ctx);
}
