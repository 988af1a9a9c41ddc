/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io_help.h"

#include "io/stream.h"

#define MSG 40
#define CALLS 20

static int listener;
static struct endpoint at;
static struct stream *stream;
static struct stream_call *call[CALLS];
static uint16_t id[CALLS];
static ssize_t result[CALLS];		/* 0: none yet */
static unsigned finished;
static bool in_send;
static void (*on_finish)(unsigned i);

static int setup(void **state)
{
	finished = 0;
	on_finish = NULL;
	memset(result, 0, sizeof(result));
	if (help_setup(state))
		return -1;
	listener = help_listen(&at);
	stream = stream_new(loop, &at);
	return stream ? 0 : -1;
}

static int teardown(void **state)
{
	stream_free(stream);
	if (listener >= 0)
		close(listener);
	return help_teardown(state);
}

static void on_reply(void *ctx, const uint8_t *msg, ssize_t len)
{
	unsigned i = (unsigned)(uintptr_t)ctx;

	assert_false(in_send);
	assert_int_equal(result[i], 0);
	assert_true(msg ? len > 0 : len < 0);
	if (msg) {
		assert_int_equal(bytes_u16(msg), id[i]);
		assert_int_equal(msg[2], i);
	}
	result[i] = len;
	call[i] = NULL;
	finished++;
	if (on_finish)
		on_finish(i);
}

static int try_send(unsigned i)
{
	uint8_t msg[MSG] = { 0, 0, (uint8_t)i };
	int err = 1;

	in_send = true;
	result[i] = 0;
	call[i] = stream_send(stream, msg, sizeof(msg), &id[i], on_reply, (void *)(uintptr_t)i, &err);
	in_send = false;
	assert_true(call[i] ? !err : err < 0);
	return err;
}

static void ask(unsigned i)
{
	assert_int_equal(try_send(i), 0);
}

/* The other side */

static int peer = -1;
static uint8_t in[65536];
static size_t in_len, want_in;

static bool accepted(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		peer = fd;
	return fd >= 0;
}

static void until_accepted(void)
{
	in_len = 0;
	help_until(accepted);
}

static bool heard(void)
{
	ssize_t r = recv(peer, in + in_len, sizeof(in) - in_len, 0);

	if (r > 0)
		in_len += (size_t)r;
	return in_len >= want_in;
}

/* Until n questions in all are there. */
static void until_heard(unsigned n)
{
	want_in = n * (2u + MSG);
	help_until(heard);
	assert_int_equal(in_len, want_in);
}

/* Which call the n-th question is. */
static unsigned heard_call(unsigned n)
{
	const uint8_t *p = in + n * (2 + MSG);

	assert_int_equal(bytes_u16(p), MSG);
	assert_int_equal(bytes_u16(p + 2), id[p[4]]);
	return p[4];
}

static size_t reply_frame(uint8_t *p, unsigned i, size_t len)
{
	memset(p, 0, 2 + len);
	bytes_put_u16(p, (uint16_t)len);
	bytes_put_u16(p + 2, id[i]);
	p[4] = (uint8_t)i;
	return 2 + len;
}

static void reply(unsigned i)
{
	uint8_t p[2 + MSG];

	assert_int_equal(send(peer, p, reply_frame(p, i, MSG), MSG_NOSIGNAL), sizeof(p));
}

static unsigned want_finished;

static bool finished_enough(void)
{
	return finished >= want_finished;
}

static void until_finished(unsigned n)
{
	want_finished = n;
	help_until(finished_enough);
	assert_int_equal(finished, n);
}

static bool peer_ended(void)
{
	char c;
	ssize_t r = recv(peer, &c, 1, 0);

	return !r || (r < 0 && errno != EAGAIN);
}

