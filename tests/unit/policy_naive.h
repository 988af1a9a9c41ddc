/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_NAIVE_H
#define POLICY_NAIVE_H

/*
 * The rule of patterns, written a second time and as plainly as possible: a name is
 * a row of symbols, its bytes and a SEPARATOR between labels; a pattern is its text.
 */

#include <stdbool.h>
#include <string.h>

#include "dns/name.h"

#define SEPARATOR 256

struct symbols {
	int v[NAME_MAX_WIRE];
	int n;
};

static inline void naive_symbols(struct symbols *s, const struct name *n)
{
	s->n = 0;
	for (const uint8_t *p = n->wire; *p; p += *p + 1) {
		if (s->n)
			s->v[s->n++] = SEPARATOR;
		for (int i = 1; i <= *p; i++)
			s->v[s->n++] = p[i];
	}
}

/* start: of the pattern; a star there takes separators too. */
static inline bool naive_from(const char *start, const char *p, const struct symbols *s, int at)
{
	bool whole;

	if (!*p)
		return at == s->n;
	if (*p != '*')
		return at < s->n && s->v[at] == (*p == '.' ? SEPARATOR : *p) && naive_from(start, p + 1, s, at + 1);
	whole = (p == start || p[-1] == '.') && p[1] == '.';
	for (int end = at; end <= s->n; end++) {
		if (end > at && p != start && s->v[end - 1] == SEPARATOR)
			break;
		if ((end > at || !whole) && naive_from(start, p + 1, s, end))
			return true;
	}
	return false;
}

/* Pattern in lower case without a final dot. */
static inline bool naive_match(const char *pattern, const struct name *n)
{
	struct symbols s;

	naive_symbols(&s, n);
	if (pattern[0] != '.')
		return naive_from(pattern, pattern, &s, 0);
	for (int i = 0; i < s.n; i++)
		if ((!i || s.v[i - 1] == SEPARATOR) && naive_from(pattern + 1, pattern + 1, &s, i))
			return true;
	return false;
}

/* Fixed seed, the same numbers everywhere. */
struct naive_random { uint64_t state; };

static inline unsigned naive_below(struct naive_random *r, unsigned n)
{
	r->state = r->state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)((r->state >> 33) % n);
}

/* A pattern's text, good or bad, of a tiny alphabet, so that much of it matches. */
static inline void naive_pattern(struct naive_random *r, char *out)
{
	static const char alphabet[] = "aabb**..";
	unsigned n = 1 + naive_below(r, 9);

	for (unsigned i = 0; i < n; i++)
		*out++ = alphabet[naive_below(r, 8)];
	*out = '\0';
}

/* A name of 1 to 4 labels of 1 to 3 bytes, some of them dots and stars, the last of letters. */
static inline void naive_name(struct naive_random *r, struct name *n)
{
	static const char bytes[] = "aaaabbbb.*";
	unsigned out = 0;

	n->labels = (uint8_t)(1 + naive_below(r, 4));
	for (unsigned l = 1; l <= n->labels; l++) {
		unsigned len = 1 + naive_below(r, 3) % (1 + naive_below(r, 3));

		n->wire[out++] = (uint8_t)len;
		for (unsigned i = 0; i < len; i++)
			n->wire[out++] = (uint8_t)bytes[naive_below(r, l == n->labels ? 8 : 10)];
	}
	n->wire[out++] = 0;
	n->len = (uint8_t)out;
}

#endif
