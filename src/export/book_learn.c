/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/book_internal.h"

#include <errno.h>

#include "base/log.h"
#include "base/util.h"

#define NEARLY_US (100 * CLOCK_MS)	/* so much less is told of an end that was not moved: ticks, BOOK_LATE_US */

static struct book_set *set_of(struct sink_set *set)
{
	return container_of(set, struct book_set, set);
}

/* What was known of all leases counts no more. */
static void next_gen(struct book_set *s, enum book_know know)
{
	s->know = know;
	if (++s->gen)
		return;
	/* Once in 65,536 times: none may bear a number that comes again. */
	for (uint32_t id = 1; id <= leases_top(&s->leases); id++) {
		struct lease *l = lease_at(&s->leases, id);

		if (l)
			l->gen = 0;
	}
	s->gen = 1;
}

static uint64_t until(const struct book_set *s, uint64_t left_ms)
{
	uint64_t now = book_now(s->book).mono_us;

	if (left_ms == SINK_EVER || left_ms > BOOK_FAR / CLOCK_MS)
		return LEASE_EVER;
	return now + (left_ms * CLOCK_MS > BOOK_LATE_US ? left_ms * CLOCK_MS - BOOK_LATE_US : 0);
}

/* Ours, of an earlier life: it stays as it is, and says itself who opened it. */
static void adopt(struct book_set *s, struct lease *l, const char *name)
{
	struct book *b = s->book;
	struct opener_of of = { .text = name ? name : "", .chain = (const uint8_t *)"", .file = "" };
	uint64_t end = l->held == LEASE_EVER ? 0 : l->held;
	uint32_t id;

	/* Nothing is adopted that has an owner. */
	if (!end || l->own)
		return;
	id = opener_take(&b->openers, &of);
	if (id) {
		lease_open(&s->leases, l, id, end, book_now(b).mono_us);
		opener_drop(&b->openers, id);
		b->adopted = true;
	}
}

static void take(struct book_set *s, struct lease *l, const struct sink_element *e)
{
	l->held = until(s, e->left_ms);
	l->gen = s->gen;
	l->foreign = !e->ours;
	/* The life before it may have been allowed more. */
	if (e->ours && !l->own && !book_may_hold(s, l))
		l->closing = 1;
	if (e->ours && !l->closing)
		adopt(s, l, e->name);
}

/* B3: the kernel tells of an element whose time another moved to an earlier end, and not that it took any away. */
static void told_less(struct book_set *s, struct lease *l, const struct sink_element *e)
{
	if (!book_relied(s, l, book_now(s->book).mono_us) || until(s, e->left_ms) >= l->held - NEARLY_US)
		return;
	book_lost(s->book);
	s->n.lost++;
	l->taken = !l->foreign;
}

int book_ask(struct book_set *s, struct lease *l)
{
	struct sink_element e = { 0 };
	int err = s->sink->kind->reads ? s->sink->kind->get(s->sink->sink, &s->set, l->key, &e) : -ENOENT;

	if (err && err != -ENOENT)
		return err;
	if (err)
		book_has_not(s, l);
	else
		take(s, l, &e);
	return 0;
}

static void element(void *ctx, struct sink_set *set, const struct sink_element *e)
{
	struct book_set *s = set_of(set);
	struct lease *l;

	if (s->deaf || s->reshape)
		return;
	l = lease_find(&s->leases, e->key);
	/* What was learned since the dump began is newer than what it tells. */
	if (l && s->know == KNOW_ASK && l->gen == s->gen)
		return;
	if (!l)
		l = book_lease(s, e->key);
	if (!l)
		return;			/* an add will find it, by -EEXIST */
	if (l->op)
		return;			/* its end will tell */
	told_less(s, l, e);
	take(s, l, e);
	if (book_wrong(s, l))
		book_mend(s, l);
}

static void removed(void *ctx, struct sink_set *set, const uint8_t *key)
{
	struct book_set *s = set_of(set);
	uint64_t now = book_now(s->book).mono_us;
	struct lease *l = s->reshape ? NULL : lease_find(&s->leases, key);

	if (!l) {
		/* So that a dump that is older than this does not bring it back. */
		if (s->know == KNOW_ASK && !s->reshape) {
			l = book_lease(s, key);
			if (!l)
				s->redo = true;
		}
		return;
	}
	if (book_relied(s, l, now)) {
		book_lost(s->book);
		s->n.lost++;
		l->taken = !l->foreign;
	}
	if (l->op)
		((struct book_op *)slots_at(&s->book->ops, l->op))->doubt = true;
	book_has_not(s, l);
	if (lease_wanted(l) > now && !l->closing)
		book_mend(s, l);
	else
		book_settle(s, l);
}

