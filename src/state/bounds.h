/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef STATE_BOUNDS_H
#define STATE_BOUNDS_H

/*
 * Until when an answer's addresses are open to one client: for sets that are keyed by client, where
 * the bound is not the answer's but (answer, client)'s. A table of fixed size of one worker: what
 * it has no room for is forgotten, which costs a question to the agent and nothing else.
 */

#include <stdbool.h>

#include "base/addr.h"

struct bounds;

/* What is open: by hashes of 128 bits. Nothing that is found may be somebody else's. */
struct bounds_key {
	uint64_t answer;		/* never the same for two answers of the worker */
	uint64_t ports;			/* what is opened, see rcache_item */
	struct addr client;
};

/* Room for `slots` (a power of two, 8 at least); memory is touched only as it fills. NULL without memory. */
struct bounds *bounds_new(size_t slots);
void bounds_free(struct bounds *b);
/* Takes the place of one with the same key, of one that is over, or of the one of its row that ends first. */
void bounds_put(struct bounds *b, const struct bounds_key *key, uint32_t epoch, uint64_t until_us, uint64_t now_us);
/* Until when (mono_us), 0: not known, or confirmed in another epoch. Does not allocate. (I4) */
uint64_t bounds_find(const struct bounds *b, const struct bounds_key *key, uint32_t epoch);

#endif
