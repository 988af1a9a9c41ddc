/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/dgram_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/rand.h"

#define PORT_MIN 1024
#define PORT_TRIES 16
#define READ 4096			/* we tell upstreams 1232 */
#define BATCH 16
#define BATCHES 4			/* a wake: other sockets of the loop want their turn too */

/* To a port drawn from all that are free; where luck fails, the kernel draws one when it connects. */
static int bind_random(int fd, bool v6)
{
	struct endpoint at = { .addr.len = v6 ? 16 : 4 };
	struct sockaddr_storage ss;

	for (unsigned i = 0; i < PORT_TRIES; i++) {
		socklen_t len;

		at.port = (uint16_t)(PORT_MIN + rand_below(65536 - PORT_MIN));
		len = endpoint_to_sockaddr(&at, &ss);
		if (!bind(fd, (struct sockaddr *)&ss, len))
			return 0;
		if (errno != EADDRINUSE && errno != EACCES)
			return -errno;
	}
	return 0;
}

static int open_to(const struct endpoint *to)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(to, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	err = bind_random(fd, to->addr.len == 16);
	if (!err && connect(fd, (struct sockaddr *)&ss, len))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

struct dgram_port *dgram_port_open(struct dgram_set *set, const struct endpoint *to, int *err)
{
	struct dgram_port *p = calloc(1, sizeof(*p));
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = p };

	*err = -ENOMEM;
	if (!p)
		return NULL;
	p->set = set;
	p->to = *to;
	p->fd = open_to(to);
	*err = p->fd < 0 ? p->fd : 0;
	if (!*err && epoll_ctl(set->epfd, EPOLL_CTL_ADD, p->fd, &ev))
		*err = -errno;
	if (!*err)
		return p;
	if (p->fd >= 0)
		close(p->fd);
	free(p);
	return NULL;
}

void dgram_port_close(struct dgram_port *p)
{
	struct dgram_set *set = p->set;

	/* Not left to close(2): a descriptor that a child inherited would keep the event, which points here. */
	epoll_ctl(set->epfd, EPOLL_CTL_DEL, p->fd, NULL);
	close(p->fd);
	p->fd = -1;
	for (unsigned i = 0; i < set->n_queued; i++) {
		if (set->queue[i].port == p)
			set->queue[i].port = NULL;
	}
	if (!set->busy) {
		free(p);
		return;
	}
	p->next = set->dead;
	set->dead = p;
}

void dgram_enter(struct dgram_set *set)
{
	set->busy++;
}

void dgram_leave(struct dgram_set *set)
{
	if (--set->busy)
		return;
	while (set->dead) {
		struct dgram_port *p = set->dead;

		set->dead = p->next;
		free(p);
	}
}

void dgram_port_fail(struct dgram_port *p, int err)
{
	struct dgram_set *set = p->set;

	dgram_enter(set);
	dgram_retire(p);
	/* each call may end any exchange, and with the last one the port */
	for (size_t i = 0; p->fd >= 0 && i < DGRAM_BUCKETS;) {
		struct dgram *d = p->by_id[i];

		if (d)
			d->cb(d->ctx, NULL, err);
		/* who does not close it is not told again */
		if (p->by_id[i] == d)
			i++;
	}
	dgram_leave(set);
}

/* A reply that answers nothing on this port. */
static void guessed(struct dgram_port *p)
{
	if (p->late)
		p->late--;
	else if (++p->guesses == DGRAM_GUESSES)
		dgram_port_fail(p, -EPROTO);
}

static void give(struct dgram_port *p, const uint8_t *msg, size_t len)
{
	struct dgram *d = len < 2 ? NULL : dgram_find(p, bytes_u16(msg));

	if (!d) {
		guessed(p);
		return;
	}
	d->answered = true;
	d->cb(d->ctx, msg, (ssize_t)len);
}

/* Gives how many were read; under BATCH: nothing more to do here. */
static unsigned receive(struct dgram_port *p)
{
	static __thread uint8_t buf[BATCH][READ];
	static __thread struct mmsghdr msg[BATCH];
	static __thread struct iovec iov[BATCH];
	int n;

	for (size_t i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ buf[i], READ };
		msg[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(p->fd, msg, BATCH, MSG_DONTWAIT, NULL);
	if (n < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			dgram_port_fail(p, -errno);
		return 0;
	}
	for (int i = 0; i < n && p->fd >= 0; i++) {
		if (!(msg[i].msg_hdr.msg_flags & MSG_TRUNC))
			give(p, buf[i], msg[i].msg_len);
	}
	return (unsigned)n;
}

void dgram_ready(void *ctx, int events)
{
	struct dgram_set *set = ctx;
	struct epoll_event ev[DGRAM_EVENTS];
	int n = epoll_wait(set->epfd, ev, DGRAM_EVENTS, 0);

	dgram_enter(set);
	for (int i = 0; i < n; i++) {
		struct dgram_port *p = ev[i].data.ptr;

		for (unsigned k = 0; p->fd >= 0 && k < BATCHES && receive(p) == BATCH; k++)
			;
	}
	dgram_leave(set);
}
