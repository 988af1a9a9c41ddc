/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake.h"

#include <stdlib.h>

struct reply {
	struct reply *next;
	struct udp_peer peer;
	size_t len;
	uint8_t msg[];
};

struct udp {
	struct loop *loop;
	udp_query_fn *query;
	void *ctx;
	struct reply *queue;
};

static unsigned long own_calls;		/* of malloc: the queue's */

struct udp *udp_new(struct loop *l, int fd, udp_query_fn *query, void *ctx)
{
	struct udp *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	*u = (struct udp){ .loop = l, .query = query, .ctx = ctx };
	fake_handle(l, 1);
	return u;
}

void udp_send(struct udp *u, const struct udp_peer *peer, const uint8_t *msg, size_t len)
{
	struct reply *r = malloc(sizeof(*r) + len), **end = &u->queue;

	if (!r)
		abort();
	own_calls++;
	r->next = NULL;
	r->peer = *peer;
	r->len = len;
	memcpy(r->msg, msg, len);
	while (*end)
		end = &(*end)->next;
	*end = r;
}

void udp_flush(struct udp *u)
{
	while (u->queue) {
		struct reply *r = u->queue;

		u->queue = r->next;
		fake_got_udp(&r->peer, r->msg, r->len);
		free(r);
	}
}

void udp_close(struct udp *u)
{
	if (u->queue)
		fake_fault("replies that were never sent");
	while (u->queue) {
		struct reply *r = u->queue;

		u->queue = r->next;
		free(r);
	}
	fake_handle(u->loop, -1);
	free(u);
}

void fake_udp_ask(struct udp *u, const struct udp_peer *peer, const uint8_t *msg, size_t len)
{
	/* of their exact size, so that a sanitizer sees a byte too far */
	uint8_t *in = malloc(len ? len : 1), *out = malloc(UDP_REPLY_MAX);
	unsigned long calls;
	size_t n;

	if (!in || !out)
		abort();
	memcpy(in, msg, len);
	calls = heap_calls() - own_calls;
	n = u->query(u->ctx, u, peer, in, len, out);
	calls = heap_calls() - own_calls - calls;
	if (n && calls)
		fake_fault("the fast path called malloc %lu times", calls);
	free(in);
	if (n)
		fake_got_udp(peer, out, n);
	free(out);
}
