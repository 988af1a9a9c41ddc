/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_SNAPSHOT_H
#define POLICY_SNAPSHOT_H

/*
 * Configuration and catalogues, compiled, in one arena: what a query is judged
 * by from start to end (I2). Immutable but for its reference count.
 */

#include <stdatomic.h>

#include "policy/exports.h"
#include "policy/guard.h"
#include "policy/nametab.h"
#include "policy/profile.h"
#include "policy/records.h"
#include "policy/special.h"

struct snapshot {
	struct arena *arena;
	atomic_uint refs;
	uint32_t generation;
	const struct conf *conf;
	const struct catalog *catalog;
	const struct exports *exports;
	struct profile *profiles;	/* [0] is default */
	size_t n_profiles;
	struct lpm *clients;		/* who may ask */
	struct lpm *profile_of;		/* client to index of its profile; none: default */
	const struct guard *guard;
	const struct records *records;
	const struct specials *specials;
	struct nametab *forwards;	/* zone to index into conf->forwards */
	struct attrs *forward_attrs;	/* by the same index */
};

struct snapshot_options {
	const char *path;
	bool path_written;		/* by the user: then it must exist */
	uint32_t generation;
	bool hygiene;			/* add the warnings of `check` (SPEC 3) */
	struct conf_strs more;		/* catalogues to look at besides those that profiles name */
	bool all;			/* every catalogue that can be found */
};

/*
 * Reads the configuration and all it names. What is wrong goes to d; after errors, and
 * without memory, NULL. One reference is the caller's.
 */
struct snapshot *snapshot_build(const struct snapshot_options *o, struct diag_list *d);

static inline struct snapshot *snapshot_hold(struct snapshot *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

/* Frees with the last reference. NULL is allowed. */
void snapshot_release(struct snapshot *s);

bool snapshot_client_ok(const struct snapshot *s, const struct addr *client);
const struct profile *snapshot_profile(const struct snapshot *s, const struct addr *client);
/*
 * Families (bit EXPORT_V4, bit EXPORT_V6) whose addresses the profile's clients may be given: those that one of its
 * exports has somewhere to put; both where it has no exports.
 */
unsigned snapshot_families(const struct snapshot *s, const struct profile *p);

/* The i-th upstream: 0 is [upstream], i + 1 the i-th [forward]. */
static inline const struct conf_upstream *snapshot_upstream(const struct snapshot *s, unsigned i)
{
	return i ? &s->conf->forwards[i - 1] : &s->conf->upstream;
}

#endif
