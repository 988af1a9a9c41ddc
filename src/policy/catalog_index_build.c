/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/catalog_index.h"

#include <stdlib.h>

#include "base/hash.h"

#define KEYS_PER_BUCKET 6

/* A shape while its node still gets more: by number, the last found first. */
struct draft {
	struct index_shape shape;
	uint32_t node, next;
};

struct build {
	const struct catalog *c;
	struct catalog_index *x;
	uint32_t *next;			/* by entry: another with the same key */
	uint32_t n_nodes, n_drafts, n_chained, n_runs;
	struct draft *drafts;
	uint32_t *known;		/* drafts by hash of node and shape; INDEX_NONE: free */
	size_t known_mask;
};

struct key {
	uint64_t suffix, second;
	unsigned depth;
	bool wild, shaped;
	struct index_shape shape;
};

static void key_of(struct key *k, const uint8_t *wire, bool dot)
{
	uint8_t off[NAME_MAX_LABELS + 1];
	unsigned labels = 0, star = 0, i;	/* star: labels up to and with the last that has one */
	const uint8_t *p, *label, *first, *last;

	for (p = wire; *p; p += *p + 1u) {
		off[labels++] = (uint8_t)(p - wire);
		if (memchr(p + 1, '*', *p))
			star = labels;
	}
	k->suffix = INDEX_SEED;
	for (i = labels; i > star; i--)
		k->suffix = hash_more(k->suffix, wire + off[i - 1], wire[off[i - 1]] + 1u);
	k->depth = labels - star;
	k->wild = dot || star;
	k->shaped = star > 1 || (star && wire[0] > 1);
	if (!k->shaped)
		return;
	label = wire + off[star - 1];
	first = memchr(label + 1, '*', *label);
	last = memrchr(label + 1, '*', *label);
	k->shape.head = (uint8_t)(first - label - 1);
	k->shape.tail = (uint8_t)(label + *label - last);
	for (i = star - 1; i && !memchr(wire + off[i - 1] + 1, '*', wire[off[i - 1]]); i--)
		;
	k->shape.left = (uint8_t)(star - 1 - i);
	k->second = hash_more(k->suffix, wire + off[i], (size_t)(off[star - 1] - off[i]));
	k->second = hash_more(k->second, label + 1, k->shape.head);
	k->second = hash_more(k->second, last + 1, k->shape.tail);
}

/* The value under the hash; INDEX_NONE in it where it is new. There are more slots than keys. */
static uint32_t *slot(struct catalog_index *x, uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32), bucket = index_bucket(x, hash);

	for (;;) {
		struct index_slot *s = x->slots + (size_t)bucket * INDEX_BUCKET;

		for (unsigned i = 0; i < INDEX_BUCKET; i++) {
			if (s[i].value != INDEX_NONE && s[i].tag != tag)
				continue;
			s[i].tag = tag;
			return &s[i].value;
		}
		bucket = bucket + 1 < x->n_buckets ? bucket + 1 : 0;
	}
}

static size_t wire_length(const uint8_t *wire)
{
	const uint8_t *p;

	for (p = wire; *p; p += *p + 1u)
		;
	return (size_t)(p - wire);
}

/* Entries that cannot be told apart in a look-up are equal; among them the first written comes first. */
static int compare_entries(const struct catalog *c, uint32_t i, uint32_t j, bool *same)
{
	const struct entry *a = &c->entries[i], *b = &c->entries[j];
	const uint8_t *at = c->text + a->wire, *bt = c->text + b->wire;
	size_t alen = wire_length(at), blen = wire_length(bt);
	int d = alen != blen ? (alen < blen ? -1 : 1) : memcmp(at, bt, alen);

	if (!d)
		d = (int)a->dot - (int)b->dot;
	if (!d)
		d = (int)a->role - (int)b->role;
	if (!d)
		d = (int)a->group - (int)b->group;
	*same = !d;
	return d ? d : i < j ? -1 : i > j;
}

static void put(struct build *b, uint32_t *value, uint32_t entry, bool wild)
{
	uint32_t *at = value, head;
	bool same;

	if (wild && *at != INDEX_NONE)
		*at |= INDEX_WILD;
	if (*at != INDEX_NONE && *at & INDEX_NODE)
		at = &b->x->nodes[*at & INDEX_NUMBER].value;
	if (*at == INDEX_NONE) {
		*at = entry | (wild ? INDEX_WILD : 0);
		return;
	}
	/* The same line over and over must not make a chain that is sorted later. */
	head = *at & INDEX_NUMBER;
	compare_entries(b->c, head, entry, &same);
	if (same)
		return;
	b->n_chained += *at & INDEX_RUN ? 1 : 2;
	b->next[entry] = head;
	*at = (*at & INDEX_WILD) | INDEX_RUN | entry;
}

/* Where the draft of this shape at this node is known, or is to be. */
static uint32_t *known_draft(const struct build *b, uint32_t node, const struct index_shape *s)
{
	size_t i = hash_more(hash_bytes(&node, sizeof(node)), s, sizeof(*s)) & b->known_mask;

	for (; b->known[i] != INDEX_NONE; i = (i + 1) & b->known_mask) {
		const struct draft *d = &b->drafts[b->known[i]];

		if (d->node == node && !memcmp(&d->shape, s, sizeof(*s)))
			break;
	}
	return &b->known[i];
}

