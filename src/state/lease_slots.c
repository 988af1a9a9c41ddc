/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state/lease_slots.h"

#include <stdlib.h>
#include <string.h>

#define SEG_SHIFT 12
#define SEG (1u << SEG_SHIFT)		/* records of a segment, and buckets of one */
#define FIRST_BUCKETS 256u		/* a power of two, at most SEG */

void slots_init(struct slots *s, size_t stride)
{
	*s = (struct slots){ .stride = stride };
}

void slots_clear(struct slots *s)
{
	for (size_t i = 0; i < s->n_segs; i++)
		free(s->segs[i]);
	for (size_t i = 0; i < s->n_heads; i++)
		free(s->heads[i]);
	free(s->segs);
	free(s->heads);
	slots_init(s, s->stride);
}

static void *raw(const struct slots *s, uint32_t id)
{
	return s->segs[(id - 1) >> SEG_SHIFT] + (size_t)((id - 1) & (SEG - 1)) * s->stride;
}

/* Room for one more pointer: it doubles, for even of a million records these are some hundred. */
static bool room(void *array, size_t n, size_t *cap)
{
	void **p = array, *bigger;
	size_t want = *cap ? *cap * 2 : 16;

	if (n < *cap)
		return true;
	bigger = realloc(*p, want * sizeof(void *));
	if (!bigger)
		return false;
	*p = bigger;
	*cap = want;
	return true;
}

static bool more_records(struct slots *s)
{
	if (!room(&s->segs, s->n_segs, &s->cap_segs))
		return false;
	s->segs[s->n_segs] = calloc(SEG, s->stride);
	if (!s->segs[s->n_segs])
		return false;
	s->n_segs++;
	return true;
}

void *slots_take(struct slots *s, uint32_t *id)
{
	struct slot *r;

	if (s->free) {
		*id = s->free;
		r = raw(s, *id);
		s->free = r->next;
		memset(r, 0, s->stride);
	} else {
		if (s->top == UINT32_MAX || (s->top == s->n_segs * SEG && !more_records(s)))
			return NULL;
		*id = ++s->top;
		r = raw(s, *id);
	}
	r->hash = 1;
	s->count++;
	return r;
}

void slots_give(struct slots *s, uint32_t id)
{
	struct slot *r = raw(s, id);

	r->hash = 0;
	r->next = s->free;
	s->free = id;
	s->count--;
}

static struct slots_head *head(const struct slots *s, uint32_t bucket)
{
	return &s->heads[bucket >> SEG_SHIFT][bucket & (SEG - 1)];
}

/* The power of two at or below the number of buckets. */
static uint32_t level(const struct slots *s)
{
	return 1u << (31 - __builtin_clz(s->buckets));
}

static uint32_t bucket_of(const struct slots *s, uint32_t hash)
{
	uint32_t whole = level(s), b = hash & (whole * 2 - 1);

	return b < s->buckets ? b : b & (whole - 1);
}

static bool more_buckets(struct slots *s)
{
	if (!room(&s->heads, s->n_heads, &s->cap_heads))
		return false;
	s->heads[s->n_heads] = calloc(SEG, sizeof(struct slots_head));
	if (!s->heads[s->n_heads])
		return false;
	s->n_heads++;
	return true;
}

/* Of the hash's other end than the bucket's number. */
static uint32_t bit_of(uint32_t hash)
{
	return 1u << (hash >> 27);
}

static void put(struct slots *s, struct slots_head *h, struct slot *r, uint32_t id)
{
	r->next = h->first;
	h->first = id;
	h->bits |= bit_of(r->hash);
}

/* One bucket more: what belongs there is in one other bucket. Without memory the buckets just get fuller. */
static void split(struct slots *s)
{
	uint32_t fresh = s->buckets, whole = level(s), id;
	struct slots_head *from, *to;

	if (fresh >= UINT32_MAX / 4 || (fresh == s->n_heads * SEG && !more_buckets(s)))
		return;
	from = head(s, fresh - whole);
	to = head(s, fresh);
	s->buckets++;
	id = from->first;
	*from = (struct slots_head){ 0 };
	while (id) {
		struct slot *r = raw(s, id);
		uint32_t next = r->next;

		put(s, (r->hash & (whole * 2 - 1)) == fresh ? to : from, r, id);
		id = next;
	}
}

static uint32_t fold(uint64_t hash)
{
	uint32_t h = (uint32_t)(hash ^ hash >> 32);

	return h ? h : 1;
}

void *slots_add(struct slots *s, uint64_t hash, uint32_t *id)
{
	struct slot *r;

	if (!s->buckets) {
		if (!more_buckets(s))
			return NULL;
		s->buckets = FIRST_BUCKETS;
	}
	r = slots_take(s, id);
	if (!r)
		return NULL;
	r->hash = fold(hash);
	if (s->count > s->buckets)
		split(s);
	put(s, head(s, bucket_of(s, r->hash)), r, *id);
	return r;
}

void slots_remove(struct slots *s, uint32_t id)
{
	struct slot *r = raw(s, id);
	struct slots_head *h = head(s, bucket_of(s, r->hash));
	uint32_t *at = &h->first;

	h->bits = 0;
	while (*at) {
		struct slot *other = raw(s, *at);

		if (other == r) {
			*at = r->next;
			continue;
		}
		h->bits |= bit_of(other->hash);
		at = &other->next;
	}
	slots_give(s, id);
}

static uint32_t same(const struct slots *s, uint32_t id, uint32_t hash)
{
	while (id) {
		const struct slot *r = raw(s, id);

		if (r->hash == hash)
			return id;
		id = r->next;
	}
	return 0;
}

uint32_t slots_first(const struct slots *s, uint64_t hash)
{
	const struct slots_head *h;

	if (!s->buckets)
		return 0;
	h = head(s, bucket_of(s, fold(hash)));
	return h->bits & bit_of(fold(hash)) ? same(s, h->first, fold(hash)) : 0;
}

uint32_t slots_next(const struct slots *s, uint32_t id)
{
	const struct slot *r = raw(s, id);

	return same(s, r->next, r->hash);
}

void *slots_at(const struct slots *s, uint32_t id)
{
	struct slot *r;

	if (!id || id > s->top)
		return NULL;
	r = raw(s, id);
	return r->hash ? r : NULL;
}

size_t slots_size(const struct slots *s)
{
	return s->n_segs * SEG * s->stride + s->n_heads * SEG * sizeof(struct slots_head);
}
