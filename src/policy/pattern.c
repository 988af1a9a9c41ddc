/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/pattern.h"

#include <errno.h>

#include "policy/pattern_why.h"

#define LABEL_MAX 63
#define TEXT_MAX 253

/* Lower case of what may stand in a pattern, 0 for all else. */
static uint8_t fold(uint8_t c)
{
	c = name_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '*' ? c : 0;
}

/* What the label that ends at `out` says about the whole; it begins at `label`. */
struct shape {
	bool star_here, wide, numeric;	/* of the label at hand; wide: nothing but a star */
	unsigned only_stars, numbers;	/* labels so far that are */
};

static enum pattern_fault label_end(struct pattern *p, struct shape *s, unsigned label, unsigned out)
{
	unsigned size = out - label - 1;

	if (!size)
		return PATTERN_EMPTY_LABEL;
	if (size > LABEL_MAX)
		return PATTERN_LONG_LABEL;
	p->wire[label] = (uint8_t)size;
	p->labels++;
	s->wide = s->star_here && size == 1;
	s->only_stars += s->wide;
	s->numbers += s->numeric;
	return PATTERN_FINE;
}

/* The rules on the whole: what is open to the right, to everybody, or no name at all. */
static enum pattern_fault whole(const struct pattern *p, const struct shape *last)
{
	if (last->star_here)
		return p->labels == 1 && p->stars == 1 && p->wire[1] == '*' && !last->wide ? PATTERN_SINGLE :
		       PATTERN_STAR_LAST;
	if (p->dot && p->stars)
		return PATTERN_DOT_STAR;
	if (p->dot ? p->labels == 1 : p->stars && last->only_stars == p->labels - 1u)
		return PATTERN_SINGLE;
	if (p->labels == 4 && last->numbers == 4)
		return PATTERN_ADDRESS;
	return PATTERN_FINE;
}

static enum pattern_fault compile(struct pattern *p, const char *text, size_t len)
{
	struct shape s = { .numeric = true };
	unsigned out = 1, label = 0;
	enum pattern_fault fault;
	size_t i = 0;

	p->labels = p->stars = 0;
	p->dot = len > 1 && text[0] == '.';
	i = p->dot;
	if (len > i && text[len - 1] == '.')
		len--;
	if (len == i)
		return p->dot ? PATTERN_EMPTY_LABEL : PATTERN_EMPTY;
	for (; i < len; i++) {
		uint8_t c = (uint8_t)text[i];

		if (out > TEXT_MAX)
			return PATTERN_LONG;
		if (c == '.') {
			fault = label_end(p, &s, label, out);
			if (fault)
				return fault;
			label = out++;
			s.star_here = false;
			s.numeric = true;
			continue;
		}
		c = fold(c);
		if (!c)
			return PATTERN_CHARACTER;
		if (c == '*') {
			if (out > label + 1 && p->wire[out - 1] == '*')
				return PATTERN_STARS;
			s.star_here = true;
			p->stars++;
		}
		s.numeric &= c >= '0' && c <= '9';
		p->wire[out++] = c;
	}
	fault = label_end(p, &s, label, out);
	if (fault)
		return fault;
	p->wire[out] = 0;
	p->len = (uint8_t)(out + 1);
	return whole(p, &s);
}

int pattern_parse(struct pattern *p, const char *text, size_t len, char *why, size_t whylen)
{
	enum pattern_fault fault = compile(p, text, len);

	if (fault == PATTERN_FINE)
		return 0;
	if (whylen)
		pattern_why(fault, text, len, why, whylen);
	return -EINVAL;
}

/* One label against one: a star takes zero or more characters. */
static bool label_match(const uint8_t *p, unsigned plen, const uint8_t *s, unsigned slen)
{
	unsigned i = 0, j = 0, star = 0, taken = 0;
	bool back = false;

	while (j < slen) {
		if (i < plen && p[i] == '*') {
			back = true;
			star = ++i;
			taken = j;
		} else if (i < plen && p[i] == s[j]) {
			i++;
			j++;
		} else if (back) {
			i = star;
			j = ++taken;
		} else {
			return false;
		}
	}
	while (i < plen && p[i] == '*')
		i++;
	return i == plen;
}

/*
 * Aligned at the right end, each label of the pattern takes one of the name; a star at
 * the pattern's very beginning takes whatever more the name has to the left.
 */
bool pattern_match_wire(const uint8_t *wire, bool dot, const struct name *n)
{
	const uint8_t *p, *s = n->wire;
	unsigned labels = 0, more;

	for (p = wire; *p; p += *p + 1u)
		labels++;
	if (n->labels < labels)
		return false;
	more = n->labels - labels;
	if (more && !dot && wire[1] != '*')
		return false;
	while (more--)
		s += *s + 1u;
	for (p = wire; *p; p += *p + 1u, s += *s + 1u)
		if (!label_match(p + 1, *p, s + 1, *s))
			return false;
	return true;
}

bool pattern_match(const struct pattern *p, const struct name *n)
{
	return pattern_match_wire(p->wire, p->dot, n);
}

const char *pattern_text(const uint8_t *wire, bool dot, char *buf)
{
	char *out = buf;

	for (; *wire; wire += *wire + 1u) {
		if (dot || out > buf)
			*out++ = '.';
		dot = false;
		memcpy(out, wire + 1, *wire);
		out += *wire;
	}
	*out = '\0';
	return buf;
}

/* Length of the text right of the last star, or of all where there is none. */
static unsigned tail_length(const uint8_t *wire, bool *star)
{
	const uint8_t *p, *last = NULL;

	for (p = wire; *p; p += *p + 1u)
		for (unsigned i = 1; i <= *p; i++)
			if (p[i] == '*')
				last = p + i;
	*star = last;
	return (unsigned)(p - (last ? last : wire));
}

int pattern_compare(const uint8_t *a, bool adot, const uint8_t *b, bool bdot)
{
	bool astar, bstar;
	unsigned alen = tail_length(a, &astar), blen = tail_length(b, &bstar);

	if (astar != bstar)
		return astar ? 1 : -1;
	if (adot != bdot)
		return adot ? 1 : -1;
	return alen > blen ? -1 : alen < blen;
}
