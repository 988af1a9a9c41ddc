/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

/*
 * Question and profile to verdict, in the order of SPEC 4: records, forward
 * zones, special names, the catalogue. (Class, opcode and ANY come before,
 * learned names after it: both are the server's.) The same function serves
 * `explain`. Does not allocate. (I4)
 */

#include "policy/snapshot.h"

enum verdict_kind {
	VERDICT_RECORD,			/* answer from `record` */
	VERDICT_SPECIAL,		/* answer from `special` */
	VERDICT_UPSTREAM,		/* ask upstream number `upstream` */
	VERDICT_NODATA,			/* the name may be asked for, but not for this type */
	VERDICT_BLOCK,
};

enum reason {
	REASON_LISTED, REASON_RECORD, REASON_FORWARD, REASON_SPECIAL, REASON_LEARNED,
	REASON_UNLISTED, REASON_CHAIN_ONLY, REASON_TYPE, REASON_CLIENT, REASON_CHAIN, REASON_FILTERED, REASON_FAILED,
	REASON_EXPORT,			/* the firewall did not take the addresses */
};

struct verdict {
	enum verdict_kind kind;
	enum reason reason;
	uint16_t upstream;		/* see snapshot_upstream */
	uint32_t entry;			/* the entry that decided, or ENTRY_NONE */
	struct attrs attrs;		/* what the question's entries open and permit */
	const struct record_set *record;
	const struct special *special;
};

void decide(const struct snapshot *s, const struct profile *p, const struct name *qname, uint16_t qtype,
	    struct verdict *v);

/*
 * Whether an answer that began with verdict v may lead to `target`: the profile's
 * catalogue has it (allow or chain), or both belong to forward zones. *entry is the one that
 * takes it, or ENTRY_NONE.
 */
bool decide_target(const struct snapshot *s, const struct profile *p, const struct verdict *v,
		   const struct name *target, uint32_t *entry);

/* Whether a name of the catalogue may be asked for this type, with what its entries permit besides. */
bool decide_type_ok(const struct snapshot *s, const struct profile *p, const struct attrs *attrs, uint16_t qtype);

/* Whether the verdict lets the question through. */
static inline bool verdict_allows(const struct verdict *v)
{
	return v->kind <= VERDICT_UPSTREAM;
}

const char *reason_text(enum reason r);

#endif
