/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_UPSTREAM_H
#define CORE_UPSTREAM_H

/*
 * A worker's upstream servers: which to ask next, from measured round-trip
 * times and failures. A server that failed is stepped over while another
 * answers, and tried again in the background with copies of live questions, ever more
 * rarely while it stays silent.
 */

#include "core/resolv.h"
#include "io/dgram.h"
#include "io/stream.h"
#include "policy/snapshot.h"

struct server {
	struct endpoint at;
	unsigned refs;
	uint32_t srtt_us;		/* 0: not measured */
	bool down;
	unsigned useless;		/* replies in a row that were of no use */
	bool said_down;			/* the log has told of it, */
	uint64_t said_at;		/* last at this time (mono_us) */
	uint64_t retry_at;		/* mono_us: when a server that is down is tried again */
	uint32_t backoff_ms;
	struct stream *stream;		/* kept connection, made when first wanted */
	struct probe *probe;
	uint64_t sent, answered, failed;
	struct loop *loop;
};

/* The servers of one [upstream] or [forward]. */
struct server_group {
	struct server **v;
	size_t n;
};

/*
 * All groups of one snapshot; queries hold it as they hold the snapshot.
 * Servers live on in the next set, with what was learned of them.
 */
struct upstreams {
	unsigned refs;
	struct loop *loop;
	struct server_group *groups;	/* as snapshot_upstream counts */
	size_t n;
};

/* old (may be NULL) lends its servers. NULL without memory. */
struct upstreams *upstreams_new(struct loop *l, const struct snapshot *s, const struct resolv *resolv,
				const struct upstreams *old);
struct upstreams *upstreams_hold(struct upstreams *u);
void upstreams_release(struct upstreams *u);	/* NULL is allowed */

/*
 * The server for the next try; `tried` is a bit for each of the first 64 that this
 * query has asked. NULL: the group is empty. *index is its place in the group.
 */
struct server *upstream_pick(const struct server_group *g, uint64_t tried, struct now now, unsigned *index);
void upstream_answered(struct server *s, uint64_t rtt_us);
void upstream_failed(struct server *s, struct now now);
/* Whether a reply could be used: a server that only ever refuses is asked after all others. */
void upstream_judged(struct server *s, bool useful);
/* Asks again those that are down and due, with this question; their reply only marks them up. */
void upstream_probe(const struct server_group *g, const struct server *except, const struct name *name,
		    uint16_t qtype, uint32_t timeout_ms, struct now now);
/* The kept connection to the server; NULL without memory. */
struct stream *upstream_stream(struct server *s);

#endif
