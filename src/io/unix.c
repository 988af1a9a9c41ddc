/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/unix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"
#include "io/acceptor.h"
#include "io/outq.h"
#include "io/unix_internal.h"

#define UNIX_CONNS 64			/* open at one time; more are closed at once */
#define UNIX_SILENT_MS 10000		/* a peer that neither writes nor reads */
#define UNIX_BACKLOG 16

struct unix_server {
	struct loop *loop;
	struct acceptor acceptor;
	unix_fn *cb;
	void *ctx;
	struct unix_conn *conns;
	unsigned n;
	dev_t dev;			/* of the socket file, which may be another's by now */
	ino_t ino;
	char *path;
};

struct unix_conn {
	struct unix_server *server;	/* NULL once the connection is closed */
	struct unix_conn *next, **prev;
	int fd;
	struct watch *watch;
	struct timer silent;
	bool asked;			/* the line was handed out, unix_reply will come, and parts before it may */
	void (*over)(void *ctx);	/* NULL: nobody waits for it */
	void *over_ctx;
	struct outq out;
	size_t len;
	char line[UNIX_LINE_MAX + 1];
};

static void close_now(struct unix_conn *c)
{
	struct unix_server *s = c->server;

	watch_close(c->watch);
	close(c->fd);
	timer_cancel(loop_timers(s->loop), &c->silent);
	outq_free(&c->out);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->n--;
	c->server = NULL;
	if (c->over)
		c->over(c->over_ctx);
	/* Else unix_reply frees it. */
	if (!c->asked)
		free(c);
}

static void silent_over(struct timer *t)
{
	close_now(container_of(t, struct unix_conn, silent));
}

static void wait_for_peer(struct unix_conn *c)
{
	struct loop *l = c->server->loop;

	timer_set(loop_timers(l), &c->silent, loop_now(l).mono_us + UNIX_SILENT_MS * CLOCK_MS);
}

/* What there is of the line; true when it is whole and fit to hand out. Closes otherwise, or waits. */
static bool read_line(struct unix_conn *c)
{
	ssize_t r = recv(c->fd, c->line + c->len, sizeof(c->line) - c->len, MSG_DONTWAIT);
	char *end;

	if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return false;
	if (r > 0) {
		c->len += (size_t)r;
		end = memchr(c->line, '\n', c->len);
		if (end && !memchr(c->line, '\0', (size_t)(end - c->line))) {
			*end = '\0';
			return true;
		}
		if (!end && c->len < sizeof(c->line))
			return false;
	}
	close_now(c);
	return false;
}

static void push(struct unix_conn *c)
{
	int err = outq_send(&c->out, c->fd);

	if (!err && c->asked) {
		/* more is to come */
		watch_events(c->watch, 0);
		timer_cancel(loop_timers(c->server->loop), &c->silent);
		return;
	}
	if (err != -EAGAIN) {
		close_now(c);
		return;
	}
	watch_events(c->watch, WATCH_WRITE);
	wait_for_peer(c);
}

static void ready(void *ctx, int events)
{
	struct unix_conn *c = ctx;

	if (c->out.len) {
		push(c);
	} else if (!c->asked && read_line(c)) {
		watch_events(c->watch, 0);
		timer_cancel(loop_timers(c->server->loop), &c->silent);
		c->asked = true;
		c->server->cb(c->server->ctx, c, c->line);
	}
}

static void accepted(void *ctx, int fd, const struct sockaddr *from)
{
	struct unix_server *s = ctx;
	struct unix_conn *c = s->n < UNIX_CONNS ? calloc(1, sizeof(*c)) : NULL;

	if (c)
		c->watch = watch_fd(s->loop, fd, WATCH_READ, ready, c);
	if (!c || !c->watch) {
		free(c);
		close(fd);
		return;
	}
	c->server = s;
	c->fd = fd;
	c->silent.fire = silent_over;
	c->next = s->conns;
	c->prev = &s->conns;
	if (c->next)
		c->next->prev = &c->next;
	s->conns = c;
	s->n++;
	wait_for_peer(c);
}

