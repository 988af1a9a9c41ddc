/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake.h"

#include <stdlib.h>

struct tcp {
	struct loop *loop;
	struct tcp_handler handler;
	struct tcp_conn *conns;
};

struct tcp_conn {
	struct tcp_conn *next;
	struct tcp *tcp;		/* NULL: the listener is gone */
	struct endpoint client;
	unsigned later;			/* replies that were promised */
	bool closed, hung_up;
};

struct tcp *tcp_new(struct loop *l, int fd, const struct tcp_handler *h, struct tcp_limits *limits)
{
	struct tcp *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct tcp){ .loop = l, .handler = *h };
	fake_handle(l, 1);
	return t;
}

static void unlist(struct tcp_conn *c)
{
	struct tcp_conn **at = &c->tcp->conns;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->tcp = NULL;
}

/* The core may name a connection until its last reply, the script until it has hung up. */
static void maybe_free(struct tcp_conn *c)
{
	if (c->later || !c->hung_up)
		return;
	if (c->tcp)
		unlist(c);
	free(c);
}

static bool promised(struct tcp_conn *c)
{
	if (!c->later) {
		fake_fault("a reply over TCP to a question that waits for none");
		return false;
	}
	c->later--;
	return true;
}

void tcp_reply(struct tcp_conn *c, const uint8_t *msg, size_t len)
{
	if (promised(c) && !c->closed && !c->hung_up)
		fake_got_tcp(c, msg, len);
	maybe_free(c);
}

void tcp_drop(struct tcp_conn *c, bool close)
{
	promised(c);
	c->closed |= close;
	maybe_free(c);
}

void tcp_close(struct tcp *t)
{
	while (t->conns) {
		t->conns->closed = true;
		unlist(t->conns);
	}
	fake_handle(t->loop, -1);
	free(t);
}

struct tcp_conn *fake_tcp_connect(struct tcp *t, const struct endpoint *client)
{
	struct tcp_conn *c;

	if (!t->handler.accept(t->handler.ctx, client))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	*c = (struct tcp_conn){ .next = t->conns, .tcp = t, .client = *client };
	t->conns = c;
	return c;
}

void fake_tcp_ask(struct tcp_conn *c, const uint8_t *msg, size_t len)
{
	uint8_t *in = malloc(len ? len : 1), *out = malloc(WIRE_MAX);
	unsigned long before;
	size_t n = 0;

	if (!in || !out)
		abort();
	memcpy(in, msg, len);
	c->later++;			/* a reply may come from within */
	before = heap_calls();
	switch (c->tcp->handler.query(c->tcp->handler.ctx, c, &c->client, in, len, out, &n)) {
	case TCP_LATER:
		break;
	case TCP_REPLIED:
		if (heap_calls() != before)
			fake_fault("the fast path called malloc %lu times", heap_calls() - before);
		c->later--;
		fake_got_tcp(c, out, n);
		break;
	case TCP_CLOSE:
		c->closed = true;
		/* fall through */
	case TCP_IGNORED:
		c->later--;
	}
	free(in);
	free(out);
}

bool fake_tcp_closed(const struct tcp_conn *c)
{
	return c->closed;
}

void fake_tcp_hangup(struct tcp_conn *c)
{
	c->hung_up = true;
	maybe_free(c);
}
