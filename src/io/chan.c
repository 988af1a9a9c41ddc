/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/chan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHAN_TURN 16			/* messages read before the loop looks at others */
#define CHAN_POLL 1024			/* by chan_poll: what waits, but not for ever from one who never stops */
#define CHAN_FDS 64

struct waiting {
	struct waiting *next;
	size_t len;
	uint8_t msg[];
};

struct chan {
	struct watch *watch;
	int fd;
	chan_fn *cb;
	void *ctx;
	struct waiting *first, **last;
	size_t queued;			/* what they take, heads included */
	bool reading;			/* wanted */
	bool broken;			/* nothing can be sent any more */
	bool ended;			/* cb was told so */
	unsigned depth;			/* within cb: chan_close only marks */
	bool closed;
	uint8_t in[CHAN_MAX];
};

static void set_events(struct chan *c)
{
	watch_events(c->watch, (c->reading && !c->ended ? WATCH_READ : 0) | (c->first ? WATCH_WRITE : 0));
}

static void drop_queue(struct chan *c)
{
	while (c->first) {
		struct waiting *m = c->first;

		c->first = m->next;
		free(m);
	}
	c->last = &c->first;
	c->queued = 0;
}

/* One message: 0, -EAGAIN, or what ends all sending. */
static int send_now(struct chan *c, const uint8_t *msg, size_t len)
{
	ssize_t r;

	do {
		r = send(c->fd, msg, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (r < 0 && errno == EINTR);
	if (r >= 0)
		return 0;
	/* memory comes back as room does */
	return errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM ? -EAGAIN : -errno;
}

/* The end is told by the reading side, behind what was sent before it. */
static void break_off(struct chan *c)
{
	c->broken = true;
	drop_queue(c);
}

static void flush(struct chan *c)
{
	while (c->first) {
		struct waiting *m = c->first;
		int err = send_now(c, m->msg, m->len);

		if (err == -EAGAIN)
			break;
		if (err) {
			break_off(c);
			break;
		}
		c->first = m->next;
		if (!c->first)
			c->last = &c->first;
		c->queued -= sizeof(*m) + m->len;
		free(m);
	}
}

static void destroy(struct chan *c)
{
	drop_queue(c);
	free(c);
}

/* False: cb has closed it, and it is gone. */
static bool tell(struct chan *c, const uint8_t *msg, size_t len)
{
	c->depth++;
	c->cb(c->ctx, msg, len);
	c->depth--;
	if (!c->closed)
		return true;
	if (!c->depth)
		destroy(c);
	return false;
}

static bool tell_end(struct chan *c)
{
	c->ended = true;
	break_off(c);
	set_events(c);
	return tell(c, NULL, 0);
}

/* False: it is gone. */
static bool take(struct chan *c, unsigned most)
{
	while (most-- && c->reading && !c->ended) {
		ssize_t r = recv(c->fd, c->in, sizeof(c->in), MSG_DONTWAIT | MSG_TRUNC);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && (errno == EWOULDBLOCK || errno == ENOMEM))
			return true;
		/* an empty message cannot be told from the end, and one that was cut is none of ours */
		if (r <= 0 || (size_t)r > sizeof(c->in))
			return tell_end(c);
		if (!tell(c, c->in, (size_t)r))
			return false;
	}
	return true;
}

static void ready(void *ctx, int events)
{
	struct chan *c = ctx;

	if (events & WATCH_WRITE)
		flush(c);
	if (events & WATCH_READ && !take(c, CHAN_TURN))
		return;
	set_events(c);
}

struct chan *chan_new(struct loop *l, int fd, chan_fn *cb, void *ctx)
{
	/* not zeroed: of the buffer only what messages reach is ever touched */
	struct chan *c = malloc(sizeof(*c));
	int flags = fcntl(fd, F_GETFL);

	if (c) {
		memset(c, 0, offsetof(struct chan, in));
		c->fd = fd;
		c->cb = cb;
		c->ctx = ctx;
		c->last = &c->first;
		c->reading = true;
		if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0)
			c->watch = watch_fd(l, fd, WATCH_READ, ready, c);
		if (c->watch)
			return c;
		free(c);
	}
	close(fd);
	return NULL;
}

