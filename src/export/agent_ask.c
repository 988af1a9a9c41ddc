/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "base/log.h"
#include "export/agent_internal.h"

#define LEASE_MAX 9216			/* the longest record but PREPARED: every field of a LEASE at its longest */
#define PART 32768			/* of a list, in one message */
#define PARTS 4				/* in one turn */

void agent_end(struct agent *a, int status)
{
	if (a->ending)
		return;
	a->ending = true;
	a->status = status;
	loop_stop(a->loop);
}

static void send_out(struct agent *a)
{
	int err = wr_len(&a->out) && !a->ending ? chan_send(a->main, a->room, wr_len(&a->out)) : 0;

	a->out = wr_init(a->room, sizeof(a->room));
	/* -EPIPE: its end will be read */
	if (!err || err == -EPIPE)
		return;
	log_error("agent: the server does not take its answers: %s", strerror(-err));
	agent_end(a, 1);
}

/* The writer with room for one record more. */
static struct wr *room(struct agent *a, size_t len)
{
	if ((size_t)(a->out.end - a->out.p) < len)
		send_out(a);
	/* a record that cannot be said is left out, not all behind it */
	a->out.bad = false;
	return &a->out;
}

static void say_end(struct agent *a)
{
	proto_put_bare(room(a, PROTO_HEAD), PROTO_END);
	a->asked.pending = false;
}

void agent_hello(struct agent *a, int err, const struct agent_conf *c)
{
	proto_put_prepared(room(a, PROTO_TEXT + LEASE_MAX), err, err ? 0 : c->exports->hash, a->text);
	say_end(a);
	send_out(a);
}

static void prepare(struct agent *a)
{
	int err = agent_prepare(a, false);

	agent_hello(a, err, a->prepared);
}

static void put_set(void *ctx, const struct proto_set *s)
{
	proto_put_set(room(ctx, LEASE_MAX), s);
}

static bool put_lease(void *ctx, const struct proto_lease *l)
{
	struct agent *a = ctx;

	if (wr_len(&a->out) > PART)
		return false;
	proto_put_lease(room(a, LEASE_MAX), l);
	return true;
}

/* A million leases are told in parts, the next when the one before has left. */
static void list(struct agent *a)
{
	for (unsigned i = 0; a->asked.listing && !a->ending && !chan_queued(a->main); i++) {
		const struct addr *address = a->asked.address.len ? &a->asked.address : NULL;

		if (i == PARTS) {
			timer_set(loop_timers(a->loop), &a->again, loop_now(a->loop).mono_us);
			return;
		}
		if (!book_list(a->book, address, &a->asked.cursor, put_lease, a)) {
			a->asked.listing = false;
			say_end(a);
		}
		send_out(a);
	}
}

static void review_begin(struct agent *a)
{
	a->asked.review = true;
	a->asked.review_all = false;
	a->asked.n_ids = 0;
}

static void commit(struct agent *a)
{
	agent_commit(a);
	agent_follow_start(a);
	say_end(a);
	book_review_start(a->book);
	review_begin(a);
}

static void review(struct agent *a)
{
	struct asked *q = &a->asked;
	struct proto_review r;

	/* a commit that is about to come has all of it judged */
	if (!q->review && !q->pending && !a->prepared && book_review_adopted(a->book))
		review_begin(a);
	while (q->review && !q->review_all && q->n_ids < REVIEWS && !chan_queued(a->main)) {
		if (!book_review_next(a->book, &r)) {
			q->review_all = true;
			break;
		}
		proto_put_review(room(a, LEASE_MAX), &r);
		q->ids[q->n_ids++] = r.id;
	}
	if (!q->review || !q->review_all || q->n_ids)
		return;
	q->review = false;
	proto_put_count(room(a, LEASE_MAX), PROTO_REVIEWED, book_review_end(a->book));
	if (q->prepare) {
		q->prepare = false;
		prepare(a);
	}
}

static int verdict(struct agent *a, struct rd *body)
{
	struct asked *q = &a->asked;
	unsigned i = 0;

	if (proto_get_verdict(body, &a->verdict))
		return -EBADMSG;
	while (i < q->n_ids && q->ids[i] != a->verdict.id)
		i++;
	if (i == q->n_ids)
		return -EBADMSG;
	q->n_ids--;
	memmove(q->ids + i, q->ids + i + 1, (q->n_ids - i) * sizeof(q->ids[0]));
	book_review_verdict(a->book, &a->verdict);
	return 0;
}

static int close_leases(struct agent *a, struct rd *body)
{
	struct addr address;

	if (proto_get_address(body, &address))
		return -EBADMSG;
	proto_put_count(room(a, LEASE_MAX), PROTO_CLOSED, book_close(a->book, address.len ? &address : NULL));
	say_end(a);
	return 0;
}

static int request(struct agent *a, enum proto_type type, struct rd *body)
{
	if (type == PROTO_VERDICT)
		return verdict(a, body);
	if (a->asked.pending)
		return -EBADMSG;
	a->asked.pending = true;
	switch (type) {
	case PROTO_PREPARE:
		/* the openers are judged by what is in force, to their end */
		if (a->asked.review)
			a->asked.prepare = true;
		else
			prepare(a);
		return 0;
	case PROTO_COMMIT:
		if (!a->prepared)
			return -EBADMSG;
		commit(a);
		return 0;
	case PROTO_ABORT:
		agent_abort(a);
		say_end(a);
		return 0;
	case PROTO_LIST:
		a->asked.listing = true;
		a->asked.cursor = 0;
		return proto_get_address(body, &a->asked.address);
	case PROTO_CLOSE:
		return close_leases(a, body);
	case PROTO_STATUS:
		book_sets(a->book, put_set, a);
		say_end(a);
		return 0;
	default:
		return -EBADMSG;
	}
}

void agent_asked(void *ctx, const uint8_t *msg, size_t len)
{
	struct agent *a = ctx;
	struct rd r = rd_init(msg, len), body;
	enum proto_type type;
	int more = 0;

	if (!msg) {
		agent_end(a, 0);
		return;
	}
	while (!a->ending && (more = proto_next(&r, &type, &body)) > 0) {
		if (request(a, type, &body)) {
			more = -EBADMSG;
			break;
		}
	}
	if (more < 0) {
		log_error("agent: the server asks what is no request: ending");
		agent_end(a, 1);
	}
}

void agent_answer(struct agent *a)
{
	if (a->ending)
		return;
	review(a);
	send_out(a);
	list(a);
}
