/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "io/loop_internal.h"

#define UDP_QUERY_MAX 4096
#define UDP_BATCHES 4			/* a wake: other sockets of the loop want their turn too */
#define UDP_QUEUE 1024			/* replies of the slow path that may wait */
#define UDP_QUEUE_FIRST 16
#define UDP_CONTROL CMSG_SPACE(sizeof(struct in6_pktinfo))

struct udp_half {
	struct mmsghdr msg[UDP_BATCH];
	struct iovec iov[UDP_BATCH];
	union {
		struct cmsghdr align;
		uint8_t b[UDP_CONTROL];
	} control[UDP_BATCH];
};

/* One a loop, for all its listeners. The slow path has headers of its own: it may run inside a batch. */
struct udp_shared {
	struct udp_half rx, tx, slow;
	struct udp_peer peer[UDP_BATCH];
	uint8_t in[UDP_BATCH][UDP_QUERY_MAX];
	uint8_t out[UDP_BATCH][UDP_REPLY_MAX];
};

struct udp_reply {
	struct udp_peer peer;
	size_t len;
	uint8_t msg[];
};

struct udp {
	struct loop *loop;
	struct udp_shared *shared;
	int fd;
	struct watch *watch;
	udp_query_fn *query;
	void *ctx;
	bool blocked;			/* the socket's buffer is full: wait until it is writable */
	struct udp_reply **queue;	/* a ring of `cap`, a power of two */
	size_t head, n, cap;
};

/* From the packet info of a wildcard socket: the address asked and where it came in. */
static void read_control(struct msghdr *h, struct udp_peer *peer)
{
	peer->local = (struct addr){ 0 };
	peer->ifindex = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			/* spec_dst: where a broadcast was asked, an address that can answer. */
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			peer->local = addr_v4((const uint8_t *)&info.ipi_spec_dst);
			peer->ifindex = (uint32_t)info.ipi_ifindex;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			peer->ifindex = info.ipi6_ifindex;
			if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
				continue;
			peer->local = addr_v6(info.ipi6_addr.s6_addr);
			if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				peer->local.scope = info.ipi6_ifindex;
		}
	}
}

static void put_control(struct msghdr *h, void *data, size_t len, int level, int type)
{
	struct cmsghdr *c = h->msg_control;

	h->msg_controllen = CMSG_SPACE(len);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
}

/* The reply leaves from the address asked; by which interface is for routing to say, but for link-local ones. */
static void write_control(struct msghdr *h, void *control, const struct udp_peer *peer)
{
	h->msg_control = NULL;
	h->msg_controllen = 0;
	if (!peer->local.len)
		return;
	h->msg_control = control;
	memset(control, 0, UDP_CONTROL);
	if (peer->local.len == 4) {
		struct in_pktinfo info = { 0 };

		memcpy(&info.ipi_spec_dst, peer->local.b, 4);
		put_control(h, &info, sizeof(info), IPPROTO_IP, IP_PKTINFO);
	} else {
		struct in6_pktinfo info = { .ipi6_ifindex = peer->local.scope };

		memcpy(&info.ipi6_addr, peer->local.b, 16);
		put_control(h, &info, sizeof(info), IPPROTO_IPV6, IPV6_PKTINFO);
	}
}

static void fill(struct udp_half *half, size_t i, const struct udp_peer *peer, const uint8_t *msg, size_t len)
{
	struct msghdr *h = &half->msg[i].msg_hdr;

	half->iov[i] = (struct iovec){ .iov_base = (void *)(uintptr_t)msg, .iov_len = len };
	h->msg_name = (void *)(uintptr_t)&peer->from;
	h->msg_namelen = peer->from.sa.sa_family == AF_INET6 ? sizeof(peer->from.in6) : sizeof(peer->from.in);
	h->msg_iov = &half->iov[i];
	h->msg_iovlen = 1;
	h->msg_flags = 0;
	write_control(h, half->control[i].b, peer);
}

