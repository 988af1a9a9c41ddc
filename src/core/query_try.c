/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "base/rand.h"
#include "core/query_internal.h"

#define FOREIGN_MAX 8

/*
 * One try: a server, a fresh random port, a random id and, by default, a
 * random case of the question's letters; TCP where the reply was cut.
 */

void query_stop_try(struct query *q)
{
	timer_cancel(loop_timers(q->w->loop), &q->timer);
	dgram_close(q->dgram);
	q->dgram = NULL;
	if (q->call)
		stream_cancel(q->call);
	q->call = NULL;
	q->server = NULL;
}

static void wait_until(struct query *q, uint64_t ms)
{
	timer_set(loop_timers(q->w->loop), &q->timer, loop_now(q->w->loop).mono_us + ms * CLOCK_MS);
}

/* The try failed: the next one starts from the loop, never from within the caller's call. */
static void next_try(struct query *q)
{
	query_stop_try(q);
	wait_until(q, 0);
}

static void try_failed(struct query *q)
{
	stat_add(&q->w->stats, STAT_UP_ERROR);
	upstream_failed(q->server, loop_now(q->w->loop));
	next_try(q);
}

static void useless_reply(struct query *q)
{
	upstream_judged(q->server, false);
	stat_add(&q->w->stats, STAT_UP_BAD);
	next_try(q);
}

static void use_reply(struct query *q, const uint8_t *msg, size_t len)
{
	if (!query_reply(q, msg, len))
		useless_reply(q);
}

static void on_stream(void *ctx, const uint8_t *msg, ssize_t len)
{
	struct query *q = ctx;

	q->call = NULL;
	if (!msg) {
		try_failed(q);
		return;
	}
	upstream_answered(q->server, loop_now(q->w->loop).mono_us - q->sent_us);
	/* a connection cannot be spoofed from aside: the case need not prove it */
	if (wire_match(msg, (size_t)len, q->id, &q->sent, q->qtype) == WIRE_FOREIGN || bytes_u16(msg + 2) & WIRE_TC) {
		useless_reply(q);
		return;
	}
	use_reply(q, msg, (size_t)len);
}

static void send_stream(struct query *q)
{
	uint8_t msg[WIRE_QUERY_MAX];
	size_t len = wire_question(msg, 0, &q->sent, q->qtype, q->dnssec_ok);
	struct stream *s = upstream_stream(q->server);
	int err;

	dgram_close(q->dgram);
	q->dgram = NULL;
	q->sent_us = loop_now(q->w->loop).mono_us;
	q->call = s ? stream_send(s, msg, len, &q->id, on_stream, q, &err) : NULL;
	if (!q->call) {
		try_failed(q);
		return;
	}
	q->server->sent++;
	stat_add(&q->w->stats, STAT_UP_SENT);
	stat_add(&q->w->stats, STAT_UP_TCP);
	wait_until(q, query_upstream(q)->timeout_ms);
}

static void on_dgram(void *ctx, const uint8_t *msg, ssize_t len)
{
	struct query *q = ctx;

	if (!msg && len == -EPROTO) {
		stat_add(&q->w->stats, STAT_UP_FOREIGN);
		send_stream(q);
		return;
	}
	if (!msg) {
		try_failed(q);
		return;
	}
	switch (wire_match(msg, (size_t)len, q->id, &q->sent, q->qtype)) {
	case WIRE_FOREIGN:
		stat_add(&q->w->stats, STAT_UP_FOREIGN);
		/* somebody knows the port and is trying ids */
		if (++q->foreign == FOREIGN_MAX)
			send_stream(q);
		return;
	case WIRE_WRONG_CASE:
		/* forged, or from a server that does not keep the case: TCP tells */
		stat_add(&q->w->stats, STAT_UP_FOREIGN);
		send_stream(q);
		return;
	case WIRE_MATCH:
		break;
	}
	upstream_answered(q->server, loop_now(q->w->loop).mono_us - q->sent_us);
	if (bytes_u16(msg + 2) & WIRE_TC)
		send_stream(q);
	else
		use_reply(q, msg, (size_t)len);
}

static void send_dgram(struct query *q)
{
	const struct conf_upstream *c = query_upstream(q);
	uint8_t msg[WIRE_QUERY_MAX], coins[NAME_MAX_WIRE / 8 + 1];
	size_t len;
	int err;

	q->id = rand_u16();
	q->foreign = 0;
	q->sent = q->qname;
	if (c->case_random) {
		rand_bytes(coins, sizeof(coins));
		wire_shuffle_case(&q->sent, coins);
	}
	len = wire_question(msg, q->id, &q->sent, q->qtype, q->dnssec_ok);
	q->sent_us = loop_now(q->w->loop).mono_us;
	q->dgram = dgram_send(q->w->loop, &q->server->at, msg, len, on_dgram, q, &err);
	if (!q->dgram) {
		try_failed(q);
		return;
	}
	q->server->sent++;
	stat_add(&q->w->stats, STAT_UP_SENT);
	wait_until(q, c->timeout_ms);
}

void query_try(struct query *q)
{
	const struct server_group *g = &q->upstreams->groups[q->verdict.upstream];
	struct now now = loop_now(q->w->loop);
	unsigned index;

	if (q->tries == QUERY_TRIES || (!g->n && q->tries)) {
		query_give_up(q);
		return;
	}
	q->server = upstream_pick(g, q->tried, now, &index);
	q->tries++;
	if (!q->server) {
		next_try(q);
		return;
	}
	q->tried |= index < 64 ? 1ull << index : 0;
	upstream_probe(g, q->server, &q->qname, q->qtype, query_upstream(q)->timeout_ms, now);
	send_dgram(q);
}
