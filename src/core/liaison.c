/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/liaison.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "core/supervisor.h"
#include "io/chan.h"

/* Asked, or waiting for those before it. */
struct request {
	struct request *next;
	struct liaison *l;
	struct liaison_request r;
	struct timer late;
	bool over;				/* nobody waits for it any more */
};

struct liaison {
	struct loop *loop;
	int fd;
	struct watch *watch;
	size_t n_workers;
	const struct liaison_events *ev;
	void *ctx;
	struct chan *chan;			/* NULL: no agent */
	bool greeted, up;
	bool asked;				/* the first of the requests is under way */
	struct request *first, **last;
	pid_t pid;
	unsigned agents;
	uint64_t heard;				/* mono_us, when the agent last said something */
	int hello_err;
	uint64_t hello_layout;
	int *taken;				/* channels of the next agent that have come: the main thread's, the workers' */
	size_t n_taken;
	uint8_t out[CHAN_MAX];			/* verdicts */
	char text[PROTO_TEXT + 1];
};

static void drop(struct liaison *l, int err);

static void told(struct request *q, int err)
{
	void (*end)(void *ctx, int err) = q->r.end;

	timer_cancel(loop_timers(q->l->loop), &q->late);
	q->r.record = NULL;
	q->r.end = NULL;
	q->over = true;
	if (end)
		end(q->r.ctx, err);
}

static struct request *pop(struct liaison *l)
{
	struct request *q = l->first;

	l->first = q->next;
	if (!l->first)
		l->last = &l->first;
	return q;
}

/* Those that are there now; more may come from within their ends. */
static void fail_all(struct liaison *l, int err)
{
	struct request *q = l->first;

	l->first = NULL;
	l->last = &l->first;
	l->asked = false;
	while (q) {
		struct request *next = q->next;

		told(q, err);
		free(q);
		q = next;
	}
}

static void put(struct wr *w, const struct liaison_request *r)
{
	if (r->type == PROTO_LIST || r->type == PROTO_CLOSE)
		proto_put_address(w, r->type, r->addr.len ? &r->addr : NULL);
	else
		proto_put_bare(w, r->type);
}

static void wait_on(struct request *q)
{
	if (q->r.wait_ms && !q->over)
		timer_set(loop_timers(q->l->loop), &q->late, loop_now(q->l->loop).mono_us + q->r.wait_ms * CLOCK_MS);
}

static void ask_next(struct liaison *l)
{
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	if (!l->chan || !l->greeted || l->asked)
		return;
	/* too late for these: nobody waits for what they would do */
	while (l->first && l->first->over)
		free(pop(l));
	if (!l->first)
		return;
	l->asked = true;
	wait_on(l->first);
	put(&w, &l->first->r);
	if (w.bad || chan_send(l->chan, buf, wr_len(&w)) < 0)
		drop(l, -ENOTCONN);
}

/* While the agent speaks it works, on this or on what is before it. Else it may still answer: until then it stays. */
static void on_late(struct timer *t)
{
	struct request *q = container_of(t, struct request, late);
	uint64_t until = q->l->heard + q->r.wait_ms * CLOCK_MS;

	if (until > loop_now(q->l->loop).mono_us)
		timer_set(loop_timers(q->l->loop), t, until);
	else
		told(q, -ETIMEDOUT);
}

static void answered(struct liaison *l)
{
	struct request *q = pop(l);

	l->asked = false;
	told(q, 0);
	free(q);
	ask_next(l);
}

static int on_hello(struct liaison *l, enum proto_type type, struct rd *body)
{
	int32_t err;

	if (type == PROTO_PREPARED) {
		if (proto_get_prepared(body, &err, &l->hello_layout, l->text, sizeof(l->text)) < 0)
			return -EBADMSG;
		l->hello_err = err;
		return 0;
	}
	if (type != PROTO_END)
		return -EBADMSG;
	l->greeted = true;
	l->up = !l->hello_err;
	l->ev->hello(l->ctx, l->hello_err, l->hello_layout, l->text);
	ask_next(l);
	return 0;
}

static int send_verdicts(struct liaison *l, struct wr *w)
{
	int err = wr_len(w) ? chan_send(l->chan, l->out, wr_len(w)) : 0;

	*w = wr_init(l->out, sizeof(l->out));
	return err;
}

static int on_review(struct liaison *l, struct rd *body, struct wr *w)
{
	struct proto_verdict v = { 0 };
	struct proto_review r;
	int err;

	if (proto_get_review(body, &r) < 0)
		return -EBADMSG;
	v.id = r.id;
	l->ev->review(l->ctx, &r, &v);
	proto_put_verdict(w, &v);
	if (!w->bad)
		return 0;
	w->bad = false;
	if ((err = send_verdicts(l, w)) < 0)
		return err;
	proto_put_verdict(w, &v);
	return w->bad ? -EMSGSIZE : 0;
}

