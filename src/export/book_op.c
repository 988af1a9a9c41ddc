/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/book_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/util.h"

#define ODD_MAX 1000			/* contradictions in a row, after which the set counts as broken */

static bool append(struct book_sink *k, struct sink_op *op)
{
	if (k->n == k->cap) {
		size_t cap = k->cap ? k->cap * 2 : 64;
		struct sink_op **bigger = realloc(k->batch, cap * sizeof(*bigger));

		if (!bigger)
			return false;
		k->batch = bigger;
		k->cap = cap;
	}
	k->batch[k->n++] = op;
	return true;
}

static bool has(const struct conf_port *v, size_t n, const struct conf_port *p)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].proto == p->proto && v[i].port == p->port)
			return true;
	}
	return false;
}

bool book_ports_told(const struct book_set *s, const struct lease *l, uint32_t opener)
{
	const struct openers *os = &s->book->openers;
	const struct opener *o = opener_at(os, opener), *other;
	size_t n = 0, m;
	const struct conf_port *v = o ? opener_ports(os, o, &n) : NULL, *w;

	for (size_t i = 0; i < n; i++) {
		bool found = false;

		for (const struct lease_link *k = lease_next(&s->leases, l, NULL); k && !found;
		     k = lease_next(&s->leases, l, k)) {
			other = opener_at(os, k->opener);
			w = other ? opener_ports(os, other, &m) : NULL;
			found = other == o || (w && has(w, m, &v[i]));
		}
		if (!found)
			return false;
	}
	return true;
}

static size_t add_ports(const struct openers *os, uint32_t id, struct conf_port *to, size_t n)
{
	const struct opener *o = opener_at(os, id);
	size_t m = 0;
	const struct conf_port *v = o ? opener_ports(os, o, &m) : NULL;

	for (size_t i = 0; i < m && n < PROTO_PORTS; i++) {
		if (!has(to, n, &v[i]))
			to[n++] = v[i];
	}
	return n;
}

/* The ports of the opener and of all that the lease has. */
static bool all_ports(struct book_set *s, struct lease *l, struct book_op *op, uint32_t opener)
{
	const struct openers *os = &s->book->openers;
	size_t n;

	op->ports = malloc(PROTO_PORTS * sizeof(*op->ports));
	if (!op->ports)
		return false;
	n = add_ports(os, opener, op->ports, 0);
	for (const struct lease_link *k = lease_next(&s->leases, l, NULL); k; k = lease_next(&s->leases, l, k))
		n = add_ports(os, k->opener, op->ports, n);
	op->op.ports = op->ports;
	op->op.n_ports = n;
	return true;
}

static void op_free(struct book *b, struct book_op *op)
{
	free(op->ports);
	slots_give(&b->ops, op->id);
}

int book_op(struct book_set *s, struct lease *l, enum sink_what what, uint64_t until, uint32_t opener, bool refill)
{
	struct book *b = s->book;
	uint64_t now = book_now(b).mono_us;
	const struct opener *o = opener_at(&b->openers, opener);
	uint32_t id;
	struct book_op *op = slots_take(&b->ops, &id);

	if (!op)
		return -ENOMEM;
	op->id = id;
	op->set = s;
	op->lease = l;
	op->until = until;
	op->refill = refill;
	op->gen = s->gen;
	op->op = (struct sink_op){ .what = what, .set = &s->set, .key = l->key, .name = o ? opener_text(o) : "",
		.foreign = what == SINK_RENEW && l->foreign, .ctx = op };
	/* `now` is never later than the kernel's time: it has the element at least until `until`. */
	if (what != SINK_DELETE)
		op->op.ms = (until > now ? (until - now + CLOCK_MS - 1) / CLOCK_MS : 0) + BOOK_TICK_MS;
	if (o)
		op->op.ports = opener_ports(&b->openers, o, &op->op.n_ports);
	if ((book_tells_ports(s) && !all_ports(s, l, op, opener)) || !append(s->sink, &op->op)) {
		op_free(b, op);
		breaker_unused(s);
		return -ENOMEM;
	}
	opener_keep(&b->openers, opener);
	op->opener = opener;
	l->op = id;
	s->ops++;
	return 0;
}

/* Those that waited may be of keys that the set has no more. */
static size_t still_fit(struct book *b, struct book_sink *k)
{
	size_t n = 0;

	for (size_t i = 0; i < k->n; i++) {
		struct sink_op *op = k->batch[i];

		if (!((struct book_op *)op->ctx)->set->reshape) {
			k->batch[n++] = op;
			continue;
		}
		op->err = -ECANCELED;
		book_done(b, op);
	}
	return n;
}

void book_submit(struct book *b)
{
	for (struct book_sink *k = b->sinks; k; k = k->next) {
		size_t n;

		if (!k->n || book_busy(k))
			continue;
		n = still_fit(b, k);
		k->n = 0;
		if (n)
			k->kind->submit(k->sink, k->batch, n);
	}
}

