/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <signal.h>

#include "io_help.h"

static unsigned events, order[8], n_order;

static void note(unsigned what)
{
	order[n_order++ % ARRAY_SIZE(order)] = what;
}

static int setup(void **state)
{
	events = n_order = 0;
	return help_setup(state);
}

/* Timers and the hook */

static struct timer short_timer, long_timer;
static struct now fired_at;

static void on_short(struct timer *t)
{
	note(1);
	fired_at = loop_now(loop);
}

static void on_long(struct timer *t)
{
	note(2);
	fired_at = loop_now(loop);
	loop_stop(loop);
}

static void before_note(void)
{
	if (n_order && order[n_order - 1] == 2)
		note(3);
}

static void test_timers(void **state)
{
	uint64_t start = clock_now().mono_us;

	short_timer.fire = on_short;
	long_timer.fire = on_long;
	help_before = before_note;
	timer_set(loop_timers(loop), &long_timer, start + 20 * CLOCK_MS);
	timer_set(loop_timers(loop), &short_timer, start + 5 * CLOCK_MS);
	loop_run(loop);
	assert_int_equal(n_order, 3);
	assert_int_equal(order[0], 1);
	assert_int_equal(order[1], 2);
	/* Even the turn that stops flushes. */
	assert_int_equal(order[2], 3);
	assert_true(fired_at.mono_us >= start + 20 * CLOCK_MS);
	assert_true(fired_at.mono_us < start + 2000 * CLOCK_MS);
	assert_true(fired_at.boot_ms > 0);
}

/* A timer set by the hook itself must be slept to. */
static void before_set(void)
{
	if (!n_order && !long_timer.set)
		timer_set(loop_timers(loop), &long_timer, loop_now(loop).mono_us + 3 * CLOCK_MS);
}

static void test_timer_from_hook(void **state)
{
	long_timer.fire = on_long;
	help_before = before_set;
	loop_run(loop);
	assert_int_equal(order[0], 2);
}

/* The hook must not spin: while nothing is due, it runs once a turn and the loop sleeps. */
static void before_count(void)
{
	events++;
}

static void test_no_spin(void **state)
{
	long_timer.fire = on_long;
	help_before = before_count;
	timer_set(loop_timers(loop), &long_timer, clock_now().mono_us + 50 * CLOCK_MS + 300);
	loop_run(loop);
	assert_in_range(events, 1, 6);
}

/* Posts */

#define POSTERS 4
#define POSTS 2000

static unsigned got[POSTERS], total;
static bool disordered;
static pthread_t loop_thread;

struct mail { unsigned from, n; };

static void take_mail(void *arg)
{
	struct mail *m = arg;

	if (got[m->from] != m->n || !pthread_equal(pthread_self(), loop_thread))
		disordered = true;
	got[m->from]++;
	free(m);
	if (++total == POSTERS * POSTS)
		loop_stop(loop);
}

static void *poster(void *arg)
{
	for (unsigned i = 0; i < POSTS; i++) {
		struct mail *m = malloc(sizeof(*m));

		*m = (struct mail){ (unsigned)(uintptr_t)arg, i };
		if (loop_post(loop, take_mail, m))
			abort();
	}
	return NULL;
}

static void test_post(void **state)
{
	pthread_t t[POSTERS];

	loop_thread = pthread_self();
	for (uintptr_t i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, poster, (void *)i), 0);
	loop_run(loop);
	for (unsigned i = 0; i < POSTERS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(total, POSTERS * POSTS);
	assert_false(disordered);
}

static void post_count(void *arg)
{
	events++;
}

static void post_stop(void *arg)
{
	loop_stop(loop);
	assert_int_equal(loop_post(loop, post_count, NULL), 0);
}

/* What was posted together with the stop is done; what comes after the run is dropped without harm. */
static void test_post_at_end(void **state)
{
	assert_int_equal(loop_post(loop, post_stop, NULL), 0);
	assert_int_equal(loop_post(loop, post_count, NULL), 0);
	loop_run(loop);
	assert_int_equal(events, 2);
	assert_int_equal(loop_post(loop, post_count, NULL), 0);
}

/* Watches */

static int pair[2];
static struct watch *watch;
static int seen;

static void on_fd(void *ctx, int ev)
{
	char c;

	events++;
	seen |= ev;
	if (ev & WATCH_READ && read(pair[0], &c, 1) == 1)
		loop_stop(loop);
	if (ev & WATCH_WRITE)
		loop_stop(loop);
}

