/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef STATE_LEASE_SLOTS_H
#define STATE_LEASE_SLOTS_H

/*
 * Records of one size that never move, known by a number from 1, and an index of them by hash. Both grow in small
 * steps: a segment of records at a time, one bucket of the index at a time (linear hashing), so that a million of
 * them come without any call that takes long.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* The first member of every record. */
struct slot {
	uint32_t next;			/* in its bucket, or in the list of free ones */
	uint32_t hash;			/* 0: free */
};

/* A bucket. Most of what is looked for and not there is known by the bits, without a look at a record. */
struct slots_head {
	uint32_t first;			/* id, 0: none */
	uint32_t bits;			/* of each record one, drawn by its hash */
};

struct slots {
	size_t stride;
	uint8_t **segs;
	struct slots_head **heads;		/* segments of the index */
	size_t n_segs, cap_segs, n_heads, cap_heads;
	uint32_t top;			/* the highest number ever taken */
	uint32_t free, count;
	uint32_t buckets;
};

void slots_init(struct slots *s, size_t stride);
/* Back to what slots_init made of it. */
void slots_clear(struct slots *s);
/* A record without an index entry, zeroed; *id is its number. NULL without memory. */
void *slots_take(struct slots *s, uint32_t *id);
void slots_give(struct slots *s, uint32_t id);
/* A zeroed record that is found by its hash. */
void *slots_add(struct slots *s, uint64_t hash, uint32_t *id);
void slots_remove(struct slots *s, uint32_t id);
/* The number of the first record of that hash, and of the one after it; 0: none. Keys are the caller's to compare. */
uint32_t slots_first(const struct slots *s, uint64_t hash);
uint32_t slots_next(const struct slots *s, uint32_t id);
/* NULL: the number is free, or never was one. */
void *slots_at(const struct slots *s, uint32_t id);
/* Bytes taken. */
size_t slots_size(const struct slots *s);

#endif
