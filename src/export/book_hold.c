/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/book_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/util.h"

static void hold_free(struct book_hold *h)
{
	struct book *b = h->book;

	timer_cancel(loop_timers(b->loop), &h->timer);
	*(h->prev ? &h->prev->next : &b->holds) = h->next;
	if (h->next)
		h->next->prev = h->prev;
	opener_drop(&b->openers, h->opener);
	b->holds_bytes -= h->bytes;
	free(h);
}

void book_holds_free(struct book *b)
{
	while (b->holds)
		hold_free(b->holds);
	b->plan = NULL;
	b->plan_end = &b->plan;
}

static void queue(struct book_hold *h)
{
	struct book *b = h->book;

	h->planned = false;
	h->plan_next = NULL;
	*b->plan_end = h;
	b->plan_end = &h->plan_next;
}

/* Does not free it: a waiter may still point to it. */
static void answer(struct book_hold *h)
{
	struct book *b = h->book;
	uint64_t until = BOOK_FAR;
	struct proto_held held = { .seq = h->ask.seq, .err = h->err, .epoch = h->epoch, .by_client = h->by_client };

	for (size_t i = 0; i < h->n_parts; i++) {
		const struct book_part *p = &h->parts[i];

		until = MIN(until, p->until);
		/* What was not taken, and is given all the same, is asked for again with the next answer. */
		if (p->failed || p->late)
			until = MIN(until, h->asked_at + h->ask.ttl * CLOCK_S);
	}
	held.until_us = h->err ? 0 : until;
	h->answered = true;
	timer_cancel(loop_timers(b->loop), &h->timer);
	h->layout = NULL;
	if (!h->forgotten)
		b->held(b->ctx, h->who, &held);
}

static bool all_late(const struct book_hold *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_parts; i++)
		n += h->parts[i].late;
	return h->n_parts && n == h->n_parts;
}

void hold_look(struct book_hold *h)
{
	bool waits = false;

	if (!h->answered) {
		if (!h->planned)
			return;
		for (size_t i = 0; i < h->n_parts; i++)
			waits |= h->parts[i].pending && !h->parts[i].late;
		if (!h->err && waits)
			return;
		/* B1. Its time limit goes on; where nothing is left but what is late, there is nothing to plan. */
		if (!h->err && h->epoch != book_epoch(h->book) && !all_late(h)) {
			queue(h);
			book_again(h->book);
			return;
		}
		answer(h);
	}
	if (!h->pending)
		hold_free(h);
}

void hold_failed(struct book_hold *h, struct book_part *p, int err)
{
	p->failed = true;
	if (!p->or_answer && !h->err)
		h->err = err;
}

/* For the next time limit that is not over yet. */
static void arm(struct book_hold *h)
{
	uint64_t due = UINT64_MAX, now = book_now(h->book).mono_us;

	for (size_t i = 0; i < h->n_parts; i++) {
		if (h->parts[i].deadline > now)
			due = MIN(due, h->parts[i].deadline);
	}
	if (due != UINT64_MAX)
		timer_set(loop_timers(h->book->loop), &h->timer, due);
}

void hold_late(struct book_hold *h)
{
	uint64_t now = book_now(h->book).mono_us;

	for (size_t i = 0; i < h->n_parts; i++) {
		struct book_part *p = &h->parts[i];

		if (p->late || p->deadline > now || (h->planned && !p->pending))
			continue;
		p->late = true;
		for (size_t f = 0; f < 2; f++) {
			if (p->set[f])
				p->set[f]->n.failed++;
		}
		if (!p->or_answer && !h->err)
			h->err = -ETIMEDOUT;
	}
}

static void unqueue(struct book_hold *h)
{
	struct book *b = h->book;

	for (struct book_hold **at = &b->plan; *at; at = &(*at)->plan_next) {
		if (*at != h)
			continue;
		*at = h->plan_next;
		if (b->plan_end == &h->plan_next)
			b->plan_end = at;
		break;
	}
	h->planned = true;
}

static void expired(struct timer *t)
{
	struct book_hold *h = container_of(t, struct book_hold, timer);

	hold_late(h);
	if (!h->planned && (h->err || all_late(h)))
		unqueue(h);
	arm(h);
	hold_look(h);
}

