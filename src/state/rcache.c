/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state/rcache.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/hash.h"
#include "base/util.h"

#define SEGMENTS 16
#define ALIGN 8
#define MIN_BYTES 65536
#define NOWHERE UINT32_MAX
#define BYTES_PER_BUCKET 256		/* about an answer */

/*
 * What is asked for and not there is as frequent as what is: a bucket tells most of that by itself, without a look
 * at its entries, which lie anywhere in memory.
 */
struct bucket {
	uint32_t first;
	uint32_t bits;				/* of each entry one, drawn by its hash */
};

/* Places in the region are counted in units of ALIGN bytes: 32 bits reach 32 GiB. */
struct rcache {
	uint8_t *region;
	size_t segment_size, region_size;
	struct bucket *buckets;
	size_t mask, buckets_size;
	size_t current;				/* segment that is being filled */
	size_t used[SEGMENTS];			/* bytes filled of each */
	size_t entries, bytes;			/* linked ones */
};

static struct rcache_entry *at(const struct rcache *c, uint32_t place)
{
	return (struct rcache_entry *)(c->region + (size_t)place * ALIGN);
}

static uint32_t place_of(const struct rcache *c, const struct rcache_entry *e)
{
	return (uint32_t)((size_t)((const uint8_t *)e - c->region) / ALIGN);
}

static struct bucket *bucket_of(const struct rcache *c, uint64_t hash)
{
	return &c->buckets[hash & c->mask];
}

static uint32_t bit_of(uint64_t hash)
{
	return 1u << (hash >> 59);
}

static void clear_index(struct rcache *c)
{
	for (size_t i = 0; i <= c->mask; i++)
		c->buckets[i] = (struct bucket){ NOWHERE, 0 };
	memset(c->used, 0, sizeof(c->used));
	c->current = c->entries = c->bytes = 0;
}

static void *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

struct rcache *rcache_new(size_t bytes)
{
	struct rcache *c = calloc(1, sizeof(*c));
	size_t n = 64;

	if (!c)
		return NULL;
	if (bytes < MIN_BYTES)
		bytes = MIN_BYTES;
	while (n * 2 * BYTES_PER_BUCKET <= bytes)
		n *= 2;
	c->mask = n - 1;
	c->buckets_size = n * sizeof(*c->buckets);
	c->segment_size = (bytes - c->buckets_size) / SEGMENTS / ALIGN * ALIGN;
	c->region_size = c->segment_size * SEGMENTS;
	c->buckets = map(c->buckets_size);
	c->region = map(c->region_size);
	if (!c->buckets || !c->region) {
		rcache_free(c);
		return NULL;
	}
	clear_index(c);
	return c;
}

void rcache_free(struct rcache *c)
{
	if (!c)
		return;
	if (c->buckets)
		munmap(c->buckets, c->buckets_size);
	if (c->region)
		munmap(c->region, c->region_size);
	free(c);
}

uint64_t rcache_hash(const struct rcache_key *key)
{
	uint64_t rest = (uint64_t)key->view << 33 | (uint64_t)key->profile << 17 | (uint64_t)key->type << 1 |
			key->dnssec_ok;

	return hash_more(hash_bytes(key->name->wire, key->name->len), &rest, sizeof(rest));
}

static bool same(const struct rcache_entry *e, const struct rcache_key *key, uint64_t hash)
{
	return e->hash == hash && e->type == key->type && e->profile == key->profile &&
	       e->dnssec_ok == key->dnssec_ok && e->view == key->view &&
	       memcmp(rcache_wire(e) + WIRE_HEADER, key->name->wire, key->name->len) == 0;
}

struct rcache_entry *rcache_find(struct rcache *c, const struct rcache_key *key, uint64_t hash)
{
	const struct bucket *b = bucket_of(c, hash);

	if (!(b->bits & bit_of(hash)))
		return NULL;
	for (uint32_t p = b->first; p != NOWHERE; p = at(c, p)->next) {
		struct rcache_entry *e = at(c, p);

		if (same(e, key, hash)) {
			e->used = true;
			return e;
		}
	}
	return NULL;
}

/* Where the index points to e from. */
static uint32_t *link_to(struct rcache *c, const struct rcache_entry *e)
{
	uint32_t *link = &bucket_of(c, e->hash)->first;

	while (at(c, *link) != e)
		link = &at(c, *link)->next;
	return link;
}

static void drop(struct rcache *c, struct rcache_entry *e)
{
	struct bucket *b = bucket_of(c, e->hash);

	*link_to(c, e) = e->next;
	b->bits = 0;
	for (uint32_t p = b->first; p != NOWHERE; p = at(c, p)->next)
		b->bits |= bit_of(at(c, p)->hash);
	e->linked = false;
	c->entries--;
	c->bytes -= e->size;
}

