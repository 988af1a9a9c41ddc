/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/dgram_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "io/loop_internal.h"

struct dgram *dgram_find(const struct dgram_port *p, uint16_t id)
{
	struct dgram *d = p->by_id[id % DGRAM_BUCKETS];

	while (d && d->id != id)
		d = d->next;
	return d;
}

void dgram_retire(struct dgram_port *p)
{
	struct dgram_port **link = &p->set->fresh;

	if (!p->fresh)
		return;
	p->fresh = false;
	while (*link != p)
		link = &(*link)->next;
	*link = p->next;
	if (!p->open)
		dgram_port_close(p);
}

static void end_set(void *p)
{
	struct dgram_set *set = p;

	if (!set->watch)
		return;
	while (set->fresh)
		dgram_retire(set->fresh);
	watch_close(set->watch);
	close(set->epfd);
}

static struct dgram_set *get_set(struct loop *l, int *err)
{
	struct dgram_set *set = loop_shared(l, LOOP_DGRAM, sizeof(*set), end_set);

	*err = -ENOMEM;
	if (!set || set->watch)
		return set;
	set->loop = l;
	set->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (set->epfd < 0) {
		*err = -errno;
		return NULL;
	}
	set->watch = watch_fd(l, set->epfd, WATCH_READ, dgram_ready, set);
	if (set->watch)
		return set;
	close(set->epfd);
	return NULL;
}

/* The port of this turn that may take the id. */
static struct dgram_port *get_port(struct dgram_set *set, const struct endpoint *to, uint16_t id, int *err)
{
	struct dgram_port *p = set->fresh;

	while (p && !endpoint_equal(&p->to, to))
		p = p->next;
	if (p && p->uses < DGRAM_USES && !dgram_find(p, id))
		return p;
	if (p)
		dgram_retire(p);
	p = dgram_port_open(set, to, err);
	if (!p)
		return NULL;
	p->fresh = true;
	p->next = set->fresh;
	set->fresh = p;
	return p;
}

/* Sends n of the queue, all by one port. */
static void send_queued(struct dgram_set *set, unsigned first, unsigned n)
{
	struct mmsghdr msg[DGRAM_QUEUE] = { 0 };
	struct iovec iov[DGRAM_QUEUE];
	struct dgram_port *p = set->queue[first].port;
	unsigned sent = 0;

	for (unsigned i = 0; i < n; i++) {
		iov[i] = (struct iovec){ set->queue[first + i].msg, set->queue[first + i].len };
		msg[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	while (sent < n && p->fd >= 0) {
		int r = sendmmsg(p->fd, msg + sent, n - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		struct dgram *d;

		if (r > 0) {
			sent += (unsigned)r;
		} else if (errno == ECONNREFUSED) {
			/* of an earlier question: nobody listens there, which all have to know */
			dgram_port_fail(p, -ECONNREFUSED);
		} else if (errno != EINTR) {
			/* of this one */
			d = dgram_find(p, set->queue[first + sent].id);
			if (d)
				d->cb(d->ctx, NULL, -errno);
			sent++;
		}
	}
}

void dgram_flush(struct loop *l)
{
	struct dgram_set *set = loop_shared(l, LOOP_DGRAM, sizeof(*set), end_set);
	unsigned n;

	if (!set || (!set->n_queued && !set->fresh))
		return;
	dgram_enter(set);
	/* by the end of a run of callbacks more may have been queued, behind */
	for (unsigned at = 0; at < set->n_queued; at += n) {
		for (n = 1; at + n < set->n_queued && set->queue[at + n].port == set->queue[at].port; n++)
			;
		if (set->queue[at].port)
			send_queued(set, at, n);
	}
	set->n_queued = 0;
	while (set->fresh)
		dgram_retire(set->fresh);
	dgram_leave(set);
}

static void enqueue(struct dgram_set *set, const struct dgram *d, const uint8_t *msg, size_t len)
{
	struct dgram_queued *q = &set->queue[set->n_queued++];

	q->port = d->port;
	q->id = d->id;
	q->len = (uint16_t)len;
	memcpy(q->msg, msg, len);
}

struct dgram *dgram_send(struct loop *l, const struct endpoint *to, const uint8_t *msg, size_t len, dgram_fn *cb,
			 void *ctx, int *err)
{
	struct dgram_set *set = get_set(l, err);
	struct dgram_port *p;
	struct dgram *d;

	if (!set)
		return NULL;
	*err = -EMSGSIZE;
	if (len < 2 || len > DGRAM_MSG)
		return NULL;
	/* before there is anything of the new one that a callback could be told of */
	if (set->n_queued == DGRAM_QUEUE)
		dgram_flush(l);
	p = get_port(set, to, bytes_u16(msg), err);
	if (!p)
		return NULL;
	d = malloc(sizeof(*d));
	*err = d ? 0 : -ENOMEM;
	if (!d)
		return NULL;
	*d = (struct dgram){ .port = p, .cb = cb, .ctx = ctx, .id = bytes_u16(msg) };
	d->next = p->by_id[d->id % DGRAM_BUCKETS];
	p->by_id[d->id % DGRAM_BUCKETS] = d;
	p->uses++;
	p->open++;
	enqueue(set, d, msg, len);
	return d;
}

void dgram_close(struct dgram *d)
{
	struct dgram_port *p;
	struct dgram **link;

	if (!d)
		return;
	p = d->port;
	link = &p->by_id[d->id % DGRAM_BUCKETS];
	while (*link != d)
		link = &(*link)->next;
	*link = d->next;
	p->late += !d->answered;
	free(d);
	if (--p->open == 0 && !p->fresh)
		dgram_port_close(p);
}
