/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_LINK_H
#define CORE_LINK_H

/*
 * A worker's line to the agent: grants out, "held until" in. While there is no agent every hold fails at
 * once; when one ends, those that wait fail.
 */

#include <errno.h>

#include "export/page.h"
#include "export/proto.h"
#include "io/loop.h"

struct link;

/* There is no agent. None says this of a sink: what is closed there is told as the sink's own. */
#define LINK_DOWN (-EHOSTDOWN)

/* One grant on its way; lives in its owner's struct. */
struct link_call {
	/*
	 * Its answer; it does not wait any more. After the agent's end, or where it could not be sent: err LINK_DOWN
	 * or what went wrong. Never from within link_hold.
	 */
	void (*held)(struct link_call *c, const struct proto_held *h);
	struct link_call *next, **prev;		/* the link's; prev NULL: does not wait */
	uint32_t seq;
};

/* NULL without memory. page: read-only, shared. */
struct link *link_new(struct loop *l, const struct export_page *page);
/* No call may wait any more. NULL is allowed. */
void link_free(struct link *k);
/* A new agent's channel, which is the link's now; what waited for the old one fails now. */
void link_attach(struct link *k, int fd);
/* Ends the channel, if there is one; what waited fails now. */
void link_detach(struct link *k);
/* Told when a channel has ended by itself, or by what it sent: not from link_attach, link_detach, link_free. */
void link_watch(struct link *k, void (*ended)(void *ctx), void *ctx);
const struct export_page *link_page(const struct link *k);
/* Queues a grant for link_flush; h->seq is filled in here. LINK_DOWN, -ENOBUFS; then c does not wait. */
must_check int link_hold(struct link *k, struct proto_hold *h, struct link_call *c);
/* Its answer is not wanted any more. Harmless when it does not wait. */
void link_cancel(struct link_call *c);
/* Before the loop sleeps: sends what the turn has queued, in one message. */
void link_flush(struct link *k);

#endif
