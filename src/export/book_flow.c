/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/book_internal.h"

#include "base/util.h"

#define WINDOW_MIN CLOCK_S
#define WINDOW_MAX (30 * CLOCK_S)
#define MARGIN (2 * CLOCK_S)		/* for reading the flows, and for what is rounded */

uint64_t book_follow_window_us(const struct book *b)
{
	uint64_t window = WINDOW_MAX;

	for (size_t i = 0; b->force && i < b->force->exports->n; i++) {
		const struct conf_export *c = &b->force->exports->v[i];

		if (c->follow)
			window = MIN(window, (c->min_time + c->grace) * CLOCK_S / 3);
	}
	return MAX(window, WINDOW_MIN);
}

bool book_follows(const struct book *b)
{
	for (size_t i = 0; b->force && i < b->force->exports->n; i++) {
		for (size_t f = 0; b->force->exports->v[i].follow && f < 2; f++) {
			const struct book_set *s = b->force->sets[i * 2 + f];

			if (s && s->set.present && leases_count(&s->leases))
				return true;
		}
	}
	return false;
}

/* follow-max counts from the lease's own end: however long the flow lives, it does not add up. */
static void follow(struct book_set *s, struct lease *l, const struct conf_export *c, uint64_t window, uint64_t now)
{
	uint64_t wanted = lease_wanted(l), until = MIN(now + 2 * window + MARGIN, l->own + c->follow_max * CLOCK_S);

	if (l->closing || !l->own || !book_relied(s, l, now) || l->held == LEASE_EVER)
		return;
	if (wanted >= now + 2 * window + MARGIN || until <= wanted)
		return;
	l->follow_s = (uint32_t)MAX(l->follow_s, (until + CLOCK_S - 1) / CLOCK_S);
	if (book_wrong(s, l))
		book_mend(s, l);
}

void book_flow(struct book *b, const struct addr *client, const struct addr *addr, uint8_t proto, uint16_t port)
{
	struct shape_fields f = { .client = *client, .addr = *addr, .proto = proto, .port = port };
	uint64_t now = book_now(b).mono_us, window = book_follow_window_us(b);
	enum export_family family = export_family(addr);

	for (size_t i = 0; b->force && i < b->force->exports->n; i++) {
		const struct conf_export *c = &b->force->exports->v[i];
		struct book_set *s = b->force->sets[i * 2 + family];
		uint8_t key[SHAPE_KEY_MAX];
		struct lease *l;

		if (!c->follow || !s || s->reshape || shape_key(&s->shape, &f, key))
			continue;
		l = lease_find(&s->leases, key);
		if (l)
			follow(s, l, c, window, now);
	}
}
