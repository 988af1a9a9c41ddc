/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/book_internal.h"

#include <errno.h>

#include "base/log.h"
#include "base/util.h"

#define SAY_MANY 6			/* changes that the log is told in a row */
#define SAY_EVERY (5 * CLOCK_S)		/* after so long of silence the row is a new one */

/* Failures of one element: they say nothing of the set. */
static bool of_element(int err)
{
	return err == -EINVAL || err == -ERANGE || err == -EEXIST || err == -EAGAIN || err == -EOPNOTSUPP ||
	       err == -EAFNOSUPPORT || err == -ECANCELED;
}

bool breaker_allows(struct book_set *s, enum sink_what what)
{
	if (s->breaker == BREAKER_CLOSED)
		return true;
	/* A full set still takes what it has. */
	if (s->err == -ENFILE && what != SINK_ADD)
		return true;
	if (s->breaker == BREAKER_TRYING && s->token) {
		s->token = false;
		return true;
	}
	return false;
}

void breaker_unused(struct book_set *s)
{
	s->token |= s->breaker == BREAKER_TRYING;
}

static void wait_for_it(struct book_set *s)
{
	uint64_t now = book_now(s->book).mono_us;

	s->backoff = s->backoff ? MIN(s->backoff * 2, BOOK_BACKOFF_MAX) : BOOK_BACKOFF_MIN;
	timer_set(loop_timers(s->book->loop), &s->probe, now + s->backoff);
}

/* What is one to its reader is told once: a socket, a list of both families. */
static bool said_of_twin(const struct book_set *s)
{
	for (const struct book_set *o = s->book->sets; o; o = o->next) {
		if (o != s && o->sink == s->sink && o->said == s->err && o->said_at && o->said_at >= s->said_at &&
		    !strcmp(o->set.what, s->set.what))
			return true;
	}
	return false;
}

void breaker_say(struct book_set *s)
{
	uint64_t now = book_now(s->book).mono_us;

	/* While it is tried it is what it was. */
	if (s->said == s->err)
		return;
	/* Each of a few changes is told; one that comes and goes many times a second is, from time to time. */
	if (now - s->said_at > SAY_EVERY)
		s->says = 0;
	if (s->says >= SAY_MANY)
		return;
	if (!said_of_twin(s)) {
		s->says++;
		s->said_at = now;
		if (s->err)
			log_warn("set %s: fails: grants that need it are refused: %s", s->set.what, sink_error(s->err));
		else
			log_info("set %s: works again", s->set.what);
	}
	s->said = s->err;
}

static void failed(struct book_set *s, int err)
{
	s->last_err = err;
	s->last_err_at = book_now(s->book).mono_us;
}

void breaker_open(struct book_set *s, int err)
{
	failed(s, err);
	s->breaker = BREAKER_OPEN;
	s->err = err;
	s->token = false;
	breaker_say(s);
	wait_for_it(s);
}

void breaker_failed(struct book_set *s, int err)
{
	failed(s, err);
	if (of_element(err)) {
		breaker_unused(s);
		return;
	}
	/* Others of the batch that opened it fail for the same reason, and do not count again. */
	if (s->breaker == BREAKER_OPEN && s->err == err)
		return;
	breaker_open(s, err);
}

void breaker_close(struct book_set *s)
{
	timer_cancel(loop_timers(s->book->loop), &s->probe);
	s->backoff = 0;
	s->token = false;
	s->err = 0;
	if (s->breaker == BREAKER_CLOSED)
		return;
	s->breaker = BREAKER_CLOSED;
	breaker_say(s);
	/* What was refused while it was open. */
	book_walk(s);
}

void breaker_worked(struct book_set *s, enum sink_what what)
{
	if (s->breaker != BREAKER_CLOSED && (s->err != -ENFILE || what == SINK_ADD))
		breaker_close(s);
}

void breaker_probe(struct timer *t)
{
	struct book_set *s = container_of(t, struct book_set, probe);
	int err;

	if (s->breaker == BREAKER_CLOSED && !s->dumping && s->know == KNOW_ASK) {
		book_compare_retry(s);
		return;
	}
	err = s->sink->kind->probe(s->sink->sink, &s->set);
	/* `present` may have come from within. */
	if (s->breaker == BREAKER_CLOSED)
		return;
	if (err || !s->set.present) {
		/* gone, and back of a wrong type: that is another reason */
		if (err && err != s->err)
			failed(s, err);
		s->err = err ? err : s->err;
		breaker_say(s);
		wait_for_it(s);
		return;
	}
	if (s->know == KNOW_ASK && !s->dumping)
		book_compare_retry(s);
	/* One operation may try; if nobody asks for one, a refill may. */
	s->breaker = BREAKER_TRYING;
	s->token = true;
	book_walk(s);
	book_again(s->book);
}