static void test_out_of_order(void **state)
{
	bool same = true;

	for (unsigned i = 0; i < 6; i++)
		ask(i);
	until_accepted();
	until_heard(6);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(heard_call(i), i);
		same = same && (i == 0 || id[i] == id[0] + i);
	}
	assert_false(same);
	reply(4);
	reply(1);
	until_finished(2);
	assert_int_equal(result[4], MSG);
	assert_int_equal(result[1], MSG);
	/* Kept and used again. */
	ask(7);
	until_heard(7);
	assert_int_equal(heard_call(6), 7);
	for (unsigned i = 0; i < 8; i++)
		if (call[i])
			reply(i);
	until_finished(7);
	close(peer);
}

static void test_fragments(void **state)
{
	static uint8_t p[2 * (2 + 3000)];

	ask(0);
	until_accepted();
	until_heard(1);
	reply(0);
	until_finished(1);
	for (size_t piece = 1; piece < 3100; piece += piece < 9 ? 1 : 769) {
		size_t n = 0, sent = 0;

		finished = 0;
		ask(0);
		ask(1);
		n += reply_frame(p + n, 1, 3000);
		n += reply_frame(p + n, 0, 3000);
		while (sent < n) {
			size_t k = MIN(piece, n - sent);

			assert_int_equal(send(peer, p + sent, k, MSG_NOSIGNAL), k);
			sent += k;
			help_try(help_never, 0);
		}
		until_finished(2);
		assert_int_equal(result[0], 3000);
		assert_int_equal(result[1], 3000);
	}
	close(peer);
}

/* Largest reply, and what is none. */
static void test_sizes(void **state)
{
	static uint8_t p[2 + 65535];
	size_t n, sent = 0;

	ask(0);
	until_accepted();
	until_heard(1);
	n = reply_frame(p, 0, 65535);
	while (sent < n) {
		ssize_t r = send(peer, p + sent, n - sent, MSG_NOSIGNAL);

		sent += r > 0 ? (size_t)r : 0;
		help_try(help_never, 0);
	}
	until_finished(1);
	assert_int_equal(result[0], 65535);
	close(peer);
	help_turn(3);
	ask(1);
	until_accepted();
	until_heard(1);
	assert_int_equal(send(peer, "\0\3abc", 5, MSG_NOSIGNAL), 5);
	until_finished(2);
	assert_int_equal(result[1], -EBADMSG);
	close(peer);
}

static void test_refused(void **state)
{
	close(listener);
	listener = -1;
	ask(0);
	ask(1);
	until_finished(2);
	assert_int_equal(result[0], -ECONNREFUSED);
	assert_int_equal(result[1], -ECONNREFUSED);
}

static void test_arguments(void **state)
{
	struct endpoint nowhere = help_at("255.255.255.255@53");
	struct stream *s = stream_new(loop, &nowhere);
	uint8_t msg[MSG] = { 0 };
	uint16_t any;
	int err = 0;

	assert_null(stream_send(stream, msg, 11, &any, on_reply, NULL, &err));
	assert_int_equal(err, -EINVAL);
	assert_null(stream_send(s, msg, MSG, &any, on_reply, NULL, &err));
	assert_true(err < 0);
	stream_free(s);
	stream_free(NULL);
}

static unsigned cancelled;

static void on_cancelled(void *ctx, const uint8_t *msg, ssize_t len)
{
	assert_null(msg);
	assert_int_equal(len, -ECANCELED);
	cancelled++;
}

static void test_busy(void **state)
{
	static uint16_t ids[STREAM_CALLS];
	uint8_t msg[MSG] = { 0 };
	uint16_t any;
	int err;

	cancelled = 0;
	for (unsigned i = 0; i < STREAM_CALLS; i++) {
		assert_non_null(stream_send(stream, msg, MSG, &ids[i], on_cancelled, NULL, &err));
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(ids[k], ids[i]);
	}
	assert_null(stream_send(stream, msg, MSG, &any, on_cancelled, NULL, &err));
	assert_int_equal(err, -EBUSY);
	stream_free(stream);
	stream = NULL;
	assert_int_equal(cancelled, STREAM_CALLS);
}

