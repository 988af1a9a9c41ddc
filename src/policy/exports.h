/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_EXPORTS_H
#define POLICY_EXPORTS_H

/*
 * The [export …] sections of a configuration by number. Server and agent read the
 * configuration each for itself; the hash tells whether they mean the same by a number.
 */

#include "base/arena.h"
#include "conf/conf.h"

#define EXPORTS_MAX CONF_EXPORTS

enum export_family { EXPORT_V4, EXPORT_V6 };
#define EXPORT_BOTH (1u << EXPORT_V4 | 1u << EXPORT_V6)	/* families as bits */

struct exports {
	const struct conf_export *v;	/* conf->exports */
	size_t n;
	uint64_t hash;			/* of all that the agent goes by: every section's keys, [server] private, TTL bounds; not 0 */
};

/* NULL without memory. Needs hash_init. */
const struct exports *exports_build(struct arena *a, const struct conf *c);
/* The bits of the exports that a profile's `export` names; conf has checked that they are there. */
uint64_t exports_bits(const struct exports *e, const struct conf_strs *names);
/* Families, as bits, that one of these exports has somewhere to put. */
unsigned exports_families(const struct exports *e, uint64_t bits);
/* The warnings of `check`: families that go nowhere, exports that nobody names. */
void exports_warn(const struct exports *e, const struct conf *c, struct diag_list *d);
/* Whether the export has somewhere to put addresses of the family. */
bool export_takes(const struct conf_export *e, enum export_family family);

static inline enum export_family export_family(const struct addr *a)
{
	return a->len == 4 ? EXPORT_V4 : EXPORT_V6;
}

#endif