/* Makes the suffix a node, and the shape one of its. */
static void put_shape(struct build *b, uint32_t *value, const struct index_shape *s)
{
	struct index_node *node;
	uint32_t number, *at;

	if (*value == INDEX_NONE || !(*value & INDEX_NODE)) {
		b->x->nodes[b->n_nodes] = (struct index_node){ .value = *value, .shapes = INDEX_NONE };
		*value = INDEX_NODE | INDEX_WILD | b->n_nodes++;
	}
	number = *value & INDEX_NUMBER;
	node = &b->x->nodes[number];
	at = known_draft(b, number, s);
	if (*at != INDEX_NONE)
		return;
	*at = b->n_drafts;
	b->drafts[b->n_drafts] = (struct draft){ *s, number, node->shapes };
	node->shapes = b->n_drafts++;
	node->n_shapes++;
}

static int sort_entries(const void *i, const void *j, void *c)
{
	bool same;

	return compare_entries(c, *(const uint32_t *)i, *(const uint32_t *)j, &same);
}

/* Lays a chain down as a run, without those that another makes needless. */
static void lay(struct build *b, uint32_t *value)
{
	uint32_t *run = b->x->runs + b->n_runs, i;
	size_t n = 0, kept = 1;
	bool same;

	if (*value == INDEX_NONE || !(*value & INDEX_RUN))
		return;
	for (i = *value & INDEX_NUMBER; i != INDEX_NONE; i = b->next[i])
		run[n++] = i;
	qsort_r(run, n, sizeof(*run), sort_entries, (void *)b->c);
	for (size_t k = 1; k < n; k++) {
		compare_entries(b->c, run[kept - 1], run[k], &same);
		if (!same)
			run[kept++] = run[k];
	}
	if (kept == 1) {
		*value = (*value & INDEX_WILD) | run[0];
		return;
	}
	run[kept - 1] |= INDEX_LAST;
	*value = (*value & INDEX_WILD) | INDEX_RUN | b->n_runs;
	b->n_runs += (uint32_t)kept;
}

/* Chains become runs, drafts arrays: what look-ups walk lies side by side. */
static bool settle(struct arena *a, struct build *b)
{
	struct catalog_index *x = b->x;
	uint32_t n_shapes = 0;

	x->runs = arena_array(a, b->n_chained, sizeof(*x->runs));
	x->shapes = arena_array(a, b->n_drafts, sizeof(*x->shapes));
	if (!x->runs || !x->shapes)
		return false;
	for (size_t i = 0; i < (size_t)x->n_buckets * INDEX_BUCKET; i++)
		if (x->slots[i].value != INDEX_NONE && !(x->slots[i].value & INDEX_NODE))
			lay(b, &x->slots[i].value);
	for (uint32_t i = 0; i < b->n_nodes; i++) {
		uint32_t d = x->nodes[i].shapes;

		lay(b, &x->nodes[i].value);
		x->nodes[i].shapes = n_shapes;
		for (; d != INDEX_NONE; d = b->drafts[d].next)
			x->shapes[n_shapes++] = b->drafts[d].shape;
	}
	return true;
}

static bool allocate(struct arena *a, struct arena *scratch, struct build *b, size_t shaped)
{
	size_t keys = b->c->n_entries + shaped, slots;
	struct catalog_index *x = b->x;

	if (keys >= INDEX_NUMBER)
		return false;
	x->n_buckets = (uint32_t)(keys / KEYS_PER_BUCKET + 1);
	slots = (size_t)x->n_buckets * INDEX_BUCKET;
	x->slots = arena_alloc(a, slots * sizeof(*x->slots) + 63);
	x->nodes = arena_array(a, shaped, sizeof(*x->nodes));
	b->drafts = arena_array(scratch, shaped, sizeof(*b->drafts));
	b->next = arena_array(scratch, b->c->n_entries, sizeof(*b->next));
	for (b->known_mask = 1; b->known_mask < 2 * shaped; b->known_mask = 2 * b->known_mask + 1)
		;
	b->known = arena_array(scratch, b->known_mask + 1, sizeof(*b->known));
	if (!x->slots || !x->nodes || !b->drafts || !b->next || !b->known)
		return false;
	memset(b->known, 0xff, (b->known_mask + 1) * sizeof(*b->known));
	x->slots = (struct index_slot *)(((uintptr_t)x->slots + 63) & ~(uintptr_t)63);
	memset(x->slots, 0xff, slots * sizeof(*x->slots));
	memset(b->next, 0xff, b->c->n_entries * sizeof(*b->next));
	return true;
}

struct catalog_index *catalog_index_build(struct arena *a, struct arena *scratch, const struct catalog *c,
					  size_t shaped)
{
	struct build b = { .c = c, .x = arena_alloc(a, sizeof(*b.x)) };

	if (!b.x || !allocate(a, scratch, &b, shaped))
		return NULL;
	for (uint32_t i = 0; i < c->n_entries; i++) {
		struct key k;

		key_of(&k, c->text + c->entries[i].wire, c->entries[i].dot);
		b.x->depths[k.depth / 64] |= 1ull << k.depth % 64;
		if (!k.shaped) {
			put(&b, slot(b.x, k.suffix), i, k.wild);
			continue;
		}
		put_shape(&b, slot(b.x, k.suffix), &k.shape);
		put(&b, slot(b.x, k.second), i, true);
	}
	return settle(a, &b) ? b.x : NULL;
}
