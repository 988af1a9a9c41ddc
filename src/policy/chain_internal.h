/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_CHAIN_INTERNAL_H
#define POLICY_CHAIN_INTERNAL_H

/* Shared by chain.c (the links) and chain_end.c (what stands at their end). */

#include "policy/chain.h"

#define DNAMES 32

/* The walk's own state: where it stands, and which records are on the chain. */
struct chain_walk {
	const struct chain_ask *ask;
	struct answer *a;
	struct chain *c;
	struct name at;
	uint64_t at_hash;
	uint16_t at_offset;		/* where the message spells it */
	uint32_t longest_ttl;
	bool tampered;			/* the final set was changed: its signatures go */
	unsigned n_dnames;
	uint16_t dnames[DNAMES];	/* the answer's, by index: every link has to look at them all */
};

/* The answer is malformed. */
void chain_bad(struct chain_walk *w, const char *why);
uint32_t chain_clamp_ttl(const struct chain_walk *w, uint32_t ttl);
/* Notes the longest TTL given on the way. */
void chain_longer(struct chain_walk *w, uint32_t ttl);
/* Keeps record i; false: there are too many. */
bool chain_keep(struct chain_walk *w, size_t i, uint8_t section);
bool chain_is(const struct chain_walk *w, const struct answer_rr *rr, uint8_t section, uint16_t type);
/* Whether the record is one of this type of the name where the walk stands. */
bool chain_here(const struct chain_walk *w, const struct answer_rr *rr, uint16_t type);
/* Judges a name that the answer leads to, and notes it for the learned names. */
bool chain_judge(struct chain_walk *w, const struct name *target);

/* In this order, at the end of the chain; false: the walk ends here. */
bool chain_finals(struct chain_walk *w);
bool chain_negative_soa(struct chain_walk *w);
bool chain_dnssec(struct chain_walk *w);

#endif