/* The other side closes a kept connection between two calls, and at the moment of the next. */
static void test_reconnect(void **state)
{
	ask(0);
	until_accepted();
	until_heard(1);
	reply(0);
	until_finished(1);
	close(peer);
	help_turn(3);
	ask(1);
	until_accepted();
	until_heard(1);
	reply(1);
	until_finished(2);
	/* The loop has not seen the end yet when it sends. */
	close(peer);
	ask(2);
	until_accepted();
	until_heard(1);
	assert_int_equal(heard_call(0), 2);
	reply(2);
	until_finished(3);
	assert_int_equal(result[2], MSG);
	/* Once more, and not for ever. */
	close(peer);
	ask(3);
	until_accepted();
	close(peer);
	until_finished(4);
	assert_int_equal(result[3], -ECONNRESET);
}

/* A new connection that ends without an answer is a failure at once. */
static void test_closed_at_once(void **state)
{
	ask(0);
	until_accepted();
	until_heard(1);
	close(peer);
	until_finished(1);
	assert_int_equal(result[0], -ECONNRESET);
}

/* A server that answers one and closes: the others go to a new connection. */
static void test_one_at_a_time(void **state)
{
	ask(0);
	ask(1);
	until_accepted();
	until_heard(2);
	reply(0);
	close(peer);
	until_accepted();
	until_heard(1);
	assert_int_equal(heard_call(0), 1);
	reply(1);
	until_finished(2);
	assert_int_equal(result[0], MSG);
	assert_int_equal(result[1], MSG);
	close(peer);
}

/* Once, however well the connections did. */
static void test_retried_once(void **state)
{
	ask(0);
	ask(1);
	ask(2);
	until_accepted();
	until_heard(3);
	reply(0);
	close(peer);
	until_accepted();
	until_heard(2);
	reply(1);
	close(peer);
	until_finished(3);
	assert_int_equal(result[1], MSG);
	assert_int_equal(result[2], -ECONNRESET);
}

/* After a time-out a late reply meets nobody, and others are not disturbed. */
static void test_late_reply(void **state)
{
	ask(0);
	ask(1);
	ask(2);
	until_accepted();
	until_heard(3);
	reply(1);
	until_finished(1);
	stream_cancel(call[0]);
	reply(0);
	reply(0);
	reply(2);
	until_finished(2);
	assert_int_equal(result[0], 0);
	assert_int_equal(result[2], MSG);
	ask(3);
	until_heard(4);
	reply(3);
	until_finished(3);
	close(peer);
}

/* A connection that swallows questions is given up with the first time-out; who else waits on it goes along. */
static void test_dead_connection(void **state)
{
	int old;

	ask(0);
	until_accepted();
	until_heard(1);
	reply(0);
	until_finished(1);
	ask(1);
	ask(2);
	until_heard(3);
	old = peer;
	stream_cancel(call[1]);
	until_accepted();
	until_heard(1);
	assert_int_equal(heard_call(0), 2);
	reply(2);
	until_finished(2);
	assert_int_equal(result[2], MSG);
	ask(3);
	until_heard(2);
	assert_int_equal(heard_call(1), 3);
	reply(3);
	until_finished(3);
	close(peer);
	peer = old;
	help_until(peer_ended);
	close(old);
}

/* While it is being connected: the last to give up closes. */
static void test_cancel_connecting(void **state)
{
	unsigned fds = help_fds();

	ask(0);
	ask(1);
	stream_cancel(call[0]);
	assert_int_equal(help_fds(), fds + 1);
	stream_cancel(call[1]);
	assert_int_equal(help_fds(), fds);
	ask(2);
	help_until(accepted);
	/* The first of the two in the backlog was given up. */
	if (peer_ended()) {
		close(peer);
		until_accepted();
	}
	in_len = 0;
	until_heard(1);
	reply(2);
	until_finished(1);
	close(peer);
}

static void free_all(unsigned i)
{
	on_finish = NULL;
	stream_free(stream);
	stream = NULL;
}

