/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define CHUNK_FIRST ((size_t)4 << 10)
#define CHUNK_LAST ((size_t)1 << 20)
#define ALIGN ((size_t)16)

/* Aligned memory is taken from the low end, text from the high one, so that neither pads for the other. */
struct chunk {
	struct chunk *next;
	uint8_t *lo, *hi;
};

/* Rounded up, so that what follows is aligned as malloc's memory is. */
#define CHUNK_HEAD ((sizeof(struct chunk) + ALIGN - 1) / ALIGN * ALIGN)

struct arena {
	struct chunk *chunks;		/* the first is the one being filled */
	size_t limit, given, taken, grow;
};

static struct chunk *chunk_new(struct arena *a, size_t size)
{
	struct chunk *c;

	if (size > SIZE_MAX - CHUNK_HEAD)
		return NULL;
	c = calloc(1, CHUNK_HEAD + size);
	if (!c)
		return NULL;
	c->lo = (uint8_t *)c + CHUNK_HEAD;
	c->hi = c->lo + size;
	a->taken += CHUNK_HEAD + size;
	return c;
}

struct arena *arena_new(size_t limit)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->limit = limit;
	a->grow = CHUNK_FIRST;
	a->taken = sizeof(*a);
	return a;
}

void arena_free(struct arena *a)
{
	struct chunk *c, *next;

	if (!a)
		return;
	for (c = a->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	free(a);
}

/* A chunk with `size` free bytes between lo and hi. */
static struct chunk *chunk_for(struct arena *a, size_t size)
{
	struct chunk *c = a->chunks;

	if (c && (size_t)(c->hi - c->lo) >= size)
		return c;
	if (c && size > a->grow / 4) {
		/* Behind the first: what that one has left stays in use. */
		c = chunk_new(a, size);
		if (!c)
			return NULL;
		c->next = a->chunks->next;
		a->chunks->next = c;
		return c;
	}
	c = chunk_new(a, MAX(size, a->grow));
	if (!c)
		return NULL;
	if (a->grow < CHUNK_LAST)
		a->grow *= 2;
	c->next = a->chunks;
	a->chunks = c;
	return c;
}

/* Both ways of allocation: the limit is of what was asked for, padding included. */
static uint8_t *take(struct arena *a, size_t size, bool packed)
{
	size_t want = size;
	struct chunk *c;

	if (!packed) {
		if (size > SIZE_MAX - (ALIGN - 1))
			return NULL;
		want = (size + ALIGN - 1) / ALIGN * ALIGN;
	}
	if (want > a->limit - a->given)
		return NULL;
	c = chunk_for(a, want);
	if (!c)
		return NULL;
	a->given += want;
	if (packed) {
		c->hi -= want;
		return c->hi;
	}
	c->lo += want;
	return c->lo - want;
}

void *arena_alloc(struct arena *a, size_t size)
{
	return take(a, size, false);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size)
		return NULL;
	return arena_alloc(a, n * size);
}

char *arena_text(struct arena *a, const char *text, size_t len)
{
	char *p;

	if (len == SIZE_MAX)
		return NULL;
	p = (char *)take(a, len + 1, true);
	if (!p)
		return NULL;
	if (len)
		memcpy(p, text, len);
	p[len] = '\0';
	return p;
}

void *arena_bytes(struct arena *a, const void *src, size_t len)
{
	void *p = take(a, len, true);

	if (p && len)
		memcpy(p, src, len);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		return NULL;
	p = (char *)take(a, (size_t)len + 1, true);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return p;
}

size_t arena_size(const struct arena *a)
{
	return a->taken;
}
