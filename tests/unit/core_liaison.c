/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <poll.h>
#include <sys/socket.h>

#include "io_help.h"

#include "core/liaison.h"
#include "core/supervisor.h"
#include "io/chan.h"

#define WORKERS 70			/* more channels than one message takes */

static struct liaison *liaison;
static int line[2] = { -1, -1 };	/* the supervisor's end, the server's */
static int agent = -1, channels[WORKERS];	/* the agent's ends */
static unsigned workers, hellos, gones, orphans, reviews;
static int hello_err;
static uint64_t hello_layout, reviewed_n;
static char hello_text[256];

static void on_channel(void *ctx, size_t worker, int fd)
{
	/* each gets its own */
	char c = 0;

	assert_int_equal(worker, workers);
	assert_int_equal(write(fd, "w", 1), 1);
	assert_int_equal(read(channels[worker], &c, 1), 1);
	close(fd);
	workers++;
}

static void on_hello(void *ctx, int err, uint64_t layout, const char *text)
{
	hellos++;
	hello_err = err;
	hello_layout = layout;
	snprintf(hello_text, sizeof(hello_text), "%s", text);
}

static void on_review(void *ctx, const struct proto_review *r, struct proto_verdict *v)
{
	assert_int_equal(v->id, r->id);
	v->ok = r->id % 2;
	v->exports = r->profile;
	reviews++;
}

static void on_reviewed(void *ctx, uint64_t closed)
{
	reviewed_n = closed;
}

static void on_gone(void *ctx)
{
	gones++;
}

static void on_orphaned(void *ctx)
{
	orphans++;
}

static const struct liaison_events events = { on_channel, on_hello, on_review, on_reviewed, on_gone, on_orphaned };

static int setup(void **state)
{
	workers = hellos = gones = orphans = reviews = 0;
	agent = -1;
	if (help_setup(state) || chan_pair(line) < 0)
		return -1;
	liaison = liaison_new(loop, line[1], WORKERS, &events, NULL);
	return liaison ? 0 : -1;
}

static void end_agent(void)
{
	if (agent < 0)
		return;
	close(agent);
	for (size_t i = 0; i < WORKERS; i++)
		close(channels[i]);
	agent = -1;
}

static int teardown(void **state)
{
	liaison_free(liaison);
	end_agent();
	close(line[0]);
	close(line[1]);
	return help_teardown(state);
}

/* As the supervisor does it. */
static void start_agent(uint32_t pid)
{
	int theirs[WORKERS + 1];

	for (size_t i = 0; i <= WORKERS; i++) {
		int pair[2];

		assert_int_equal(chan_pair(pair), 0);
		theirs[i] = pair[0];
		if (i)
			channels[i - 1] = pair[1];
		else
			agent = pair[1];
	}
	for (size_t i = 0; i <= WORKERS; i += SUPERVISOR_FDS)
		assert_int_equal(chan_send_fds(line[0], pid, theirs + i, MIN(WORKERS + 1 - i, SUPERVISOR_FDS)), 0);
	for (size_t i = 0; i <= WORKERS; i++)
		close(theirs[i]);
}

static void send_msg(const struct wr *w)
{
	assert_false(w->bad);
	assert_int_equal(send(agent, w->base, wr_len(w), MSG_NOSIGNAL), wr_len(w));
}

