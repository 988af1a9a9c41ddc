/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "book_util.h"

static size_t told_ports;

static bool all_known(void)
{
	for (const struct book_set *s = book->sets; s; s = s->next) {
		if (s->set.family == EXPORT_V4 && (s->know != KNOW_ALL || s->dumping || s->deaf || s->walking))
			return false;
	}
	return true;
}

static void submit_ports(struct sink *k, struct sink_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		told_ports = ops[i]->n_ports;
	fake_submit(k, ops, n);
}

static void ask_port(uint16_t port)
{
	struct conf_port p = { IPPROTO_UDP, port };
	struct addr a = util_addr("192.0.2.1");
	struct proto_hold h = { .seq = ++util_seq, .layout = 77, .exports = 1, .ttl = 300, .name = name_root, .file = "",
		.chain = (const uint8_t *)"", .ports = &p, .n_ports = 1, .addrs = &a, .n_addrs = 1 };

	book_hold(book, &h, NULL);
	book_run(book);
}

/* Who is told of ports beside an address is told of all, and of a new one before it is answered. */
static void test_ports_of_all_openers(void **state)
{
	fake_kind.reads = false;
	fake_kind.submit = submit_ports;
	util_begin();
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
	assert_int_equal(told_ports, 2);
	answers.n = 0;
	ask_port(53);
	assert_int_equal(answers.n, 1);
	assert_int_equal(answers.last.err, 0);
	assert_int_equal(fake.renews, 1);
	assert_int_equal(told_ports, 3);
	ask_port(53);				/* no news */
	util_ask("b.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.n, 3);
	assert_int_equal(fake.renews, 1);
	fake_kind.submit = fake_submit;
}

/* A flush in the middle of a dump: what the dump tells from before it is not heard. */
static void test_flush_in_a_dump(void **state)
{
	struct addr a = util_addr("192.0.2.1");
	struct sink_element e = { .key = a.b, .left_ms = 1000000, .ours = true, .name = "a.example" };

	util_begin();
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	fake.late_dump = true;
	fake.ev->overrun(fake.ctx, (struct sink *)&fake);
	fake.sets[0].n = 0;
	fake.ev->emptied(fake.ctx, fake.sets[0].set, false, "nft");
	fake.ev->element(fake.ctx, fake.sets[0].set, &e);
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.n, 2);
	assert_int_equal(answers.last.err, 0);
	assert_non_null(util_element(0, "192.0.2.1"));
	fake.ev->dumped(fake.ctx, fake.sets[0].set, 0);
	book_run(book);
	util_pass(3 * CLOCK_S);
	assert_true(all_known());
}

/* Events lost in the middle of a dump: it is run once more. */
static void test_overrun_in_a_dump(void **state)
{
	struct addr a = util_addr("192.0.2.1");
	struct sink_element e = { .key = a.b, .left_ms = 1000000, .ours = true, .name = "a.example" };

	util_begin();
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	fake.late_dump = true;
	fake.ev->overrun(fake.ctx, (struct sink *)&fake);
	fake_take(&fake.sets[0], a.b);
	fake.ev->overrun(fake.ctx, (struct sink *)&fake);
	fake.ev->element(fake.ctx, fake.sets[0].set, &e);
	fake.late_dump = false;
	fake.ev->dumped(fake.ctx, fake.sets[0].set, 0);
	fake.ev->dumped(fake.ctx, fake.sets[1].set, 0);
	book_run(book);
	book_run(book);
	assert_non_null(util_element(0, "192.0.2.1"));
	assert_true(all_known());
}

/* The set was made anew with keys of another shape: what was held says nothing there. */
static void test_another_shape(void **state)
{
	unsigned epoch;

	util_begin();
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	fake.sets[0].n = 0;
	fake.sets[0].there = fake.sets[0].set->present = false;
	fake.ev->emptied(fake.ctx, fake.sets[0].set, true, "nft");
	book_run(book);
	fake.sets[0].set->shape.port = fake.sets[0].set->shape.proto = true;
	epoch = util_epoch();
	fake_come(&fake.sets[0]);
	assert_true(util_epoch() > epoch);
	book_run(book);
	assert_int_equal(fake.sets[0].n, 0);
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
	assert_int_equal(fake.sets[0].n, 2);
}

/* While somebody else's change is under way nothing is submitted; what waited with a key that fits no more never is. */
static void test_busy(void **state)
{
	util_begin();
	fake.busy = true;
	util_ask("a.example", "192.0.2.1", 300);
	util_ask("b.example", "2001:db8::1", 300);
	util_pass(10 * CLOCK_MS);
	assert_int_equal(answers.n, 0);
	assert_int_equal(fake.adds, 0);
	fake.sets[0].set->shape.client = true;
	fake.ev->emptied(fake.ctx, fake.sets[0].set, true, "nft");
	fake_come(&fake.sets[0]);
	fake.busy = false;
	fake.ev->overrun(fake.ctx, (struct sink *)&fake);
	util_pass(10 * CLOCK_MS);
	assert_int_equal(answers.n, 2);
	assert_int_equal(fake.adds, 1);
	assert_int_equal(fake.sets[0].n, 0);
	assert_int_equal(fake.sets[1].n, 1);
	/* At the latest when its time is over somebody is answered. */
	fake.busy = true;
	util_ask("c.example", "2001:db8::2", 300);
	util_pass(600 * CLOCK_MS);
	assert_int_equal(answers.n, 3);
	assert_int_equal(answers.last.err, -ETIMEDOUT);
	fake.busy = false;
	util_pass(10 * CLOCK_MS);
	assert_int_equal(fake.sets[1].n, 2);
}

/* The same while an operation in the old shape is under way. */
static void test_another_shape_under_way(void **state)
{
	util_begin();
	fake.hold_acks = true;
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	fake.sets[0].set->shape.client = true;
	fake_come(&fake.sets[0]);
	book_run(book);
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, -ENOENT);
	assert_true(page_by_client(&page, 0, 0));
	fake.hold_acks = false;
	fake.err = -EINVAL;
	fake_ack(0);
	fake.err = 0;
	book_run(book);
	book_run(book);
	answers.n = 0;
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.n, 1);
	assert_int_equal(answers.last.err, 0);
	assert_true(answers.last.by_client);
}

#define T(t) cmocka_unit_test_setup_teardown(t, util_setup, util_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_ports_of_all_openers), T(test_flush_in_a_dump), T(test_overrun_in_a_dump), T(test_another_shape), T(test_busy),
		T(test_another_shape_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
