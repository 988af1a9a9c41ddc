/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io_help.h"

#include "io/dgram.h"

#define MANY 300

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

static struct dgram *ask(unsigned i, dgram_fn *cb)
{
	int err = 1;
	struct dgram *d = dgram_send(loop, &far_at, (const uint8_t *)"question", 8, cb, &ex[i], &err);

	assert_non_null(d);
	assert_int_equal(err, 0);
	return d;
}

/* What the other side reads; its sender. */
static struct endpoint hear(void)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct endpoint from;
	char buf[64];

	assert_int_equal(recvfrom(far, buf, sizeof(buf), 0, (struct sockaddr *)&ss, &len), 8);
	assert_memory_equal(buf, "question", 8);
	assert_int_equal(endpoint_from_sockaddr(&from, (struct sockaddr *)&ss), 0);
	return from;
}

static void answer(int fd, const struct endpoint *to, const void *msg, size_t n)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(to, &ss);

	assert_int_equal(sendto(fd, msg, n, 0, (struct sockaddr *)&ss, len), n);
}

static void test_exchange(void **state)
{
	struct endpoint from;

	ex[0] = ask(0, on_reply);
	from = hear();
	answer(far, &from, "reply", 5);
	help_until(one);
	assert_int_equal(got, 1);
	assert_int_equal(last_len, 5);
	assert_memory_equal(last, "reply", 5);
	assert_null(ex[0]);
	dgram_close(NULL);
}

/* From another address or port it is not even seen; what is too long is dropped. */
static void test_foreign(void **state)
{
	static char big[5000];
	int other = help_socket(SOCK_DGRAM, "127.0.0.2");
	struct endpoint from;

	ex[0] = ask(0, on_keep);
	from = hear();
	answer(other, &from, "forged", 6);
	answer(far, &from, big, sizeof(big));
	help_turn(5);
	assert_int_equal(got + errors, 0);
	answer(far, &from, "one", 3);
	answer(far, &from, "two", 3);
	help_turn(5);
	assert_int_equal(got, 2);
	dgram_close(ex[0]);
	close(other);
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

static void test_cannot_send(void **state)
{
	struct endpoint nowhere = help_at("255.255.255.255@53");
	unsigned fds = help_fds();
	int err = 0;

	assert_null(dgram_send(loop, &nowhere, (const uint8_t *)"x", 1, on_keep, NULL, &err));
	assert_true(err < 0);
	/* The set of the exchanges was made, and the loop's watch of it. */
	assert_in_range(help_fds(), fds, fds + 1);
}

/* Ports are drawn from all of the range: neither equal nor in sequence. */
static void test_ports(void **state)
{
	static unsigned char seen[65536];
	unsigned low = 0, distinct = 0, near = 0;
	uint16_t before = 0;

	for (unsigned i = 0; i < MANY; i++) {
		uint16_t port;

		ex[i] = ask(i, on_keep);
		port = hear().port;
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
	hear();
	fds = help_fds();
	for (unsigned i = 0; i < MANY; i++) {
		ex[i] = ask(i, on_reply);
		from[i] = hear();
	}
	for (unsigned i = 0; i < MANY; i++)
		answer(far, &from[i], "reply", 5);
	help_until(all);
	assert_int_equal(got, MANY);
	assert_int_equal(help_fds(), fds);
}

/* A callback that closes exchanges whose own events came in the same batch. */
static void test_close_others(void **state)
{
	for (unsigned i = 0; i < MANY; i++)
		ex[i] = i < 20 ? ask(i, on_reply) : NULL;
	for (unsigned i = 0; i < 20; i++) {
		struct endpoint from = hear();

		answer(far, &from, "reply", 5);
		answer(far, &from, "again", 5);
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
	from = hear();
	answer(far, &from, "reply", 5);
	help_until(one);
	assert_int_equal(got, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_exchange, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cannot_send, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_v6, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