static void say_emptied(const struct book_set *s, bool gone, const char *by, unsigned n)
{
	uint64_t now = book_now(s->book).mono_us;

	if (s->lost_at && now - s->lost_at < CLOCK_S)
		return;
	log_warn("set %s: %s%s%s: %u leases to put back", s->set.what, gone ? "removed" : "flushed", *by ? " by " : "",
		 by, n);
}

/* How many of its leases somebody relies on; any: whether one does is enough. */
static unsigned relied(const struct book_set *s, bool any)
{
	uint64_t now = book_now(s->book).mono_us;
	unsigned n = 0;

	for (uint32_t id = 1; id <= leases_top(&s->leases) && !(any && n); id++) {
		const struct lease *l = lease_at(&s->leases, id);

		n += l && book_relied(s, l, now);
	}
	return n;
}

static void emptied(void *ctx, struct sink_set *set, bool gone, const char *by)
{
	struct book_set *s = set_of(set);
	unsigned n;

	if (relied(s, true)) {
		book_lost(s->book);
		n = relied(s, false);
		s->n.lost += n;
		say_emptied(s, gone, by ? by : "", n);
	}
	next_gen(s, KNOW_LOST);
	s->deaf = s->dumping;
	s->redo = false;
	if (!s->lost_at)
		s->put_back = 0;
	s->lost_at = book_now(s->book).mono_us;
	if (gone)
		breaker_failed(s, s->sink->kind->reads ? -ENOENT : -ENOTCONN);
	book_walk(s);
}

static void dump(struct book_set *s)
{
	int err;

	s->dumping = true;
	s->deaf = s->redo = false;
	err = s->sink->kind->dump(s->sink->sink, &s->set);
	if (!err)
		return;
	s->dumping = false;
	breaker_failed(s, err);
	if (s->breaker == BREAKER_CLOSED)
		timer_set(loop_timers(s->book->loop), &s->probe, book_now(s->book).mono_us + BOOK_BACKOFF_MAX);
}

void book_compare_retry(struct book_set *s)
{
	next_gen(s, KNOW_ASK);
	dump(s);
}

void book_compare(struct book_set *s)
{
	if (!s->set.present || !s->sink->kind->reads)
		return;
	if (!s->lost_at) {
		s->put_back = 0;
		s->lost_at = book_now(s->book).mono_us;
	}
	if (s->dumping) {
		/* What it has told so far may be wrong. */
		next_gen(s, KNOW_ASK);
		s->deaf = s->redo = true;
		return;
	}
	book_compare_retry(s);
}

static void present(void *ctx, struct sink_set *set)
{
	struct book_set *s = set_of(set);

	if (s->know == KNOW_ALL && relied(s, true))
		book_lost(s->book);
	/* How long putting back took is counted from when it could begin. */
	if (s->lost_at)
		s->lost_at = book_now(s->book).mono_us;
	s->dumping = s->sink->kind->reads;
	s->deaf = s->redo = false;
	/* A set that forgets is empty now; of others a dump tells. */
	next_gen(s, s->sink->kind->reads ? KNOW_ASK : KNOW_LOST);
	if (!shape_equal(&s->shape, &s->set.shape))
		book_set_shape(s);
	if (s->breaker != BREAKER_CLOSED)
		breaker_close(s);
	book_page(s->book);
	book_walk(s);
}

/* What the dump did not tell of is not there. */
static void dumped(void *ctx, struct sink_set *set, int err)
{
	struct book_set *s = set_of(set);

	if (!s->dumping)
		return;
	s->dumping = false;
	if (s->deaf && !s->redo) {
		s->deaf = false;
		return;
	}
	if (s->redo) {
		book_compare_retry(s);
		return;
	}
	if (err) {
		breaker_failed(s, err);
		if (s->breaker == BREAKER_CLOSED)
			timer_set(loop_timers(s->book->loop), &s->probe, book_now(s->book).mono_us + BOOK_BACKOFF_MAX);
		return;
	}
	if (s->know == KNOW_ASK)
		s->know = KNOW_LOST;
	book_walk(s);
}

static void overrun(void *ctx, struct sink *sink)
{
	struct book *b = ctx;

	book_lost(b);
	for (struct book_set *s = b->sets; s; s = s->next) {
		if (s->sink->sink == sink)
			book_compare(s);
	}
}

void book_events(struct sink_events *ev)
{
	*ev = (struct sink_events){ .done = book_done, .present = present, .element = element, .dumped = dumped,
		.removed = removed, .emptied = emptied, .overrun = overrun };
}
