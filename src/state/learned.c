/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "state/learned.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/hash.h"
#include "base/util.h"

#define WAYS 8				/* places a name may stand in; of those the one that ends first gives way */

/*
 * A slot is read under the sequence number of its tag (odd: being written). What readers
 * need comes first; the names are the writers' own, for learned_revise. Slots are large: which of a set's is
 * the one, or gives way, is told by the tags, which stand together.
 */
struct tag {
	_Atomic uint64_t hash;			/* of profile and name, fast, a hint: the slot's proves it; 0: empty */
	_Atomic uint64_t until;
	atomic_uint seq;
};

struct slot {
	_Atomic uint64_t a, b;			/* hash of profile and name; 0, 0: empty */
	_Atomic uint64_t until;
	_Atomic uint64_t ports[4], types, flags;
	uint64_t profile;			/* struct profile.id */
	struct name name, opener;
};

struct learned {
	pthread_mutex_t lock;
	size_t mask, slot_bytes, tag_bytes;
	struct slot *slots;
	struct tag *tags;
};

enum { FLAG_PRIVATE = 1, FLAG_CHURN = 2 };

static void *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void unmap(struct learned *l)
{
	if (l->slots)
		munmap(l->slots, l->slot_bytes);
	if (l->tags)
		munmap(l->tags, l->tag_bytes);
	free(l);
}

struct learned *learned_new(size_t slots)
{
	struct learned *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	slots = MAX(slots, (size_t)WAYS);
	l->mask = slots - 1;
	l->slot_bytes = slots * sizeof(*l->slots);
	l->tag_bytes = slots * sizeof(*l->tags);
	l->slots = map(l->slot_bytes);
	l->tags = map(l->tag_bytes);
	if (l->slots && l->tags && !pthread_mutex_init(&l->lock, NULL))
		return l;
	unmap(l);
	return NULL;
}

void learned_free(struct learned *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->lock);
	unmap(l);
}

static struct hash128 identity(const struct profile *p, const struct name *name)
{
	uint8_t key[sizeof(p->id) + NAME_MAX_WIRE];

	memcpy(key, &p->id, sizeof(p->id));
	memcpy(key + sizeof(p->id), name->wire, name->len);
	return hash128_bytes(key, sizeof(p->id) + name->len);
}

static uint64_t tag_hash(const struct profile *p, const struct name *name)
{
	uint64_t h = hash_more(hash_bytes(name->wire, name->len), &p->id, sizeof(p->id));

	return h ? h : 1;
}

/* The first of the slots that the name may stand in. */
static size_t set_of(const struct learned *l, uint64_t hash)
{
	return hash & l->mask & ~(size_t)(WAYS - 1);
}

