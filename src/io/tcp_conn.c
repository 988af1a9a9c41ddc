/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/util.h"
#include "dns/wire.h"
#include "io/tcp_internal.h"

#define CONN_READ 16384			/* a turn, so that one client does not fill it */
#define CONN_CHOKED (256 * 1024)	/* unsent bytes, from where on its questions wait */
#define CONN_FULL (1024 * 1024)		/* and what answers still to come may add to them: beyond, it is closed */
#define CONN_LOOK_MS 10000		/* how often limits that were off are looked at again */

static uint64_t mono(const struct tcp_conn *c)
{
	return loop_now(c->tcp->loop).mono_us;
}

/* Whether another question may be taken. */
static bool may_take(const struct tcp_conn *c)
{
	return !c->closing && !c->choked && c->open < TCP_PIPELINE;
}

/* Whether a whole question is held, which waits for a place. */
static bool waiting(const struct tcp_conn *c)
{
	size_t len;

	return frame_whole(c->in.held, c->in.len, &len);
}

static void close_now(struct tcp_conn *c)
{
	struct tcp *t = c->tcp;

	if (!t)
		return;
	watch_close(c->watch);
	close(c->fd);
	timer_cancel(loop_timers(t->loop), &c->idle);
	timer_cancel(loop_timers(t->loop), &c->resume);
	frame_free(&c->in);
	outq_free(&c->out);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	tcp_leave(t, &c->client.addr);
	c->tcp = NULL;
}

/* The last thing that every way into a connection does: whoever holds a TCP_LATER keeps the struct. */
static void release(struct tcp_conn *c)
{
	if (!c->tcp && !c->open && !c->busy)
		free(c);
}

void tcp_conn_close(struct tcp_conn *c)
{
	close_now(c);
	release(c);
}

/* When it has been still for too long, should nothing happen. */
static uint64_t deadline(const struct tcp_conn *c)
{
	uint64_t idle = atomic_load(&c->tcp->limits->idle_ms) * CLOCK_MS, now = mono(c), due;

	if (!idle)
		return now + CONN_LOOK_MS * CLOCK_MS;
	due = c->open || c->out.len || waiting(c) ? now + idle : c->last + idle;
	if (c->out.len)
		due = MIN(due, c->out_since + idle);
	if (c->in.len && !waiting(c))
		due = MIN(due, c->part_since + idle);
	return due;
}

/* After whatever happened: closes, or waits for what may come next. */
static void settle(struct tcp_conn *c)
{
	struct timers *ts = loop_timers(c->tcp->loop);
	bool more = waiting(c);

	if (c->closing || (c->eof && !more && !c->open && !c->out.len)) {
		close_now(c);
		return;
	}
	if (more && may_take(c) && !c->resume.set)
		timer_set(ts, &c->resume, mono(c));
	watch_events(c->watch, (!c->eof && !more && may_take(c) ? WATCH_READ : 0) | (c->out.len ? WATCH_WRITE : 0));
	/* A deadline only ever moves away, so the timer may come early and look again. */
	if (!c->idle.set)
		timer_set(ts, &c->idle, deadline(c));
}

static void idle_over(struct timer *t)
{
	struct tcp_conn *c = container_of(t, struct tcp_conn, idle);

	if (deadline(c) <= mono(c))
		c->closing = true;
	settle(c);
	release(c);
}

/* Sends what is queued. */
static void push(struct tcp_conn *c)
{
	size_t before = c->out.len;
	int err = outq_send(&c->out, c->fd);

	if (err && err != -EAGAIN)
		c->closing = true;
	if (c->out.len < before)
		c->out_since = c->last = mono(c);
	if (c->out.len >= CONN_CHOKED)
		c->choked = true;
	else if (!c->out.len)
		c->choked = false;
}

