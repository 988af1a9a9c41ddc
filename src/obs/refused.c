/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "obs/refused.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define WAYS 8				/* places a name may stand in */

struct refused {
	struct refused_entry *sets[REFUSED_NAMES / WAYS];	/* WAYS entries each, made when first wanted */
};

struct refused *refused_new(void)
{
	return calloc(1, sizeof(struct refused));
}

void refused_free(struct refused *r)
{
	for (size_t i = 0; r && i < REFUSED_NAMES / WAYS; i++)
		free(r->sets[i]);
	free(r);
}

static struct refused_entry *place(struct refused *r, const struct name *name)
{
	struct refused_entry **set = &r->sets[hash_bytes(name->wire, name->len) % (REFUSED_NAMES / WAYS)];
	struct refused_entry *least;

	if (!*set && !(*set = calloc(WAYS, sizeof(**set))))
		return NULL;
	least = *set;
	for (struct refused_entry *e = *set; e < *set + WAYS; e++) {
		if (e->count && name_equal(&e->name, name))
			return e;
		if (e->count < least->count || (e->count == least->count && e->time < least->time))
			least = e;
	}
	least->count = 0;
	return least;
}

void refused_add(struct refused *r, const struct name *name, const struct addr *client, const struct name *link,
		 time_t when, unsigned times)
{
	struct refused_entry *e = place(r, name);

	if (!e)
		return;
	e->name = *name;
	e->link = *link;
	e->client = *client;
	e->time = when;
	e->count += times;
}

static int by_count(const void *pa, const void *pb)
{
	const struct refused_entry *a = pa, *b = pb;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	if (a->time != b->time)
		return a->time < b->time ? 1 : -1;
	return a->name.len != b->name.len ? a->name.len - b->name.len
					  : memcmp(a->name.wire, b->name.wire, a->name.len);
}

struct refused_entry *refused_top(const struct refused *r, size_t *n)
{
	struct refused_entry *all = calloc(REFUSED_NAMES, sizeof(*all));

	*n = 0;
	for (size_t i = 0; all && i < REFUSED_NAMES / WAYS; i++) {
		for (size_t k = 0; r->sets[i] && k < WAYS; k++) {
			if (r->sets[i][k].count)
				all[(*n)++] = r->sets[i][k];
		}
	}
	if (all)
		qsort(all, *n, sizeof(*all), by_count);
	return all;
}
