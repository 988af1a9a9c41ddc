/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_LIAISON_H
#define CORE_LIAISON_H

/*
 * The main thread's line to the agent: takes the channels of each new agent from the supervisor, asks one thing at a
 * time, and answers what the agent asks after a commit.
 */

#include <sys/types.h>

#include "export/proto.h"
#include "io/loop.h"

struct liaison;

struct liaison_events {
	/* A worker's channel to a new agent; the descriptor is the callee's. */
	void (*channel)(void *ctx, size_t worker, int fd);
	/* A new agent's first words: err 0, the layout it works by, and warnings; or why it cannot work. A line each. */
	void (*hello)(void *ctx, int err, uint64_t layout, const char *text);
	/* Whether a lease may go on; v comes with its id. */
	void (*review)(void *ctx, const struct proto_review *r, struct proto_verdict *v);
	void (*reviewed)(void *ctx, uint64_t closed);
	/* The agent is gone: requests have failed, and will until the next hello. */
	void (*gone)(void *ctx);
	/* The supervisor is gone. Nothing else will be told. */
	void (*orphaned)(void *ctx);
};

/* fd: struct supervised.fd, which stays the caller's. NULL without memory. */
struct liaison *liaison_new(struct loop *l, int fd, size_t n_workers, const struct liaison_events *ev, void *ctx);
/* Whoever waits for an answer is told -ECANCELED. NULL is allowed. */
void liaison_free(struct liaison *l);

/* Whether there is an agent that can work. */
bool liaison_up(const struct liaison *l);
pid_t liaison_pid(const struct liaison *l);	/* -1: there is none */
unsigned liaison_agents(const struct liaison *l);	/* that there have been */

/* The line to this agent ends, and so does the agent: there will be another. Nothing where it is gone already. */
void liaison_give_up(struct liaison *l, unsigned agent);

#define LIAISON_WAIT_MS 5000		/* of what somebody waits for */

struct liaison_request {
	enum proto_type type;
	struct addr addr;		/* LIST, CLOSE; len 0: all */
	unsigned wait_ms;		/* so long may the agent say nothing at all, whatever it works on */
	/* Each record of the answer, NULL: they do not matter. 0, or -EBADMSG: then the channel is closed. */
	int (*record)(void *ctx, enum proto_type type, struct rd *body);
	/*
	 * Once, NULL: nobody waits. 0, or -ENOTCONN: the agent is gone; -ETIMEDOUT; -ECANCELED. What comes of a late
	 * answer is dropped.
	 */
	void (*end)(void *ctx, int err);
	void *ctx;
};

/* -ENOTCONN, -ENOMEM: nothing was asked, and `end` will not be called. */
must_check int liaison_ask(struct liaison *l, const struct liaison_request *r);

#endif
