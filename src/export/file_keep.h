/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef EXPORT_FILE_KEEP_H
#define EXPORT_FILE_KEEP_H

/*
 * The elements of one set by their key, in an order that stays while others come and go: for sinks that have to
 * remember what they told, or walk it in parts. An entry's number is good until it is dropped, its address
 * until the next keep_put.
 */

#include "export/shape.h"

struct keep_entry {
	uint8_t key[SHAPE_KEY_MAX];
	uint64_t end_us;		/* mono_us; the owner's */
	void *more;			/* the owner's, freed with free(3) */
	uint32_t mark;			/* the owner's */
	uint32_t next;			/* keep's */
	bool used;
};

struct keep {
	struct keep_entry *v;
	size_t n, cap;			/* entries from 0 to n, some of them not used */
	size_t used;
	size_t key_len;
	uint32_t *slots;		/* number + 1, or 0 */
	size_t n_slots;
	uint32_t spare;			/* first entry that is free, + 1 */
};

/* keep_free empties it too. */
void keep_init(struct keep *k, size_t key_len);
void keep_free(struct keep *k);
/* NULL: it has none. */
struct keep_entry *keep_find(const struct keep *k, const uint8_t *key);
/* Finds it or makes one, zeroed but for its key. NULL without memory. */
struct keep_entry *keep_put(struct keep *k, const uint8_t *key);
void keep_drop(struct keep *k, struct keep_entry *e);

#endif
