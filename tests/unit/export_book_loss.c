/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "book_util.h"

static void ask_many(unsigned n)
{
	char text[64];

	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "198.51.%u.%u", i / 256, i % 256);
		util_ask("a.example", text, 300);
	}
	book_run(book);
}

static void flush(unsigned set, bool gone)
{
	struct fake_set *s = &fake.sets[set];

	s->n = 0;
	if (gone)
		s->there = s->set->present = false;
	fake.ev->emptied(fake.ctx, s->set, gone, "nft");
}

/* The page says it before anything else happens: an operation, an answer. */
static unsigned epoch_then;

static void submit_checks(struct sink *k, struct sink_op **ops, size_t n)
{
	assert_true(util_epoch() != epoch_then);
	fake_submit(k, ops, n);
}

static void test_flush(void **state)
{
	util_begin();
	ask_many(3000);
	assert_int_equal(fake.sets[0].n, 3000);
	epoch_then = util_epoch();
	fake_kind.submit = submit_checks;
	fake.biggest = 0;
	flush(0, false);
	assert_true(util_epoch() != epoch_then);
	/* a grant that comes now has its own lease back before the rest is there */
	util_ask("b.example", "198.51.9.9", 300);
	answers.n = 0;
	book_run(book);
	assert_int_equal(answers.n, 1);
	assert_int_equal(answers.last.epoch, util_epoch());
	assert_non_null(util_element(0, "198.51.9.9"));
	assert_true(fake.sets[0].n < 3000);
	for (int i = 0; i < 3; i++)
		book_run(book);
	fake_kind.submit = fake_submit;
	assert_int_equal(fake.sets[0].n, 3000);
	assert_true(fake.biggest <= BOOK_CHUNK);
	assert_true(util_element(0, "198.51.0.7")->end >= util_now() + 600 * CLOCK_S);
	assert_string_equal(util_element(0, "198.51.0.7")->name, "a.example");
}

static void test_flush_while_it_waits(void **state)
{
	util_begin();
	fake.hold_acks = true;
	util_ask("a.example", "192.0.2.1 192.0.2.2", 300);
	book_run(book);
	fake_ack(0);			/* one of the two is held */
	book_run(book);
	flush(0, false);		/* and lost again */
	fake.hold_acks = false;
	while (fake.n_waiting)
		fake_ack(0);
	for (int i = 0; i < 4; i++)
		book_run(book);
	/* B1: the answer waited until both are held in one epoch */
	assert_int_equal(answers.n, 1);
	assert_int_equal(answers.last.err, 0);
	assert_int_equal(answers.last.epoch, util_epoch());
	assert_non_null(util_element(0, "192.0.2.1"));
	assert_non_null(util_element(0, "192.0.2.2"));
}

/* What nobody relies on any more is no loss, and nothing is put back of it. */
static void test_flush_after_close(void **state)
{
	struct addr a = util_addr("192.0.2.1");
	unsigned epoch;

	util_begin();
	fake_put(&fake.sets[0], a.b, SINK_EVER, false, "admin");
	util_ask("a.example", "192.0.2.1 192.0.2.2", 300);
	book_run(book);
	/* not for ever, though it is held so: when it ends nobody hears of it */
	assert_true(answers.last.until_us <= util_now() + 300 * CLOCK_S + CLOCK_S);
	assert_int_equal(book_close(book, NULL), 1);
	book_run(book);
	assert_int_equal(fake.sets[0].n, 1);
	epoch = util_epoch();
	flush(0, false);
	book_run(book);
	assert_int_equal(util_epoch(), epoch);
	assert_int_equal(book->sets->next->n.lost + book->sets->n.lost, 0);
	/* what is relied on, beside it */
	fake_put(&fake.sets[0], a.b, SINK_EVER, false, "admin");
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	util_pass(700 * CLOCK_S);
	util_ask("a.example", "192.0.2.2", 300);
	book_run(book);
	epoch = util_epoch();
	flush(0, false);
	book_run(book);
	assert_int_equal(util_epoch(), epoch + 1);
	assert_int_equal(book->sets->next->n.lost + book->sets->n.lost, 1);
	assert_int_equal(fake.sets[0].n, 1);
}