static void test_watch_fd(void **state)
{
	assert_int_equal(pipe2(pair, O_NONBLOCK), 0);
	watch = watch_fd(loop, pair[0], WATCH_READ, on_fd, NULL);
	assert_non_null(watch);
	assert_int_equal(write(pair[1], "a", 1), 1);
	loop_run(loop);
	assert_int_equal(events, 1);
	watch_events(watch, 0);
	assert_int_equal(write(pair[1], "b", 1), 1);
	help_turn(5);
	assert_int_equal(events, 1);
	watch_events(watch, WATCH_READ);
	loop_run(loop);
	assert_int_equal(events, 2);
	watch_close(watch);
	watch_close(NULL);
	close(pair[0]);
	close(pair[1]);
	/* The number may come again at once. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	seen = 0;
	watch = watch_fd(loop, pair[0], WATCH_WRITE, on_fd, NULL);
	loop_run(loop);
	assert_int_equal(seen, WATCH_WRITE);
	watch_close(watch);
	close(pair[0]);
	close(pair[1]);
	/* No descriptor that can be waited for. */
	assert_null(watch_fd(loop, -1, WATCH_READ, on_fd, NULL));
}

static int udp;
static int got_error, got_bytes;

static void on_udp(void *ctx, int ev)
{
	char buf[16];
	ssize_t r = recv(udp, buf, sizeof(buf), MSG_DONTWAIT);

	if (r < 0 && errno != EAGAIN)
		got_error = errno;
	else if (r > 0)
		got_bytes += (int)r;
	loop_stop(loop);
}

/* An error that waits on a socket is an event like others, and the watch goes on after it. */
static void test_watch_error(void **state)
{
	int far = help_socket(SOCK_DGRAM, "127.0.0.1"), again;
	struct endpoint at = help_name(far), back;
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(&at, &ss);

	close(far);
	udp = help_socket(SOCK_DGRAM, "127.0.0.1");
	help_connect(udp, &at);
	watch = watch_fd(loop, udp, WATCH_READ, on_udp, NULL);
	assert_int_equal(send(udp, "x", 1, 0), 1);
	loop_run(loop);
	assert_int_equal(got_error, ECONNREFUSED);
	again = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(again, (struct sockaddr *)&ss, len), 0);
	back = help_name(udp);
	help_connect(again, &back);
	assert_int_equal(send(again, "yes", 3, 0), 3);
	loop_run(loop);
	assert_int_equal(got_bytes, 3);
	watch_close(watch);
	close(udp);
	close(again);
}

static void on_signal(void *ctx, int signum)
{
	seen = signum;
	loop_stop(loop);
}

static void test_signal(void **state)
{
	struct watch *w = watch_signal(loop, SIGHUP, on_signal, NULL);

	assert_non_null(w);
	raise(SIGHUP);
	loop_run(loop);
	assert_int_equal(seen, SIGHUP);
	watch_close(w);
}

/* Whoever leaves something open is told. */
static void test_leak(void **state)
{
	struct loop *l = loop_new(NULL, NULL);

	assert_int_equal(pipe(pair), 0);
	assert_non_null(watch_fd(l, pair[0], WATCH_READ, on_fd, NULL));
	assert_non_null(watch_signal(l, SIGUSR1, on_signal, NULL));
	loop_stop(l);
	assert_int_equal(loop_free(l), 2);
	close(pair[0]);
	close(pair[1]);
	l = loop_new(NULL, NULL);
	assert_int_equal(loop_free(l), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_timers, setup, help_teardown),
		cmocka_unit_test_setup_teardown(test_timer_from_hook, setup, help_teardown),
		cmocka_unit_test_setup_teardown(test_no_spin, setup, help_teardown),
		cmocka_unit_test_setup_teardown(test_post, setup, help_teardown),
		cmocka_unit_test_setup_teardown(test_post_at_end, setup, help_teardown),
		cmocka_unit_test_setup_teardown(test_watch_fd, setup, help_teardown),
		cmocka_unit_test_setup_teardown(test_watch_error, setup, help_teardown),
		cmocka_unit_test_setup_teardown(test_signal, setup, help_teardown),
		cmocka_unit_test_setup_teardown(test_leak, setup, help_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
