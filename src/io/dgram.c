/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/dgram.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/rand.h"
#include "io/loop_internal.h"

#define DGRAM_READ 4096			/* we tell upstreams 1232 */
#define DGRAM_PORT_MIN 1024
#define DGRAM_TRIES 16
#define DGRAM_BATCH 32
#define DGRAM_EACH 4			/* datagrams of one exchange a wake */

struct dgram_set;

struct dgram {
	struct dgram_set *set;
	int fd;
	dgram_fn *cb;
	void *ctx;
};

/*
 * The exchanges of a loop, in an epoll set of their own that the loop watches:
 * an exchange lives for one datagram, and a libuv handle costs three more system calls and a turn
 * of the loop to close.
 */
struct dgram_set {
	int epfd;
	struct watch *watch;
	struct epoll_event ev[DGRAM_BATCH];
	int at, n;			/* the event that is dealt with, of those that came */
};

/* Until the exchange is closed by its callback, or nothing is left to read. */
static void receive(struct dgram_set *set, struct dgram *d)
{
	uint8_t buf[DGRAM_READ];

	for (unsigned i = 0; i < DGRAM_EACH && set->ev[set->at].data.ptr == d; i++) {
		ssize_t r = recv(d->fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (r < 0)
			d->cb(d->ctx, NULL, -errno);
		else if (r <= DGRAM_READ)
			d->cb(d->ctx, buf, r);
	}
}

static void ready(void *ctx, int events)
{
	struct dgram_set *set = ctx;

	set->n = epoll_wait(set->epfd, set->ev, DGRAM_BATCH, 0);
	for (set->at = 0; set->at < set->n; set->at++)
		if (set->ev[set->at].data.ptr)
			receive(set, set->ev[set->at].data.ptr);
	set->n = 0;
}

static void end_set(void *p)
{
	struct dgram_set *set = p;

	if (!set->watch)
		return;
	watch_close(set->watch);
	close(set->epfd);
}

static struct dgram_set *get_set(struct loop *l, int *err)
{
	struct dgram_set *set = loop_shared(l, LOOP_DGRAM, sizeof(*set), end_set);

	*err = -ENOMEM;
	if (!set || set->watch)
		return set;
	set->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (set->epfd < 0) {
		*err = -errno;
		return NULL;
	}
	set->watch = watch_fd(l, set->epfd, WATCH_READ, ready, set);
	if (set->watch)
		return set;
	close(set->epfd);
	return NULL;
}

/* To a port drawn from all that are free; where luck fails, the kernel draws one when it connects. */
static int bind_random(int fd, bool v6)
{
	struct endpoint at = { .addr.len = v6 ? 16 : 4 };
	struct sockaddr_storage ss;

	for (unsigned i = 0; i < DGRAM_TRIES; i++) {
		socklen_t len;

		at.port = (uint16_t)(DGRAM_PORT_MIN + rand_below(65536 - DGRAM_PORT_MIN));
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

static int start(struct dgram *d, const uint8_t *msg, size_t len)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = d };
	ssize_t r;

	if (epoll_ctl(d->set->epfd, EPOLL_CTL_ADD, d->fd, &ev))
		return -errno;
	do
		r = send(d->fd, msg, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

struct dgram *dgram_send(struct loop *l, const struct endpoint *to, const uint8_t *msg, size_t len, dgram_fn *cb,
			 void *ctx, int *err)
{
	struct dgram_set *set = get_set(l, err);
	struct dgram *d;

	if (!set)
		return NULL;
	d = malloc(sizeof(*d));
	if (!d)
		return NULL;
	*d = (struct dgram){ .set = set, .cb = cb, .ctx = ctx };
	d->fd = open_to(to);
	*err = d->fd < 0 ? d->fd : start(d, msg, len);
	if (!*err)
		return d;
	if (d->fd >= 0)
		dgram_close(d);
	else
		free(d);
	return NULL;
}

void dgram_close(struct dgram *d)
{
	struct dgram_set *set;

	if (!d)
		return;
	set = d->set;
	for (int i = set->at; i < set->n; i++)
		if (set->ev[i].data.ptr == d)
			set->ev[i].data.ptr = NULL;
	/* Not left to close(2): a descriptor that a child inherited would keep the event, which points here. */
	epoll_ctl(set->epfd, EPOLL_CTL_DEL, d->fd, NULL);
	close(d->fd);
	free(d);
}
