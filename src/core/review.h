/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_REVIEW_H
#define CORE_REVIEW_H

/* After a reload or a start: whether what opened a lease would open it still, and which ports. */

#include "export/proto.h"
#include "state/learned.h"

/*
 * Fills in v but for its id. A name that the profile has learned counts like one of its catalogue. Profile 0,
 * of leases that an earlier process made, stands for any: what one of them opens may stay, and what
 * it may be led to, with any port, as learned names do not outlive a process.
 */
void review_judge(const struct snapshot *s, const struct learned *l, uint64_t now_ms, const struct proto_review *r,
		  struct proto_verdict *v);

#endif
