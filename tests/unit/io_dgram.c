/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io_help.h"

#include "io/dgram.h"

#define MANY 300
#define DGRAM_BIG 600

static int far;
static struct endpoint far_at;
static struct dgram *ex[MANY];
static unsigned got, errors, ended;
static int last_error;
static char last[64];
static size_t last_len;
static bool close_all;

static int setup(void **state)
{
	int room = 1 << 20;

	got = errors = ended = 0;
	close_all = false;
	far = help_socket(SOCK_DGRAM, "127.0.0.1");
	setsockopt(far, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	far_at = help_name(far);
	return help_setup(state);
}

static int teardown(void **state)
{
	close(far);
	return help_teardown(state);
}

/* ctx: the place of the exchange, which closes itself at its first word. */
static void on_reply(void *ctx, const uint8_t *msg, ssize_t len)
{
	struct dgram **place = ctx;

	if (msg) {
		got++;
		last_len = (size_t)len;
		memcpy(last, msg, MIN(last_len, sizeof(last)));
	} else {
		errors++;
		last_error = (int)len;
	}
	for (size_t i = 0; close_all && i < MANY; i++) {
		dgram_close(ex[i]);
		ex[i] = NULL;
	}
	dgram_close(*place);
	*place = NULL;
}

static void on_keep(void *ctx, const uint8_t *msg, ssize_t len)
{
	if (msg)
		got++;
	else
		errors++;
}

static bool one(void)
{
	return got + errors >= 1;
}

/* Question number i: its number is its id. */
static struct dgram *queue(unsigned i, dgram_fn *cb)
{
	uint8_t msg[8] = { (uint8_t)(i >> 8), (uint8_t)i, 'q', 'u', 'e', 's', 't', '?' };
	int err = 1;
	struct dgram *d = dgram_send(loop, &far_at, msg, sizeof(msg), cb, &ex[i], &err);

	assert_non_null(d);
	assert_int_equal(err, 0);
	return d;
}

static struct dgram *ask(unsigned i, dgram_fn *cb)
{
	struct dgram *d = queue(i, cb);

	dgram_flush(loop);
	return d;
}

/* What the other side reads: question number i; its sender. */
static struct endpoint hear(unsigned i)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct endpoint from;
	char buf[64];

	assert_int_equal(recvfrom(far, buf, sizeof(buf), 0, (struct sockaddr *)&ss, &len), 8);
	assert_int_equal(bytes_u16((uint8_t *)buf), i);
	assert_memory_equal(buf + 2, "quest?", 6);
	assert_int_equal(endpoint_from_sockaddr(&from, (struct sockaddr *)&ss), 0);
	return from;
}

/* A reply of n bytes to question number i. */
static void answer(int fd, const struct endpoint *to, unsigned i, const char *text, size_t n)
{
	static uint8_t msg[8192];
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(to, &ss);

	bytes_put_u16(msg, (uint16_t)i);
	memcpy(msg + 2, text, strlen(text));
	assert_int_equal(sendto(fd, msg, n, 0, (struct sockaddr *)&ss, len), n);
}

static void test_exchange(void **state)
{
	struct endpoint from;

	ex[0] = ask(0, on_reply);
	from = hear(0);
	answer(far, &from, 0, "reply", 7);
	help_until(one);
	assert_int_equal(got, 1);
	assert_int_equal(last_len, 7);
	assert_memory_equal(last + 2, "reply", 5);
	assert_null(ex[0]);
	dgram_close(NULL);
}

/* Nothing leaves before it is time, and then all of it. */
static void test_flush(void **state)
{
	char buf[16];

	for (unsigned i = 0; i < 100; i++)
		ex[i] = queue(i, on_keep);
	/* the queue holds 64: what came after waits */
	for (unsigned i = 0; i < 64; i++)
		hear(i);
	assert_int_equal(recv(far, buf, sizeof(buf), 0), -1);
	dgram_flush(loop);
	for (unsigned i = 64; i < 100; i++)
		hear(i);
	for (unsigned i = 0; i < 100; i++)
		dgram_close(ex[i]);
	dgram_flush(loop);
	assert_int_equal(recv(far, buf, sizeof(buf), 0), -1);
}

