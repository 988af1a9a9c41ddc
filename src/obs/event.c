/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "obs/event.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/util.h"

#define HEAD offsetof(struct event, name)
#define MASK (EVENT_RING_BYTES - 1)

/*
 * Positions count bytes ever written and read. An empty ring is filled from its
 * start again (`base`), so that of its memory only as much is touched as ever waits at once.
 */
struct event_ring {
	_Alignas(64) _Atomic uint64_t written;
	uint64_t base;			/* the position that stands at its start: written when empty, read when not */
	_Alignas(64) _Atomic uint64_t read;
	uint8_t bytes[EVENT_RING_BYTES];
};

struct event_ring *event_ring_new(void)
{
	struct event_ring *r = aligned_alloc(64, sizeof(*r));

	if (r) {
		atomic_init(&r->written, 0);
		atomic_init(&r->read, 0);
		r->base = 0;
	}
	return r;
}

void event_ring_free(struct event_ring *r)
{
	free(r);
}

static void copy_in(struct event_ring *r, uint64_t *at, const void *p, size_t len)
{
	size_t off = (*at - r->base) & MASK, first = MIN(len, EVENT_RING_BYTES - off);

	memcpy(r->bytes + off, p, first);
	memcpy(r->bytes, (const uint8_t *)p + first, len - first);
	*at += len;
}

static void copy_out(const struct event_ring *r, uint64_t *at, void *p, size_t len)
{
	size_t off = (*at - r->base) & MASK, first = MIN(len, EVENT_RING_BYTES - off);

	memcpy(p, r->bytes + off, first);
	memcpy((uint8_t *)p + first, r->bytes, len - first);
	*at += len;
}

static void put_name(struct event_ring *r, uint64_t *at, const struct name *n)
{
	uint8_t head[2] = { n->len, n->labels };

	copy_in(r, at, head, sizeof(head));
	copy_in(r, at, n->wire, n->len);
}

static void get_name(const struct event_ring *r, uint64_t *at, struct name *n)
{
	uint8_t head[2];

	copy_out(r, at, head, sizeof(head));
	n->len = head[0];
	n->labels = head[1];
	copy_out(r, at, n->wire, n->len);
}

int event_put(struct event_ring *r, const struct event *e)
{
	uint64_t written = atomic_load_explicit(&r->written, memory_order_relaxed), at = written;
	uint64_t read = atomic_load_explicit(&r->read, memory_order_acquire);
	size_t need = HEAD + 4u + e->name.len + e->link.len + e->path_len, half = EVENT_RING_BYTES / 2;

	if (need > EVENT_RING_BYTES - (written - read))
		return -ENOSPC;
	if (written == read)
		r->base = written;
	copy_in(r, &at, e, HEAD);
	put_name(r, &at, &e->name);
	put_name(r, &at, &e->link);
	if (e->path_len)
		copy_in(r, &at, e->path, e->path_len);
	/*
	 * The reader stores `read` and then looks at `written`, we the other way
	 * round; in one order for all, or both could miss the other's step, and nobody would wake it.
	 */
	atomic_store_explicit(&r->written, at, memory_order_seq_cst);
	read = atomic_load_explicit(&r->read, memory_order_seq_cst);
	return read == written || (written - read < half && at - read >= half);
}

bool event_get(struct event_ring *r, struct event *e, uint8_t *room)
{
	uint64_t read = atomic_load_explicit(&r->read, memory_order_relaxed);

	if (read == atomic_load_explicit(&r->written, memory_order_seq_cst))
		return false;
	copy_out(r, &read, e, HEAD);
	get_name(r, &read, &e->name);
	get_name(r, &read, &e->link);
	e->path = room;
	if (!room)
		read += e->path_len;
	else if (e->path_len)
		copy_out(r, &read, room, e->path_len);
	atomic_store_explicit(&r->read, read, memory_order_seq_cst);
	return true;
}
