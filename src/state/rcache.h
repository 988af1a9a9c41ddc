/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef STATE_RCACHE_H
#define STATE_RCACHE_H

/*
 * The answer cache of one worker: verified answers as they will be sent, with
 * the offsets of their TTLs beside them.
 *
 * Memory is one region of a fixed size, a ring of segments that are filled in turn, so
 * that the bound holds to the byte and nothing fragments. A segment that is to
 * be filled again first keeps, packed at its start, what was used since the
 * last time round (CLOCK), at most three quarters of it.
 */

#include <stdbool.h>

#include "base/addr.h"
#include "base/clock.h"
#include "dns/wire.h"

struct rcache;

struct rcache_key {
	uint16_t profile;		/* each profile has its own view */
	uint16_t type;
	bool dnssec_ok;
	uint8_t view;			/* and within it clients who may get other addresses: see core/view.h */
	const struct name *name;
};

enum rcache_kind {
	RCACHE_ANSWER,
	RCACHE_AUDITED,			/* an answer that only audit mode lets through: its chain left the catalogue */
	RCACHE_BLOCKED,			/* its chain left the catalogue, at the link */
	RCACHE_FILTERED,		/* NODATA, because what there was may not pass */
	RCACHE_FAILED,			/* upstream did not answer (RFC 9520) */
};

struct rcache_entry {
	uint64_t stored;		/* boot_ms */
	uint64_t expires;		/* boot_ms; from then on stale */
	uint64_t retry;			/* boot_ms; until then a stale one is served without asking again */
	uint64_t hash;
	uint32_t size;			/* in the region, header included */
	uint32_t next;			/* in its bucket's chain */
	uint16_t profile, type;
	uint16_t len, n_ttls;
	uint8_t kind;			/* enum rcache_kind */
	uint8_t link_len;
	uint8_t view;
	bool dnssec_ok, used, linked;
	bool held;			/* it must not be given but while what it wants of the firewall is open */
	uint32_t held_ttl;		/* the longest TTL of a record that bears an address */
	uint64_t id, ports;		/* see rcache_item */
	uint64_t until_us;		/* mono_us: until then its addresses are open for everybody, 0: not known, */
	uint32_t epoch;			/* as it was confirmed in this epoch of the firewall's */
	uint16_t ttls[];		/* n_ttls of them, then len bytes of message, then the link's name */
};

static inline const uint8_t *rcache_wire(const struct rcache_entry *e)
{
	return (const uint8_t *)(e->ttls + e->n_ttls);
}

/* Whether there is a message to give, and not only a note. */
static inline bool rcache_is_answer(const struct rcache_entry *e)
{
	return e->kind <= RCACHE_AUDITED;
}

/* A cache that takes `bytes` in all, index included (64 KiB at least). NULL without memory. */
struct rcache *rcache_new(size_t bytes);
void rcache_free(struct rcache *c);

uint64_t rcache_hash(const struct rcache_key *key);
/* The entry of the key, alive or not, or NULL. It is valid until the next put or flush. Does not allocate. (I4) */
struct rcache_entry *rcache_find(struct rcache *c, const struct rcache_key *key, uint64_t hash);

struct rcache_item {
	enum rcache_kind kind;
	const uint8_t *wire;		/* the message; of what is only a note its header and question */
	size_t len;
	const uint16_t *ttls;
	size_t n_ttls;
	const struct name *link;	/* where the chain left the catalogue, or NULL */
	uint64_t stored, expires;
	bool held;
	uint32_t held_ttl;
	uint64_t id;			/* never the same for two items that are held */
	uint64_t ports;			/* a value of the ports that were opened for it */
};

/*
 * Stores an answer in the place of one with the same key. What is larger than a
 * quarter of a segment (a 64th of the cache) is not stored: NULL.
 */
struct rcache_entry *rcache_put(struct rcache *c, const struct rcache_key *key, uint64_t hash,
				const struct rcache_item *item);
/* The link's name; false: none. */
bool rcache_link(const struct rcache_entry *e, struct name *link);
/* Forgets the names at and below `below`; NULL: everything, and gives the memory back. Gives how many. */
size_t rcache_flush(struct rcache *c, const struct name *below);
/* Forgets every message that may hold the address: in which its bytes stand, wherever. Gives how many. */
size_t rcache_flush_addr(struct rcache *c, const struct addr *a);

struct rcache_usage {
	size_t entries, bytes, limit;
};
void rcache_usage(const struct rcache *c, struct rcache_usage *u);

#endif
