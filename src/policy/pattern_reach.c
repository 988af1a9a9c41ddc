/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/pattern.h"

#include "policy/suffix.h"

/* In no pattern and in no suffix: what only a star can take. */
#define ANYTHING '~'

/*
 * A name with ANYTHING for each star, one of those the pattern takes. What takes it too takes
 * all that the pattern does: its own stars must stand where ours do, and only one that
 * begins a pattern takes what begins with ANYTHING, so labels may be added there as well.
 */
bool pattern_sample(struct name *n, const uint8_t *wire, bool below)
{
	unsigned out = 0;

	n->labels = 0;
	if (below) {
		n->wire[out++] = 1;
		n->wire[out++] = ANYTHING;
		n->labels++;
	}
	for (; *wire; wire += *wire + 1u) {
		if (out + *wire + 2u > NAME_MAX_WIRE)
			return false;
		n->wire[out++] = *wire;
		for (unsigned i = 1; i <= *wire; i++)
			n->wire[out++] = wire[i] == '*' ? ANYTHING : wire[i];
		n->labels++;
	}
	n->wire[out++] = 0;
	n->len = (uint8_t)out;
	return true;
}

bool pattern_covers(const struct pattern *wide, const struct pattern *narrow)
{
	struct name n;

	if (!pattern_sample(&n, narrow->wire, false) || !pattern_match(wide, &n))
		return false;
	/* Where no name fits below, the name alone is all it takes. */
	return !narrow->dot || !pattern_sample(&n, narrow->wire, true) || pattern_match(wide, &n);
}

/* Whether one of the last `labels` labels of the sample holds what the pattern leaves open. */
static bool open_within(const struct name *n, unsigned labels)
{
	const uint8_t *p = n->wire;

	for (unsigned skip = n->labels - labels; skip; skip--)
		p += *p + 1u;
	for (; *p; p += *p + 1u)
		if (memchr(p + 1, ANYTHING, *p))
			return true;
	return false;
}

static bool takes(void *ctx, const char *suffix)
{
	struct name n;

	return !name_from_text(&n, suffix, strlen(suffix)) && pattern_match(ctx, &n);
}

/* The pattern's own stars may make this suffix of its last labels: what stands before them is below it. */
static bool makes(void *ctx, const char *suffix)
{
	const struct pattern *p = ctx;
	const uint8_t *w = p->wire;
	struct name n;

	if (name_from_text(&n, suffix, strlen(suffix)) || n.labels >= p->labels)
		return false;
	for (unsigned skip = p->labels - n.labels; skip; skip--)
		w += *w + 1u;
	return pattern_match_wire(w, false, &n);
}

static bool takes_or_makes(void *ctx, const char *suffix)
{
	return takes(ctx, suffix) || makes(ctx, suffix);
}

/* Whether a known suffix is among the names that the pattern takes, or takes names below, and so all below it. */
static bool reaches_suffix(const struct pattern *p)
{
	char text[256];
	const char *end = pattern_text(p->wire, p->dot, text), *star = strrchr(text, '*');

	/* Most end otherwise: that is seen without reading them as names. */
	return suffix_any(star ? star + 1 : end, p->dot || p->wire[1] == '*' ? takes_or_makes : makes, (void *)p);
}

bool pattern_anybody(const struct pattern *p)
{
	char text[256];
	struct name n;
	unsigned suffix;

	if (!p->stars && !p->dot)
		return false;
	if (!pattern_sample(&n, p->wire, p->dot))
		return false;
	pattern_text(n.wire, false, text);
	suffix = suffix_labels(text);
	if (suffix >= n.labels || open_within(&n, suffix + 1))
		return true;
	return reaches_suffix(p);
}
