/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/stream.h"

#include <errno.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rand.h"
#include "base/util.h"
#include "dns/wire.h"
#include "io/frame.h"
#include "io/loop_internal.h"
#include "io/outq.h"

#define STREAM_GHOSTS 256

enum stream_state { STREAM_DOWN, STREAM_CONNECTING, STREAM_UP };

struct stream_call {
	struct stream *stream;
	struct stream_call *next, *prev;
	stream_fn *cb;			/* NULL: a ghost, cancelled, whose id a late reply may still bear */
	void *ctx;
	uint64_t heard;			/* stream.heard when it was sent */
	bool kept;			/* sent on a connection that was there before */
	bool retried;
	int err;			/* over; its callback is due */
	uint16_t id;
	size_t len;
	uint8_t msg[];			/* prefix included */
};

struct stream {
	struct loop *loop;
	struct endpoint to;
	enum stream_state state;
	int fd;
	struct watch *watch;
	struct stream_call *first, *last;	/* in the order of sending */
	unsigned calls, ghosts;
	struct frame in;
	struct outq out;
	struct timer idle;
	struct timer work;		/* what must not happen inside a caller's call */
	int broken;			/* the error that work ends the connection with */
	uint64_t heard;			/* reads that brought something */
	bool answered;			/* this connection brought a reply */
	bool busy, dead;		/* callbacks are being called; freed meanwhile */
};

static void unlink_call(struct stream_call *c)
{
	struct stream *s = c->stream;

	if (c->prev)
		c->prev->next = c->next;
	else
		s->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		s->last = c->prev;
	if (c->cb)
		s->calls--;
	else
		s->ghosts--;
}

static void link_call(struct stream *s, struct stream_call *c)
{
	c->stream = s;
	c->prev = s->last;
	if (s->last)
		s->last->next = c;
	else
		s->first = c;
	s->last = c;
	s->calls++;
}

static struct stream_call *find_id(const struct stream *s, uint16_t id)
{
	struct stream_call *c = s->first;

	while (c && (c->id != id || c->err))
		c = c->next;
	return c;
}

static void work_soon(struct stream *s)
{
	timer_set(loop_timers(s->loop), &s->work, loop_now(s->loop).mono_us);
}

static void watch_on(struct stream *s)
{
	if (s->state == STREAM_UP)
		watch_events(s->watch, WATCH_READ | (s->out.len ? WATCH_WRITE : 0));
}

/* An idle connection is kept for a while; one that works for as long as it does. */
static void idle_from_now(struct stream *s)
{
	if (s->state != STREAM_DOWN && !s->calls)
		timer_set(loop_timers(s->loop), &s->idle, loop_now(s->loop).mono_us + STREAM_IDLE_MS * CLOCK_MS);
	else
		timer_cancel(loop_timers(s->loop), &s->idle);
}

static void disconnect(struct stream *s)
{
	if (s->state == STREAM_DOWN)
		return;
	s->state = STREAM_DOWN;
	watch_close(s->watch);
	s->watch = NULL;
	close(s->fd);
	outq_free(&s->out);
	frame_free(&s->in);
	s->broken = 0;
	timer_cancel(loop_timers(s->loop), &s->idle);
	for (struct stream_call *c = s->first, *next; c; c = next) {
		next = c->next;
		if (!c->cb) {
			unlink_call(c);
			free(c);
		}
	}
}

static void ready(void *ctx, int events);

static int try_connect(struct stream *s)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(&s->to, &ss);
	int on = 1, err = 0;

	s->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	/* Questions must not wait for the answers before them; without it they come all the same. */
	(void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(s->fd, (struct sockaddr *)&ss, len) && errno != EINPROGRESS)
		err = -errno;
	if (!err) {
		s->watch = watch_fd(s->loop, s->fd, WATCH_WRITE, ready, s);
		err = s->watch ? 0 : -ENOMEM;
	}
	if (err) {
		close(s->fd);
		return err;
	}
	s->state = STREAM_CONNECTING;
	s->answered = false;
	return 0;
}

