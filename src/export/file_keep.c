/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/file_keep.h"

#include <stdlib.h>

#include "base/hash.h"

#define SLOTS 64
#define MANY ((size_t)UINT32_MAX / 2)

void keep_init(struct keep *k, size_t key_len)
{
	*k = (struct keep){ .key_len = key_len };
}

void keep_free(struct keep *k)
{
	for (size_t i = 0; i < k->n; i++)
		free(k->v[i].more);
	free(k->v);
	free(k->slots);
	keep_init(k, k->key_len);
}

static size_t slot_of(const struct keep *k, const uint8_t *key)
{
	return hash_bytes(key, k->key_len) & (k->n_slots - 1);
}

/* The slot that holds the key, or the free one where it would go. */
static size_t seek(const struct keep *k, const uint8_t *key)
{
	size_t s = slot_of(k, key);

	while (k->slots[s] && memcmp(k->v[k->slots[s] - 1].key, key, k->key_len))
		s = (s + 1) & (k->n_slots - 1);
	return s;
}

struct keep_entry *keep_find(const struct keep *k, const uint8_t *key)
{
	size_t s;

	if (!k->n_slots)
		return NULL;
	s = seek(k, key);
	return k->slots[s] ? &k->v[k->slots[s] - 1] : NULL;
}

static int grow_slots(struct keep *k)
{
	size_t n = k->n_slots ? k->n_slots * 2 : SLOTS;
	uint32_t *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return -1;
	free(k->slots);
	k->slots = slots;
	k->n_slots = n;
	for (size_t i = 0; i < k->n; i++)
		if (k->v[i].used)
			k->slots[seek(k, k->v[i].key)] = (uint32_t)i + 1;
	return 0;
}

static struct keep_entry *fresh(struct keep *k)
{
	struct keep_entry *e;

	if (k->spare) {
		e = &k->v[k->spare - 1];
		k->spare = e->next;
		return e;
	}
	if (k->n == k->cap) {
		size_t cap = k->cap ? k->cap * 2 : SLOTS;

		e = cap < MANY ? reallocarray(k->v, cap, sizeof(*e)) : NULL;
		if (!e)
			return NULL;
		k->v = e;
		k->cap = cap;
	}
	return &k->v[k->n++];
}

struct keep_entry *keep_put(struct keep *k, const uint8_t *key)
{
	struct keep_entry *e = keep_find(k, key);

	if (e)
		return e;
	if (k->used * 2 >= k->n_slots && grow_slots(k))
		return NULL;
	e = fresh(k);
	if (!e)
		return NULL;
	*e = (struct keep_entry){ .used = true };
	memcpy(e->key, key, k->key_len);
	k->slots[seek(k, key)] = (uint32_t)(e - k->v) + 1;
	k->used++;
	return e;
}

void keep_drop(struct keep *k, struct keep_entry *e)
{
	size_t hole = seek(k, e->key), mask = k->n_slots - 1;

	free(e->more);
	/* What was pushed past the hole moves up, or it would not be found any more. */
	for (size_t s = (hole + 1) & mask; k->slots[s]; s = (s + 1) & mask) {
		size_t home = slot_of(k, k->v[k->slots[s] - 1].key);

		if (((s - home) & mask) < ((s - hole) & mask))
			continue;
		k->slots[hole] = k->slots[s];
		hole = s;
	}
	k->slots[hole] = 0;
	*e = (struct keep_entry){ .next = k->spare };
	k->spare = (uint32_t)(e - k->v) + 1;
	k->used--;
}
