/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_WORKER_H
#define CORE_WORKER_H

/*
 * One worker: a thread with its own loop, sockets, answer cache and upstream
 * connections. What it shares with the others is the immutable snapshot, the
 * table of learned names, and the three counts of `struct shared`.
 */

#include "core/link.h"
#include "core/query.h"
#include "core/resolv.h"
#include "core/upstream.h"
#include "io/loop.h"
#include "io/tcp.h"
#include "io/udp.h"
#include "obs/event.h"
#include "policy/chain.h"
#include "policy/grant.h"
#include "state/bounds.h"
#include "state/learned.h"
#include "state/rcache.h"
#include "state/stats.h"

struct shared {
	unsigned workers;
	struct learned *learned;
	struct tcp_limits tcp;
	const struct export_page *page;	/* the agent's, NULL: there is no agent process */
	atomic_uint waiting;		/* questions waiting for upstream or the firewall, of all workers */
	/* Called by a worker whose event ring was empty: the reader is to look into it soon. */
	void (*wake)(void *ctx);
	void *wake_ctx;
};

struct worker {
	unsigned index;
	struct loop *loop;
	struct shared *shared;
	struct snapshot *snapshot;
	struct upstreams *upstreams;
	struct rcache *cache;
	struct link *link;		/* to the agent, and */
	unsigned agent;			/* to which: the how-manieth; of keeper.c */
	struct bounds *bounds;		/* what it confirmed to single clients; both NULL where nothing is exported */
	uint64_t answers;		/* so far: each has a number of its own */
	struct queries *queries;
	struct event_ring *events;
	uint64_t refused_second;		/* the second in which so many were refused */
	unsigned refused;
	struct stats stats;
	struct udp **udp;
	struct tcp **tcp;
	size_t n_listeners;
	/* scratch memory of the miss path */
	struct answer answer;
	struct chain chain;
	struct grant grant;
	uint8_t composed[WIRE_MAX], message[WIRE_MAX];
	uint16_t ttls[ANSWER_TTLS];
	uint8_t path[EVENT_PATH];
};

/* A worker without sockets; it takes a reference of the snapshot. NULL without memory. */
struct worker *worker_new(unsigned index, struct snapshot *s, const struct resolv *resolv, struct shared *shared);
/* Serves a pair of listening sockets; they are the worker's from now on. -ENOMEM. */
must_check int worker_listen(struct worker *w, int udp_fd, int tcp_fd);
/* In the worker's thread: from now on it is judged by s. -ENOMEM: as before. */
must_check int worker_swap(struct worker *w, struct snapshot *s, const struct resolv *resolv);
/* In the worker's thread: closes everything that its loop waits for, so that the loop can end. */
void worker_close(struct worker *w);
/* After its loop has ended; gives the number of things left open: 0, or there is a bug. */
must_check int worker_free(struct worker *w);

/*
 * Notes what became of a question, for the log, the list of refused names and the audit record. seen: the
 * answer as it came from upstream, or NULL where nothing new was learned of it.
 */
void worker_event(struct worker *w, const struct snapshot *s, const struct profile *p, const struct addr *client,
		  const struct name *name, uint16_t type, const struct verdict *v, enum event_verdict verdict,
		  enum reason reason, const struct name *link, const struct chain *seen, uint32_t us);

#endif
