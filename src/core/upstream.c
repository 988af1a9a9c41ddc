/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/upstream.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/rand.h"
#include "base/util.h"

#define BACKOFF_FIRST_MS 500
#define BACKOFF_MAX_MS 30000
#define SAY_EVERY_US (60 * CLOCK_S)
#define USELESS 8			/* useless replies in a row: one broken zone makes a few */
#define EXPLORE 32			/* one query in so many asks another server, to keep its time measured */

/* A copy of a live question, sent to a server that is down. */
struct probe {
	struct server *server;
	struct dgram *dgram;
	struct timer timer;
	struct name name;
	uint16_t id, qtype;
	uint64_t sent_us;
};

static void probe_end(struct probe *p)
{
	struct loop *l = p->server->loop;

	timer_cancel(loop_timers(l), &p->timer);
	dgram_close(p->dgram);
	p->server->probe = NULL;
	free(p);
}

static struct server *server_new(struct upstreams *u, const struct endpoint *at)
{
	struct server *s = calloc(1, sizeof(*s));

	if (s) {
		s->at = *at;
		s->loop = u->loop;
		s->backoff_ms = BACKOFF_FIRST_MS;
	}
	return s;
}

static void server_release(struct server *s)
{
	if (--s->refs)
		return;
	if (s->probe)
		probe_end(s->probe);
	stream_free(s->stream);
	free(s);
}

static struct server *find(const struct upstreams *u, const struct endpoint *at)
{
	for (size_t g = 0; u && g < u->n; g++) {
		for (size_t i = 0; i < u->groups[g].n; i++) {
			if (endpoint_equal(&u->groups[g].v[i]->at, at))
				return u->groups[g].v[i];
		}
	}
	return NULL;
}

static bool add(struct upstreams *u, struct server_group *g, const struct endpoint *at, const struct upstreams *old)
{
	struct server *s = find(u, at);

	if (!s)
		s = find(old, at);
	if (!s)
		s = server_new(u, at);
	if (!s)
		return false;
	s->refs++;
	g->v[g->n++] = s;
	return true;
}

static bool fill(struct upstreams *u, struct server_group *g, const struct conf_upstream *c,
		 const struct resolv *resolv, const struct upstreams *old)
{
	size_t n = c->address.n ? c->address.n : resolv->n;

	g->v = calloc(n + 1, sizeof(struct server *));
	if (!g->v)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!add(u, g, c->address.n ? &c->address.v[i].at : &resolv->servers[i], old))
			return false;
	}
	return true;
}

struct upstreams *upstreams_new(struct loop *l, const struct snapshot *s, const struct resolv *resolv,
				const struct upstreams *old)
{
	struct upstreams *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	*u = (struct upstreams){ .refs = 1, .loop = l };
	u->n = s->conf->n_forwards + 1;
	u->groups = calloc(u->n, sizeof(*u->groups));
	for (size_t i = 0; u->groups && i < u->n; i++) {
		if (!fill(u, &u->groups[i], snapshot_upstream(s, (unsigned)i), resolv, old)) {
			upstreams_release(u);
			return NULL;
		}
	}
	if (!u->groups) {
		free(u);
		return NULL;
	}
	return u;
}

struct upstreams *upstreams_hold(struct upstreams *u)
{
	u->refs++;
	return u;
}

void upstreams_release(struct upstreams *u)
{
	if (!u || --u->refs)
		return;
	for (size_t g = 0; g < u->n; g++) {
		for (size_t i = 0; i < u->groups[g].n; i++)
			server_release(u->groups[g].v[i]);
		free(u->groups[g].v);
	}
	free(u->groups);
	free(u);
}

static bool tried_already(uint64_t tried, size_t i)
{
	return i < 64 && tried >> i & 1;
}

/* Lower is better: servers that this query has asked come last, then those down or useless, then the slow. */
static uint64_t rank(const struct server *s, bool tried)
{
	bool poor = s->down || s->useless >= USELESS;

	return (uint64_t)tried << 33 | (uint64_t)poor << 32 | s->srtt_us;
}

struct server *upstream_pick(const struct server_group *g, uint64_t tried, struct now now, unsigned *index)
{
	size_t best = 0, other;

