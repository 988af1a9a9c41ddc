/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/serve.h"

#include <stdlib.h>

#include "base/util.h"
#include "core/reply.h"
#include "core/view.h"

static struct reply_room room(const struct request *r)
{
	return (struct reply_room){ r->out, r->cap, r->limit };
}

static void event(struct worker *w, const struct request *r, enum event_verdict verdict, enum reason reason,
		  const struct name *link)
{
	worker_event(w, r->snapshot, r->profile, &r->client, &r->q.qname, r->q.qtype, &r->verdict, verdict, reason,
		     link, NULL, 0);
}

static enum served replied(size_t len)
{
	return len ? SERVED_REPLY : SERVED_CLOSE;
}

/* What comes before any policy: malformed, versions, opcodes, classes, ANY. Gives the length, 0: go on. */
static size_t formal(struct worker *w, const struct request *r, enum wire_parse parsed)
{
	const struct wire_query *q = &r->q;
	unsigned rcode;

	if (parsed == WIRE_FORMERR)
		rcode = RCODE_FORMERR;
	else if (parsed == WIRE_NOTIMP)
		rcode = RCODE_NOTIMP;
	else if (q->edns && q->edns_version)
		rcode = RCODE_BADVERS;
	else if (q->qclass != CLASS_IN || (q->qtype >= TYPE_TKEY && q->qtype <= TYPE_MAILA))
		rcode = RCODE_REFUSED;
	else if (q->qtype == TYPE_OPT || q->qtype == 0)
		rcode = RCODE_FORMERR;
	else if (q->qtype == TYPE_ANY)
		return reply_any(q, r->snapshot->conf->cache.block_ttl, room(r));
	else
		return 0;
	stat_add(&w->stats, rcode == RCODE_REFUSED || rcode == RCODE_NOTIMP ? STAT_REFUSED : STAT_MALFORMED);
	return wire_short(r->out, r->cap, q, rcode, NULL);
}

/* A name that no entry has may be one that an allowed answer led to. */
static void decide_learned(const struct worker *w, struct request *r, struct now now)
{
	struct verdict *v = &r->verdict;
	struct attrs attrs;
	uint64_t until;

	if (!learned_find(w->shared->learned, r->profile, &r->q.qname, now.boot_ms, &attrs, &until))
		return;
	v->attrs = attrs;
	v->reason = REASON_LEARNED;
	v->kind = VERDICT_UPSTREAM;
	if (!decide_type_ok(r->snapshot, r->profile, &attrs, r->q.qtype)) {
		v->kind = VERDICT_NODATA;
		v->reason = REASON_TYPE;
	}
}

/* Audit mode resolves what enforcing would refuse. */
static void audit(struct request *r)
{
	struct verdict *v = &r->verdict;

	if (!r->profile->audit || (v->kind != VERDICT_BLOCK && v->kind != VERDICT_NODATA))
		return;
	if (v->kind == VERDICT_NODATA && v->upstream == 0 && v->record)
		return;
	v->kind = VERDICT_UPSTREAM;
	r->audited = true;
}

