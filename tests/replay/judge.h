/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REPLAY_JUDGE_H
#define REPLAY_JUDGE_H

/*
 * Holds what the core sent against what a script expects. Replies are read with
 * ldns, not with the code under test.
 */

#include "fake.h"

/* A question as it was asked, and its reply. */
struct asked {
	const uint8_t *msg;
	size_t len;
	bool tcp, raw;			/* raw: bytes of any kind */
	size_t limit;			/* what the client takes */
	const uint8_t *reply;
	size_t reply_len;
};

/*
 * What holds for every reply: id, question as it was spelt, flags, EDNS only where the client sent it,
 * length, no record whose owner is not on the chain before it.
 */
bool judge_always(const struct asked *q);
/*
 * words: RCODE, then any of: tc, ad, soa TTL, ede CODE, link NAME, text TEXT, any (records), exact (letters too);
 * block: the records, in zone syntax. What is not named must not be there.
 */
bool judge_answer(const struct asked *q, char **words, int n, char **block, size_t n_block);
/* A question sent upstream: plain, with our EDNS, nothing of the client's in it. */
bool judge_sent(const struct exchange *x, bool dnssec_ok);

#endif