static int push(struct stream *s)
{
	int err = outq_send(&s->out, s->fd);

	return err == -EAGAIN ? 0 : err;
}

/* Puts a call's message into the queue of the connection there is now. */
static int queue_call(struct stream *s, struct stream_call *c)
{
	c->heard = s->heard;
	c->kept = s->state == STREAM_UP;
	return outq_add(&s->out, c->msg, c->len);
}

/*
 * The connection is over. A call is sent once more, if the connection was
 * good before, or `again` says that its silence is another call's; what was sent twice is over too.
 */
static void down(struct stream *s, int err, bool again)
{
	bool answered = s->answered, some = false;

	disconnect(s);
	for (struct stream_call *c = s->first; c; c = c->next) {
		if (c->err)
			continue;
		if (c->retried || !(c->kept || answered || again)) {
			c->err = err;
			continue;
		}
		c->retried = true;
		if (s->state == STREAM_DOWN)
			c->err = try_connect(s);
		if (!c->err)
			c->err = queue_call(s, c);
		some |= !c->err;
	}
	/* Without a call it would be a connection for nothing. */
	if (!some)
		disconnect(s);
	for (struct stream_call *c = s->first; c; c = c->next)
		if (c->err)
			work_soon(s);
}

static void destroy(struct stream *s)
{
	disconnect(s);
	timer_cancel(loop_timers(s->loop), &s->work);
	free(s);
}

/* After callbacks: whether the stream is still there. */
static bool survived(struct stream *s)
{
	s->busy = false;
	if (!s->dead)
		return true;
	destroy(s);
	return false;
}

static void finish(struct stream_call *c, const uint8_t *msg, ssize_t len)
{
	stream_fn *cb = c->cb;

	unlink_call(c);
	if (cb)
		cb(c->ctx, msg, len);
	free(c);
}

static struct stream_call *failed(struct stream *s)
{
	struct stream_call *c = s->first;

	while (c && !c->err)
		c = c->next;
	return c;
}

static void work(struct timer *t)
{
	struct stream *s = container_of(t, struct stream, work);
	struct stream_call *c;

	if (s->broken)
		down(s, s->broken, false);
	s->busy = true;
	while (!s->dead && (c = failed(s)))
		finish(c, NULL, c->err);
	if (survived(s))
		idle_from_now(s);
}

static void idle_over(struct timer *t)
{
	disconnect(container_of(t, struct stream, idle));
}

/* Hands out whole replies and gives the bytes taken; a negative errno for what is no DNS. */
static ssize_t take(struct stream *s, const uint8_t *p, size_t n)
{
	size_t at = 0, len;

	while (!s->dead && frame_whole(p + at, n - at, &len)) {
		struct stream_call *c;

		if (len < WIRE_HEADER)
			return -EBADMSG;
		c = find_id(s, bytes_u16(p + at + 2));
		if (c) {
			s->answered = true;
			finish(c, p + at + 2, (ssize_t)len);
		}
		at += 2 + len;
	}
	return (ssize_t)at;
}

static void read_in(struct stream *s)
{
	const uint8_t *p;
	size_t n;
	ssize_t r = frame_read(&s->in, s->fd, loop_read_buffer(s->loop), LOOP_READ, &p, &n);

	if (r == -EAGAIN)
		return;
	if (r <= 0) {
		down(s, r ? (int)r : -ECONNRESET, false);
		return;
	}
	s->heard++;
	s->busy = true;
	r = take(s, p, n);
	if (!survived(s))
		return;
	if (r >= 0)
		r = frame_keep(&s->in, p + r, n - (size_t)r);
	if (r < 0)
		down(s, (int)r, false);
	else
		idle_from_now(s);
}

