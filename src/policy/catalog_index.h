/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_CATALOG_INDEX_H
#define POLICY_CATALOG_INDEX_H

/*
 * Entries by hashed suffix. An entry's key is the labels right of all its stars. An entry
 * whose rightmost star is more than a leading "*." has a second key: that suffix, the text
 * on both sides of the star's label and the whole labels left of it, and how long
 * these are (its shape) is kept at the suffix. A look-up costs a probe a label of
 * the name and one a shape, however many entries there are. What two keys with one hash
 * hold is simply found under both: whether an entry takes a name is never the hash's to say.
 */

#include "base/arena.h"
#include "policy/catalog.h"

#define INDEX_BUCKET 8			/* slots that share a cache line */
#define INDEX_SEED 0x706f737465726eull

/* What a slot holds: an entry, a run of entries or a node, by number. */
#define INDEX_NONE UINT32_MAX
#define INDEX_NODE 0x80000000u
#define INDEX_RUN 0x40000000u		/* runs[number]…, the last with INDEX_LAST */
#define INDEX_WILD 0x20000000u		/* may take names below the suffix */
#define INDEX_NUMBER 0x1fffffffu
#define INDEX_LAST 0x80000000u

struct index_slot {
	uint32_t tag, value;
};

/* Of the label with the rightmost star: characters left of its first star, right of its last, labels left of it. */
struct index_shape {
	uint8_t head, tail, left;
};

struct index_node {
	uint32_t value;			/* an entry or a run, or INDEX_NONE */
	uint32_t shapes, n_shapes;
};

struct catalog_index {
	struct index_slot *slots;
	uint32_t n_buckets;
	uint64_t depths[2];		/* lengths of suffixes in labels, a bit each */
	struct index_node *nodes;
	struct index_shape *shapes;
	uint32_t *runs;
};

static inline uint32_t index_bucket(const struct catalog_index *x, uint64_t hash)
{
	return (uint32_t)((hash & UINT32_MAX) * x->n_buckets >> 32);
}

/*
 * Indexes c->entries, of which `shaped` have a second key; the index lives in `a`, scratch is for the
 * building. NULL when memory is short.
 */
struct catalog_index *catalog_index_build(struct arena *a, struct arena *scratch, const struct catalog *c,
					  size_t shaped);
/* Every entry that may take the name. Of those with the same pattern, group and role only the first is there. */
void catalog_index_each(const struct catalog_index *x, const struct name *n, void (*take)(void *ctx, uint32_t entry),
			void *ctx);

#endif
