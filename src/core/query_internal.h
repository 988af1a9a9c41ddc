/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_QUERY_INTERNAL_H
#define CORE_QUERY_INTERNAL_H

/* Shared by query.c (life, waiters), query_try.c (asking) and query_end.c (what becomes of it). */

#include "core/waiter.h"
#include "core/worker.h"

#define QUERY_TRIES 3
#define STALE_WAIT_MS 1800		/* RFC 8767 5: how long a client waits before it gets a stale answer */
#define FAILURE_MS 5000			/* how long a failure is remembered (RFC 9520 3.2) */

struct query {
	struct query *next;			/* in its bucket */
	struct query *older, *newer;
	struct worker *w;
	struct snapshot *snapshot;		/* I2: its own, from start to end */
	struct upstreams *upstreams;
	const struct profile *profile;
	struct verdict verdict;
	uint64_t hash;				/* of its key, in flight and in the cache */
	struct name qname;
	uint16_t qtype;
	bool dnssec_ok, audited;
	bool stale, stale_given;		/* there is a stale answer; it was given */
	struct waiter *waiters;
	query_done_fn *done;
	void *done_ctx;

	unsigned tries;
	uint64_t tried;				/* servers asked, a bit each */
	struct server *server;
	struct name sent;			/* the question as spelt in this try */
	uint16_t id;
	uint64_t sent_us;
	unsigned foreign;			/* datagrams that came to this try and are not its reply */
	struct dgram *dgram;
	struct stream_call *call;
	struct timer timer, stale_timer;
};

/* Starts the next try, or gives up after the last. Never ends the query from within: errors come by the timer. */
void query_try(struct query *q);
/* Lets go of what the current try holds. */
void query_stop_try(struct query *q);
/* The reply to the try: verified and passed on (true), or of no use (false). */
bool query_reply(struct query *q, const uint8_t *msg, size_t len);
/* No upstream answered: the stale answer, or SERVFAIL. */
void query_give_up(struct query *q);
/* The stale answer to those who wait; the query goes on. */
void query_give_stale(struct query *q);
/* SERVFAIL to those who wait, with the reason; nothing is remembered. */
void query_refuse(struct query *q, const char *why);
/* Ends it; nobody waits any more. */
void query_free(struct query *q);
struct rcache_key query_key(const struct query *q);
/* The waiters, which are the caller's now; no longer counted. */
struct waiter *query_take_waiters(struct query *q);
const struct conf_upstream *query_upstream(const struct query *q);
/* seen: see worker_event. */
void query_event(const struct query *q, const struct waiter *wt, enum event_verdict verdict, enum reason reason,
		 const struct name *link, const struct chain *seen);

#endif