/* Makes room in the segment whose turn it is; what was used since the last round stays, packed at its start. */
static void recycle(struct rcache *c, size_t segment)
{
	uint8_t *base = c->region + segment * c->segment_size;
	size_t end = c->used[segment], kept = 0, size;

	for (size_t off = 0; off < end; off += size) {
		struct rcache_entry *e = (struct rcache_entry *)(base + off);

		size = e->size;
		if (!e->linked)
			continue;
		if (!e->used || kept + size > c->segment_size / 4 * 3) {
			drop(c, e);
			continue;
		}
		*link_to(c, e) = place_of(c, (struct rcache_entry *)(base + kept));
		e->used = false;
		memmove(base + kept, e, size);
		kept += size;
	}
	c->used[segment] = kept;
}

static struct rcache_entry *allot(struct rcache *c, size_t size)
{
	struct rcache_entry *e;

	if (size > c->segment_size / 4)
		return NULL;
	if (c->used[c->current] + size > c->segment_size) {
		c->current = (c->current + 1) % SEGMENTS;
		recycle(c, c->current);
	}
	e = (struct rcache_entry *)(c->region + c->current * c->segment_size + c->used[c->current]);
	c->used[c->current] += size;
	return e;
}

struct rcache_entry *rcache_put(struct rcache *c, const struct rcache_key *key, uint64_t hash,
				const struct rcache_item *item)
{
	uint8_t link_len = item->link ? item->link->len : 0, *behind;
	size_t size = sizeof(struct rcache_entry) + item->n_ttls * sizeof(*item->ttls) + item->len + link_len;
	struct rcache_entry *old = rcache_find(c, key, hash), *e;

	size = (size + ALIGN - 1) / ALIGN * ALIGN;
	if (old)
		drop(c, old);
	e = allot(c, size);
	if (!e)
		return NULL;
	*e = (struct rcache_entry){
		.stored = item->stored, .expires = item->expires, .hash = hash, .size = (uint32_t)size,
		.next = bucket_of(c, hash)->first, .profile = key->profile, .type = key->type,
		.len = (uint16_t)item->len, .n_ttls = (uint16_t)item->n_ttls, .kind = (uint8_t)item->kind,
		.link_len = link_len, .view = key->view, .dnssec_ok = key->dnssec_ok, .linked = true,
		.held = item->held, .held_ttl = item->held_ttl, .id = item->id, .ports = item->ports,
	};
	if (item->n_ttls)
		memcpy(e->ttls, item->ttls, item->n_ttls * sizeof(*item->ttls));
	behind = (uint8_t *)(e->ttls + item->n_ttls);
	memcpy(behind, item->wire, item->len);
	if (link_len)
		memcpy(behind + item->len, item->link->wire, link_len);
	bucket_of(c, hash)->first = place_of(c, e);
	bucket_of(c, hash)->bits |= bit_of(hash);
	c->entries++;
	c->bytes += size;
	return e;
}

bool rcache_link(const struct rcache_entry *e, struct name *link)
{
	size_t off = 0;

	return e->link_len && name_read(link, rcache_wire(e) + e->len, e->link_len, &off) == 0;
}

static size_t flush_those(struct rcache *c, bool (*goes)(const struct rcache_entry *e, const void *ctx), const void *ctx)
{
	size_t n = 0;

	for (size_t s = 0; s < SEGMENTS; s++) {
		uint8_t *base = c->region + s * c->segment_size;
		struct rcache_entry *e;

		for (size_t off = 0; off < c->used[s]; off += e->size) {
			e = (struct rcache_entry *)(base + off);
			if (!e->linked || !goes(e, ctx))
				continue;
			drop(c, e);
			n++;
		}
	}
	return n;
}

static bool is_below(const struct rcache_entry *e, const void *ctx)
{
	size_t at_question = WIRE_HEADER;
	struct name name;

	return name_read(&name, rcache_wire(e), e->len, &at_question) == 0 && name_under(&name, ctx);
}

size_t rcache_flush(struct rcache *c, const struct name *below)
{
	size_t n = c->entries;

	if (below)
		return flush_those(c, is_below, below);
	madvise(c->region, c->region_size, MADV_DONTNEED);
	clear_index(c);
	return n;
}

static bool has_addr(const struct rcache_entry *e, const void *ctx)
{
	const struct addr *a = ctx;

	return memmem(rcache_wire(e), e->len, a->b, a->len);
}

size_t rcache_flush_addr(struct rcache *c, const struct addr *a)
{
	return flush_those(c, has_addr, a);
}

void rcache_usage(const struct rcache *c, struct rcache_usage *u)
{
	*u = (struct rcache_usage){ c->entries, c->bytes, c->region_size + c->buckets_size };
}