/* Gives how many are done with, sent or refused; fewer than n: the socket's buffer is full. */
static size_t send_all(struct udp *u, struct mmsghdr *msg, size_t n)
{
	size_t done = 0;

	while (done < n) {
		int r = sendmmsg(u->fd, msg + done, (unsigned)(n - done), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (r > 0)
			done += (size_t)r;
		else if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		else if (r == 0 || errno != EINTR)
			done++;		/* this destination is bad, the ones behind it need not be */
	}
	return done;
}

static bool grow(struct udp *u)
{
	size_t cap = u->cap ? 2 * u->cap : UDP_QUEUE_FIRST;
	struct udp_reply **bigger;

	if (u->n < u->cap)
		return true;
	if (u->cap >= UDP_QUEUE)
		return false;
	bigger = calloc(cap, sizeof(*bigger));
	if (!bigger)
		return false;
	for (size_t i = 0; i < u->n; i++)
		bigger[i] = u->queue[(u->head + i) & (u->cap - 1)];
	free(u->queue);
	u->queue = bigger;
	u->head = 0;
	u->cap = cap;
	return true;
}

void udp_send(struct udp *u, const struct udp_peer *peer, const uint8_t *msg, size_t len)
{
	struct udp_reply *r;

	if (!len || len > UDP_REPLY_MAX)
		return;
	/* many may be answered in one turn: only what the socket does not take is dropped */
	if (u->n == UDP_QUEUE)
		udp_flush(u);
	if (!grow(u))
		return;
	r = malloc(sizeof(*r) + len);
	if (!r)
		return;
	r->peer = *peer;
	r->len = len;
	memcpy(r->msg, msg, len);
	u->queue[(u->head + u->n++) & (u->cap - 1)] = r;
}

/* Nor is it read from: what came now would only be answered to be dropped. */
static void block(struct udp *u)
{
	u->blocked = true;
	watch_events(u->watch, WATCH_WRITE);
}

void udp_flush(struct udp *u)
{
	struct udp_half *half = &u->shared->slow;

	while (u->n && !u->blocked) {
		size_t want = MIN(u->n, (size_t)UDP_BATCH), done;

		for (size_t i = 0; i < want; i++) {
			const struct udp_reply *r = u->queue[(u->head + i) & (u->cap - 1)];

			fill(half, i, &r->peer, r->msg, r->len);
		}
		done = send_all(u, half->msg, want);
		for (size_t i = 0; i < done; i++)
			free(u->queue[(u->head + i) & (u->cap - 1)]);
		u->head = (u->head + done) & (u->cap - 1);
		u->n -= done;
		if (done < want)
			block(u);
	}
}

/* Whether a datagram is one to hand on. Port 0 cannot be answered; what was cut is no question of ours. */
static bool acceptable(const struct mmsghdr *m, const struct udp_peer *peer)
{
	if (!m->msg_len || m->msg_hdr.msg_flags & MSG_TRUNC)
		return false;
	switch (peer->from.sa.sa_family) {
	case AF_INET:
		return m->msg_hdr.msg_namelen >= sizeof(peer->from.in) && peer->from.in.sin_port;
	case AF_INET6:
		return m->msg_hdr.msg_namelen >= sizeof(peer->from.in6) && peer->from.in6.sin6_port;
	}
	return false;
}

/* The kernel writes into the lengths and flags, so they are set before each batch. */
static int receive(struct udp *u)
{
	struct udp_shared *s = u->shared;
	int r;

	for (size_t i = 0; i < UDP_BATCH; i++) {
		struct msghdr *h = &s->rx.msg[i].msg_hdr;

		h->msg_namelen = sizeof(s->peer[i].from);
		h->msg_controllen = UDP_CONTROL;
		h->msg_flags = 0;
	}
	do
		r = recvmmsg(u->fd, s->rx.msg, UDP_BATCH, MSG_DONTWAIT, NULL);
	while (r < 0 && errno == EINTR);
	return r;
}

static void serve_batch(struct udp *u, int n)
{
	struct udp_shared *s = u->shared;
	const struct udp_peer *to[UDP_BATCH];
	size_t k = 0, done;

	for (int i = 0; i < n; i++) {
		struct udp_peer *peer = &s->peer[i];
		size_t len;

		if (!acceptable(&s->rx.msg[i], peer))
			continue;
		read_control(&s->rx.msg[i].msg_hdr, peer);
		len = u->query(u->ctx, u, peer, s->in[i], s->rx.msg[i].msg_len, s->out[k]);
		if (!len || len > UDP_REPLY_MAX)
			continue;
		fill(&s->tx, k, peer, s->out[k], len);
		to[k++] = peer;
	}
	/* While earlier ones wait, the kernel would only say EAGAIN again. */
	done = u->blocked ? 0 : send_all(u, s->tx.msg, k);
	if (done == k)
		return;
	for (; done < k; done++)
		udp_send(u, to[done], s->out[done], s->tx.iov[done].iov_len);
	block(u);
}

static void ready(void *ctx, int events)
{
	struct udp *u = ctx;

	if (events & WATCH_WRITE && u->blocked) {
		u->blocked = false;
		udp_flush(u);
		if (!u->blocked)
			watch_events(u->watch, WATCH_READ);
	}
	if (!(events & WATCH_READ))
		return;
	for (unsigned i = 0; i < UDP_BATCHES; i++) {
		int n = receive(u);

		if (n <= 0)
			break;
		if (i)
			loop_update_now(u->loop);
		serve_batch(u, n);
		if (n < UDP_BATCH || u->blocked)
			break;
	}
}

static struct udp_shared *get_shared(struct loop *l)
{
	struct udp_shared *s = loop_shared(l, LOOP_UDP, sizeof(*s), NULL);

	if (!s || s->rx.msg[0].msg_hdr.msg_iov)
		return s;
	for (size_t i = 0; i < UDP_BATCH; i++) {
		struct msghdr *h = &s->rx.msg[i].msg_hdr;

		s->rx.iov[i] = (struct iovec){ .iov_base = s->in[i], .iov_len = UDP_QUERY_MAX };
		h->msg_name = &s->peer[i].from;
		h->msg_iov = &s->rx.iov[i];
		h->msg_iovlen = 1;
		h->msg_control = s->rx.control[i].b;
	}
	return s;
}

struct udp *udp_new(struct loop *l, int fd, udp_query_fn *query, void *ctx)
{
	struct udp *u = calloc(1, sizeof(*u));

	if (u) {
		*u = (struct udp){ .loop = l, .fd = fd, .query = query, .ctx = ctx };
		u->shared = get_shared(l);
		if (u->shared)
			u->watch = watch_fd(l, fd, WATCH_READ, ready, u);
		if (u->watch)
			return u;
	}
	free(u);
	close(fd);
	return NULL;
}

void udp_close(struct udp *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->n; i++)
		free(u->queue[(u->head + i) & (u->cap - 1)]);
	free(u->queue);
	watch_close(u->watch);
	close(u->fd);
	free(u);
}