/* Whole answers, with their prefixes: first to the socket, what it does not take to the queue. */
static void write_out(struct tcp_conn *c, struct iovec *iov, size_t n)
{
	struct msghdr h = { .msg_iov = iov, .msg_iovlen = n };
	bool queued = c->out.len;
	ssize_t r = 0;

	if (!queued) {
		do
			r = sendmsg(c->fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
		while (r < 0 && errno == EINTR);
		if (r < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
			c->closing = true;
			return;
		}
		r = MAX(r, 0);
		c->out_since = c->last = mono(c);
	}
	for (size_t i = 0; i < n; i++) {
		size_t sent = MIN((size_t)r, iov[i].iov_len);

		r -= (ssize_t)sent;
		if (outq_add(&c->out, (uint8_t *)iov[i].iov_base + sent, iov[i].iov_len - sent))
			c->closing = true;
	}
	if (queued)
		push(c);
	else if (c->out.len >= CONN_CHOKED)
		c->choked = true;
}

static void flush_gathered(struct tcp_conn *c)
{
	struct tcp_shared *s = c->tcp->shared;
	struct iovec iov = { .iov_base = s->gather, .iov_len = s->gathered };

	s->gathered = 0;
	if (iov.iov_len)
		write_out(c, &iov, 1);
}

static void ask(struct tcp_conn *c, const uint8_t *msg, size_t len)
{
	struct tcp_handler *h = &c->tcp->handler;
	struct tcp_shared *s = c->tcp->shared;
	uint8_t *out = s->gather + s->gathered;
	size_t outlen = 0;

	c->last = mono(c);
	/* Counted before, for the answer may be given while we are asking. */
	c->open++;
	switch (h->query(h->ctx, c, &c->client, msg, len, out + 2, &outlen)) {
	case TCP_LATER:
		return;
	case TCP_REPLIED:
		if (!outlen || outlen > WIRE_MAX)
			break;
		bytes_put_u16(out, (uint16_t)outlen);
		s->gathered += 2 + outlen;
		if (s->gathered + 2 + WIRE_MAX > TCP_GATHER)
			flush_gathered(c);
		break;
	case TCP_IGNORED:
		break;
	case TCP_CLOSE:
		c->closing = true;
		break;
	}
	c->open--;
}

/* Takes whole questions from the span, as many as may be, and gives the bytes taken. */
static size_t take(struct tcp_conn *c, const uint8_t *p, size_t n)
{
	size_t at = 0, len;

	c->busy = true;
	while (may_take(c) && n - at >= 2) {
		if (bytes_u16(p + at) < WIRE_HEADER) {
			c->closing = true;
			break;
		}
		if (!frame_whole(p + at, n - at, &len))
			break;
		ask(c, p + at + 2, len);
		at += 2 + len;
	}
	flush_gathered(c);
	c->busy = false;
	return at;
}

/* Takes what can be taken and keeps the rest. */
static void take_and_keep(struct tcp_conn *c, const uint8_t *p, size_t n)
{
	bool fresh = !c->in.len;
	size_t at = take(c, p, n);

	if (at || fresh)
		c->part_since = mono(c);
	if (frame_keep(&c->in, p + at, n - at))
		c->closing = true;
}

static void resume(struct timer *t)
{
	struct tcp_conn *c = container_of(t, struct tcp_conn, resume);

	if (may_take(c))
		take_and_keep(c, c->in.held, c->in.len);
	settle(c);
	release(c);
}

static void read_in(struct tcp_conn *c)
{
	const uint8_t *p;
	size_t n;
	ssize_t r = frame_read(&c->in, c->fd, loop_read_buffer(c->tcp->loop), CONN_READ, &p, &n);

	if (r > 0) {
		take_and_keep(c, p, n);
	} else if (!r) {
		c->eof = true;
		if (!waiting(c))
			frame_free(&c->in);
	} else if (r != -EAGAIN) {
		c->closing = true;
	}
}

static void ready(void *ctx, int events)
{
	struct tcp_conn *c = ctx;

	if (events & WATCH_WRITE && c->out.len)
		push(c);
	if (events & WATCH_READ && !c->eof && may_take(c) && !waiting(c))
		read_in(c);
	settle(c);
	release(c);
}

void tcp_conn_new(struct tcp *t, int fd, const struct endpoint *client)
{
	struct tcp_conn *c = calloc(1, sizeof(*c));
	int on = 1;

	if (c)
		c->watch = watch_fd(t->loop, fd, WATCH_READ, ready, c);
	if (!c || !c->watch) {
		free(c);
		close(fd);
		tcp_leave(t, &client->addr);
		return;
	}
	/* Answers are gathered here; the kernel's waiting would only delay them. Without it they come all the same. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->tcp = t;
	c->fd = fd;
	c->client = *client;
	c->idle.fire = idle_over;
	c->resume.fire = resume;
	c->next = t->conns;
	c->prev = &t->conns;
	if (c->next)
		c->next->prev = &c->next;
	t->conns = c;
	c->last = mono(c);
	settle(c);
}

/* One TCP_LATER less. */
static void answered(struct tcp_conn *c)
{
	c->open--;
	if (c->tcp && !c->busy)
		settle(c);
	release(c);
}

void tcp_reply(struct tcp_conn *conn, const uint8_t *msg, size_t len)
{
	uint8_t prefix[2];
	struct iovec iov[2] = {
		{ .iov_base = prefix, .iov_len = 2 },
		{ .iov_base = (void *)(uintptr_t)msg, .iov_len = len },
	};

	if (conn->tcp && !conn->closing && len && len <= WIRE_MAX) {
		bytes_put_u16(prefix, (uint16_t)len);
		if (conn->out.len + len > CONN_FULL)
			conn->closing = true;
		else
			write_out(conn, iov, 2);
	}
	answered(conn);
}

void tcp_drop(struct tcp_conn *conn, bool close)
{
	if (close)
		conn->closing = true;
	answered(conn);
}
