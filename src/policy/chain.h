/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_CHAIN_H
#define POLICY_CHAIN_H

/*
 * Walks an upstream's answer from the question on: every link is judged, what
 * is not on the chain or may not pass falls. Order in the packet plays no part.
 */

#include "dns/answer.h"
#include "policy/decide.h"

#define CHAIN_LINKS 16
#define CHAIN_TARGETS (CHAIN_LINKS + 8)	/* names that one answer may teach: its links, and of services a few */

/* Why an address of a family that chain_ask.families lacks is not there. */
#define CHAIN_NO_SET "address of a family that no set takes, taken out"

enum chain_outcome {
	CHAIN_PASS,			/* keep[] is the answer, maybe a negative one */
	CHAIN_BLOCKED,			/* a link leaves the catalogue: `link` */
	CHAIN_BAD,			/* malformed: counts as no reply */
};

struct chain_target {
	struct name name;
	uint32_t ttl;			/* the longest given on the way to it */
	uint32_t entry;			/* that takes it, or ENTRY_NONE */
	bool ok;			/* false only where the walk is told to go on */
};

/* What to judge by, and the question. */
struct chain_ask {
	const struct snapshot *snapshot;
	const struct profile *profile;
	const struct verdict *verdict;
	const struct name *qname;
	uint16_t qtype;
	/*
	 * Bit EXPORT_V4, bit EXPORT_V6: addresses and hints of which family may be given. 0 is none, so that nobody
	 * forgets to say it: EXPORT_BOTH where there is no export, else at most snapshot_families().
	 */
	unsigned families;
	bool dnssec_ok;
	bool judge_all;			/* go on past a bad link, and keep what is behind it: `explain --live`, audit */
};

struct chain {
	enum chain_outcome outcome;
	unsigned rcode;
	bool negative;			/* no record of the type asked */
	bool filtered;			/* something of the type asked was taken out */
	const char *why;		/* of CHAIN_BAD, and of what was filtered; else NULL */
	struct name link;		/* of CHAIN_BLOCKED */
	struct name end;		/* where the chain ends */
	uint32_t min_ttl, soa_ttl;	/* of what is kept, clamped as configured; soa_ttl: RFC 2308 5, 0 without SOA */
	size_t n_keep, n_targets;
	struct answer_keep keep[ANSWER_RRS];
	struct chain_target targets[CHAIN_TARGETS];
	uint8_t scratch[WIRE_MAX];	/* rdata that was changed */
	size_t scratch_len;
};

/* `a` may get records added (CNAMEs made from a DNAME) and rdata substituted. *c is the caller's scratch memory. */
void chain_walk(const struct chain_ask *ask, struct answer *a, struct chain *c);

#endif