static int enqueue(struct chan *c, const uint8_t *msg, size_t len)
{
	struct waiting *m;

	if (c->queued + sizeof(*m) + len > CHAN_QUEUE)
		return -ENOBUFS;
	m = malloc(sizeof(*m) + len);
	if (!m)
		return -ENOBUFS;
	m->next = NULL;
	m->len = len;
	memcpy(m->msg, msg, len);
	*c->last = m;
	c->last = &m->next;
	c->queued += sizeof(*m) + len;
	set_events(c);
	return 0;
}

int chan_send(struct chan *c, const uint8_t *msg, size_t len)
{
	int err;

	if (c->broken || c->closed)
		return -EPIPE;
	if (!len || len > CHAN_MAX)
		return -EMSGSIZE;
	if (c->first)
		return enqueue(c, msg, len);
	err = send_now(c, msg, len);
	if (err == -EAGAIN)
		return enqueue(c, msg, len);
	if (!err || err == -EMSGSIZE)
		return err;
	break_off(c);
	return -EPIPE;
}

size_t chan_queued(const struct chan *c)
{
	return c->queued;
}

void chan_read(struct chan *c, bool on)
{
	if (c->reading == on || c->closed)
		return;
	c->reading = on;
	set_events(c);
}

void chan_poll(struct chan *c)
{
	/* from within cb its message would be written over */
	if (!c->depth && !c->closed)
		take(c, CHAN_POLL);
}

void chan_close(struct chan *c)
{
	if (!c || c->closed)
		return;
	c->closed = true;
	watch_close(c->watch);
	close(c->fd);
	if (!c->depth)
		destroy(c);
}

static int set_buffer(int fd, int option)
{
	int size = 4 * CHAN_MAX, got = 0;
	socklen_t len = sizeof(got);

	if (setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size)) < 0 ||
	    getsockopt(fd, SOL_SOCKET, option, &got, &len) < 0)
		return -errno;
	/* the kernel counts its own heads in, and keeps to net.core.wmem_max */
	return got < CHAN_MAX + 4096 ? -ENOBUFS : 0;
}

int chan_pair(int fds[2])
{
	int err = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	for (int i = 0; !err && i < 2; i++)
		err = set_buffer(fds[i], SO_SNDBUF);
	if (err) {
		close(fds[0]);
		close(fds[1]);
		fds[0] = fds[1] = -1;
	}
	return err;
}

/* Whoever hands descriptors on waits, whatever their own flags say. 0: try again. */
static int wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	if (errno == EINTR)
		return 0;
	if (errno != EWOULDBLOCK)
		return -errno;
	return poll(&p, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

union fd_control {
	struct cmsghdr align;
	char room[CMSG_SPACE(CHAN_FDS * sizeof(int))];
};

int chan_send_fds(int fd, uint32_t word, const int *fds, size_t n)
{
	union fd_control control = { 0 };
	uint8_t bytes[4];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int err = 0;

	if (n > CHAN_FDS)
		return -EINVAL;
	bytes_put_u32(bytes, word);
	if (n) {
		m.msg_control = control.room;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
						       .cmsg_len = CMSG_LEN(n * sizeof(int)) };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), fds, n * sizeof(int));
	}
	while (!err && sendmsg(fd, &m, MSG_NOSIGNAL) < 0)
		err = wait_for(fd, POLLOUT);
	return err;
}

static size_t control_fds(struct msghdr *m, int got[CHAN_FDS])
{
	size_t n = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		size_t more = h->cmsg_len < CMSG_LEN(0) ? 0 : (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS || more > CHAN_FDS - n)
			continue;
		memcpy(got + n, CMSG_DATA(h), more * sizeof(int));
		n += more;
	}
	return n;
}

int chan_take_fds(int fd, uint32_t *word, int *fds, size_t cap)
{
	union fd_control control;
	uint8_t bytes[4];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
			    .msg_controllen = sizeof(control.room) };
	int got[CHAN_FDS], err = 0;
	ssize_t r;
	size_t n;

	while ((r = recvmsg(fd, &m, MSG_CMSG_CLOEXEC)) < 0) {
		if (errno == ECONNRESET)
			return -EPIPE;
		err = wait_for(fd, POLLIN);
		if (err)
			return err;
		m.msg_controllen = sizeof(control.room);
	}
	n = control_fds(&m, got);
	if (r == 0)
		err = -EPIPE;
	else if (r != sizeof(bytes) || m.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || n > cap)
		err = -EBADMSG;
	if (err) {
		while (n)
			close(got[--n]);
		return err;
	}
	*word = bytes_u32(bytes);
	memcpy(fds, got, n * sizeof(int));
	return (int)n;
}
