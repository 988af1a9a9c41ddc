/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_QUERY_INTERNAL_H
#define CORE_QUERY_INTERNAL_H

/*
 * Shared by query.c (life, waiters), query_try.c (asking), query_record.c (what needs no asking), query_end.c
 * (what becomes of it) and query_hold.c (waiting for the firewall).
 */

#include "core/view.h"
#include "core/waiter.h"
#include "core/worker.h"

#define QUERY_TRIES 3
#define STALE_WAIT_MS 1800		/* RFC 8767 5: how long a client waits before it gets a stale answer */
#define WAITERS_HELD 1024		/* of a query whose answer is held: each may need a grant of its own */
#define FAILURE_MS 5000			/* how long a failure is remembered (RFC 9520 3.2) */

/* An answer that waits until the firewall has taken its addresses: one block of memory. */
struct kept {
	uint64_t stored;			/* boot_ms */
	uint64_t id;				/* of the cache's entry, if there is one */
	uint32_t ttl;				/* the longest of a record that bears an address */
	bool stale;
	size_t len, n_ttls, n_addrs, n_targets;
	uint8_t *wire;
	uint16_t *ttls;				/* offsets in it */
	struct addr *addrs;
	uint8_t *chain;				/* names that it leads to, in wire form */
	uint16_t chain_len;
	uint32_t target_ttls[CHAIN_TARGETS];	/* of each of them the longest TTL given on the way */
};

/* A grant on its way to the agent, for all who wait or for one of them. */
struct hold {
	struct hold *next;
	struct query *q;			/* NULL: not in use */
	struct addr client;
	struct link_call call;
	struct timer timer;			/* the deadline, or at once where it could not be sent */
	int err;				/* what it means when it fires */
};

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
	unsigned view;				/* see view_of */
	uint64_t ports;				/* see view_ports */
	bool dnssec_ok, audited;
	bool parked;				/* out of the cache: it never goes upstream */
	bool stale, stale_given;		/* there is a stale answer; it was given */
	struct waiter *waiters;
	size_t n_waiters;
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

	struct kept *kept;			/* set: it waits for the firewall */
	bool by_client;				/* each client needs a grant of its own */
	bool or_answer;				/* all exports that it needs have on-failure = answer */
	uint32_t deadline_ms, grace;
	struct hold *holds, first;		/* in flight; the first needs no memory */
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
/*
 * Whether a reload came since, and what the answer leads to might not be open by what holds now: sets changed, or the
 * entry went and its leases were closed before this one.
 */
bool query_outdated(const struct query *q);
/* Ends it: all who wait ask anew, by the snapshot now in force. */
void query_again(struct query *q);
struct rcache_key query_key(const struct query *q);
/* The waiters, or those of one client, which are the caller's now; no longer counted. */
struct waiter *query_take_waiters(struct query *q, const struct addr *client);
/* A parked query for the same question, by the snapshot now in force; nobody waits yet. NULL without memory. */
struct query *query_park_new(struct query *q, const struct rcache_entry *e, bool stale);
/* The answer of [records], verified and composed like any other. Ends the query, or leaves it held. */
void query_record(struct query *q);
/* What the walk is to judge by. */
struct chain_ask query_chain_ask(const struct query *q);
/* The NODATA that stands for what was taken out. c: see worker_event. */
void query_end_filtered(struct query *q, const struct chain *c, uint32_t ttl);
/* The answer that was composed in w->composed and w->ttls; c: its walk. Ends the query, or leaves it held. */
void query_end_answer(struct query *q, const struct chain *c, size_t len);

/* query_hold.c */
enum want { WANT_NOTHING, WANT_HOLD, WANT_TOO_MUCH };
/* What the message, as it will leave, wants of the firewall: into w->grant; *ttl: the longest that an address has. */
enum want query_wants(struct query *q, const uint8_t *wire, size_t len, uint32_t *ttl);
/* Keeps an answer of which w->grant is, with its names in w->chain. False without memory. */
must_check bool query_keep(struct query *q, const uint8_t *wire, size_t len, const uint16_t *ttls, size_t n_ttls,
			   uint32_t ttl, uint64_t stored, uint64_t id);
/* The same of an entry of the cache. False: without memory, or it cannot be. */
must_check bool query_keep_entry(struct query *q, const struct rcache_entry *e, bool stale);
/* Asks the agent for what is kept. Never ends the query from within. */
void query_hold(struct query *q);
/* One more waits for what is kept. False without memory. */
must_check bool query_hold_more(struct query *q, const struct addr *client);
void query_drop_holds(struct query *q);
const struct conf_upstream *query_upstream(const struct query *q);
/* seen: see worker_event. */
void query_event(const struct query *q, const struct waiter *wt, enum event_verdict verdict, enum reason reason,
		 const struct name *link, const struct chain *seen);

#endif
