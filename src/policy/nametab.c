/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/nametab.h"

#include "base/hash.h"

struct slot {
	const struct name *name;
	uint64_t hash;
	uint32_t value;
};

struct nametab {
	size_t mask, n, cap;
	uint64_t last_labels;		/* a bit for (length, first byte) of each name's last label: most lookups end here */
	uint64_t depths[2];		/* label counts that occur */
	struct slot *slots;
};

struct nametab *nametab_new(struct arena *a, size_t n)
{
	struct nametab *t = arena_alloc(a, sizeof(*t));
	size_t size = 4;

	while (size < 2 * n)
		size *= 2;
	if (!t || !(t->slots = arena_array(a, size, sizeof(*t->slots))))
		return NULL;
	t->mask = size - 1;
	t->cap = n;
	return t;
}

static uint64_t last_label_bit(const uint8_t *label)
{
	return 1ull << ((label[0] * 31u + label[1]) & 63);
}

static struct slot *probe(const struct nametab *t, const uint8_t *wire, size_t len, uint64_t hash)
{
	size_t i = hash & t->mask;

	while (t->slots[i].name && !(t->slots[i].hash == hash && t->slots[i].name->len == len &&
				     memcmp(t->slots[i].name->wire, wire, len) == 0))
		i = (i + 1) & t->mask;
	return &t->slots[i];
}

void nametab_put(struct nametab *t, const struct name *name, uint32_t value)
{
	uint64_t hash = hash_bytes(name->wire, name->len);
	struct slot *s = probe(t, name->wire, name->len, hash);
	uint8_t off[NAME_MAX_LABELS + 1];

	if (!s->name && t->n == t->cap)
		return;
	t->n += !s->name;
	*s = (struct slot){ name, hash, value };
	name_offsets(name, off);
	t->last_labels |= name->labels ? last_label_bit(name->wire + off[name->labels - 1]) : ~0ull;
	t->depths[name->labels / 64] |= 1ull << name->labels % 64;
}

uint32_t nametab_find(const struct nametab *t, const struct name *name)
{
	struct slot *s;

	if (!t->n)
		return NAMETAB_NONE;
	s = probe(t, name->wire, name->len, hash_bytes(name->wire, name->len));
	return s->name ? s->value : NAMETAB_NONE;
}

uint32_t nametab_find_above(const struct nametab *t, const struct name *name)
{
	uint8_t off[NAME_MAX_LABELS + 1];

	if (!t->n || !name->labels)
		return nametab_find(t, name);
	name_offsets(name, off);
	if (!(t->last_labels & last_label_bit(name->wire + off[name->labels - 1])))
		return NAMETAB_NONE;
	for (unsigned skip = 0; skip <= name->labels; skip++) {
		unsigned depth = name->labels - skip;
		const uint8_t *wire = name->wire + off[skip];
		size_t len = (size_t)(name->len - off[skip]);
		struct slot *s;

		if (!(t->depths[depth / 64] & 1ull << depth % 64))
			continue;
		s = probe(t, wire, len, hash_bytes(wire, len));
		if (s->name)
			return s->value;
	}
	return NAMETAB_NONE;
}