static int on_record(struct liaison *l, enum proto_type type, struct rd *body, struct wr *w)
{
	struct request *q = l->first;
	uint64_t n;

	if (!l->greeted)
		return on_hello(l, type, body);
	if (type == PROTO_REVIEW)
		return on_review(l, body, w);
	if (type == PROTO_REVIEWED) {
		if (proto_get_count(body, &n) < 0)
			return -EBADMSG;
		l->ev->reviewed(l->ctx, n);
		return 0;
	}
	if (!l->asked)
		return -EBADMSG;
	if (type == PROTO_END) {
		answered(l);
		return 0;
	}
	return q->r.record ? q->r.record(q->r.ctx, type, body) : 0;
}

static void on_message(void *ctx, const uint8_t *msg, size_t len)
{
	struct liaison *l = ctx;
	struct chan *chan = l->chan;
	struct wr w = wr_init(l->out, sizeof(l->out));
	struct rd in = rd_init(msg, len), body;
	enum proto_type type;
	int more = 0, err = 0;

	if (!msg) {
		drop(l, -ENOTCONN);
		return;
	}
	l->heard = loop_now(l->loop).mono_us;
	while (!err && (more = proto_next(&in, &type, &body)) > 0) {
		err = on_record(l, type, &body, &w);
		/* a callback may have sent something, and failed */
		if (l->chan != chan)
			return;
	}
	if (!err && !more)
		err = send_verdicts(l, &w);
	if (!err && !more)
		return;
	log_error("agent: its channel is closed: %s", strerror(err ? -err : EBADMSG));
	drop(l, -ENOTCONN);
}

/* The agent ends when its channel does. */
static void drop(struct liaison *l, int err)
{
	if (!l->chan)
		return;
	chan_close(l->chan);
	l->chan = NULL;
	l->greeted = l->up = false;
	l->pid = -1;
	fail_all(l, err);
	l->ev->gone(l->ctx);
}

void liaison_give_up(struct liaison *l, unsigned agent)
{
	if (l->agents == agent)
		drop(l, -ENOTCONN);
}

static void all_taken(struct liaison *l, uint32_t pid)
{
	int main_fd = l->taken[0];

	/* what has not been read of the one before cannot be answered any more */
	drop(l, -ENOTCONN);
	l->n_taken = 0;
	l->hello_err = -EPROTO;
	l->text[0] = '\0';
	l->agents++;
	l->pid = (pid_t)pid;
	l->chan = chan_new(l->loop, main_fd, on_message, l);
	for (size_t i = 0; i < l->n_workers; i++)
		l->ev->channel(l->ctx, i, l->taken[i + 1]);
	if (!l->chan)
		log_error("agent: out of memory");
}

static void on_line(void *ctx, int events)
{
	struct liaison *l = ctx;
	uint32_t pid;
	int n = chan_take_fds(l->fd, &pid, l->taken + l->n_taken, l->n_workers + 1 - l->n_taken);

	if (n <= 0) {
		watch_close(l->watch);
		l->watch = NULL;
		l->ev->orphaned(l->ctx);
		return;
	}
	l->n_taken += (size_t)n;
	if (l->n_taken == l->n_workers + 1)
		all_taken(l, pid);
}

struct liaison *liaison_new(struct loop *loop, int fd, size_t n_workers, const struct liaison_events *ev, void *ctx)
{
	struct liaison *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->loop = loop;
	l->fd = fd;
	l->n_workers = n_workers;
	l->ev = ev;
	l->ctx = ctx;
	l->pid = -1;
	l->last = &l->first;
	l->taken = calloc(n_workers + 1, sizeof(*l->taken));
	if (l->taken)
		l->watch = watch_fd(loop, fd, WATCH_READ, on_line, l);
	if (l->watch)
		return l;
	free(l->taken);
	free(l);
	return NULL;
}

void liaison_free(struct liaison *l)
{
	if (!l)
		return;
	watch_close(l->watch);
	chan_close(l->chan);
	l->chan = NULL;
	fail_all(l, -ECANCELED);
	for (size_t i = 0; i < l->n_taken; i++)
		close(l->taken[i]);
	free(l->taken);
	free(l);
}

bool liaison_up(const struct liaison *l)
{
	return l->up;
}

pid_t liaison_pid(const struct liaison *l)
{
	return l->pid;
}

unsigned liaison_agents(const struct liaison *l)
{
	return l->agents;
}

int liaison_ask(struct liaison *l, const struct liaison_request *r)
{
	struct request *q;

	if (!l->chan || (l->greeted && !l->up))
		return -ENOTCONN;
	q = malloc(sizeof(*q));
	if (!q)
		return -ENOMEM;
	*q = (struct request){ .l = l, .r = *r, .late.fire = on_late };
	*l->last = q;
	l->last = &q->next;
	wait_on(q);
	ask_next(l);
	return 0;
}
