/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state/tally.h"

#include <stdlib.h>

#include "base/hash.h"

#define MIN_SLOTS 16

struct slot {
	struct addr client;
	unsigned count;				/* 0: the slot is free */
};

struct tally {
	struct slot *slots;
	size_t mask, used;
};

struct tally *tally_new(void)
{
	struct tally *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->mask = MIN_SLOTS - 1;
	t->slots = calloc(MIN_SLOTS, sizeof(*t->slots));
	if (!t->slots) {
		free(t);
		return NULL;
	}
	return t;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	free(t->slots);
	free(t);
}

static size_t home(const struct tally *t, const struct addr *client)
{
	return hash_more(hash_bytes(client->b, client->len), &client->scope, sizeof(client->scope)) & t->mask;
}

static struct slot *find(const struct tally *t, const struct addr *client)
{
	size_t i = home(t, client);

	while (t->slots[i].count && !addr_equal(&t->slots[i].client, client))
		i = (i + 1) & t->mask;
	return &t->slots[i];
}

static bool grow(struct tally *t)
{
	struct tally bigger = { .mask = t->mask * 2 + 1, .used = t->used };

	bigger.slots = calloc(bigger.mask + 1, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i <= t->mask; i++) {
		if (t->slots[i].count)
			*find(&bigger, &t->slots[i].client) = t->slots[i];
	}
	free(t->slots);
	*t = bigger;
	return true;
}

bool tally_take(struct tally *t, const struct addr *client, unsigned limit)
{
	struct slot *s = find(t, client);

	if (s->count) {
		if (limit && s->count >= limit)
			return false;
		s->count++;
		return true;
	}
	if ((t->used + 1) * 2 > t->mask + 1) {
		if (!grow(t))
			return false;
		s = find(t, client);
	}
	*s = (struct slot){ *client, 1 };
	t->used++;
	return true;
}

/* Closes the gap that a slot leaves in its run, so that probing needs no tombstones. */
static void close_gap(struct tally *t, size_t gap)
{
	size_t i = gap;

	for (;;) {
		i = (i + 1) & t->mask;
		if (!t->slots[i].count)
			break;
		if (((i - home(t, &t->slots[i].client)) & t->mask) >= ((i - gap) & t->mask)) {
			t->slots[gap] = t->slots[i];
			gap = i;
		}
	}
	t->slots[gap].count = 0;
}

void tally_give(struct tally *t, const struct addr *client)
{
	struct slot *s = find(t, client);

	if (!s->count || --s->count)
		return;
	t->used--;
	close_gap(t, (size_t)(s - t->slots));
}