/* An entry that is alive, or stale while upstream is known to be silent. */
static enum served serve_entry(struct worker *w, struct request *r, const struct rcache_entry *e, bool stale,
			       uint64_t now_ms, size_t *len)
{
	static const struct wire_ede failed = { EDE_NO_REACHABLE, NULL };
	bool audited = r->audited || e->kind == RCACHE_AUDITED;
	enum reason reason = e->kind == RCACHE_AUDITED && !r->audited ? REASON_CHAIN : r->verdict.reason;
	enum counter counter = stale ? STAT_STALE : r->verdict.kind == VERDICT_RECORD ? STAT_LOCAL : STAT_CACHED;
	struct reply_stored stored;
	struct name link;
	uint32_t covered;

	/* I1: what the firewall has to take first is given when it has */
	if (!query_open(w, e, r->ports, &r->client, stale, &covered))
		return query_park(w, r, e, stale, len);
	if (!rcache_link(e, &link))
		link.len = 0;
	switch (e->kind) {
	case RCACHE_BLOCKED:
		stat_add(&w->stats, STAT_BLOCKED_CHAIN);
		event(w, r, EVENT_BLOCKED, REASON_CHAIN, &link);
		*len = reply_block(r->snapshot, r->profile, &r->q, &link, room(r));
		return replied(*len);
	case RCACHE_FILTERED:
		reason = REASON_FILTERED;
		*len = reply_nodata(r->snapshot, &r->q, REPLY_FILTERED, room(r));
		break;
	case RCACHE_FAILED:
		stat_add(&w->stats, STAT_FAILED);
		event(w, r, r->audited ? EVENT_AUDITED : EVENT_FAILED, REASON_FAILED, NULL);
		*len = reply_failure(&r->q, &failed, room(r));
		return SERVED_REPLY;
	default:
		stored = reply_of_entry(e, now_ms, stale);
		stored.ceil = MIN(stored.ceil, covered);
		*len = reply_stored(&stored, &r->q, room(r));
	}
	stat_add(&w->stats, counter);
	event(w, r, audited ? EVENT_AUDITED : EVENT_ALLOWED, reason, &link);
	return replied(*len);
}

/* A record whose addresses the firewall has to take goes the way of an upstream's answer. */
static bool held_record(const struct request *r)
{
	uint16_t type = r->q.qtype;

	return r->view & VIEW_HELD && (type == TYPE_A || type == TYPE_AAAA || type == TYPE_HTTPS || type == TYPE_SVCB);
}

static void set_view(const struct worker *w, struct request *r)
{
	r->view = view_of(r->snapshot, r->profile, &r->verdict, r->audited, &r->client,
			  w->link ? link_page(w->link) : NULL);
	if (r->view & VIEW_HELD)
		r->ports = view_ports(&r->verdict.attrs);
}

static enum served serve_upstream(struct worker *w, struct request *r, struct now now, size_t *len)
{
	struct rcache_key key = request_key(r);
	struct rcache_entry *e = rcache_find(w->cache, &key, rcache_hash(&key));
	uint64_t stale_ms = r->snapshot->conf->cache.stale * 1000ull;

	if (e && now.boot_ms < e->expires)
		return serve_entry(w, r, e, false, now.boot_ms, len);
	if (e && (!rcache_is_answer(e) || now.boot_ms >= e->expires + stale_ms))
		e = NULL;
	if (e && now.boot_ms < e->retry)
		return serve_entry(w, r, e, true, now.boot_ms, len);
	return query_start(w, r, e, len);
}

static enum served serve_verdict(struct worker *w, struct request *r, struct now now, size_t *len)
{
	const struct verdict *v = &r->verdict;
	uint32_t ttl = r->snapshot->conf->cache.block_ttl;

	set_view(w, r);
	switch (v->kind) {
	case VERDICT_RECORD:
		if (held_record(r))
			return serve_upstream(w, r, now, len);
		stat_add(&w->stats, STAT_LOCAL);
		event(w, r, EVENT_ALLOWED, v->reason, NULL);
		*len = records_answer(v->record, &r->q, ttl, r->out, r->cap, r->limit);
		return replied(*len);
	case VERDICT_SPECIAL:
		stat_add(&w->stats, STAT_LOCAL);
		event(w, r, v->special->kind == SPECIAL_CANARY ? EVENT_BLOCKED : EVENT_ALLOWED, v->reason, NULL);
		*len = special_answer(v->special, &r->q, ttl, r->out, r->cap, r->limit);
		return replied(*len);
	case VERDICT_NODATA:
		stat_add(&w->stats, STAT_NODATA);
		event(w, r, EVENT_BLOCKED, v->reason, NULL);
		*len = reply_nodata(r->snapshot, &r->q, NULL, room(r));
		return replied(*len);
	case VERDICT_BLOCK:
		stat_add(&w->stats, STAT_BLOCKED);
		event(w, r, EVENT_BLOCKED, v->reason, NULL);
		*len = reply_block(r->snapshot, r->profile, &r->q, NULL, room(r));
		return replied(*len);
	case VERDICT_UPSTREAM:
		return serve_upstream(w, r, now, len);
	}
	return SERVED_SILENT;
}

