/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_HASH_H
#define BASE_HASH_H

/*
 * Keyed 64-bit hash for tables that hostile names get into: the key is drawn
 * at start (hash_init), so that nobody outside can aim at a bucket.
 */

#include <stddef.h>
#include <stdint.h>

/* Draws the key. Once, before the first hash. */
void hash_init(void);
uint64_t hash_bytes(const void *p, size_t len);
/* The hash of `len` more bytes after what `h` stands for. */
uint64_t hash_more(uint64_t h, const void *p, size_t len);
/* 128 bits, for where the hash itself is the identity. */
struct hash128 { uint64_t a, b; };
struct hash128 hash128_bytes(const void *p, size_t len);

#endif
