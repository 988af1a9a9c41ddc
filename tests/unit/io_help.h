/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef IO_HELP_H
#define IO_HELP_H

/* A loop that runs until a condition holds, and the far ends of its sockets. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/util.h"
#include "io/loop.h"

#define HELP_LIMIT_MS 10000

static struct loop *loop;
static bool (*help_done)(void);
static bool help_late;
static uint64_t help_end;
static struct timer help_tick;

static inline void help_look(void)
{
	if (help_done && help_done())
		loop_stop(loop);
}

/* The conditions ask sockets that the loop knows nothing of, so it is woken to look at them. */
static inline void help_ticked(struct timer *t)
{
	uint64_t now = loop_now(loop).mono_us;

	if (now > help_end) {
		help_late = true;
		loop_stop(loop);
		return;
	}
	help_look();
	timer_set(loop_timers(loop), t, now + CLOCK_MS);
}

static inline bool help_try(bool (*done)(void), unsigned ms)
{
	help_done = done;
	help_late = false;
	loop_update_now(loop);
	help_end = loop_now(loop).mono_us + ms * CLOCK_MS;
	help_tick.fire = help_ticked;
	timer_set(loop_timers(loop), &help_tick, help_end - ms * CLOCK_MS);
	loop_run(loop);
	timer_cancel(loop_timers(loop), &help_tick);
	help_done = NULL;
	return !help_late;
}

#define help_until(done) assert_true(help_try(done, HELP_LIMIT_MS))

static inline bool help_never(void)
{
	return false;
}

/* Lets the loop turn for a while in which nothing is expected. */
static inline void help_turn(unsigned ms)
{
	assert_false(help_try(help_never, ms));
}

static void (*help_before)(void);

static inline void help_before_sleep(void *ctx)
{
	if (help_before)
		help_before();
}

static inline int help_setup(void **state)
{
	hash_init();
	help_before = NULL;
	loop = loop_new(help_before_sleep, NULL);
	return loop ? 0 : -1;
}

/* What a test leaves open is an error of the test that the next ones must not see. */
static inline int help_teardown(void **state)
{
	int left = loop_free(loop);

	if (left)
		print_error("%d watches were left open\n", left);
	return left;
}

static inline struct endpoint help_at(const char *text)
{
	struct endpoint e = { 0 };
	const char *at = strchr(text, '@');

	/* Port 0 is what no configuration may say, but the kernel draws one for it. */
	assert_int_equal(addr_parse(&e.addr, text, at ? (size_t)(at - text) : strlen(text)), 0);
	e.port = at ? (uint16_t)atoi(at + 1) : 0;
	return e;
}

static inline struct endpoint help_name(int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	struct endpoint e;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	assert_int_equal(endpoint_from_sockaddr(&e, (struct sockaddr *)&ss), 0);
	return e;
}

/* A plain socket of the other side, bound to `from` (NULL: anywhere), non-blocking. */
static inline int help_socket(int type, const char *from)
{
	struct sockaddr_storage ss;
	struct endpoint at = help_at(from ? from : "127.0.0.1");
	socklen_t len = endpoint_to_sockaddr(&at, &ss);
	int fd = socket(ss.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (from)
		assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	return fd;
}

static inline void help_connect(int fd, const struct endpoint *to)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(to, &ss);

	if (connect(fd, (struct sockaddr *)&ss, len))
		assert_int_equal(errno, EINPROGRESS);
}

/* A listening TCP socket of the other side. */
static inline int help_listen(struct endpoint *at)
{
	int fd = help_socket(SOCK_STREAM, "127.0.0.1");

	assert_int_equal(listen(fd, 64), 0);
	*at = help_name(fd);
	return fd;
}

static inline unsigned help_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

#endif
