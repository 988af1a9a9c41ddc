/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>

#include "io_help.h"

#include "io/chan.h"

/* One end of a channel under test, the other a plain descriptor or a channel too. */
struct end {
	struct chan *chan;
	unsigned messages, ends;
	size_t bytes;
	uint32_t next;			/* the number that the next message has to bear */
	bool in_order;
	enum { STAY, CLOSE_AT_MESSAGE, CLOSE_AT_END, STOP_AT_MESSAGE, POLL_AT_MESSAGE } then;
};

static struct end here, there;
static int fds[2];
static unsigned want;
static unsigned open_before;

static void on_message(void *ctx, const uint8_t *msg, size_t len)
{
	struct end *e = ctx;

	if (!msg) {
		e->ends++;
		if (e->then == CLOSE_AT_END) {
			chan_close(e->chan);
			e->chan = NULL;
		}
		return;
	}
	if (len >= 4)
		e->in_order &= bytes_u32(msg) == e->next++;
	e->messages++;
	e->bytes += len;
	if (e->then == CLOSE_AT_MESSAGE) {
		chan_close(e->chan);
		e->chan = NULL;
	} else if (e->then == STOP_AT_MESSAGE) {
		chan_read(e->chan, false);
	} else if (e->then == POLL_AT_MESSAGE) {
		unsigned n = e->messages;

		chan_poll(e->chan);
		assert_int_equal(e->messages, n);
	}
}

static void open_end(struct end *e, int fd)
{
	*e = (struct end){ .in_order = true };
	e->chan = chan_new(loop, fd, on_message, e);
	assert_non_null(e->chan);
}

static int setup(void **state)
{
	if (help_setup(state))
		return -1;
	open_before = help_fds();
	return chan_pair(fds);
}

static int teardown(void **state)
{
	chan_close(here.chan);
	chan_close(there.chan);
	here.chan = there.chan = NULL;
	return help_teardown(state);
}

static void numbered(uint8_t *msg, size_t len, uint32_t number)
{
	memset(msg, (int)number, len);
	bytes_put_u32(msg, number);
}

static int send_one(struct end *e, size_t len, uint32_t number)
{
	static uint8_t msg[CHAN_MAX + 1];

	numbered(msg, len, number);
	return chan_send(e->chan, msg, len);
}

static bool there_has(void)
{
	return there.messages >= want;
}

static bool here_has(void)
{
	return here.messages >= want;
}

static bool here_ended(void)
{
	return here.ends;
}

static bool there_ended(void)
{
	return there.ends;
}

static void test_both_ways(void **state)
{
	open_end(&here, fds[0]);
	open_end(&there, fds[1]);
	assert_int_equal(send_one(&here, 5, 0), 0);
	assert_int_equal(send_one(&here, CHAN_MAX, 1), 0);
	assert_int_equal(send_one(&there, 4, 0), 0);
	want = 2;
	help_until(there_has);
	want = 1;
	help_until(here_has);
	assert_int_equal(there.bytes, 5 + CHAN_MAX);
	assert_int_equal(here.bytes, 4);
	assert_true(here.in_order && there.in_order);
	assert_int_equal(chan_queued(here.chan), 0);
	assert_int_equal(send_one(&here, CHAN_MAX + 1, 2), -EMSGSIZE);
	assert_int_equal(chan_send(here.chan, (const uint8_t *)"", 0), -EMSGSIZE);
}

/* What the kernel has no room for waits, in order, up to the bound; and then goes out as the other end reads. */
static void test_queue(void **state)
{
	uint32_t n = 0;
	size_t most;
	int err;

	open_end(&here, fds[0]);
	while ((err = send_one(&here, 1000 + n * 37 % 60000, n)) == 0)
		n++;
	assert_int_equal(err, -ENOBUFS);
	most = chan_queued(here.chan);
	assert_true(most <= CHAN_QUEUE && most > CHAN_QUEUE - 70000);
	/* refused is not sent: the number is used again */
	open_end(&there, fds[1]);
	want = n;
	help_until(there_has);
	assert_int_equal(there.messages, n);
	assert_true(there.in_order);
	help_turn(5);
	assert_int_equal(chan_queued(here.chan), 0);
	assert_int_equal(send_one(&here, 10, n), 0);
	want = n + 1;
	help_until(there_has);
	assert_true(there.in_order);
}