	if (!g->n)
		return NULL;
	for (size_t i = 1; i < g->n; i++) {
		if (rank(g->v[i], tried_already(tried, i)) < rank(g->v[best], tried_already(tried, best)))
			best = i;
	}
	if (g->n > 1 && !tried && rand_below(EXPLORE) == 0) {
		other = rand_below((uint32_t)g->n);
		if (!g->v[other]->down)
			best = other;
	}
	*index = (unsigned)best;
	return g->v[best];
}

void upstream_answered(struct server *s, uint64_t rtt_us)
{
	char text[ADDR_TEXT];

	s->answered++;
	s->backoff_ms = BACKOFF_FIRST_MS;
	rtt_us = MIN(MAX(rtt_us, 1), UINT32_MAX / 2);
	/* RFC 6298 2.3's smoothing; a first measure, or the first after a failure, counts whole */
	s->srtt_us = s->srtt_us && !s->down ? (uint32_t)((s->srtt_us * 7ull + rtt_us) / 8) : (uint32_t)rtt_us;
	if (s->down && s->said_down) {
		log_info("upstream %s: answers again", endpoint_text(&s->at, text));
		s->said_down = false;
	}
	s->down = false;
}

void upstream_failed(struct server *s, struct now now)
{
	char text[ADDR_TEXT];

	s->failed++;
	/* a lost datagram is no news; clients that ask slow names must not fill the log */
	if (s->down && !s->said_down && (!s->said_at || now.mono_us >= s->said_at + SAY_EVERY_US)) {
		log_warn("upstream %s: does not answer, stepped over", endpoint_text(&s->at, text));
		s->said_down = true;
		s->said_at = now.mono_us;
	}
	s->down = true;
	s->retry_at = now.mono_us + s->backoff_ms * CLOCK_MS;
	s->backoff_ms = MIN(s->backoff_ms * 2, BACKOFF_MAX_MS);
}

void upstream_judged(struct server *s, bool useful)
{
	s->useless = useful ? 0 : MIN(s->useless + 1, USELESS);
}

static void on_probe_reply(void *ctx, const uint8_t *msg, ssize_t len)
{
	struct probe *p = ctx;
	struct loop *l = p->server->loop;

	if (!msg) {
		upstream_failed(p->server, loop_now(l));
		probe_end(p);
	} else if (wire_match(msg, (size_t)len, p->id, &p->name, p->qtype) == WIRE_MATCH) {
		upstream_answered(p->server, loop_now(l).mono_us - p->sent_us);
		probe_end(p);
	}
}

static void on_probe_timeout(struct timer *t)
{
	struct probe *p = container_of(t, struct probe, timer);

	upstream_failed(p->server, loop_now(p->server->loop));
	probe_end(p);
}

static void probe(struct server *s, const struct name *name, uint16_t qtype, uint32_t timeout_ms, struct now now)
{
	struct probe *p = calloc(1, sizeof(*p));
	uint8_t msg[WIRE_QUERY_MAX];
	size_t len;
	int err;

	if (!p)
		return;
	*p = (struct probe){ .server = s, .name = *name, .id = rand_u16(), .qtype = qtype, .sent_us = now.mono_us };
	p->timer.fire = on_probe_timeout;
	len = wire_question(msg, p->id, name, qtype, false);
	p->dgram = dgram_send(s->loop, &s->at, msg, len, on_probe_reply, p, &err);
	if (!p->dgram) {
		upstream_failed(s, now);
		free(p);
		return;
	}
	s->sent++;
	s->probe = p;
	timer_set(loop_timers(s->loop), &p->timer, now.mono_us + timeout_ms * CLOCK_MS);
}

void upstream_probe(const struct server_group *g, const struct server *except, const struct name *name,
		    uint16_t qtype, uint32_t timeout_ms, struct now now)
{
	for (size_t i = 0; i < g->n; i++) {
		struct server *s = g->v[i];

		if (s->down && s != except && !s->probe && now.mono_us >= s->retry_at)
			probe(s, name, qtype, timeout_ms, now);
	}
}

struct stream *upstream_stream(struct server *s)
{
	if (!s->stream)
		s->stream = stream_new(s->loop, &s->at);
	return s->stream;
}
