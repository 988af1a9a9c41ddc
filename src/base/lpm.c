/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/lpm.h"

#include <stdbool.h>
#include <stdlib.h>

/* An address as a number; IPv4 in `lo`. */
struct key {
	uint64_t hi, lo;
};

struct range {
	struct key start;		/* up to the next range's start */
	uint32_t value;
};

struct table {
	struct range *range;
	size_t n;
};

struct lpm {
	struct table v4, v6;
};

/* A rule as an interval. */
struct span {
	struct key start, end;
	size_t order;
	uint32_t value;
	uint8_t bits;
};

static int key_cmp(struct key a, struct key b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo < b.lo ? -1 : a.lo > b.lo;
}

static struct key key_next(struct key k)
{
	k.lo++;
	k.hi += !k.lo;
	return k;
}

static struct key key_of(const struct addr *a)
{
	if (a->len == 4)
		return (struct key){ 0, bytes_u32(a->b) };
	return (struct key){ (uint64_t)bytes_u32(a->b) << 32 | bytes_u32(a->b + 4),
			     (uint64_t)bytes_u32(a->b + 8) << 32 | bytes_u32(a->b + 12) };
}

/* The last address of the prefix that starts at k and leaves `host` bits open. */
static struct key key_last(struct key k, unsigned host)
{
	if (host >= 128)
		return (struct key){ UINT64_MAX, UINT64_MAX };
	if (host >= 64) {
		k.lo = UINT64_MAX;
		k.hi |= (1ull << (host - 64)) - 1;
	} else {
		k.lo |= (1ull << host) - 1;
	}
	return k;
}

static int span_cmp(const void *pa, const void *pb)
{
	const struct span *a = pa, *b = pb;
	int c = key_cmp(a->start, b->start);

	if (c)
		return c;
	if (a->bits != b->bits)
		return a->bits < b->bits ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static void emit(struct table *t, struct key start, uint32_t value)
{
	if (t->n && !key_cmp(t->range[t->n - 1].start, start)) {
		t->range[t->n - 1].value = value;
		return;
	}
	t->range[t->n++] = (struct range){ start, value };
}

/*
 * Sweeps over the sorted spans. Prefixes nest or are apart, so those open at
 * any point form a stack; of one prefix written twice both lie on it, the later on top.
 */
static bool sweep(struct arena *a, struct table *t, const struct span *span, size_t n, size_t *open)
{
	const struct key zero = { 0, 0 };
	size_t depth = 0, i;

	t->range = arena_array(a, 2 * n + 1, sizeof(*t->range));
	if (!t->range)
		return false;
	emit(t, zero, LPM_NONE);
	for (i = 0; i <= n; i++) {
		while (depth && (i == n || key_cmp(span[open[depth - 1]].end, span[i].start) < 0)) {
			struct key after = key_next(span[open[--depth]].end);

			/* Zero: it ended with the last address there is. */
			if (after.hi || after.lo)
				emit(t, after, depth ? span[open[depth - 1]].value : LPM_NONE);
		}
		if (i < n) {
			emit(t, span[i].start, span[i].value);
			open[depth++] = i;
		}
	}
	return true;
}

static bool build_family(struct arena *a, struct table *t, const struct lpm_rule *rules, size_t n, uint8_t len)
{
	struct span *span = calloc(n + 1, sizeof(*span));
	size_t *open = calloc(n + 1, sizeof(*open));
	size_t i, count = 0;
	bool ok = false;

	if (!span || !open)
		goto out;
	for (i = 0; i < n; i++) {
		const struct prefix *p = &rules[i].prefix;
		struct key k = key_of(&p->addr);

		if (p->addr.len != len)
			continue;
		span[count++] = (struct span){ k, key_last(k, len * 8u - p->bits), i, rules[i].value, p->bits };
	}
	qsort(span, count, sizeof(*span), span_cmp);
	ok = sweep(a, t, span, count, open);
out:
	free(span);
	free(open);
	return ok;
}

struct lpm *lpm_build(struct arena *a, const struct lpm_rule *rules, size_t n)
{
	struct lpm *m = arena_alloc(a, sizeof(*m));

	if (!m || !build_family(a, &m->v4, rules, n, 4) || !build_family(a, &m->v6, rules, n, 16))
		return NULL;
	return m;
}

uint32_t lpm_find(const struct lpm *m, const struct addr *addr)
{
	const struct table *t = addr->len == 4 ? &m->v4 : &m->v6;
	struct key k = key_of(addr);
	size_t lo = 0, n = t->n;

	if (!addr->len)
		return LPM_NONE;
	/* The first range starts at zero: the invariant is range[lo].start <= k. */
	while (n > 1) {
		size_t half = n / 2;

		if (key_cmp(t->range[lo + half].start, k) <= 0)
			lo += half;
		n -= half;
	}
	return t->range[lo].value;
}
