/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_BOOK_H
#define EXPORT_BOOK_H

/*
 * The book of leases: what the agent is but for its process and its channels. Turns grants into
 * leases and operations, what sinks acknowledge and tell into what is held, and puts back what others took out.
 * One thread; time comes from the loop.
 */

#include "export/page.h"
#include "export/proto.h"
#include "export/sink.h"
#include "policy/guard.h"

struct book;

/* An answer to a HOLD; `who` is what book_hold was given. Never from within book_hold. */
typedef void book_held_fn(void *ctx, void *who, const struct proto_held *held);

/* page: the agent's own, writable mapping. NULL without memory. */
struct book *book_new(struct loop *l, struct export_page *page, book_held_fn *held, void *ctx);
/* Leases stay in their sets: the next agent adopts them. */
void book_free(struct book *b);

/*
 * A configuration. Prepared beside the one in force: sets that both have are shared. What can be
 * wrong with the sets goes to d as errors (wrong type, with the nft command) and warnings (not there yet);
 * 0, -EINVAL after errors, -ENOMEM. The first one is prepared and committed before anything is held. The
 * configuration's memory is the caller's: it stays until book_layout_gone gives it back.
 */
must_check int book_prepare(struct book *b, const struct conf *c, const struct exports *e, const struct guard *g,
			    struct diag_list *d);
/*
 * The next configuration worked before: sets that are wrong now fail, by themselves and until they are right, and are
 * warnings. Else one set that somebody made anew would close all of them.
 */
void book_forgive(struct book *b);
/*
 * In force from now on; the old one still serves grants of queries that began with it, for a minute. Sets that the new
 * one lacks are emptied of ours.
 */
void book_commit(struct book *b);
void book_abort(struct book *b);
/*
 * A configuration that the book needs no more, for its owner to free; NULL: there is none now. To be asked until
 * NULL after book_prepare, book_commit and book_abort.
 */
const struct conf *book_layout_gone(struct book *b);

/* Takes a HOLD; what h points to is copied. It is planned by book_run. */
void book_hold(struct book *b, const struct proto_hold *h, void *who);
/* Whoever asked is gone: its holds are answered to nobody. */
void book_forget(struct book *b, void *who);
/* Before the loop sleeps: reads the events that wait, plans the grants that came, submits, answers what is decided. */
void book_run(struct book *b);

/* A flow that lives (follow = conntrack): leases on its address in sets that follow go on. As it began, before NAT. */
void book_flow(struct book *b, const struct addr *client, const struct addr *addr, uint8_t proto, uint16_t port);
/* Whether any lease wants to know of flows now; exports that do not follow cost nothing. */
bool book_follows(const struct book *b);
/* How often flows are to be told: three times in the shortest lease that is followed, within 1 and 30 seconds. */
uint64_t book_follow_window_us(const struct book *b);

/*
 * Calls each for the leases of an address (NULL: all), in parts: *cursor is 0 at first; the one that each() gave false
 * for is the first of the next call. True while there is more. What comes or goes between the calls may be missed,
 * what stays is not.
 */
bool book_list(struct book *b, const struct addr *addr, uint64_t *cursor,
	       bool (*each)(void *ctx, const struct proto_lease *l), void *ctx);
/* Closes them; gives how many. Elements of others stay. */
uint64_t book_close(struct book *b, const struct addr *addr);
void book_sets(struct book *b, void (*each)(void *ctx, const struct proto_set *s), void *ctx);

/* After a commit: every opener, once, in parts of the caller's choosing. */
void book_review_start(struct book *b);
/* The same of what was adopted since, which nobody has judged; false: nothing, or there is more to be read. */
bool book_review_adopted(struct book *b);
/* The next that is to be judged; false: there is none left. */
bool book_review_next(struct book *b, struct proto_review *r);
void book_review_verdict(struct book *b, const struct proto_verdict *v);
/* All are judged: closes what no opener holds any more; gives how many. */
uint64_t book_review_end(struct book *b);

#endif