/* A message never overtakes one that waits, even when there is room for it again. */
static void test_queue_order(void **state)
{
	static uint8_t msg[CHAN_MAX];
	uint32_t n = 0, taken = 0;

	open_end(&here, fds[0]);
	while (!chan_queued(here.chan))
		assert_int_equal(send_one(&here, 50000, n++), 0);
	while (recv(fds[1], msg, sizeof(msg), 0) > 0)
		assert_int_equal(bytes_u32(msg), taken++);
	assert_int_equal(send_one(&here, 10, n++), 0);
	open_end(&there, fds[1]);
	there.next = taken;
	want = n - taken;
	help_until(there_has);
	assert_true(there.in_order);
}

static void test_end(void **state)
{
	open_end(&here, fds[0]);
	open_end(&there, fds[1]);
	assert_int_equal(send_one(&here, 100, 0), 0);
	chan_close(here.chan);
	here.chan = NULL;
	help_until(there_ended);
	/* what was sent before the end has come first, and the end comes once */
	assert_int_equal(there.messages, 1);
	help_turn(20);
	assert_int_equal(there.ends, 1);
	assert_int_equal(send_one(&there, 10, 0), -EPIPE);
	chan_poll(there.chan);
	chan_read(there.chan, false);
	chan_read(there.chan, true);
	help_turn(5);
	assert_int_equal(there.ends, 1);
}

/* The other end goes while messages wait for it: sending says so, then cb. */
static void test_broken_while_queued(void **state)
{
	uint32_t n = 0;

	open_end(&here, fds[0]);
	while (!chan_queued(here.chan))
		assert_int_equal(send_one(&here, 50000, n++), 0);
	close(fds[1]);
	help_until(here_ended);
	assert_int_equal(chan_queued(here.chan), 0);
	assert_int_equal(send_one(&here, 4, n), -EPIPE);
	assert_int_equal(here.ends, 1);
}

static void test_send_finds_end(void **state)
{
	open_end(&here, fds[0]);
	close(fds[1]);
	assert_int_equal(send_one(&here, 4, 0), -EPIPE);
	assert_int_equal(here.ends, 0);
	help_until(here_ended);
	assert_int_equal(here.ends, 1);
}

static void test_close_in_callback(void **state)
{
	open_end(&here, fds[0]);
	open_end(&there, fds[1]);
	there.then = CLOSE_AT_MESSAGE;
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(send_one(&here, 20, i), 0);
	here.then = CLOSE_AT_END;
	help_until(here_ended);
	assert_int_equal(there.messages, 1);
	assert_null(there.chan);
	assert_null(here.chan);
	assert_int_equal(help_fds(), open_before);
}

/* The same from within chan_poll, which must not touch it afterwards. */
static void test_close_in_poll(void **state)
{
	struct chan *c;

	open_end(&here, fds[0]);
	open_end(&there, fds[1]);
	there.then = CLOSE_AT_MESSAGE;
	assert_int_equal(send_one(&here, 20, 0), 0);
	assert_int_equal(send_one(&here, 20, 1), 0);
	c = there.chan;
	chan_poll(c);
	assert_null(there.chan);
	assert_int_equal(there.messages, 1);
}

static void test_poll(void **state)
{
	open_end(&here, fds[0]);
	open_end(&there, fds[1]);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(send_one(&here, 20, i), 0);
	there.then = POLL_AT_MESSAGE;
	chan_poll(there.chan);
	assert_int_equal(there.messages, 100);
	assert_true(there.in_order);
	chan_close(here.chan);
	here.chan = NULL;
	chan_poll(there.chan);
	assert_int_equal(there.ends, 1);
}

