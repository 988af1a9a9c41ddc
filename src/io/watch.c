/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/util.h"
#include "io/uv_internal.h"

struct watch_fd {
	struct watch base;
	uv_poll_t poll;
	int events;			/* WATCH_* */
	void (*cb)(void *ctx, int events);
	void *ctx;
};

struct watch_signal {
	struct watch base;
	uv_signal_t signal;
	void (*cb)(void *ctx, int signum);
	void *ctx;
};

struct watch_wake {
	struct watch base;
	uv_async_t async;
	void (*cb)(void *ctx);
	void *ctx;
};

void watch_link(struct watch *w, struct loop *l, void (*close)(struct watch *w))
{
	w->loop = l;
	w->close = close;
	w->next = l->watches;
	w->prev = &l->watches;
	if (w->next)
		w->next->prev = &w->next;
	l->watches = w;
}

void watch_close(struct watch *w)
{
	if (!w)
		return;
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->close(w);
}

static void closed(uv_handle_t *h)
{
	free(h->data);
}

static void fd_ready(uv_poll_t *poll, int status, int events);

static int poll_start(struct watch_fd *w)
{
	return uv_poll_start(&w->poll, (w->events & WATCH_READ ? UV_READABLE : 0) |
			     (w->events & WATCH_WRITE ? UV_WRITABLE : 0), fd_ready);
}

static void fd_ready(uv_poll_t *poll, int status, int events)
{
	struct watch_fd *w = poll->data;
	int ev = (events & UV_READABLE ? WATCH_READ : 0) | (events & UV_WRITABLE ? WATCH_WRITE : 0);

	/*
	 * libuv 1.44 takes an error that waits on a socket (ECONNREFUSED, netlink's
	 * ENOBUFS) for a bad descriptor and stops. The owner's next call reads the error, and all
	 * goes on.
	 */
	if (status < 0) {
		ev = w->events;
		poll_start(w);
	}
	loop_update_now(w->base.loop);
	w->cb(w->ctx, ev);
}

static void fd_close(struct watch *w)
{
	struct watch_fd *f = container_of(w, struct watch_fd, base);

	uv_close((uv_handle_t *)&f->poll, closed);
}

struct watch *watch_fd(struct loop *l, int fd, int events, void (*cb)(void *ctx, int events), void *ctx)
{
	struct watch_fd *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	if (uv_poll_init(&l->uv, &w->poll, fd)) {
		free(w);
		return NULL;
	}
	w->poll.data = w;
	w->cb = cb;
	w->ctx = ctx;
	watch_link(&w->base, l, fd_close);
	w->events = events;
	if (poll_start(w)) {
		watch_close(&w->base);
		return NULL;
	}
	return &w->base;
}

void watch_events(struct watch *w, int events)
{
	struct watch_fd *f = container_of(w, struct watch_fd, base);

	if (f->events == events)
		return;
	f->events = events;
	/* Fails for a closing handle only. */
	poll_start(f);
}

static void signal_came(uv_signal_t *s, int signum)
{
	struct watch_signal *w = s->data;

	loop_update_now(w->base.loop);
	w->cb(w->ctx, signum);
}

static void signal_close(struct watch *w)
{
	struct watch_signal *s = container_of(w, struct watch_signal, base);

	uv_close((uv_handle_t *)&s->signal, closed);
}

struct watch *watch_signal(struct loop *l, int signum, void (*cb)(void *ctx, int signum), void *ctx)
{
	struct watch_signal *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	if (uv_signal_init(&l->uv, &w->signal)) {
		free(w);
		return NULL;
	}
	w->signal.data = w;
	w->cb = cb;
	w->ctx = ctx;
	watch_link(&w->base, l, signal_close);
	if (uv_signal_start(&w->signal, signal_came, signum)) {
		watch_close(&w->base);
		return NULL;
	}
	return &w->base;
}

static void wake_came(uv_async_t *a)
{
	struct watch_wake *w = a->data;

	loop_update_now(w->base.loop);
	w->cb(w->ctx);
}

static void wake_close(struct watch *w)
{
	struct watch_wake *a = container_of(w, struct watch_wake, base);

	uv_close((uv_handle_t *)&a->async, closed);
}

struct watch *watch_wake(struct loop *l, void (*cb)(void *ctx), void *ctx)
{
	struct watch_wake *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	if (uv_async_init(&l->uv, &w->async, wake_came)) {
		free(w);
		return NULL;
	}
	w->async.data = w;
	w->cb = cb;
	w->ctx = ctx;
	watch_link(&w->base, l, wake_close);
	return &w->base;
}

void watch_wake_send(struct watch *w)
{
	uv_async_send(&container_of(w, struct watch_wake, base)->async);
}
