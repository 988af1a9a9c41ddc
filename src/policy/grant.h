/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_GRANT_H
#define POLICY_GRANT_H

/* What an answer that is about to leave wants of the firewall: its addresses and ports (I1). */

#include "dns/answer.h"
#include "policy/snapshot.h"

#define GRANT_ADDRS 4096		/* more do not fit into an answer */

/* Scratch memory, one a worker. */
struct grant {
	struct addr addrs[GRANT_ADDRS];
	size_t n;
	bool full;			/* not all of it is here: the answer must not leave */
};

static inline void grant_clear(struct grant *g)
{
	g->n = 0;
	g->full = false;
}

/*
 * Adds the addresses of an A or AAAA record, and the hints of an HTTPS or SVCB record, as changed (rr->subst).
 * An address that stands there already is mostly not added again.
 */
void grant_rr(struct grant *g, const struct answer *a, const struct answer_rr *rr);
/* The same of all records in the answer section; `a` is of the message as it will leave. */
void grant_answer(struct grant *g, const struct answer *a);

/* The ports that attrs open, at most cap (CATALOG_PORTS is enough). Gives their number. */
size_t grant_ports(const struct catalog *c, const struct attrs *attrs, struct conf_port *out, size_t cap);
/*
 * Whether anything of it has to be in a set before it leaves: something is opened at all, and some export of the
 * profile takes one of the addresses. True where the grant is full.
 */
bool grant_wanted(const struct snapshot *s, const struct profile *p, const struct attrs *attrs, const struct grant *g);
/* Takes out the addresses that no export of the profile takes, for their family or because they are private. */
void grant_trim(const struct snapshot *s, const struct profile *p, struct grant *g);

#endif
