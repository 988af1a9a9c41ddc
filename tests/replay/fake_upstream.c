/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake.h"

#include <errno.h>
#include <stdlib.h>

#include "base/rand.h"

#define UNREACHABLE_MAX 8

struct dgram {
	struct exchange *x;
	struct loop *loop;
	dgram_fn *cb;
	void *ctx;
};

struct stream {
	struct loop *loop;
	struct endpoint to;
	struct stream_call *calls;
};

struct stream_call {
	struct stream_call *next;
	struct stream *stream;
	struct exchange *x;
	stream_fn *cb;
	void *ctx;
};

struct exchange *fake_exchanges;
static struct addr unreachable[UNREACHABLE_MAX];
static size_t n_unreachable;

void fake_unreachable(const struct addr *a)
{
	if (n_unreachable < UNREACHABLE_MAX)
		unreachable[n_unreachable++] = *a;
}

static bool can_send(const struct endpoint *to, int *err)
{
	for (size_t i = 0; i < n_unreachable; i++) {
		if (addr_equal(&unreachable[i], &to->addr)) {
			*err = -ENETUNREACH;
			return false;
		}
	}
	return true;
}

static struct exchange *note(const struct endpoint *to, const uint8_t *msg, size_t len, bool tcp)
{
	struct exchange *x = calloc(1, sizeof(*x)), **end = &fake_exchanges;

	if (!x || len > sizeof(x->msg) || len < WIRE_HEADER)
		abort();
	x->to = *to;
	x->len = len;
	x->tcp = tcp;
	memcpy(x->msg, msg, len);
	x->id = bytes_u16(msg);
	while (*end)
		end = &(*end)->next;
	*end = x;
	return x;
}

void fake_upstream_reset(void)
{
	while (fake_exchanges) {
		struct exchange *x = fake_exchanges;

		fake_exchanges = x->next;
		free(x);
	}
	n_unreachable = 0;
}

struct dgram *dgram_send(struct loop *l, const struct endpoint *to, const uint8_t *msg, size_t len, dgram_fn *cb,
			 void *ctx, int *err)
{
	struct dgram *d;

	if (!can_send(to, err))
		return NULL;
	d = malloc(sizeof(*d));
	if (!d)
		abort();
	*d = (struct dgram){ .x = note(to, msg, len, false), .loop = l, .cb = cb, .ctx = ctx };
	d->x->dgram = d;
	fake_handle(l, 1);
	return d;
}

void dgram_flush(struct loop *l)
{
}

void dgram_close(struct dgram *d)
{
	if (!d)
		return;
	d->x->dgram = NULL;
	fake_handle(d->loop, -1);
	free(d);
}

struct stream *stream_new(struct loop *l, const struct endpoint *to)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	*s = (struct stream){ .loop = l, .to = *to };
	fake_handle(l, 1);
	return s;
}

static bool id_taken(const struct stream *s, uint16_t id)
{
	for (const struct stream_call *c = s->calls; c; c = c->next) {
		if (c->x->id == id)
			return true;
	}
	return false;
}

struct stream_call *stream_send(struct stream *s, const uint8_t *msg, size_t len, uint16_t *id, stream_fn *cb,
				void *ctx, int *err)
{
	struct stream_call *c;

	if (!can_send(&s->to, err))
		return NULL;
	c = malloc(sizeof(*c));
	if (!c)
		abort();
	do
		*id = rand_u16();
	while (id_taken(s, *id));
	*c = (struct stream_call){ s->calls, s, note(&s->to, msg, len, true), cb, ctx };
	c->x->call = c;
	c->x->id = *id;
	bytes_put_u16(c->x->msg, *id);
	s->calls = c;
	fake_handle(s->loop, 1);
	return c;
}

void stream_cancel(struct stream_call *c)
{
	struct stream_call **at = &c->stream->calls;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->x->call = NULL;
	fake_handle(c->stream->loop, -1);
	free(c);
}

static void call_ends(struct stream_call *c, const uint8_t *msg, ssize_t len)
{
	struct stream_call copy = *c;

	stream_cancel(c);
	copy.cb(copy.ctx, msg, len);
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	while (s->calls)
		call_ends(s->calls, NULL, -ECANCELED);
	fake_handle(s->loop, -1);
	free(s);
}

bool fake_deliver(struct exchange *x, const uint8_t *msg, size_t len)
{
	uint8_t *copy;

	if (!fake_open(x))
		return false;
	copy = malloc(len ? len : 1);
	if (!copy)
		abort();
	memcpy(copy, msg, len);
	if (x->dgram)
		x->dgram->cb(x->dgram->ctx, copy, (ssize_t)len);
	else if (len >= WIRE_HEADER && bytes_u16(msg) == x->id)
		call_ends(x->call, copy, (ssize_t)len);
	free(copy);
	return true;
}

bool fake_break(struct exchange *x, int err)
{
	struct stream *s;

	if (!fake_open(x))
		return false;
	if (x->dgram) {
		x->dgram->cb(x->dgram->ctx, NULL, -err);
		return true;
	}
	s = x->call->stream;
	while (s->calls)
		call_ends(s->calls, NULL, -err);
	return true;
}