static void say_hello(int err, uint64_t layout, const char *text)
{
	static uint8_t buf[CHAN_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	proto_put_prepared(&w, err, layout, text);
	proto_put_bare(&w, PROTO_END);
	send_msg(&w);
}

static bool greeted(void)
{
	return hellos > 0;
}

static void up(void)
{
	start_agent(4711);
	say_hello(0, 99, "");
	help_until(greeted);
	hellos = 0;
	assert_true(liaison_up(liaison));
}

static size_t heard(uint8_t *buf, size_t cap)
{
	struct pollfd p = { .fd = agent, .events = POLLIN };
	ssize_t n;

	assert_int_equal(poll(&p, 1, 1000), 1);
	n = recv(agent, buf, cap, 0);
	assert_true(n >= 0);
	return (size_t)n;
}

/* The next message is one bare record. */
static void expect_asked(enum proto_type want)
{
	uint8_t buf[256];
	struct rd in = rd_init(buf, heard(buf, sizeof(buf))), body;
	enum proto_type type;

	assert_int_equal(proto_next(&in, &type, &body), 1);
	assert_int_equal(type, want);
	assert_int_equal(rd_left(&in), 0);
}

static void expect_silence(void)
{
	struct pollfd p = { .fd = agent, .events = POLLIN };

	help_turn(20);
	assert_int_equal(poll(&p, 1, 0), 0);
}

struct result {
	unsigned records, ends;
	int err;
	uint64_t n;
};

static struct result *current;

static int on_record(void *ctx, enum proto_type type, struct rd *body)
{
	struct result *r = ctx;

	r->records++;
	return type == PROTO_CLOSED ? proto_get_count(body, &r->n) : -EBADMSG;
}

static void on_end(void *ctx, int err)
{
	struct result *r = ctx;

	r->ends++;
	r->err = err;
}

static bool ended(void)
{
	return current->ends > 0;
}

static int ask(struct result *r, enum proto_type type, unsigned wait_ms)
{
	*r = (struct result){ 0 };
	current = r;
	return liaison_ask(liaison, &(struct liaison_request){ .type = type, .wait_ms = wait_ms, .record = on_record,
			   .end = on_end, .ctx = r });
}

static void answer(uint64_t n)
{
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	proto_put_count(&w, PROTO_CLOSED, n);
	proto_put_bare(&w, PROTO_END);
	send_msg(&w);
}

static void test_hello(void **state)
{
	struct result r;

	assert_false(liaison_up(liaison));
	assert_int_equal(liaison_pid(liaison), -1);
	assert_int_equal(ask(&r, PROTO_STATUS, 1000), -ENOTCONN);
	start_agent(4711);
	say_hello(0, 0x1122334455667788, "warning: something\n");
	help_until(greeted);
	assert_int_equal(workers, WORKERS);
	assert_int_equal(hello_err, 0);
	assert_int_equal(hello_layout, 0x1122334455667788);
	assert_string_equal(hello_text, "warning: something\n");
	assert_int_equal(liaison_pid(liaison), 4711);
	assert_int_equal(liaison_agents(liaison), 1);
	assert_int_equal(r.ends, 0);
}

static void test_hello_error(void **state)
{
	struct result r;

	start_agent(1);
	say_hello(-EINVAL, 0, "bad set\n");
	help_until(greeted);
	assert_int_equal(hello_err, -EINVAL);
	assert_string_equal(hello_text, "bad set\n");
	assert_false(liaison_up(liaison));
	assert_int_equal(ask(&r, PROTO_STATUS, 1000), -ENOTCONN);
}

/* What is asked before the hello waits for it. */
static void test_before_hello(void **state)
{
	struct result r;

	start_agent(1);
	while (!liaison_agents(liaison))
		help_turn(5);
	assert_int_equal(ask(&r, PROTO_STATUS, 1000), 0);
	expect_silence();
	say_hello(0, 1, "");
	help_until(greeted);
	expect_asked(PROTO_STATUS);
	answer(3);
	help_until(ended);
	assert_int_equal(r.err, 0);
}

static void test_one_at_a_time(void **state)
{
	struct result a, b;

	up();
	assert_int_equal(ask(&a, PROTO_CLOSE, 1000), 0);
	assert_int_equal(ask(&b, PROTO_STATUS, 1000), 0);
	expect_asked(PROTO_CLOSE);
	expect_silence();
	answer(12);
	current = &a;
	help_until(ended);
	assert_int_equal(a.n, 12);
	assert_int_equal(a.err, 0);
	assert_int_equal(b.ends, 0);
	expect_asked(PROTO_STATUS);
	answer(1);
	current = &b;
	help_until(ended);
	assert_int_equal(a.ends, 1);
}

/* A late answer is nobody's; what was asked behind it and is late too is never asked. */
static void test_late(void **state)
{
	struct result a, b, c;

	up();
	assert_int_equal(ask(&a, PROTO_CLOSE, 30), 0);
	assert_int_equal(ask(&b, PROTO_COMMIT, 30), 0);
	expect_asked(PROTO_CLOSE);
	help_until(ended);
	current = &a;
	help_until(ended);
	assert_int_equal(a.err, -ETIMEDOUT);
	assert_int_equal(b.err, -ETIMEDOUT);
	assert_int_equal(ask(&c, PROTO_STATUS, 5000), 0);
	expect_silence();
	answer(5);
	help_turn(10);
	assert_int_equal(a.records, 0);
	expect_asked(PROTO_STATUS);
	answer(6);
	help_until(ended);
	assert_int_equal(c.n, 6);
	assert_int_equal(a.ends + b.ends, 2);
}

static void test_agent_dies(void **state)
{
	struct result a, b;

	up();
	assert_int_equal(ask(&a, PROTO_CLOSE, 1000), 0);
	assert_int_equal(ask(&b, PROTO_STATUS, 1000), 0);
	expect_asked(PROTO_CLOSE);
	end_agent();
	help_until(ended);
	assert_int_equal(a.err, -ENOTCONN);
	assert_int_equal(b.err, -ENOTCONN);
	assert_int_equal(gones, 1);
	assert_int_equal(liaison_pid(liaison), -1);
	workers = 0;
	up();
	assert_int_equal(liaison_agents(liaison), 2);
	assert_int_equal(workers, WORKERS);
	assert_int_equal(ask(&a, PROTO_STATUS, 1000), 0);
	expect_asked(PROTO_STATUS);
}

/* The next one's channels may be read before the end of the one before. */
static void test_replaced(void **state)
{
	struct result a;
	int old;

	up();
	assert_int_equal(ask(&a, PROTO_CLOSE, 1000), 0);
	old = agent;
	for (size_t i = 0; i < WORKERS; i++)
		close(channels[i]);
	workers = 0;
	start_agent(2);
	help_until(ended);
	assert_int_equal(a.err, -ENOTCONN);
	assert_int_equal(gones, 1);
	while (liaison_agents(liaison) != 2)
		help_turn(5);
	assert_int_equal(liaison_pid(liaison), 2);
	close(old);
}

static void test_review(void **state)
{
	static uint8_t buf[CHAN_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct proto_review r = { .profile = 5 };
	struct proto_verdict v;
	unsigned n = 0, good = 0;
	struct rd in, body;
	enum proto_type type;

	assert_int_equal(name_from_text(&r.name, "a.example.com", 13), 0);
	up();
	for (r.id = 0; r.id < 2000; r.id++)
		proto_put_review(&w, &r);
	send_msg(&w);
	while (reviews < 2000)
		help_turn(5);
	while (n < 2000) {
		in = rd_init(buf, heard(buf, sizeof(buf)));
		while (proto_next(&in, &type, &body) == 1) {
			assert_int_equal(type, PROTO_VERDICT);
			assert_int_equal(proto_get_verdict(&body, &v), 0);
			assert_int_equal(v.id, n);
			assert_int_equal(v.exports, 5);
			good += v.ok;
			n++;
		}
	}
	assert_int_equal(good, 1000);
	w = wr_init(buf, sizeof(buf));
	proto_put_count(&w, PROTO_REVIEWED, 17);
	send_msg(&w);
	while (reviewed_n != 17)
		help_turn(5);
}

static bool is_gone(void)
{
	return gones > 0;
}

/* Whatever makes no sense ends the channel, and with it the agent. */
static void test_nonsense(void **state)
{
	static const char *const bad[] = { "x", "\xff\0\0\0\0", "\x0f\0\0\0\0", "\x0b\xff\xff\xff\xff", "\x0d\0\0\0\1x" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct pollfd p = { .events = POLLIN };
		size_t len = i ? 5 + (i == 4) : 1;

		gones = 0;
		workers = 0;
		up();
		assert_int_equal(send(agent, bad[i], len, MSG_NOSIGNAL), len);
		help_until(is_gone);
		p.fd = agent;
		assert_int_equal(poll(&p, 1, 1000), 1);
		assert_true(p.revents & POLLHUP);
		end_agent();
	}
}

static bool is_orphan(void)
{
	return orphans > 0;
}

static void test_orphaned(void **state)
{
	up();
	shutdown(line[0], SHUT_RDWR);
	help_until(is_orphan);
	help_turn(20);
	assert_int_equal(orphans, 1);
}

static void test_free_asked(void **state)
{
	struct result a;

	up();
	assert_int_equal(ask(&a, PROTO_STATUS, 1000), 0);
	liaison_free(liaison);
	liaison = NULL;
	assert_int_equal(a.ends, 1);
	assert_int_equal(a.err, -ECANCELED);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_hello), T(test_hello_error), T(test_before_hello), T(test_one_at_a_time), T(test_late),
		T(test_agent_dies), T(test_replaced), T(test_review), T(test_nonsense), T(test_orphaned), T(test_free_asked),
	};

	return cmocka_run_group_tests_name("core_liaison", tests, NULL, NULL);
}