void unix_reply(struct unix_conn *conn, const char *text, size_t len)
{
	conn->asked = false;
	if (!conn->server) {
		free(conn);
		return;
	}
	if (outq_add(&conn->out, text, len))
		close_now(conn);
	else
		push(conn);
}

int unix_part(struct unix_conn *conn, const char *text, size_t len)
{
	if (!conn->server)
		return -EPIPE;
	if (outq_add(&conn->out, text, len)) {
		close_now(conn);
		return -ENOMEM;
	}
	push(conn);
	return conn->server ? 0 : -EPIPE;
}

void unix_watch_end(struct unix_conn *conn, void (*cb)(void *ctx), void *ctx)
{
	conn->over = cb;
	conn->over_ctx = ctx;
}

int unix_address(struct sockaddr_un *sun, const char *path)
{
	size_t len = strlen(path);

	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!len)
		return -EINVAL;
	if (len >= sizeof(sun->sun_path))
		return -ENAMETOOLONG;
	memcpy(sun->sun_path, path, len + 1);
	return 0;
}

static int make_folder(const char *path)
{
	struct sockaddr_un copy;
	int err = unix_address(&copy, path);
	char *slash = strrchr(copy.sun_path, '/');

	if (err || !slash || slash == copy.sun_path)
		return err;
	*slash = '\0';
	return mkdir(copy.sun_path, 0755) && errno != EEXIST ? -errno : 0;
}

/* Removes a socket file that nobody serves; never one that is served, nor a file of another kind. */
static int remove_stale(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd, err;

	if (lstat(sun->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) ? errno : 0;
	close(fd);
	/* A full backlog has a server too. */
	if (!err || err == EAGAIN)
		return -EADDRINUSE;
	if (err != ECONNREFUSED)
		return err == ENOENT ? 0 : -err;
	return unlink(sun->sun_path) && errno != ENOENT ? -errno : 0;
}

/*
 * The mode of the new file is that of the descriptor less the umask (Linux):
 * never too wide for a moment, and chmod adds what the umask took.
 */
static int bind_at(struct unix_server *s, int fd, const struct sockaddr_un *sun)
{
	struct stat st;
	int err;

	if (fchmod(fd, 0660) || bind(fd, (const struct sockaddr *)sun, sizeof(*sun)))
		return -errno;
	if (!chmod(sun->sun_path, 0660) && !lstat(sun->sun_path, &st) && !listen(fd, UNIX_BACKLOG)) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
		return 0;
	}
	err = -errno;
	unlink(sun->sun_path);
	return err;
}

static int serve_at(struct unix_server *s)
{
	struct sockaddr_un sun;
	int err = unix_address(&sun, s->path), fd;

	if (!err)
		err = make_folder(s->path);
	if (!err)
		err = remove_stale(&sun);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = bind_at(s, fd, &sun);
	if (!err) {
		err = acceptor_start(&s->acceptor, s->loop, fd, accepted, s);
		if (err)
			unlink(s->path);
	}
	if (err)
		close(fd);
	return err;
}

struct unix_server *unix_serve(struct loop *l, const char *path, unix_fn *cb, void *ctx, int *err)
{
	struct unix_server *s = calloc(1, sizeof(*s));

	*err = -ENOMEM;
	if (!s)
		return NULL;
	*s = (struct unix_server){ .loop = l, .cb = cb, .ctx = ctx, .path = strdup(path) };
	if (s->path)
		*err = serve_at(s);
	if (!*err)
		return s;
	free(s->path);
	free(s);
	return NULL;
}

void unix_close(struct unix_server *s)
{
	struct stat st;

	if (!s)
		return;
	while (s->conns)
		close_now(s->conns);
	acceptor_stop(&s->acceptor);
	if (!lstat(s->path, &st) && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
	free(s->path);
	free(s);
}
