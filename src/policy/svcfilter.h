/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_SVCFILTER_H
#define POLICY_SVCFILTER_H

/* HTTPS, SVCB and SRV records against the policy: target, port, address hints (SPEC 4). */

#include "dns/answer.h"
#include "policy/decide.h"

struct svcfilter {
	const struct snapshot *snapshot;
	const struct verdict *verdict;
	const struct name *at;		/* the record's owner */
	bool (*judge)(void *ctx, const struct name *target, uint32_t ttl);
	bool (*drop)(void *ctx, const struct addr *hint);
	void *ctx;
	uint8_t *room;			/* for rdata that has to be changed */
	size_t cap;
	const char *why;		/* set where the record may not pass */
};

/* Whether the record may pass. *changed: with rdata of its own in rr->subst, in `room`. */
bool svcfilter_pass(struct svcfilter *f, const struct answer *a, struct answer_rr *rr, bool *changed);

#endif
