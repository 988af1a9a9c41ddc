/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/acceptor.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"

static void pause_over(struct timer *t)
{
	struct acceptor *a = container_of(t, struct acceptor, pause);

	watch_events(a->watch, WATCH_READ);
}

static void pause_now(struct acceptor *a, int err)
{
	log_debug("accept: pausing: %s", strerror(err));
	watch_events(a->watch, 0);
	timer_set(loop_timers(a->loop), &a->pause, loop_now(a->loop).mono_us + ACCEPTOR_PAUSE_MS * CLOCK_MS);
}

static void ready(void *ctx, int events)
{
	struct acceptor *a = ctx;

	for (unsigned i = 0; i < ACCEPTOR_BATCH; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t len = sizeof(from);
		int fd = accept4(a->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			a->cb(a->ctx, fd, (struct sockaddr *)&from);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			pause_now(a, errno);
			return;
		}
		/* Of the connection, not of the socket: accept(2) passes on what ended it (ECONNABORTED, EPROTO, …). */
	}
}

int acceptor_start(struct acceptor *a, struct loop *l, int fd,
		   void (*cb)(void *ctx, int fd, const struct sockaddr *from), void *ctx)
{
	*a = (struct acceptor){ .loop = l, .fd = fd, .pause.fire = pause_over, .cb = cb, .ctx = ctx };
	a->watch = watch_fd(l, fd, WATCH_READ, ready, a);
	return a->watch ? 0 : -ENOMEM;
}

void acceptor_stop(struct acceptor *a)
{
	timer_cancel(loop_timers(a->loop), &a->pause);
	watch_close(a->watch);
	close(a->fd);
}
