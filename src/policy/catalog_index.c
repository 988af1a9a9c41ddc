/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/catalog_index.h"

#include "base/hash.h"

struct walk {
	const struct catalog_index *x;
	const struct name *n;
	uint8_t off[NAME_MAX_LABELS + 1];
	void (*take)(void *ctx, uint32_t entry);
	void *ctx;
};

static uint32_t probe(const struct catalog_index *x, uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32), bucket = index_bucket(x, hash);

	for (;;) {
		const struct index_slot *s = x->slots + (size_t)bucket * INDEX_BUCKET;

		for (unsigned i = 0; i < INDEX_BUCKET; i++) {
			if (s[i].value == INDEX_NONE)
				return INDEX_NONE;
			if (s[i].tag == tag)
				return s[i].value;
		}
		bucket = bucket + 1 < x->n_buckets ? bucket + 1 : 0;
	}
}

static void visit(const struct walk *w, uint32_t value)
{
	const uint32_t *run;

	if (value == INDEX_NONE)
		return;
	if (value & INDEX_NODE)
		value = w->x->nodes[value & INDEX_NUMBER].value;
	if (value == INDEX_NONE)
		return;
	if (!(value & INDEX_RUN)) {
		w->take(w->ctx, value & INDEX_NUMBER);
		return;
	}
	for (run = w->x->runs + (value & INDEX_NUMBER);; run++) {
		w->take(w->ctx, *run & ~INDEX_LAST);
		if (*run & INDEX_LAST)
			return;
	}
}

/* Entries with a star in, or further left of, the name's label `at`, to whose right the suffix begins. */
static void visit_shapes(const struct walk *w, const struct index_node *node, uint64_t suffix, unsigned at)
{
	const struct index_shape *s = w->x->shapes + node->shapes;
	const uint8_t *wire = w->n->wire, *label = wire + w->off[at];

	for (uint32_t i = 0; i < node->n_shapes; i++, s++) {
		unsigned from;
		uint64_t h;

		if (s->left > at || s->head + s->tail > *label)
			continue;
		from = w->off[at - s->left];
		h = hash_more(suffix, wire + from, (size_t)(w->off[at] - from));
		h = hash_more(h, label + 1, s->head);
		h = hash_more(h, label + 1 + *label - s->tail, s->tail);
		visit(w, probe(w->x, h));
	}
}

void catalog_index_each(const struct catalog_index *x, const struct name *n, void (*take)(void *ctx, uint32_t entry),
			void *ctx)
{
	struct walk w = { .x = x, .n = n, .take = take, .ctx = ctx };
	uint64_t hash[NAME_MAX_LABELS + 1], h = INDEX_SEED;
	unsigned i, depth;

	name_offsets(n, w.off);
	/* All probes are started before the first is waited for: in a big index each is a miss of the cache. */
	for (i = n->labels; i--;) {
		depth = n->labels - i;
		h = hash_more(h, n->wire + w.off[i], n->wire[w.off[i]] + 1u);
		hash[i] = h;
		if (x->depths[depth / 64] >> depth % 64 & 1)
			__builtin_prefetch(x->slots + (size_t)index_bucket(x, h) * INDEX_BUCKET);
	}
	for (i = 0; i < n->labels; i++) {
		uint32_t value;

		depth = n->labels - i;
		if (!(x->depths[depth / 64] >> depth % 64 & 1))
			continue;
		value = probe(x, hash[i]);
		if (value == INDEX_NONE || (i && !(value & INDEX_WILD)))
			continue;
		visit(&w, value);
		if (i && value & INDEX_NODE)
			visit_shapes(&w, &x->nodes[value & INDEX_NUMBER], hash[i], i - 1);
	}
}
