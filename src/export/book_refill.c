/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/book_internal.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/util.h"

/* What ends within this is let go: its answers are over but for the grace. */
#define CLOSE_ENOUGH CLOCK_S

bool book_wrong(const struct book_set *s, const struct lease *l)
{
	uint64_t now = book_now(s->book).mono_us, wanted = lease_wanted(l), held;
	bool known;

	held = book_held(s, l, &known);
	if (!known)
		return false;
	if (l->closing)
		return true;
	if (wanted <= now + CLOSE_ENOUGH || held == LEASE_EVER || held + CLOSE_ENOUGH >= wanted)
		return false;
	/* Another's that cannot be given more time without touching the rest: until it has ended. */
	return !(l->foreign && held > now && s->set.refresh_replace);
}

/* 0 where there is nothing to do or it cannot be done now, 1 for an operation, -ENOMEM. */
static int put_right(struct book_set *s, struct lease *l)
{
	uint64_t now = book_now(s->book).mono_us;
	enum sink_what what;
	int err;

	if (l->op || !book_wrong(s, l) || !s->set.present)
		return 0;
	if (l->closing && ((l->held <= now && s->sink->kind->reads) || l->foreign)) {
		l->closing = 0;
		lease_forget(&s->leases, l);
		return 0;
	}
	if (l->closing)
		what = SINK_DELETE;
	else
		what = l->held > now ? SINK_RENEW : SINK_ADD;
	if (!breaker_allows(s, what))
		return 0;
	if (what == SINK_RENEW && l->foreign && s->sink->kind->reads) {
		err = book_ask(s, l);
		if (err || !book_wrong(s, l)) {
			breaker_unused(s);
			return 0;
		}
		what = l->held > now ? SINK_RENEW : SINK_ADD;
	}
	err = book_op(s, l, what, what == SINK_DELETE ? 0 : lease_wanted(l), l->link.opener, true);
	return err ? err : 1;
}

void book_mend(struct book_set *s, struct lease *l)
{
	if (l->queued)
		return;
	if (s->n_mend == s->cap_mend) {
		size_t cap = s->cap_mend ? s->cap_mend * 2 : 64;
		struct lease **bigger = cap > BOOK_MEND ? NULL : realloc(s->mend, cap * sizeof(*bigger));

		if (!bigger) {
			book_walk(s);
			return;
		}
		s->mend = bigger;
		s->cap_mend = cap;
	}
	l->queued = 1;
	s->mend[s->n_mend++] = l;
	book_again(s->book);
}

void book_mends(struct book *b)
{
	for (struct book_set *s = b->sets; s; s = s->next) {
		size_t n = s->n_mend;

		s->n_mend = 0;
		for (size_t i = 0; i < n; i++) {
			struct lease *l = s->mend[i];

			l->queued = 0;
			if (put_right(s, l) < 0)
				book_walk(s);
			book_settle(s, l);
		}
	}
}

void book_walk(struct book_set *s)
{
	s->walking = true;
	s->cursor = 0;
	book_again(s->book);
}

/* What a flush or a comparison left open is said here of one lease: it is not held. */
static void normal(struct book_set *s, struct lease *l)
{
	if (l->gen == s->gen || s->know == KNOW_ASK)
		return;
	if (s->know == KNOW_LOST) {
		l->held = 0;
		l->foreign = 0;
	}
	l->gen = s->gen;
}

static void walked(struct book_set *s)
{
	uint64_t now = book_now(s->book).mono_us;

	s->walking = false;
	if (s->know == KNOW_LOST) {
		s->know = KNOW_ALL;
		book_again(s->book);	/* for grants that waited for this */
	}
	if (s->lost_at && s->know == KNOW_ALL && s->set.present) {
		if (s->put_back)
			log_info("set %s: %llu leases put back in %llu ms", s->set.what,
				 (unsigned long long)s->put_back, (unsigned long long)((now - s->lost_at) / CLOCK_MS));
		s->lost_at = 0;
		s->put_back = 0;
	}
	leases_trim(&s->leases);
}

/* A part of the walk; *ops and *scan are what the turn has left. */
static void walk_some(struct book_set *s, unsigned *ops, unsigned *scan)
{
	while (*ops && *scan && s->ops < BOOK_WINDOW) {
		struct lease *l;
		int n;

		if (s->cursor >= leases_top(&s->leases)) {
			/* The last ones' acks are counted before it is said. */
			if (!s->ops)
				walked(s);
			return;
		}
		(*scan)--;
		l = lease_at(&s->leases, ++s->cursor);
		if (!l)
			continue;
		normal(s, l);
		n = put_right(s, l);
		if (n < 0)
			s->cursor--;	/* without memory: the next turn */
		if (n)
			(*ops)--;
		if (n < 0)
			return;
		book_settle(s, l);
	}
}

/* A walk through a set that nothing can be written to waits; its breaker begins it anew. */
static bool stopped(const struct book_set *s)
{
	return !s->set.present || s->reshape ||
	       (s->breaker != BREAKER_CLOSED && !(s->breaker == BREAKER_TRYING && s->token));
}

void book_refill(struct book *b)
{
	for (struct book_sink *k = b->sinks; k; k = k->next) {
		unsigned ops = BOOK_CHUNK, scan = BOOK_SCAN;

		if (book_busy(k))
			continue;
		for (struct book_set *s = b->sets; s; s = s->next) {
			if (s->sink != k || !s->walking || stopped(s))
				continue;
			walk_some(s, &ops, &scan);
			if (s->walking && s->ops < BOOK_WINDOW && s->cursor < leases_top(&s->leases))
				book_again(b);
		}
	}
}

/* Somebody who takes out what is granted wonders why it is there again. */
static void say_mended(struct book_set *s)
{
	if (s->mended)
		log_info("set %s: %llu element%s taken out or shortened by others put back", s->set.what,
			 (unsigned long long)s->mended, s->mended == 1 ? "" : "s");
	s->mended = 0;
}

void book_sweep(struct book *b)
{
	for (struct book_set *s = b->sets; s; s = s->next) {
		uint32_t top = leases_top(&s->leases), n = MAX(top / 8, 64);

		breaker_say(s);
		say_mended(s);
		if (s->walking && !stopped(s))
			continue;
		for (n = MIN(n, 2 * BOOK_SCAN); n; n--) {
			struct lease *l;

			if (s->sweep >= top) {
				s->sweep = 0;
				leases_trim(&s->leases);
				break;
			}
			l = lease_at(&s->leases, ++s->sweep);
			if (!l)
				continue;
			if (book_wrong(s, l))
				book_mend(s, l);
			book_settle(s, l);
		}
	}
	book_again(b);
}