static int connected(struct stream *s)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return -errno;
	if (!err)
		s->state = STREAM_UP;
	return -err;
}

static void ready(void *ctx, int events)
{
	struct stream *s = ctx;
	int err = 0;

	if (s->state == STREAM_CONNECTING)
		err = connected(s);
	if (!err && events & WATCH_WRITE)
		err = push(s);
	/* An error of the writing side too: what the other side said before it closed is read first. */
	if (err && s->state == STREAM_CONNECTING) {
		down(s, err, false);
		return;
	}
	watch_on(s);
	if (events & WATCH_READ)
		read_in(s);
	else if (err)
		down(s, err, false);
}

struct stream *stream_new(struct loop *l, const struct endpoint *to)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->loop = l;
	s->to = *to;
	s->idle.fire = idle_over;
	s->work.fire = work;
	return s;
}

static struct stream_call *new_call(struct stream *s, const uint8_t *msg, size_t len, stream_fn *cb, void *ctx)
{
	struct stream_call *c = malloc(sizeof(*c) + 2 + len);

	if (!c)
		return NULL;
	*c = (struct stream_call){ .cb = cb, .ctx = ctx, .len = 2 + len };
	do
		c->id = rand_u16();
	while (find_id(s, c->id));
	bytes_put_u16(c->msg, (uint16_t)len);
	memcpy(c->msg + 2, msg, len);
	bytes_put_u16(c->msg + 2, c->id);
	return c;
}

struct stream_call *stream_send(struct stream *s, const uint8_t *msg, size_t len, uint16_t *id, stream_fn *cb,
				void *ctx, int *err)
{
	struct stream_call *c = NULL;

	*err = s->dead ? -ECANCELED : len < WIRE_HEADER || len > WIRE_MAX ? -EINVAL :
	       s->calls >= STREAM_CALLS ? -EBUSY : 0;
	if (*err)
		return NULL;
	c = new_call(s, msg, len, cb, ctx);
	*err = !c ? -ENOMEM : s->state == STREAM_DOWN ? try_connect(s) : 0;
	if (!*err)
		*err = queue_call(s, c);
	if (*err) {
		free(c);
		idle_from_now(s);
		return NULL;
	}
	link_call(s, c);
	*id = c->id;
	if (s->state == STREAM_UP && !s->broken) {
		s->broken = push(s);
		if (s->broken)
			work_soon(s);
		watch_on(s);
	}
	idle_from_now(s);
	return c;
}

/* The id stays taken until the late reply is here, or too many are waited for. */
static void make_ghost(struct stream_call *c)
{
	struct stream *s = c->stream;
	struct stream_call *oldest = s->first;

	c->cb = NULL;
	s->calls--;
	s->ghosts++;
	if (s->ghosts <= STREAM_GHOSTS)
		return;
	while (oldest->cb)
		oldest = oldest->next;
	unlink_call(oldest);
	free(oldest);
}

/* A connection on which nothing came since the call was sent may be dead: the next call gets a new one. */
void stream_cancel(struct stream_call *call)
{
	struct stream *s = call->stream;
	bool silent = call->heard == s->heard && !s->busy;

	if (call->err || s->dead || s->state == STREAM_DOWN || (s->state == STREAM_UP && silent) ||
	    s->state == STREAM_CONNECTING) {
		bool over = !call->err && !s->dead;

		unlink_call(call);
		free(call);
		if (over && s->state == STREAM_UP)
			down(s, -ETIMEDOUT, true);
		else if (over && !s->calls)
			disconnect(s);
	} else {
		make_ghost(call);
	}
	if (!s->dead)
		idle_from_now(s);
}

void stream_free(struct stream *s)
{
	bool busy;

	if (!s || s->dead)
		return;
	busy = s->busy;
	s->busy = s->dead = true;
	while (s->first)
		finish(s->first, NULL, -ECANCELED);
	if (!busy)
		destroy(s);
}