/* Only noted: the sink may be in the middle of its batch. */
void book_done(void *ctx, struct sink_op *sop)
{
	struct book *b = ctx;
	struct book_op *op = sop->ctx, *last;

	if (op->over)
		return;
	op->over = true;
	op->next_over = 0;
	last = slots_at(&b->ops, b->over_last);
	if (last)
		last->next_over = op->id;
	else
		b->over = op->id;
	b->over_last = op->id;
	book_again(b);
}

static void holds_it(struct book_set *s, struct lease *l, uint64_t until, bool foreign)
{
	l->held = until;
	l->gen = s->gen;
	l->foreign = foreign;
	s->mended += l->taken;
	l->taken = 0;
	s->odd = 0;
}

static int contradicts(struct book_set *s)
{
	if (++s->odd < ODD_MAX)
		return 0;
	s->odd = 0;
	return -EIO;
}

/* Putting back grants nothing; and for a flow's sake a lease is given more time, but not its own. */
static void granted(struct book_set *s, struct lease *l, const struct book_op *op)
{
	if (!op->refill)
		lease_open(&s->leases, l, op->opener, op->until, book_now(s->book).mono_us);
}

/*
 * What was told of a loss before the ack may have come to pass after the operation: then the ack is of what is no more,
 * and the set is asked. Gives true where the ack can be believed.
 */
static bool believed(struct book_set *s, struct lease *l, const struct book_op *op, int *err)
{
	*err = 0;
	if (op->gen == s->gen && !op->doubt)
		return true;
	if (s->sink->kind->reads)
		*err = book_ask(s, l);
	else
		book_has_not(s, l);
	return false;
}

static int added(struct book_set *s, struct lease *l, struct book_op *op)
{
	int err = op->op.err;

	if (!err && !believed(s, l, op, &err))
		return err;
	if (!err) {
		holds_it(s, l, op->until, false);
		granted(s, l, op);
		s->n.added++;
		s->n.refilled += op->refill;
		s->put_back += op->refill;
		return 0;
	}
	if (err != -EEXIST || !s->sink->kind->reads)
		return err;
	/* Another's, or ours of an earlier life: the set says which. */
	err = book_ask(s, l);
	return err ? err : l->held ? 0 : contradicts(s);
}

static int renewed(struct book_set *s, struct lease *l, struct book_op *op)
{
	uint64_t now = book_now(s->book).mono_us;

	if (!op->op.err) {
		int err;

		if (!believed(s, l, op, &err))
			return err;
		granted(s, l, op);
		holds_it(s, l, MAX(op->until, l->gen == s->gen ? l->held : 0), l->foreign);
		s->n.renewed++;
		return 0;
	}
	if (op->op.err != -ENOENT)
		return op->op.err;
	if (book_relied(s, l, now)) {
		book_lost(s->book);
		s->n.lost++;
	}
	book_has_not(s, l);
	return contradicts(s);
}

static int deleted(struct book_set *s, struct lease *l, struct book_op *op)
{
	/* Nobody knows whether it went: it stays to be taken out, and the walks come back to it. */
	if (op->op.err && op->op.err != -ENOENT)
		return op->op.err;
	book_has_not(s, l);
	l->closing = 0;
	lease_forget(&s->leases, l);
	s->n.deleted++;
	return 0;
}

static void over(struct book *b, struct book_op *op)
{
	struct book_set *s = op->set;
	struct lease *l = op->lease;
	enum sink_what what = op->op.what;
	uint32_t waiters = op->waiters;
	int err;

	l->op = 0;
	s->ops--;
	if (what == SINK_ADD)
		err = added(s, l, op);
	else if (what == SINK_RENEW)
		err = renewed(s, l, op);
	else
		err = deleted(s, l, op);
	if (err) {
		s->n.failed += op->refill;
		breaker_failed(s, err);
	} else if (!op->op.err) {
		breaker_worked(s, what);
	} else {
		breaker_unused(s);
	}
	opener_drop(&b->openers, op->opener);
	op_free(b, op);
	book_waiters_over(s, l, waiters, err);
	/* What is not as it should be, and nobody waits for. After a failure the walks come back to it. */
	if (!err && !l->op && book_wrong(s, l))
		book_mend(s, l);
	book_settle(s, l);
}

bool book_overs(struct book *b)
{
	uint32_t id = b->over;

	if (!id)
		return false;
	b->over = b->over_last = 0;
	while (id) {
		struct book_op *op = slots_at(&b->ops, id);

		id = op->next_over;
		over(b, op);
	}
	return true;
}

void book_ops_end(struct book_set *s)
{
	struct book *b = s->book;
	struct book_sink *k = s->sink;
	size_t n = 0;

	for (size_t i = 0; i < k->n; i++) {
		if (k->batch[i]->set != &s->set)
			k->batch[n++] = k->batch[i];
	}
	k->n = n;

	for (uint32_t id = 1; s->ops && id <= b->ops.top; id++) {
		struct book_op *op = slots_at(&b->ops, id);

		if (op && op->set == s && !op->over) {
			op->op.err = -ECANCELED;
			book_done(b, &op->op);
		}
	}
	book_overs(b);
}
