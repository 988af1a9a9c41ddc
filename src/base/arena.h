/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

/*
 * A bump allocator: one arena is one lifetime. Memory is zeroed, aligned to 16
 * bytes (text: to 1), and given back all at once.
 */

#include <stddef.h>

struct arena;

/* A new, empty arena that hands out at most `limit` bytes; NULL without memory. */
struct arena *arena_new(size_t limit);
/* NULL is allowed. */
void arena_free(struct arena *a);
/* `size` zeroed bytes, or NULL when the limit or the machine's memory is used up. */
void *arena_alloc(struct arena *a, size_t size);
/* n * size with the overflow checked. */
void *arena_array(struct arena *a, size_t n, size_t size);
/* A copy of `len` bytes of text with a final NUL. */
char *arena_text(struct arena *a, const char *text, size_t len);
/* Unaligned copy of bytes. */
void *arena_bytes(struct arena *a, const void *p, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Bytes taken from the machine so far. */
size_t arena_size(const struct arena *a);

#endif