/* Who is not read has to wait; nothing is lost. */
static void test_read_stops(void **state)
{
	open_end(&here, fds[0]);
	open_end(&there, fds[1]);
	there.then = STOP_AT_MESSAGE;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(send_one(&here, 20, i), 0);
	help_turn(20);
	assert_int_equal(there.messages, 1);
	there.then = STAY;
	chan_poll(there.chan);
	assert_int_equal(there.messages, 1);
	chan_read(there.chan, true);
	want = 3;
	help_until(there_has);
	assert_true(there.in_order);
}

/* Of a hostile end: more than a message may have, and none. */
static void test_hostile(void **state)
{
	static uint8_t big[CHAN_MAX + 1];

	open_end(&here, fds[0]);
	assert_int_equal(send(fds[1], big, sizeof(big), 0), sizeof(big));
	assert_int_equal(send(fds[1], big, 10, 0), 10);
	help_until(here_ended);
	assert_int_equal(here.messages, 0);
	help_turn(5);
	assert_int_equal(here.messages, 0);
	assert_int_equal(here.ends, 1);
	chan_close(here.chan);
	close(fds[1]);

	assert_int_equal(chan_pair(fds), 0);
	open_end(&here, fds[0]);
	assert_int_equal(send(fds[1], big, 4, 0), 4);
	assert_int_equal(send(fds[1], big, 0, 0), 0);
	help_until(here_ended);
	assert_int_equal(here.messages, 1);
	close(fds[1]);
}

/* Descriptors that come with a message of a channel must not stay open here. */
static void test_no_descriptors(void **state)
{
	unsigned before;

	open_end(&here, fds[0]);
	before = help_fds();
	assert_int_equal(chan_send_fds(fds[1], 0, fds, 2), 0);
	want = 1;
	help_until(here_has);
	assert_int_equal(help_fds(), before);
	close(fds[1]);
}

static void test_fds(void **state)
{
	int pass[64], got[64];
	uint32_t word = 0;
	unsigned before;

	for (int i = 0; i < 64; i++)
		pass[i] = dup(2);
	before = help_fds();
	assert_int_equal(chan_send_fds(fds[0], 0xdecade, pass, 64), 0);
	assert_int_equal(chan_take_fds(fds[1], &word, got, 64), 64);
	assert_int_equal(word, 0xdecade);
	assert_int_equal(help_fds(), before + 64);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(fcntl(got[i], F_GETFD), FD_CLOEXEC);
		close(got[i]);
	}
	/* too many for the taker: none stays open */
	assert_int_equal(chan_send_fds(fds[0], 1, pass, 3), 0);
	assert_int_equal(chan_take_fds(fds[1], &word, got, 2), -EBADMSG);
	assert_int_equal(help_fds(), before);
	/* not a word */
	assert_int_equal(send(fds[0], "12345", 5, 0), 5);
	assert_int_equal(chan_take_fds(fds[1], &word, got, 64), -EBADMSG);
	assert_int_equal(send(fds[0], "123", 3, 0), 3);
	assert_int_equal(chan_take_fds(fds[1], &word, got, 64), -EBADMSG);
	assert_int_equal(chan_send_fds(fds[0], 7, NULL, 0), 0);
	assert_int_equal(chan_take_fds(fds[1], &word, got, 0), 0);
	assert_int_equal(word, 7);
	assert_int_equal(chan_send_fds(fds[0], 7, pass, 65), -EINVAL);
	for (int i = 0; i < 64; i++)
		close(pass[i]);
	close(fds[0]);
	assert_int_equal(chan_take_fds(fds[1], &word, got, 64), -EPIPE);
	assert_int_equal(chan_send_fds(fds[1], 7, NULL, 0), -EPIPE);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_while_queued, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send_finds_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_in_callback, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_in_poll, setup, teardown),
		cmocka_unit_test_setup_teardown(test_poll, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_stops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fds, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