/* From another address or port it is not even seen; what is too long is dropped. */
static void test_foreign(void **state)
{
	int other = help_socket(SOCK_DGRAM, "127.0.0.2");
	struct endpoint from;

	ex[0] = ask(0, on_keep);
	from = hear(0);
	answer(other, &from, 0, "forged", 8);
	answer(far, &from, 0, "big", 5000);
	help_turn(5);
	assert_int_equal(got + errors, 0);
	answer(far, &from, 0, "one", 5);
	answer(far, &from, 0, "two", 5);
	help_turn(5);
	assert_int_equal(got, 2);
	dgram_close(ex[0]);
	close(other);
}

/* Who guesses at ids at an open port is told from late replies, and ends the port for all who wait there. */
static void test_guesses(void **state)
{
	struct endpoint from, before;
	unsigned fds;

	ex[0] = queue(0, on_keep);
	ex[1] = queue(1, on_reply);
	ex[2] = queue(2, on_reply);
	dgram_flush(loop);
	from = hear(0);
	before = hear(1);
	assert_int_equal(from.port, before.port);
	hear(2);
	fds = help_fds();
	dgram_close(ex[0]);
	answer(far, &from, 0, "late", 6);
	for (unsigned i = 1; i < DGRAM_GUESSES; i++)
		answer(far, &from, 1000 + i, "guess", i % 2 ? 7 : 1);
	help_turn(5);
	assert_int_equal(got + errors, 0);
	answer(far, &from, 1000, "guess", 7);
	help_until(one);
	assert_int_equal(errors, 2);
	assert_int_equal(last_error, -EPROTO);
	assert_int_equal(help_fds(), fds - 1);
	ex[3] = ask(3, on_keep);
	assert_int_not_equal(hear(3).port, from.port);
	dgram_close(ex[3]);
}

static void test_refused(void **state)
{
	close(far);
	ex[0] = ask(0, on_reply);
	help_until(one);
	assert_int_equal(errors, 1);
	assert_int_equal(last_error, -ECONNREFUSED);
	far = help_socket(SOCK_DGRAM, "127.0.0.1");
}

/* All on the port hear of it, those too that were sent after the refusal had come. */
static void test_refused_all(void **state)
{
	close(far);
	for (unsigned i = 0; i < 3; i++)
		ex[i] = queue(i, on_reply);
	dgram_flush(loop);
	dgram_flush(loop);
	help_turn(5);
	assert_int_equal(errors, 3);
	far = help_socket(SOCK_DGRAM, "127.0.0.1");
}

static struct dgram *begun[MANY];

static void on_refused(void *ctx, const uint8_t *msg, ssize_t len)
{
	struct dgram **place = ctx;

	assert_non_null(*place);	/* dgram_send has returned */
	errors++;
	dgram_close(*place);
	*place = NULL;
}

/* More than are sent at once, by two ports, where nobody listens: no callback comes from within dgram_send. */
static void test_refused_while_queued(void **state)
{
	int other = help_socket(SOCK_DGRAM, "127.0.0.1"), err;
	struct endpoint at[] = { far_at, help_name(other) };

	close(far);
	close(other);
	for (unsigned i = 0; i < MANY; i++) {
		uint8_t msg[] = { (uint8_t)(i >> 8), (uint8_t)i };

		begun[i] = dgram_send(loop, &at[i % 2], msg, sizeof(msg), on_refused, &begun[i], &err);
		assert_non_null(begun[i]);
	}
	dgram_flush(loop);
	help_turn(5);
	assert_int_equal(errors, MANY);
	far = help_socket(SOCK_DGRAM, "127.0.0.1");
}

static void test_cannot_send(void **state)
{
	struct endpoint nowhere = help_at("255.255.255.255@53");
	uint8_t msg[DGRAM_BIG] = { 0 };
	unsigned fds = help_fds();
	int err = 0;

	assert_null(dgram_send(loop, &nowhere, msg, 2, on_keep, NULL, &err));
	assert_true(err < 0);
	/* The set of the exchanges was made, and the loop's watch of it. */
	assert_in_range(help_fds(), fds, fds + 1);
	assert_null(dgram_send(loop, &far_at, msg, 1, on_keep, NULL, &err));
	assert_int_equal(err, -EMSGSIZE);
	assert_null(dgram_send(loop, &far_at, msg, sizeof(msg), on_keep, NULL, &err));
	assert_int_equal(err, -EMSGSIZE);
}