static void test_gone_and_back(void **state)
{
	util_begin();
	ask_many(2500);
	answers.n = 0;
	flush(0, true);
	util_ask("b.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, -ENOENT);
	util_ask("b.example", "2001:db8::1", 300);	/* the other set is none the worse */
	book_run(book);
	assert_int_equal(answers.last.err, 0);
	util_pass(10 * CLOCK_S);
	assert_true(fake.probes > 10);
	assert_true(fake.probes < 30);
	fake_come(&fake.sets[0]);
	for (int i = 0; i < 4; i++)
		book_run(book);
	assert_int_equal(fake.sets[0].n, 2500);
	util_ask("b.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
}

static void test_not_there_at_first(void **state)
{
	fake.sets[0].there = false;
	util_begin();
	assert_int_equal(diag_warnings(diags), 1);
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, -ENOENT);
	fake_come(&fake.sets[0]);
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
}

static void test_overrun(void **state)
{
	struct addr a = util_addr("198.51.0.1"), b = util_addr("198.51.0.2");
	unsigned epoch;

	util_begin();
	ask_many(100);
	answers.n = 0;
	fake_take(&fake.sets[0], a.b);
	fake_take(&fake.sets[0], b.b);
	epoch = util_epoch();
	fake.late_dump = true;
	fake.ev->overrun(fake.ctx, (struct sink *)&fake);
	assert_true(util_epoch() > epoch);
	/* while it is compared, what is asked for is asked of the set */
	util_ask("a.example", "198.51.0.1 198.51.0.3", 100);
	book_run(book);
	assert_int_equal(answers.n, 1);
	assert_int_equal(answers.last.err, 0);
	assert_int_equal(fake.gets, 2);
	assert_non_null(util_element(0, "198.51.0.1"));
	assert_null(util_element(0, "198.51.0.2"));
	fake_tell(&fake.sets[0]);
	fake.ev->dumped(fake.ctx, fake.sets[0].set, 0);
	fake.ev->dumped(fake.ctx, fake.sets[1].set, 0);
	book_run(book);
	book_run(book);
	assert_non_null(util_element(0, "198.51.0.2"));
	assert_int_equal(fake.sets[0].n, 100);
	assert_int_equal(fake.adds, 102);
}

/* What a dump tells late of an element that was taken out meanwhile is not believed. */
static void test_stale_dump(void **state)
{
	struct addr a = util_addr("192.0.2.1");
	struct sink_element e = { .key = a.b, .left_ms = 1000000, .ours = true, .name = "a.example" };

	util_begin();
	fake.late_dump = true;
	fake.ev->overrun(fake.ctx, (struct sink *)&fake);
	fake.ev->removed(fake.ctx, fake.sets[0].set, a.b);
	fake.ev->element(fake.ctx, fake.sets[0].set, &e);
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
	assert_non_null(util_element(0, "192.0.2.1"));
}

static void test_lost_at_renewal(void **state)
{
	struct addr a = util_addr("192.0.2.1");
	unsigned epoch;

	util_begin();
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	fake_take(&fake.sets[0], a.b);		/* an event is on its way */
	epoch = util_epoch();
	util_ask("a.example", "192.0.2.1", 3000);
	for (int i = 0; i < 3; i++)
		book_run(book);
	assert_true(util_epoch() > epoch);
	assert_int_equal(answers.n, 2);
	assert_int_equal(answers.last.err, 0);
	assert_int_equal(answers.last.epoch, util_epoch());
	assert_true(util_element(0, "192.0.2.1")->end >= util_now() + 3300 * CLOCK_S);
}

static void test_shortened_by_others(void **state)
{
	struct addr a = util_addr("192.0.2.1");
	struct sink_element e = { .key = a.b, .left_ms = 5000, .ours = true, .name = "a.example" };

	util_begin();
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	util_element(0, "192.0.2.1")->end = util_now() + 5 * CLOCK_S;
	fake.ev->removed(fake.ctx, fake.sets[0].set, a.b);
	fake.ev->element(fake.ctx, fake.sets[0].set, &e);
	book_run(book);
	assert_true(util_element(0, "192.0.2.1")->end >= util_now() + 600 * CLOCK_S);
}

/* By the kernel's own way of moving an element's time, which tells of the new end and nothing else. */
static void test_moved_to_an_earlier_end(void **state)
{
	struct addr a = util_addr("192.0.2.1");
	struct sink_element e = { .key = a.b, .left_ms = 5000, .name = "admin" };
	uint32_t epoch;

	util_begin();
	fake_put(&fake.sets[0], a.b, SINK_EVER, false, "admin");
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
	epoch = util_epoch();
	e.left_ms = SINK_EVER;
	fake.ev->element(fake.ctx, fake.sets[0].set, &e);
	assert_int_equal(util_epoch(), epoch);
	e.left_ms = 5000;
	util_element(0, "192.0.2.1")->end = util_now() + 5 * CLOCK_S;
	fake.ev->element(fake.ctx, fake.sets[0].set, &e);
	assert_int_equal(util_epoch(), epoch + 1);
	/* given a later end it is as good as before */
	e.left_ms = 9000;
	fake.ev->element(fake.ctx, fake.sets[0].set, &e);
	assert_int_equal(util_epoch(), epoch + 1);
}

static void test_full(void **state)
{
	util_begin();
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	fake.sets[0].full = true;
	util_ask("b.example", "192.0.2.2", 300);
	book_run(book);
	assert_int_equal(answers.last.err, -ENFILE);
	fake.adds = 0;
	for (int i = 0; i < 100; i++) {
		util_ask("c.example", "192.0.2.3", 300);
		book_run(book);
		assert_int_equal(answers.last.err, -ENFILE);
	}
	assert_int_equal(fake.adds, 0);		/* the breaker is open */
	util_ask("a.example", "192.0.2.1", 600);	/* a full set still takes renewals */
	book_run(book);
	assert_int_equal(answers.last.err, 0);
	util_pass(6 * CLOCK_MS);
	util_ask("b.example", "192.0.2.2 192.0.2.3", 300);	/* one add may try */
	book_run(book);
	assert_int_equal(fake.adds, 1);
	assert_int_equal(answers.last.err, -ENFILE);
	fake.sets[0].full = false;
	util_pass(20 * CLOCK_MS);
	util_ask("b.example", "192.0.2.2", 300);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
	util_ask("b.example", "192.0.2.3", 300);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
}

static void test_no_capability(void **state)
{
	util_begin();
	ask_many(10);
	fake.err = -EPERM;
	util_ask("b.example", "192.0.2.2", 300);
	book_run(book);
	assert_int_equal(answers.last.err, -EPERM);
	flush(0, false);
	util_pass(3 * CLOCK_S);
	assert_int_equal(fake.sets[0].n, 0);
	fake.err = 0;
	util_pass(3 * CLOCK_S);
	assert_int_equal(fake.sets[0].n, 10);	/* put back when it may again */
}

/* Each removal that somebody notices is told, and what comes and goes all the time is not. */
static void test_said(void **state)
{
	struct book_set *s;

	util_begin();
	s = (struct book_set *)fake.sets[0].set;
	for (int i = 1; i < 1000; i++) {
		flush(0, true);
		assert_int_equal(s->said, i <= 3 ? -ENOENT : 0);
		fake_come(&fake.sets[0]);
		assert_int_equal(s->said, 0);
	}
	assert_int_equal(s->says, 6);
	flush(0, true);
	util_pass(CLOCK_S);
	assert_int_equal(s->said, 0);
	util_pass(5 * CLOCK_S);
	assert_int_equal(s->said, -ENOENT);	/* but not kept for ever */
	assert_int_equal(s->says, 1);
}

/* A sink that forgets gets all leases first when it is there again. */
static void test_sink_that_forgets(void **state)
{
	struct proto_held first;

	fake_kind.reads = false;
	util_begin();
	ask_many(1500);
	flush(0, true);
	util_ask("b.example", "192.0.2.2", 300);
	book_run(book);
	assert_int_equal(answers.last.err, -ENOTCONN);
	fake.hold_acks = true;
	fake.adds = 0;
	fake.sets[0].there = fake.sets[0].set->present = true;
	fake.ev->present(fake.ctx, fake.sets[0].set);
	fake.ev->dumped(fake.ctx, fake.sets[0].set, 0);
	answers.n = 0;
	util_ask("b.example", "192.0.2.2", 300);
	for (int i = 0; i < 3; i++)
		book_run(book);
	assert_int_equal(fake.n_waiting, 1500);
	assert_int_equal(answers.n, 0);
	first = answers.last;
	fake.hold_acks = false;
	while (fake.n_waiting)
		fake_ack(0);
	for (int i = 0; i < 3; i++)
		book_run(book);
	assert_int_equal(answers.n, 1);
	assert_int_equal(answers.last.err, 0);
	assert_int_not_equal(answers.last.seq, first.seq);
	assert_int_equal(fake.sets[0].n, 1501);
}

/* How fast a flushed set is full again, and how long the longest turn is: of the book alone. */
static void test_refill_speed(void **state)
{
	uint64_t t, all, worst = 0;
	unsigned turns = 0;
	struct timespec c;

	fake.counts_only = true;
	util_begin();
	for (unsigned i = 0; i < 200000; i++) {
		char text[32];

		snprintf(text, sizeof(text), "198.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		util_ask("a.example", text, 3000);
		if (i % 1000 == 999)
			book_run(book);
	}
	book_run(book);
	fake.adds = 0;
	fake.ev->emptied(fake.ctx, fake.sets[0].set, false, "nft");
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &c);
	all = (uint64_t)c.tv_sec * CLOCK_S + (uint64_t)c.tv_nsec / 1000;
	for (t = all; fake.adds < 200000 && turns < 1000; turns++) {
		uint64_t before = t;

		book_run(book);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &c);
		t = (uint64_t)c.tv_sec * CLOCK_S + (uint64_t)c.tv_nsec / 1000;
		worst = MAX(worst, t - before);
	}
	assert_int_equal(fake.adds, 200000);
	print_message("200,000 leases put back in %u turns, %.0f ms, the longest %.2f ms\n", turns, (double)(t - all) / 1e3,
		      (double)worst / 1e3);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(t - all < 600 * CLOCK_MS);
	assert_true(worst < 10 * CLOCK_MS);
#endif
}

#define T(t) cmocka_unit_test_setup_teardown(t, util_setup, util_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_flush), T(test_flush_after_close), T(test_flush_while_it_waits), T(test_gone_and_back),
		T(test_not_there_at_first), T(test_overrun), T(test_stale_dump), T(test_lost_at_renewal),
		T(test_shortened_by_others), T(test_moved_to_an_earlier_end), T(test_full), T(test_no_capability),
		T(test_said), T(test_sink_that_forgets), T(test_refill_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
