/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loop of a server that answers each datagram in place and at once: epoll to wait, recvmmsg and sendmmsg of
 * BENCH_BATCH. The echo and the upstream are this and one function.
 */
#ifndef BENCH_SERVE_H
#define BENCH_SERVE_H

#include "bench.h"

#include <sys/epoll.h>

#define SERVE_DATAGRAM 1232

/* Makes the answer out of the question, in the same buffer of SERVE_DATAGRAM bytes. Returns its length, 0 for none. */
typedef size_t serve_answer(uint8_t *packet, size_t length);

struct serve_batch {
	struct mmsghdr in[BENCH_BATCH], out[BENCH_BATCH];
	struct iovec vectors[BENCH_BATCH];
	struct sockaddr_in peers[BENCH_BATCH];
	uint8_t packets[BENCH_BATCH][SERVE_DATAGRAM];
};

/* Returns how many came in, 0 if none waits. */
static unsigned serve_receive(int fd, struct serve_batch *b)
{
	int n;

	for (unsigned i = 0; i < BENCH_BATCH; i++) {
		b->vectors[i] = (struct iovec){ b->packets[i], SERVE_DATAGRAM };
		b->in[i].msg_hdr = (struct msghdr){ .msg_name = &b->peers[i], .msg_namelen = sizeof(b->peers[i]),
						    .msg_iov = &b->vectors[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(fd, b->in, BENCH_BATCH, MSG_DONTWAIT, NULL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		bench_die("recvmmsg: %s", strerror(errno));
	return n < 0 ? 0 : (unsigned)n;
}

/* Answers until nothing more waits. Returns how many it sent. */
static unsigned serve_drain(int fd, struct serve_batch *b, serve_answer *answer)
{
	unsigned came, sent = 0;

	do {
		unsigned leaving = 0;

		came = serve_receive(fd, b);
		for (unsigned i = 0; i < came; i++) {
			size_t length = answer(b->packets[i], b->in[i].msg_len);

			if (!length)
				continue;
			b->vectors[i].iov_len = length;
			b->out[leaving++].msg_hdr = b->in[i].msg_hdr;
		}
		sent += bench_send(fd, b->out, leaving);
	} while (came == BENCH_BATCH);
	return sent;
}

/* Serves until bench_stopped. count, if not NULL, is kept up to date, for somebody who maps it to read. */
static void serve(int fd, serve_answer *answer, volatile uint64_t *count)
{
	static struct serve_batch batch;
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		bench_die("epoll: %s", strerror(errno));
	while (!bench_stopped) {
		unsigned sent;

		if (epoll_wait(epoll, &event, 1, 1000) <= 0)
			continue;
		sent = serve_drain(fd, &batch, answer);
		if (count)
			*count += sent;
	}
	close(epoll);
}

#endif
