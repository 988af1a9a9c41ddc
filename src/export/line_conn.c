/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"

#define BACKOFF_MIN (10 * CLOCK_MS)
#define BACKOFF_MAX CLOCK_S
#define READS 4				/* a turn */

static void ready(void *ctx, int events);

static void arm(struct sink *s)
{
	watch_events(s->watch, WATCH_READ | (s->out_at < s->out.len ? WATCH_WRITE : 0));
}

static void drop_fd(struct sink *s)
{
	watch_close(s->watch);
	s->watch = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->up = false;
	s->mad = false;
	s->lost = 0;
	s->in_len = s->out.len = s->out_at = 0;
	s->out.bad = false;
}

static void again(struct sink *s)
{
	s->backoff_us = s->backoff_us ? MIN(s->backoff_us * 2, BACKOFF_MAX) : BACKOFF_MIN;
	timer_set(loop_timers(s->loop), &s->retry, loop_now(s->loop).mono_us + s->backoff_us);
}

void line_conn_tell(struct sink *s, struct sink_set *set)
{
	set->present = true;
	s->ev->present(s->ctx, set);
	s->ev->dumped(s->ctx, set, 0);
}

static int dial(const struct sink *s)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(s->path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	strcpy(at.sun_path, s->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* A Unix socket connects at once or not at all; EAGAIN is a full backlog. */
	if (connect(fd, (struct sockaddr *)&at, sizeof(at))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static void connect_now(struct sink *s)
{
	int fd = dial(s);

	if (fd >= 0) {
		s->fd = fd;
		s->watch = watch_fd(s->loop, fd, WATCH_READ, ready, s);
		if (!s->watch)
			fd = -ENOMEM;
	}
	if (fd < 0) {
		if (s->said != fd)
			log_warn("export %s: %s: %s", s->name, s->path, strerror(-fd));
		s->said = fd;
		drop_fd(s);
		again(s);
		return;
	}
	s->up = true;
	s->up_us = loop_now(s->loop).mono_us;
	if (s->said)
		log_info("export %s: %s: connected", s->name, s->path);
	s->said = 0;
	for (size_t i = 0; i < ARRAY_SIZE(s->sets); i++)
		if (s->up && s->sets[i])
			line_conn_tell(s, s->sets[i]);
}

/* Also where writing failed within submit, from where the book must not be told. */
static void retry(struct timer *t)
{
	struct sink *s = container_of(t, struct sink, retry);

	if (s->up)
		line_conn_lost(s, s->lost ? s->lost : -EPIPE, "writing");
	else
		connect_now(s);
}

void line_conn_init(struct sink *s)
{
	s->retry.fire = retry;
	connect_now(s);
}

void line_conn_close(struct sink *s)
{
	timer_cancel(loop_timers(s->loop), &s->retry);
	drop_fd(s);
	line_fail_all(s, -ECANCELED);
}

void line_conn_lost(struct sink *s, int err, const char *why)
{
	/* One that takes connections only to end them is not asked again at once. */
	if (loop_now(s->loop).mono_us - s->up_us > BACKOFF_MAX)
		s->backoff_us = 0;
	if (s->said != err)
		log_warn("export %s: %s: %s: %s", s->name, s->path, why, strerror(-err));
	s->said = err;
	drop_fd(s);
	timer_cancel(loop_timers(s->loop), &s->deadline);
	for (size_t i = 0; i < ARRAY_SIZE(s->sets); i++) {
		struct sink_set *set = s->sets[i];

		if (!set || !set->present)
			continue;
		set->present = false;
		s->ev->emptied(s->ctx, set, true, "");
	}
	line_fail_all(s, err == -ETIMEDOUT ? err : -ENOTCONN);
	again(s);
}

void line_conn_flush(struct sink *s)
{
	if (!s->up || s->lost)
		return;
	while (!s->out.bad && s->out_at < s->out.len) {
		ssize_t n = send(s->fd, s->out.p + s->out_at, s->out.len - s->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0) {
			s->lost = -errno;
			break;
		}
		s->out_at += (size_t)n;
	}
	/* Half a line must not be followed by another. */
	if (s->out.bad)
		s->lost = -ENOMEM;
	if (s->lost) {
		timer_set(loop_timers(s->loop), &s->retry, loop_now(s->loop).mono_us);
		return;
	}
	if (s->out_at == s->out.len) {
		s->out.len = s->out_at = 0;
	} else if (s->out_at > s->out.len / 2) {
		memmove(s->out.p, s->out.p + s->out_at, s->out.len - s->out_at);
		s->out.len -= s->out_at;
		s->out_at = 0;
	}
	arm(s);
}

/* Takes the whole lines out of `in`. */
static int take_lines(struct sink *s)
{
	const char *last = memrchr(s->in, '\n', s->in_len), *line = s->in;
	size_t whole;
	int err;

	if (!last)
		return 0;
	whole = (size_t)(last + 1 - s->in);
	while (line <= last) {
		const char *eol = memchr(line, '\n', whole - (size_t)(line - s->in));

		if ((size_t)(eol - line) >= LINE_MAX_IN)
			return -EMSGSIZE;
		line = eol + 1;
	}
	err = line_acks(s->in, whole, line_acked, s);
	if (err)
		return err;
	if (s->mad)
		return -EPROTO;
	s->in_len -= whole;
	memmove(s->in, s->in + whole, s->in_len);
	return 0;
}

static void read_some(struct sink *s)
{
	for (int i = 0; i < READS && s->up; i++) {
		ssize_t n = recv(s->fd, s->in + s->in_len, sizeof(s->in) - s->in_len, MSG_DONTWAIT);
		int err;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n <= 0) {
			line_conn_lost(s, n ? -errno : -EPIPE, "reading");
			return;
		}
		s->in_len += (size_t)n;
		err = take_lines(s);
		if (err) {
			line_conn_lost(s, err, "the listener's answer");
			return;
		}
	}
}

void line_conn_read(struct sink *s)
{
	/* What an answer sets off may ask for more. */
	if (s->reading)
		return;
	s->reading = true;
	read_some(s);
	s->reading = false;
}

static void ready(void *ctx, int events)
{
	struct sink *s = ctx;

	/* Answers first: one that ends behind its last word has still said it. */
	if (events & WATCH_READ)
		line_conn_read(s);
	if (s->up && events & WATCH_WRITE)
		line_conn_flush(s);
}