/* Freed by the callback of a reply; the other calls are told. */
static void test_free_within(void **state)
{
	ask(0);
	ask(1);
	ask(2);
	until_accepted();
	until_heard(3);
	on_finish = free_all;
	reply(1);
	reply(2);
	until_finished(3);
	assert_int_equal(result[1], MSG);
	assert_int_equal(result[0], -ECANCELED);
	assert_int_equal(result[2], -ECANCELED);
	close(peer);
}

static void cancel_rest(unsigned i)
{
	on_finish = NULL;
	for (unsigned k = 0; k < 4; k++)
		if (call[k])
			stream_cancel(call[k]);
	if (stream && i != 4)
		ask(4);
}

/* Cancels and sends from within a reply's callback, whose bytes must stay. */
static void test_cancel_within(void **state)
{
	for (unsigned i = 0; i < 4; i++)
		ask(i);
	until_accepted();
	until_heard(4);
	on_finish = cancel_rest;
	reply(2);
	reply(0);
	until_heard(5);
	assert_int_equal(heard_call(4), 4);
	reply(4);
	until_finished(2);
	assert_int_equal(result[4], MSG);
	close(peer);
}

static void send_and_cancel(unsigned i)
{
	on_finish = NULL;
	ask(5);
	stream_cancel(call[5]);
}

/* What is sent and given up within one callback says nothing of the connection: the others stay on it. */
static void test_send_cancel_within(void **state)
{
	ask(0);
	ask(1);
	until_accepted();
	until_heard(2);
	on_finish = send_and_cancel;
	reply(0);
	until_heard(3);
	reply(1);
	until_finished(2);
	assert_int_equal(result[1], MSG);
	assert_false(accepted());
	close(peer);
}

/* The same from the callback of a failure. */
static void test_cancel_within_failure(void **state)
{
	for (unsigned i = 0; i < 4; i++)
		ask(i);
	until_accepted();
	until_heard(4);
	on_finish = cancel_rest;
	close(peer);
	until_accepted();
	until_heard(1);
	reply(4);
	until_finished(2);
	assert_int_equal(result[0], -ECONNRESET);
	assert_int_equal(result[4], MSG);
	close(peer);
}

/* More than the socket takes at once. */
static void test_long_questions(void **state)
{
	static uint8_t msg[60000];
	size_t total = 100 * (2 + sizeof(msg)), got = 0;
	uint16_t any;
	int err;

	cancelled = 0;
	for (unsigned i = 0; i < 100; i++)
		assert_non_null(stream_send(stream, msg, sizeof(msg), &any, on_cancelled, NULL, &err));
	until_accepted();
	while (got < total) {
		ssize_t r = recv(peer, in, sizeof(in), 0);

		got += r > 0 ? (size_t)r : 0;
		help_try(help_never, 0);
	}
	assert_int_equal(got, total);
	close(peer);
	stream_free(stream);
	stream = NULL;
}

/* Idle for STREAM_IDLE_MS: the clock is turned, not waited for. */
static void test_idle(void **state)
{
	struct now later;

	ask(0);
	until_accepted();
	until_heard(1);
	reply(0);
	until_finished(1);
	later = clock_now();
	later.mono_us += (STREAM_IDLE_MS - 2000) * CLOCK_MS;
	timers_run(loop_timers(loop), later);
	help_turn(2);
	assert_false(peer_ended());
	later.mono_us += 4000 * CLOCK_MS;
	timers_run(loop_timers(loop), later);
	help_until(peer_ended);
	close(peer);
	/* With a call open it is not idle. */
	ask(1);
	until_accepted();
	until_heard(1);
	timers_run(loop_timers(loop), later);
	help_turn(2);
	assert_false(peer_ended());
	reply(1);
	until_finished(2);
	close(peer);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_out_of_order), T(test_fragments), T(test_sizes), T(test_refused), T(test_arguments),
		T(test_busy), T(test_reconnect), T(test_closed_at_once), T(test_one_at_a_time), T(test_retried_once), T(test_send_cancel_within), T(test_late_reply),
		T(test_dead_connection), T(test_cancel_connecting), T(test_free_within), T(test_cancel_within),
		T(test_cancel_within_failure), T(test_long_questions), T(test_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
