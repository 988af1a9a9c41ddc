/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef STATE_LEASE_H
#define STATE_LEASE_H

/*
 * The leases of one set: which elements are open, until when and for whom. Pure: time is an argument, and what
 * is done in the set is its owner's business. Times are mono_us.
 */

#include "state/lease_opener.h"

#define LEASE_EVER UINT64_MAX
#define LEASE_KEY_MAX 40
#define LEASE_OPENERS 8			/* of one lease; the one that ends first gives way */

/* An opener of a lease, and until when it holds it. */
struct lease_link {
	uint32_t opener;		/* 0: none */
	uint32_t end_s;			/* mono, rounded up */
	uint32_t more;			/* the next one, in the links' slots */
};

struct lease {
	struct slot slot;
	uint64_t own;			/* granted until, grace included; 0: to nobody */
	uint64_t held;			/* the set is known to hold it until; LEASE_EVER: no timeout; 0: it does not */
	uint32_t follow_s;		/* goes on until then for a flow's sake (mono, seconds), beside `own` */
	uint32_t op;			/* under way; 0: none */
	struct lease_link link;		/* the newest opener */
	uint16_t gen;			/* the owner's: when `held` was known last */
	uint8_t foreign : 1;		/* the element is another's */
	uint8_t closing : 1;		/* to be taken out */
	uint8_t queued : 1;		/* the owner's: it has a pointer to it */
	uint8_t taken : 1;		/* others took it out, or some of its time, and it is not back */
	uint8_t n_links;
	uint8_t key[];
};

struct leases {
	struct slots all, links;
	struct openers *openers;
	size_t key_len;
};

void leases_init(struct leases *t, size_t key_len, struct openers *openers);
void leases_free(struct leases *t);
struct lease *lease_find(const struct leases *t, const uint8_t *key);
/* A new one, all zero; the key must not be there. NULL without memory. */
struct lease *lease_add(struct leases *t, const uint8_t *key);
void lease_remove(struct leases *t, struct lease *l);
/* By number, 1 to leases_top; NULL where there is none. */
struct lease *lease_at(const struct leases *t, uint32_t id);
static inline uint32_t leases_top(const struct leases *t)
{
	return t->all.top;
}
static inline uint32_t leases_count(const struct leases *t)
{
	return t->all.count;
}
/* Gives memory back when nothing is left. */
void leases_trim(struct leases *t);

/* Until when the set should hold it. */
static inline uint64_t lease_wanted(const struct lease *l)
{
	uint64_t follow = l->follow_s * 1000000ull;

	return l->own > follow ? l->own : follow;
}

/*
 * The opener holds it until `end`; it is the newest from now on. What is granted never gets shorter. Without memory for
 * one more link the newest takes the place of the one before it.
 */
void lease_open(struct leases *t, struct lease *l, uint32_t opener, uint64_t end, uint64_t now);
/* Nobody holds it any more. */
void lease_forget(struct leases *t, struct lease *l);
/* Steps through the openers: begin with NULL. NULL at the end. */
const struct lease_link *lease_next(const struct leases *t, const struct lease *l, const struct lease_link *at);
size_t leases_size(const struct leases *t);

#endif