static void parts(struct book_hold *h, struct layout *y)
{
	for (unsigned i = 0; i < y->exports->n; i++) {
		struct book_part *p = &h->parts[h->n_parts];
		const struct conf_export *c = &y->exports->v[i];

		if (!(h->ask.exports >> i & 1))
			continue;
		p->grace = c->grace;
		p->min_time = c->min_time;
		p->or_answer = c->or_answer;
		p->private = c->private;
		p->set[0] = y->sets[i * 2];
		p->set[1] = y->sets[i * 2 + 1];
		p->until = BOOK_FAR;
		p->deadline = h->came + c->deadline_ms * CLOCK_MS;
		h->n_parts++;
	}
}

/* The server is not trusted: what it may not ask for is refused here. */
static int check(const struct book_hold *h, const struct layout *y)
{
	if (!y)
		return -ESTALE;
	if (y->exports->n < 64 && h->ask.exports >> y->exports->n)
		return -EINVAL;
	if (h->ask.ttl > y->max_ttl || !h->ask.n_addrs || !h->ask.n_ports)
		return -EINVAL;
	for (size_t i = 0; i < h->ask.n_addrs; i++) {
		if (h->ask.addrs[i].len != 4 && h->ask.addrs[i].len != 16)
			return -EINVAL;
	}
	return 0;
}

static uint32_t opener(struct book *b, const struct proto_hold *a)
{
	char text[NAME_TEXT];
	struct opener_of of = { .profile = a->profile, .text = name_text(&a->name, text), .chain = a->chain,
		.chain_len = a->chain_len, .file = a->file, .file_len = a->file_len, .line = a->line,
		.ports = a->ports, .n_ports = a->n_ports };

	return opener_take(&b->openers, &of);
}

static struct book_hold *copy(struct book *b, const struct proto_hold *a)
{
	unsigned n_parts = (unsigned)__builtin_popcountll(a->exports);
	size_t size = sizeof(struct book_hold) + n_parts * sizeof(struct book_part) + a->n_addrs * sizeof(struct addr) +
		      a->n_ports * sizeof(struct conf_port);
	struct book_hold *h;
	struct addr *addrs;
	struct conf_port *ports;

	if (b->holds_bytes + size > BOOK_HOLDS_BYTES)
		return NULL;
	h = calloc(1, size);
	if (!h)
		return NULL;
	h->parts = (struct book_part *)(h + 1);
	addrs = (struct addr *)(h->parts + n_parts);
	ports = (struct conf_port *)(addrs + a->n_addrs);
	h->ask = *a;
	if (a->n_addrs)
		memcpy(addrs, a->addrs, a->n_addrs * sizeof(*addrs));
	if (a->n_ports)
		memcpy(ports, a->ports, a->n_ports * sizeof(*ports));
	h->ask.addrs = addrs;
	h->ask.ports = ports;
	h->bytes = size;
	return h;
}

void book_hold(struct book *b, const struct proto_hold *a, void *who)
{
	struct layout *y = layout_by_hash(b, a->layout);
	struct proto_hold bare = { .seq = a->seq };
	struct book_hold *h = copy(b, a);
	bool short_of = !h;

	/* Over the bound it is still answered. */
	if (!h) {
		size_t kept = b->holds_bytes;

		b->holds_bytes = 0;
		h = copy(b, &bare);
		b->holds_bytes = kept;
	}
	if (!h) {
		log_error("book: a grant is lost: %s", strerror(ENOMEM));
		return;
	}
	h->book = b;
	h->who = who;
	h->came = h->asked_at = book_now(b).mono_us;
	h->timer.fire = expired;
	h->next = b->holds;
	if (h->next)
		h->next->prev = h;
	b->holds = h;
	b->holds_bytes += h->bytes;
	h->err = short_of ? -ENOBUFS : check(h, y);
	if (!h->err) {
		h->opener = opener(b, a);
		h->err = h->opener ? 0 : -ENOMEM;
	}
	if (!h->err) {
		h->layout = y;
		parts(h, y);
		arm(h);
	}
	h->ask.chain = NULL;
	h->ask.file = NULL;
	queue(h);
	book_again(b);
}

void book_holds_stale(struct book *b, const struct layout *y)
{
	struct book_hold *h, *next;

	for (h = b->holds; h; h = next) {
		next = h->next;
		if (h->layout != y)
			continue;
		h->err = h->err ? h->err : -ESTALE;
		if (!h->planned)
			unqueue(h);
		hold_look(h);
	}
}

void book_forget(struct book *b, void *who)
{
	for (struct book_hold *h = b->holds; h; h = h->next) {
		if (h->who == who)
			h->forgotten = true;
	}
}
