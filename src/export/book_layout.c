/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/book_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/util.h"
#include "export/check.h"

#define SHORTEST_BOUND 30		/* a stale answer's TTL, which max-ttl does not bound */

struct layout *layout_by_hash(struct book *b, uint64_t hash)
{
	struct layout *all[] = { b->force, b->prepared, b->before };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (all[i] && all[i]->exports->hash == hash)
			return all[i];
	}
	return NULL;
}

uint64_t layout_bits(const struct layout *y, const struct book_set *s, uint16_t *first)
{
	uint64_t bits = 0;

	for (size_t i = y ? y->exports->n : 0; i-- > 0;) {
		if (y->sets[i * 2] != s && y->sets[i * 2 + 1] != s)
			continue;
		bits |= 1ull << i;
		*first = (uint16_t)i;
	}
	return bits;
}

static void release(struct book *b, struct layout *y, void (*set)(struct book_set *s))
{
	if (!y)
		return;
	book_holds_stale(b, y);
	for (size_t i = 0; i < EXPORTS_MAX * 2; i++) {
		struct book_set *s = y->sets[i];

		if (s && !--s->refs)
			set(s);
	}
	y->next = b->gone;
	b->gone = y;
}

const struct conf *book_layout_gone(struct book *b)
{
	struct layout *y = b->gone;
	const struct conf *c;

	if (!y)
		return NULL;
	b->gone = y->next;
	c = y->conf;
	free(y);
	return c;
}

/* Bits first dropped, then layout: a reader that sees the new layout sees its bits. */
void book_page(struct book *b)
{
	uint64_t bits[ARRAY_SIZE(b->page->by_client)] = { 0 };
	bool same = b->force && atomic_load(&b->page->layout) == b->force->exports->hash;

	if (!b->force)
		return;
	for (size_t i = 0; i < EXPORTS_MAX * 2; i++) {
		const struct book_set *s = b->force->sets[i];

		/* While it is not there, what the configuration says of it. */
		if (s && s->set.shape.client)
			bits[i / 64] |= 1ull << i % 64;
	}
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
		same = same && atomic_load(&b->page->by_client[i]) == bits[i];
	if (same)
		return;
	atomic_store(&b->page->layout, 0);
	book_lost(b);
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
		atomic_store(&b->page->by_client[i], bits[i]);
	atomic_store(&b->page->layout, b->force->exports->hash);
}

/* A new set, and what its sink says of it. */
static int set_prepare(struct book *b, struct layout *y, const struct conf_export *x, enum export_family f,
		       struct book_set **out, struct diag_list *d)
{
	bool kernel = x->kind == EXPORT_NFTABLES || x->kind == EXPORT_IPSET;
	unsigned line = kernel ? x->set[f].line : x->path.line;
	char why[1024];
	int err = book_set_new(b, x, f, out, why, sizeof(why));

	if (!line)
		line = x->name.line;
	if (!err)
		return 0;
	if (err == -ENOMEM)
		return err;
	if (b->forgives && kernel && *out && err != -ENOENT) {
		diag_warn(d, y->conf->path, line, NULL, "export %s: %s: what needs it fails: %s", x->name.text,
			  (*out)->set.what, *why ? why : sink_error(err));
		(*out)->said = err;
		breaker_open(*out, err);
		return 0;
	}
	if (!*out || err == -EINVAL) {
		diag_error(d, y->conf->path, line, "export %s: %s", x->name.text, *why ? why : strerror(-err));
		return 0;
	}
	/* A socket is one to its reader, of both families. */
	if (!kernel && f == EXPORT_V6 && book_set_find(b, x, EXPORT_V4))
		return 0;
	if (err == -ENOENT || !kernel)
		diag_warn(d, y->conf->path, line, NULL,
			  "export %s: %s is not there yet: what needs it fails until it is%s%s", x->name.text,
			  (*out)->set.what, *why ? ": " : "", why);
	else
		diag_error(d, y->conf->path, line, "export %s: %s: %s", x->name.text, (*out)->set.what,
			   *why ? why : strerror(-err));
	return 0;
}

static int sets_prepare(struct book *b, struct layout *y, struct diag_list *d)
{
	for (size_t i = 0; i < y->exports->n; i++) {
		const struct conf_export *x = &y->exports->v[i];

		for (int f = 0; f < 2; f++) {
			struct book_set *s;
			int err = 0;

			if (!export_takes(x, f))
				continue;
			s = book_set_find(b, x, f);
			if (!s)
				err = set_prepare(b, y, x, f, &s, d);
			y->sets[i * 2 + (size_t)f] = s;
			if (s) {
				s->refs++;
				s->dying = false;
			}
			if (s && s->set.present && (x->kind == EXPORT_NFTABLES || x->kind == EXPORT_IPSET))
				export_check_key(y->conf, x, f, &s->set.shape, d);
			if (err)
				return err;
		}
	}
	return 0;
}

void book_forgive(struct book *b)
{
	b->forgives = true;
}

int book_prepare(struct book *b, const struct conf *c, const struct exports *e, const struct guard *g,
		 struct diag_list *d)
{
	struct layout *y = calloc(1, sizeof(*y));
	size_t errors = diag_errors(d);
	int err;

	if (!y)
		return -ENOMEM;
	book_abort(b);
	y->conf = c;
	y->exports = e;
	y->guard = g;
	y->max_ttl = MAX(MAX(c->cache.max_ttl, c->cache.min_ttl), SHORTEST_BOUND);
	err = sets_prepare(b, y, d);
	b->forgives = false;
	if (!err && diag_errors(d) > errors)
		err = -EINVAL;
	if (err) {
		release(b, y, book_set_free);
		return err;
	}
	b->prepared = y;
	return 0;
}

void book_abort(struct book *b)
{
	struct layout *y = b->prepared;

	b->prepared = NULL;
	/* Sets that were made for it and are nobody else's go at once: what they hold stays in them. */
	release(b, y, book_set_free);
}

static void before_over(struct timer *t)
{
	struct book *b = container_of(t, struct book, before_timer);
	struct layout *y = b->before;

	b->before = NULL;
	release(b, y, book_set_dying);
}

/* The settings that the new configuration has for sets that were there already. */
static void settings(struct layout *y)
{
	for (size_t i = y->exports->n * 2; i-- > 0;) {
		if (y->sets[i] && book_set_conf(y->sets[i], &y->exports->v[i / 2]))
			continue;	/* without memory the sink goes on by the old ones */
	}
}

void book_commit(struct book *b)
{
	struct layout *old = b->force;
	uint16_t first;

	if (!b->prepared)
		return;
	release(b, b->before, book_set_dying);
	b->before = old;
	b->force = b->prepared;
	b->prepared = NULL;
	settings(b->force);
	for (struct book_set *s = b->sets; s && old; s = s->next) {
		uint64_t n;

		/* What is granted in it from now on, by queries of before, goes with the layout. */
		if (s->dying || layout_bits(b->force, s, &first))
			continue;
		n = book_set_close(s);
		if (n)
			log_info("set %s: no export has it any more: %llu lease%s closed", s->set.what,
				 (unsigned long long)n, n == 1 ? "" : "s");
	}
	if (old) {
		b->before_timer.fire = before_over;
		timer_set(loop_timers(b->loop), &b->before_timer, book_now(b).mono_us + BOOK_BEFORE_US);
	}
	book_lost(b);
	book_page(b);
	if (!b->tick.set)
		timer_set(loop_timers(b->loop), &b->tick, book_now(b).mono_us + CLOCK_S);
}