/* A question that is well formed. */
static enum served serve_question(struct worker *w, struct request *r, size_t *outlen)
{
	struct now now = loop_now(w->loop);

	r->snapshot = w->snapshot;
	r->profile = snapshot_profile(w->snapshot, &r->client);
	decide(w->snapshot, r->profile, &r->q.qname, r->q.qtype, &r->verdict);
	if (r->verdict.kind == VERDICT_BLOCK)
		decide_learned(w, r, now);
	audit(r);
	return serve_verdict(w, r, now, outlen);
}

static enum served serve(struct worker *w, struct request *r, const uint8_t *msg, size_t len, size_t *outlen)
{
	enum wire_parse parsed;

	if (!snapshot_client_ok(w->snapshot, &r->client)) {
		stat_add(&w->stats, STAT_FOREIGN_CLIENT);
		return SERVED_CLOSE;
	}
	parsed = wire_parse_query(&r->q, msg, len);
	if (parsed == WIRE_DROP) {
		stat_add(&w->stats, STAT_MALFORMED);
		return SERVED_SILENT;
	}
	r->snapshot = w->snapshot;
	r->limit = wire_limit(&r->q, r->conn != NULL);
	*outlen = formal(w, r, parsed);
	if (*outlen)
		return SERVED_REPLY;
	if (parsed != WIRE_OK)
		return SERVED_SILENT;
	return serve_question(w, r, outlen);
}

void serve_again(struct worker *w, struct waiter *wt)
{
	struct request r = {
		.q = wt->q, .client = wt->client, .udp = wt->udp, .peer = &wt->peer, .conn = wt->conn,
		.out = w->message, .cap = sizeof(w->message), .limit = wt->limit,
	};
	enum served served = SERVED_CLOSE;
	size_t len = 0;

	if (snapshot_client_ok(w->snapshot, &wt->client))
		served = serve_question(w, &r, &len);
	if (served == SERVED_LATER)
		free(wt);
	else
		waiter_reply(wt, w->message, served == SERVED_REPLY ? len : 0, served == SERVED_CLOSE);
}

size_t serve_udp(void *ctx, struct udp *u, const struct udp_peer *peer, const uint8_t *msg, size_t len, uint8_t *out)
{
	struct worker *w = ctx;
	struct request r = { .udp = u, .peer = peer, .out = out, .cap = UDP_REPLY_MAX };
	struct endpoint from;
	size_t outlen = 0;

	stat_add(&w->stats, STAT_UDP);
	if (endpoint_from_sockaddr(&from, &peer->from.sa) < 0)
		return 0;
	r.client = from.addr;
	return serve(w, &r, msg, len, &outlen) == SERVED_REPLY ? outlen : 0;
}

static enum tcp_verdict serve_tcp(void *ctx, struct tcp_conn *conn, const struct endpoint *client, const uint8_t *msg,
				  size_t len, uint8_t *out, size_t *outlen)
{
	struct worker *w = ctx;
	struct request r = { .conn = conn, .client = client->addr, .out = out, .cap = WIRE_MAX };

	stat_add(&w->stats, STAT_TCP);
	switch (serve(w, &r, msg, len, outlen)) {
	case SERVED_REPLY:
		return TCP_REPLIED;
	case SERVED_LATER:
		return TCP_LATER;
	case SERVED_SILENT:
		return TCP_IGNORED;
	case SERVED_CLOSE:
		return TCP_CLOSE;
	}
	return TCP_CLOSE;
}

static bool serve_accept(void *ctx, const struct endpoint *client)
{
	struct worker *w = ctx;

	if (snapshot_client_ok(w->snapshot, &client->addr))
		return true;
	stat_add(&w->stats, STAT_FOREIGN_CLIENT);
	return false;
}

const struct tcp_handler serve_tcp_handler = { .accept = serve_accept, .query = serve_tcp };