/* Ports are drawn from all of the range, one a turn: neither equal nor in sequence. */
static void test_ports(void **state)
{
	static unsigned char seen[65536];
	unsigned low = 0, distinct = 0, near = 0;
	uint16_t before = 0;

	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < MANY; i++) {
		uint16_t port;

		ex[i] = ask(i, on_keep);
		port = hear(i).port;
		assert_true(port >= 1024);
		distinct += !seen[port]++;
		low += port < 32768;
		near += before && abs((int)port - before) < 8;
		before = port;
	}
	assert_int_equal(distinct, MANY);
	assert_in_range(low, MANY / 3, MANY * 2 / 3);
	assert_in_range(near, 0, 5);
	for (unsigned i = 0; i < MANY; i++)
		dgram_close(ex[i]);
}

/* The questions of one turn leave by one port, but no more than so many. */
static void test_turns(void **state)
{
	unsigned fds;
	uint16_t port;

	ex[0] = ask(0, on_keep);
	hear(0);
	fds = help_fds();
	for (unsigned i = 1; i <= DGRAM_USES + 1; i++)
		ex[i] = queue(i, on_keep);
	dgram_flush(loop);
	port = hear(1).port;
	for (unsigned i = 2; i <= DGRAM_USES; i++)
		assert_int_equal(hear(i).port, port);
	assert_int_not_equal(hear(DGRAM_USES + 1).port, port);
	assert_int_equal(help_fds(), fds + 2);
	for (unsigned i = 1; i <= DGRAM_USES + 1; i++)
		dgram_close(ex[i]);
	assert_int_equal(help_fds(), fds);
	dgram_close(ex[0]);
	assert_int_equal(help_fds(), fds - 1);
}

/* An id that waits on a port already goes by another. */
static void test_same_id(void **state)
{
	uint16_t first;

	ex[0] = queue(0, on_keep);
	ex[1] = dgram_send(loop, &far_at, (const uint8_t *)"\0\0quest?", 8, on_keep, NULL, &(int){ 0 });
	assert_non_null(ex[1]);
	dgram_flush(loop);
	first = hear(0).port;
	assert_int_not_equal(hear(0).port, first);
	dgram_close(ex[0]);
	dgram_close(ex[1]);
}

static bool all(void)
{
	return got >= MANY;
}

static void test_many(void **state)
{
	struct endpoint from[MANY];
	unsigned fds;

	ex[0] = ask(0, on_keep);
	dgram_close(ex[0]);
	hear(0);
	fds = help_fds();
	for (unsigned i = 0; i < MANY; i++) {
		ex[i] = ask(i, on_reply);
		from[i] = hear(i);
	}
	for (unsigned i = 0; i < MANY; i++)
		answer(far, &from[i], i, "reply", 7);
	help_until(all);
	assert_int_equal(got, MANY);
	assert_int_equal(errors, 0);
	assert_int_equal(help_fds(), fds);
}

/* A callback that closes exchanges whose own events came in the same batch. */
static void test_close_others(void **state)
{
	for (unsigned i = 0; i < MANY; i++)
		ex[i] = i < 20 ? ask(i, on_reply) : NULL;
	for (unsigned i = 0; i < 20; i++) {
		struct endpoint from = hear(i);

		answer(far, &from, i, "reply", 7);
		answer(far, &from, i, "again", 7);
	}
	close_all = true;
	help_until(one);
	help_turn(3);
	assert_int_equal(got, 1);
}

static void test_v6(void **state)
{
	struct endpoint from;

	close(far);
	far = help_socket(SOCK_DGRAM, "::1");
	far_at = help_name(far);
	ex[0] = ask(0, on_reply);
	from = hear(0);
	answer(far, &from, 0, "reply", 7);
	help_until(one);
	assert_int_equal(got, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_exchange, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flush, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_guesses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_while_queued, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cannot_send, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_same_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_v6, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
