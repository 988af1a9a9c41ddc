/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state/bounds.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/hash.h"

#define WAYS 8

struct slot {
	struct hash128 key;
	uint64_t until_us;			/* 0: free */
	uint32_t epoch;
};

struct bounds {
	struct slot *slots;
	size_t rows, bytes;
};

struct bounds *bounds_new(size_t slots)
{
	struct bounds *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->rows = slots / WAYS;
	b->bytes = slots * sizeof(*b->slots);
	b->slots = mmap(NULL, b->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (b->slots == MAP_FAILED) {
		free(b);
		return NULL;
	}
	return b;
}

void bounds_free(struct bounds *b)
{
	if (!b)
		return;
	munmap(b->slots, b->bytes);
	free(b);
}

static struct hash128 hash(const struct bounds_key *key)
{
	uint8_t bytes[2 * sizeof(uint64_t) + sizeof(uint32_t) + sizeof(key->client.b) + 1] = { 0 }, *p = bytes;

	memcpy(p, &key->answer, sizeof(key->answer));
	p += sizeof(key->answer);
	memcpy(p, &key->ports, sizeof(key->ports));
	p += sizeof(key->ports);
	memcpy(p, &key->client.scope, sizeof(key->client.scope));
	p += sizeof(key->client.scope);
	*p++ = key->client.len;
	memcpy(p, key->client.b, key->client.len);
	return hash128_bytes(bytes, sizeof(bytes));
}

static struct slot *row(const struct bounds *b, struct hash128 h)
{
	return b->slots + (h.a & (b->rows - 1)) * WAYS;
}

static bool is(const struct slot *s, struct hash128 h)
{
	return s->until_us && s->key.a == h.a && s->key.b == h.b;
}

void bounds_put(struct bounds *b, const struct bounds_key *key, uint32_t epoch, uint64_t until_us, uint64_t now_us)
{
	struct hash128 h = hash(key);
	struct slot *r = row(b, h), *to = r;

	for (struct slot *s = r; s < r + WAYS; s++) {
		if (is(s, h)) {
			to = s;
			break;
		}
		/* one of another epoch is as good as over, and an old epoch never comes back */
		if (to->until_us > now_us && to->epoch == epoch &&
		    (s->until_us < to->until_us || s->epoch != epoch))
			to = s;
	}
	*to = (struct slot){ h, until_us, epoch };
}

uint64_t bounds_find(const struct bounds *b, const struct bounds_key *key, uint32_t epoch)
{
	struct hash128 h = hash(key);

	for (const struct slot *s = row(b, h), *end = s + WAYS; s < end; s++) {
		if (is(s, h))
			return s->epoch == epoch ? s->until_us : 0;
	}
	return 0;
}
