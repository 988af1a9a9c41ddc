/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_QUERY_H
#define CORE_QUERY_H

/*
 * The slow path: a question that has to go upstream or has to wait for the firewall, as
 * one state machine (try, verify, hold, reply), which owns every error exit. Identical questions of one
 * profile and view in flight are one query with several waiters.
 */

#include "io/tcp.h"
#include "io/udp.h"
#include "policy/chain.h"
#include "state/rcache.h"

struct worker;
struct queries;
struct server;

/* A client's question on its way through; lives on the stack of the fast path. */
struct request {
	struct wire_query q;
	struct addr client;
	const struct snapshot *snapshot;
	const struct profile *profile;
	struct verdict verdict;
	bool audited;			/* let through by audit mode only */
	unsigned view;			/* see view_of */
	uint64_t ports;			/* see view_ports; 0 where the view is not held */
	struct udp *udp;		/* asked over UDP, by */
	const struct udp_peer *peer;
	struct tcp_conn *conn;		/* or over TCP */
	uint8_t *out;			/* room for a reply in place */
	size_t cap, limit;
};

enum served {
	SERVED_REPLY,			/* a reply stands in out */
	SERVED_LATER,
	SERVED_SILENT,			/* none now, none later */
	SERVED_CLOSE,			/* none, and a TCP connection closes */
};

struct queries *queries_new(struct worker *w);
/* Ends what is in flight: SERVFAIL to all who wait. */
void queries_close(struct queries *qs);
/* Gives the number of queries left over: 0, or there is a bug. */
must_check int queries_free(struct queries *qs);
size_t queries_count(const struct queries *qs);

/*
 * Joins the same question in flight or starts it. `stale` is the cache's entry that has expired and may
 * still serve if upstream stays silent, or NULL. A reply in place (*len) only where limits refuse it.
 */
enum served query_start(struct worker *w, const struct request *r, const struct rcache_entry *stale, size_t *len);
/*
 * An answer of the cache that may be given now, but whose addresses are not known to be open (query_open): it is
 * given when they are. stale: past its time.
 */
enum served query_park(struct worker *w, const struct request *r, const struct rcache_entry *e, bool stale,
		       size_t *len);
struct rcache_key request_key(const struct request *r);
/*
 * Whether the answer may leave in place: it wants nothing of the firewall, or that is open to the client
 * for as long as the TTLs that it would be told. *covered: no TTL may be longer. Does not allocate. (I4)
 */
bool query_open(const struct worker *w, const struct rcache_entry *e, uint64_t ports, const struct addr *client,
		bool stale, uint32_t *covered);

/*
 * For `explain --live`: asks without a client. done gets the answer and its walk, past bad links too,
 * or NULL where no upstream gave a usable one; msg is the composed answer.
 */
typedef void query_done_fn(void *ctx, const struct answer *a, const struct chain *c, const uint8_t *msg, size_t len);
must_check int query_ask(struct worker *w, const struct request *r, query_done_fn *done, void *ctx);

#endif