static uint64_t get(const _Atomic uint64_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

static void set(_Atomic uint64_t *p, uint64_t v)
{
	atomic_store_explicit(p, v, memory_order_relaxed);
}

/* Writers have the lock: one that adds in one step would only wait for the stores before it. */
static unsigned seq(const struct tag *t)
{
	return atomic_load_explicit(&t->seq, memory_order_relaxed);
}

static void write_begin(struct tag *t)
{
	atomic_store_explicit(&t->seq, seq(t) + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

static void write_end(struct tag *t)
{
	atomic_store_explicit(&t->seq, seq(t) + 1, memory_order_release);
}

static void set_attrs(struct slot *s, const struct attrs *attrs)
{
	for (int i = 0; i < 4; i++)
		set(&s->ports[i], attrs->ports[i]);
	set(&s->types, attrs->types);
	set(&s->flags, (attrs->private ? FLAG_PRIVATE : 0u) | (attrs->churn ? FLAG_CHURN : 0u));
}

static bool holds(const struct slot *s, struct hash128 id)
{
	return get(&s->a) == id.a && get(&s->b) == id.b;
}

/* Which slot has this identity (true), or is to give way. */
static bool place(const struct learned *l, uint64_t hash, struct hash128 id, size_t *at)
{
	size_t first = set_of(l, hash);

	*at = first;
	for (size_t i = first; i < first + WAYS; i++) {
		if (get(&l->tags[i].hash) == hash && holds(&l->slots[i], id)) {
			*at = i;
			return true;
		}
		if (get(&l->tags[i].until) < get(&l->tags[*at].until))
			*at = i;
	}
	return false;
}

/* Puts in the place of a learned opener what opened it, and cuts until to its end. */
static bool inherit(const struct learned *l, const struct profile *p, const struct name **opener, uint64_t *until)
{
	size_t at;

	if (!place(l, tag_hash(p, *opener), identity(p, *opener), &at))
		return false;
	*opener = &l->slots[at].opener;
	*until = MIN(*until, get(&l->slots[at].until));
	return true;
}

static void write_slot(struct tag *t, struct slot *s, uint64_t hash, struct hash128 id, const struct profile *p,
		       const struct name *name, const struct name *opener, const struct attrs *attrs, uint64_t until)
{
	struct name copy;			/* the opener may stand in the slot that is written */

	name_copy(&copy, opener);
	write_begin(t);
	set(&s->a, id.a);
	set(&s->b, id.b);
	set(&s->until, until);
	set_attrs(s, attrs);
	s->profile = p->id;
	name_copy(&s->name, name);
	name_copy(&s->opener, &copy);
	set(&t->until, until);
	set(&t->hash, hash);
	write_end(t);
}

void learned_add(struct learned *l, const struct profile *p, const struct name *name, const struct name *opener,
		 bool inherited, const struct attrs *attrs, uint64_t now_ms, uint64_t until_ms)
{
	struct hash128 id = identity(p, name);
	uint64_t hash = tag_hash(p, name);
	size_t at;

	until_ms = MIN(until_ms, now_ms + LEARNED_MAX_S * 1000ull);
	pthread_mutex_lock(&l->lock);
	if (!inherited || inherit(l, p, &opener, &until_ms)) {
		if (!place(l, hash, id, &at) || get(&l->tags[at].until) < until_ms)
			write_slot(&l->tags[at], &l->slots[at], hash, id, p, name, opener, attrs, until_ms);
	}
	pthread_mutex_unlock(&l->lock);
}

/* One try at reading a slot; false: it was being written. */
static bool read_slot(struct tag *t, const struct slot *s, struct hash128 id, bool *found, struct attrs *attrs,
		      uint64_t *until)
{
	unsigned before = atomic_load_explicit(&t->seq, memory_order_acquire);

	*found = holds(s, id);
	if (*found) {
		for (int i = 0; i < 4; i++)
			attrs->ports[i] = get(&s->ports[i]);
		attrs->types = get(&s->types);
		attrs->private = get(&s->flags) & FLAG_PRIVATE;
		attrs->churn = get(&s->flags) & FLAG_CHURN;
		*until = get(&s->until);
	}
	atomic_thread_fence(memory_order_acquire);
	return !(before & 1) && atomic_load_explicit(&t->seq, memory_order_relaxed) == before;
}

bool learned_find(const struct learned *l, const struct profile *p, const struct name *name, uint64_t now_ms,
		  struct attrs *attrs, uint64_t *until_ms)
{
	uint64_t hash = tag_hash(p, name);
	size_t first = set_of(l, hash);
	bool found;

	for (size_t i = first; i < first + WAYS; i++) {
		struct hash128 id;

		if (get(&l->tags[i].hash) != hash)
			continue;
		id = identity(p, name);
		while (!read_slot(&l->tags[i], &l->slots[i], id, &found, attrs, until_ms))
			continue;
		if (found)
			return *until_ms > now_ms;
	}
	return false;
}

static const struct profile *profile_by_id(const struct snapshot *s, uint64_t id)
{
	for (size_t i = 0; i < s->n_profiles; i++) {
		if (s->profiles[i].id == id)
			return &s->profiles[i];
	}
	return NULL;
}

/* What the new snapshot says of a learned name: whether it stays, and what it opens. */
static bool still_allowed(const struct snapshot *s, const struct slot *slot, struct attrs *attrs)
{
	const struct profile *p = profile_by_id(s, slot->profile);
	struct verdict v;
	uint32_t entry;

	if (!p)
		return false;
	decide(s, p, &slot->opener, TYPE_A, &v);
	if (v.kind != VERDICT_UPSTREAM && v.kind != VERDICT_NODATA)
		return false;
	*attrs = v.attrs;
	return p->trust || decide_target(s, p, &v, &slot->name, &entry);
}

/* Between write_begin and write_end. */
static void clear(struct tag *t, struct slot *s)
{
	set(&t->hash, 0);
	set(&t->until, 0);
	set(&s->a, 0);
	set(&s->b, 0);
	set(&s->until, 0);
}

void learned_forget(struct learned *l, const struct name *opener)
{
	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i <= l->mask; i++) {
		struct slot *slot = &l->slots[i];

		if (get(&slot->until) == 0)
			continue;
		if (opener && !name_equal(&slot->opener, opener) && !name_equal(&slot->name, opener))
			continue;
		write_begin(&l->tags[i]);
		clear(&l->tags[i], slot);
		write_end(&l->tags[i]);
	}
	pthread_mutex_unlock(&l->lock);
}

void learned_revise(struct learned *l, const struct snapshot *s, uint64_t now_ms)
{
	struct attrs attrs;

	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i <= l->mask; i++) {
		struct slot *slot = &l->slots[i];

		if (get(&slot->until) == 0)
			continue;
		write_begin(&l->tags[i]);
		if (get(&slot->until) > now_ms && still_allowed(s, slot, &attrs)) {
			set_attrs(slot, &attrs);
		} else {
			clear(&l->tags[i], slot);
		}
		write_end(&l->tags[i]);
	}
	pthread_mutex_unlock(&l->lock);
}

size_t learned_count(struct learned *l, uint64_t now_ms)
{
	size_t n = 0;

	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i <= l->mask; i++)
		n += get(&l->slots[i].until) > now_ms;
	pthread_mutex_unlock(&l->lock);
	return n;
}
