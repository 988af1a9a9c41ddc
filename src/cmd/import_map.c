/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/import_map.h"

#include <string.h>

#include "base/hash.h"

struct import_map_slot {
	const char *key;
	uintptr_t value;
};

static struct import_map_slot *slot_of(const struct import_map *m, const char *key)
{
	size_t i = hash_bytes(key, strlen(key)) & (m->cap - 1);

	while (m->slots[i].key && strcmp(m->slots[i].key, key) != 0)
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

static bool grow(struct import *im, struct import_map *m)
{
	struct import_map wide = { .n = m->n, .cap = m->cap ? m->cap * 2 : 64 };

	wide.slots = arena_array(im->a, wide.cap, sizeof(*wide.slots));
	if (!wide.slots) {
		im->starved = true;
		return false;
	}
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].key)
			*slot_of(&wide, m->slots[i].key) = m->slots[i];
	*m = wide;
	return true;
}

uintptr_t *import_map_at(struct import *im, struct import_map *m, const char *key)
{
	struct import_map_slot *s;

	if (m->n * 2 >= m->cap && !grow(im, m))
		return NULL;
	s = slot_of(m, key);
	if (s->key)
		return &s->value;
	s->key = arena_text(im->a, key, strlen(key));
	if (!s->key) {
		im->starved = true;
		return NULL;
	}
	m->n++;
	return &s->value;
}

uintptr_t import_map_get(const struct import_map *m, const char *key)
{
	return m->cap ? slot_of(m, key)->value : 0;
}
