/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "io/tcp_internal.h"

static struct tcp_client **find_client(struct tcp_shared *s, const struct addr *a)
{
	struct tcp_client **p = &s->clients[hash_bytes(a->b, a->len) % TCP_CLIENTS];

	while (*p && !addr_equal(&(*p)->addr, a))
		p = &(*p)->next;
	return p;
}

/* NULL when the client or all clients together have as many as they may. */
static struct tcp_client *client_enter(struct tcp *t, const struct addr *a)
{
	unsigned per_client = atomic_load(&t->limits->per_client), clients = atomic_load(&t->limits->clients);
	struct tcp_client **p = find_client(t->shared, a), *c = *p;

	if (c && per_client && c->n >= per_client)
		return NULL;
	/* Counted first, looked at then: other workers do the same. */
	if (atomic_fetch_add(&t->limits->open, 1) >= clients && clients)
		goto out;
	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)
			goto out;
		c->addr = *a;
		*p = c;
	}
	c->n++;
	return c;
out:
	atomic_fetch_sub(&t->limits->open, 1);
	return NULL;
}

void tcp_client_leave(struct tcp *t, struct tcp_client *slot)
{
	struct tcp_client **p;

	atomic_fetch_sub(&t->limits->open, 1);
	if (--slot->n)
		return;
	p = find_client(t->shared, &slot->addr);
	*p = slot->next;
	free(slot);
}

static void accepted(void *ctx, int fd, const struct sockaddr *from)
{
	struct tcp *t = ctx;
	struct endpoint client;
	struct tcp_client *slot = NULL;

	if (!endpoint_from_sockaddr(&client, from) && t->handler.accept(t->handler.ctx, &client))
		slot = client_enter(t, &client.addr);
	if (slot)
		tcp_conn_new(t, fd, &client, slot);
	else
		close(fd);
}

struct tcp *tcp_new(struct loop *l, int fd, const struct tcp_handler *h, struct tcp_limits *limits)
{
	struct tcp *t = calloc(1, sizeof(*t));

	if (t) {
		t->loop = l;
		t->handler = *h;
		t->limits = limits;
		t->shared = loop_shared(l, LOOP_TCP, sizeof(*t->shared), NULL);
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
