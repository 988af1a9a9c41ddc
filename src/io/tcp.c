/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/tcp.h"

#include <stdlib.h>
#include <unistd.h>

#include "io/tcp_internal.h"

/* Whether the client, and all clients together, may have one more. */
static bool enter(struct tcp *t, const struct addr *client)
{
	unsigned clients = atomic_load(&t->limits->clients);

	/* Counted first, looked at then: other workers do the same. */
	if (!(atomic_fetch_add(&t->limits->open, 1) >= clients && clients) &&
	    tally_take(t->shared->clients, client, atomic_load(&t->limits->per_client)))
		return true;
	atomic_fetch_sub(&t->limits->open, 1);
	return false;
}

void tcp_leave(struct tcp *t, const struct addr *client)
{
	atomic_fetch_sub(&t->limits->open, 1);
	tally_give(t->shared->clients, client);
}

static void accepted(void *ctx, int fd, const struct sockaddr *from)
{
	struct tcp *t = ctx;
	struct endpoint client;

	if (!endpoint_from_sockaddr(&client, from) && t->handler.accept(t->handler.ctx, &client) &&
	    enter(t, &client.addr))
		tcp_conn_new(t, fd, &client);
	else
		close(fd);
}

static void shared_end(void *p)
{
	struct tcp_shared *s = p;

	tally_free(s->clients);
}

/* Made by the loop's first listener. */
static struct tcp_shared *shared(struct loop *l)
{
	struct tcp_shared *s = loop_shared(l, LOOP_TCP, sizeof(*s), shared_end);

	if (s && !s->clients)
		s->clients = tally_new();
	return s && s->clients ? s : NULL;
}

struct tcp *tcp_new(struct loop *l, int fd, const struct tcp_handler *h, struct tcp_limits *limits)
{
	struct tcp *t = calloc(1, sizeof(*t));

	if (t) {
		t->loop = l;
		t->handler = *h;
		t->limits = limits;
		t->shared = shared(l);
		if (t->shared && !acceptor_start(&t->acceptor, l, fd, accepted, t))
			return t;
	}
	free(t);
	close(fd);
	return NULL;
}

void tcp_close(struct tcp *t)
{
	if (!t)
		return;
	acceptor_stop(&t->acceptor);
	while (t->conns)
		tcp_conn_close(t->conns);
	free(t);
}
