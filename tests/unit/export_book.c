/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "book_util.h"

static void test_no_answer_before_the_ack(void **state)
{
	util_begin();
	fake.hold_acks = true;
	util_ask("a.example", "192.0.2.1 2001:db8::1", 300);
	assert_int_equal(answers.n, 0);
	book_run(book);
	assert_int_equal(fake.n_waiting, 2);
	util_pass(300 * CLOCK_MS);
	assert_int_equal(answers.n, 0);
	fake_ack(0);
	book_run(book);
	assert_int_equal(answers.n, 0);
	fake_ack(0);
	book_run(book);
	assert_int_equal(answers.n, 1);
	assert_int_equal(answers.last.err, 0);
	assert_int_equal(answers.last.seq, util_seq);
	assert_int_equal(answers.last.epoch, util_epoch());
	/* what was promised began before the ack, and what the set has is at least that and the grace */
	assert_true(answers.last.until_us >= 1300 * CLOCK_S);
	assert_true(util_element(0, "192.0.2.1")->end >= answers.last.until_us + 300 * CLOCK_S);
	assert_string_equal(util_element(0, "192.0.2.1")->name, "a.example");
	/* a whole TTL is left, 300 ms later */
	assert_true((answers.last.until_us - util_now()) / CLOCK_S >= 299);
}

static void test_failure(void **state)
{
	util_begin();
	fake.err = -EINVAL;
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, -EINVAL);
	assert_int_equal(answers.last.until_us, 0);
	/* it is not a lease, and nobody makes it one behind the answer */
	fake.err = 0;
	util_pass(20 * CLOCK_S);
	assert_null(util_element(0, "192.0.2.1"));
	assert_int_equal(book->leases, 0);
	assert_int_equal(book->openers.all.count, 0);
	/* answer: it is given all the same, but asked for again with the next */
	exports_v[0].or_answer = true;
	exports.hash++;
	util_begin();
	fake.err = -EINVAL;
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
	assert_true(answers.last.until_us == util_now() + 300 * CLOCK_S);
}

static void test_deadline(void **state)
{
	util_begin();
	fake.hold_acks = true;
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	util_pass(499 * CLOCK_MS);
	assert_int_equal(answers.n, 0);
	util_pass(2 * CLOCK_MS);
	assert_int_equal(answers.n, 1);
	assert_int_equal(answers.last.err, -ETIMEDOUT);
	/* the late ack is booked: the next one needs none */
	fake_ack(0);
	book_run(book);
	util_ask("a.example", "192.0.2.1", 290);
	book_run(book);
	assert_int_equal(answers.n, 2);
	assert_int_equal(answers.last.err, 0);
	assert_int_equal(fake.n_waiting, 0);
}

static void test_the_server_is_not_trusted(void **state)
{
	struct conf_port port = { IPPROTO_TCP, 80 };
	struct addr v[] = { util_addr("192.0.2.1") };
	struct proto_hold h = { .seq = 1, .layout = 77, .exports = 1, .ttl = 60, .name = name_root, .file = "",
		.chain = (const uint8_t *)"", .ports = &port, .n_ports = 1, .addrs = v, .n_addrs = 1 };

	util_begin();
	h.exports = 2;
	book_hold(book, &h, NULL);
	book_run(book);
	assert_int_equal(answers.last.err, -EINVAL);
	h.exports = 1;
	h.ttl = 86401;
	book_hold(book, &h, NULL);
	book_run(book);
	assert_int_equal(answers.last.err, -EINVAL);
	h.ttl = 60;
	h.layout = 78;
	book_hold(book, &h, NULL);
	book_run(book);
	assert_int_equal(answers.last.err, -ESTALE);
	h.layout = 77;
	v[0] = util_addr("10.1.2.3");		/* not opened, and no failure */
	book_hold(book, &h, NULL);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
	assert_int_equal(fake.adds, 0);
	assert_int_equal(answers.n, 4);
}

static void test_too_many(void **state)
{
	struct conf_port ports[PROTO_PORTS];
	struct addr v[300];
	struct proto_hold h = { .layout = 77, .exports = 1, .ttl = 60, .name = name_root, .file = "",
		.chain = (const uint8_t *)"", .ports = ports, .n_ports = PROTO_PORTS, .addrs = v, .n_addrs = 300 };

	exports_v[0].key = KEY_SERVICE;
	util_begin();
	for (unsigned i = 0; i < PROTO_PORTS; i++)
		ports[i] = (struct conf_port){ IPPROTO_TCP, (uint16_t)(i + 1) };
	for (unsigned i = 0; i < 300; i++)
		v[i] = addr_v4((uint8_t[]){ 198, 51, (uint8_t)(i / 256), (uint8_t)i });
	book_hold(book, &h, NULL);
	book_run(book);
	assert_int_equal(answers.last.err, -E2BIG);
	assert_int_equal(fake.adds, 0);
}

static void test_one_operation_for_many(void **state)
{
	util_begin();
	fake.hold_acks = true;
	for (int i = 0; i < 5; i++)
		util_ask("a.example", "192.0.2.1", 300);
	util_ask("b.example", "192.0.2.1", 3000);
	book_run(book);
	assert_int_equal(fake.n_waiting, 1);
	fake_ack(0);
	book_run(book);
	/* who needs it longer has it renewed, and waits for that */
	assert_int_equal(answers.n, 5);
	assert_int_equal(fake.n_waiting, 1);
	fake_ack(0);
	book_run(book);
	assert_int_equal(answers.n, 6);
	assert_int_equal(fake.adds, 1);
	assert_int_equal(fake.renews, 1);
	assert_true(util_element(0, "192.0.2.1")->end >= util_now() + 3300 * CLOCK_S);
	/* a smaller TTL of another name needs nothing, and shortens nothing (the fake would say) */
	util_ask("c.example", "192.0.2.1", 5);
	book_run(book);
	assert_int_equal(answers.n, 7);
	assert_int_equal(fake.renews, 1);
	assert_true(answers.last.until_us >= util_now() + 3000 * CLOCK_S);
}

static void test_min_time(void **state)
{
	util_begin();
	util_ask("a.example", "192.0.2.1", 5);
	book_run(book);
	assert_true(util_element(0, "192.0.2.1")->end >= util_now() + 360 * CLOCK_S);
	assert_true(util_element(0, "192.0.2.1")->end <= util_now() + 361 * CLOCK_S);
	/* as long as TTL and grace are left, it is enough */
	util_pass(50 * CLOCK_S);
	util_ask("a.example", "192.0.2.1", 5);
	book_run(book);
	assert_int_equal(fake.renews, 0);
	util_pass(10 * CLOCK_S);
	util_ask("a.example", "192.0.2.1", 5);
	book_run(book);
	assert_int_equal(fake.renews, 1);
}

static void test_of_others(void **state)
{
	struct addr ever = util_addr("192.0.2.1"), shorter = util_addr("192.0.2.2"), late = util_addr("192.0.2.3");
	unsigned epoch;

	fake.sets[0].set = &(struct sink_set){ .shape = { .family = 4 } };
	fake_put(&fake.sets[0], ever.b, SINK_EVER, false, "admin");
	fake_put(&fake.sets[0], shorter.b, util_now() + 100 * CLOCK_S, false, "admin");
	util_begin();
	assert_ptr_not_equal(fake.sets[0].set, NULL);
	fake_put(&fake.sets[0], late.b, SINK_EVER, false, "admin");	/* nobody told of it */
	util_ask("a.example", "192.0.2.1 192.0.2.2 192.0.2.3", 300);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
	assert_int_equal(fake.adds, 1);
	assert_int_equal(fake.renews, 1);
	assert_true(util_element(0, "192.0.2.1")->end == SINK_EVER);
	assert_true(util_element(0, "192.0.2.3")->end == SINK_EVER);
	assert_true(util_element(0, "192.0.2.2")->end >= util_now() + 600 * CLOCK_S);
	assert_false(util_element(0, "192.0.2.2")->ours);
	/* one that was relied on and is taken away is ours from then on */
	epoch = util_epoch();
	fake_take(&fake.sets[0], ever.b);
	fake.ev->removed(fake.ctx, fake.sets[0].set, ever.b);
	assert_int_equal(util_epoch(), epoch + 1);
	book_run(book);
	assert_true(util_element(0, "192.0.2.1")->ours);
	/* closing leaves theirs alone (the fake would say) */
	assert_int_equal(book_close(book, NULL), 1);
	book_run(book);
	assert_null(util_element(0, "192.0.2.1"));
	assert_non_null(util_element(0, "192.0.2.3"));
}

static void test_adoption(void **state)
{
	struct addr a = util_addr("192.0.2.1");

	fake.sets[0].set = &(struct sink_set){ .shape = { .family = 4 } };
	fake_put(&fake.sets[0], a.b, util_now() + 1000 * CLOCK_S, true, "old.example");
	util_begin();
	assert_int_equal(book->leases, 1);
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
	assert_int_equal(fake.adds + fake.renews, 0);
	/* it is put back for the rest of its time, not only of ours */
	fake_take(&fake.sets[0], a.b);
	fake.ev->removed(fake.ctx, fake.sets[0].set, a.b);
	book_run(book);
	assert_true(util_element(0, "192.0.2.1")->end >= util_now() + 990 * CLOCK_S);
}

static void test_found_ours_by_eexist(void **state)
{
	struct addr a = util_addr("192.0.2.1");

	fake.late_dump = true;
	util_begin();
	fake_put(&fake.sets[0], a.b, util_now() + 100 * CLOCK_S, true, "old.example");
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
	assert_int_equal(fake.gets, 1);
	assert_int_equal(fake.renews, 1);
	assert_true(util_element(0, "192.0.2.1")->end >= util_now() + 600 * CLOCK_S);
}

static bool count_each(void *ctx, const struct proto_lease *l)
{
	char text[NAME_TEXT];

	if (l->name.len)
		assert_string_equal(name_text(&l->name, text), "a.example");
	assert_string_equal(l->file, "/zones/a.ini");
	return ++*(unsigned *)ctx % 10;
}

static void test_list_and_close(void **state)
{
	uint64_t cursor = 0;
	unsigned n = 0, calls = 0;
	struct addr one = util_addr("192.0.2.3");
	unsigned epoch;

	util_begin();
	for (int i = 0; i < 25; i++) {
		char text[64];

		snprintf(text, sizeof(text), "192.0.2.%d 2001:db8::%d", i, i);
		util_ask("a.example", text, 300);
	}
	book_run(book);
	/* each() refuses every tenth, which comes again */
	while (book_list(book, NULL, &cursor, count_each, &n))
		calls++;
	assert_int_equal(n - calls, 50);
	n = 0;
	cursor = 0;
	assert_false(book_list(book, &one, &cursor, count_each, &n));
	assert_int_equal(n, 1);
	epoch = util_epoch();
	assert_int_equal(book_close(book, &one), 1);
	assert_true(util_epoch() > epoch);
	book_run(book);
	assert_null(util_element(0, "192.0.2.3"));
	assert_int_equal(book_close(book, &one), 0);
	assert_int_equal(book_close(book, NULL), 49);
	book_run(book);
	assert_int_equal(fake.sets[0].n + fake.sets[1].n, 0);
	util_pass(20 * CLOCK_S);
	assert_int_equal(book->leases, 0);
}

static void test_close_under_way(void **state)
{
	util_begin();
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	fake.hold_acks = true;
	assert_int_equal(book_close(book, NULL), 1);
	book_run(book);
	assert_int_equal(fake.n_waiting, 1);
	/* a grant that comes now waits for the delete, and adds it anew */
	util_ask("b.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.n, 1);
	fake_ack(0);
	book_run(book);
	assert_int_equal(answers.n, 1);
	fake_ack(0);
	book_run(book);
	assert_int_equal(answers.n, 2);
	assert_int_equal(answers.last.err, 0);
	assert_string_equal(util_element(0, "192.0.2.1")->name, "b.example");
}

/* What was to be taken out and was not is not forgotten. */
static void test_close_that_fails(void **state)
{
	util_begin();
	util_ask("a.example", "192.0.2.1 192.0.2.2", 300);
	book_run(book);
	fake.err = -ETIMEDOUT;
	assert_int_equal(book_close(book, NULL), 2);
	book_run(book);
	assert_non_null(util_element(0, "192.0.2.1"));
	fake.err = 0;
	/* nobody knows what became of the delete: who wants it meanwhile asks */
	fake.gets = 0;
	util_ask("b.example", "192.0.2.2", 30);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
	assert_int_equal(fake.gets, 1);
	for (int i = 0; i < 30; i++) {
		util_pass(CLOCK_S / 10);
		book_run(book);
	}
	assert_null(util_element(0, "192.0.2.1"));
	assert_non_null(util_element(0, "192.0.2.2"));
}

static void test_expiry(void **state)
{
	util_begin();
	util_ask("a.example", "192.0.2.1 192.0.2.2", 300);
	book_run(book);
	util_pass(650 * CLOCK_S);
	assert_int_equal(book->leases, 0);
	assert_int_equal(book->openers.all.count, 0);
	assert_int_equal(fake.deletes + fake.renews, 0);
}

static void test_client_keys(void **state)
{
	fake.client = true;
	util_begin();
	assert_true(page_by_client(&page, 0, 0));
	assert_int_equal(atomic_load(&page.layout), 77);
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_true(answers.last.by_client);
	assert_int_equal(answers.last.err, 0);
	util_ask("a.example", "2001:db8::1", 300);	/* the client came over IPv4 */
	book_run(book);
	assert_int_equal(answers.last.err, -EAFNOSUPPORT);
}

static void test_forgotten(void **state)
{
	util_begin();
	fake.hold_acks = true;
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	util_ask("b.example", "192.0.2.2", 300);
	book_forget(book, &answers);
	fake_ack(0);
	book_run(book);
	while (fake.n_waiting)
		fake_ack(0);
	book_run(book);
	util_pass(CLOCK_S);
	assert_int_equal(answers.n, 0);
	assert_null(book->holds);
}

#define T(t) cmocka_unit_test_setup_teardown(t, util_setup, util_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_no_answer_before_the_ack), T(test_failure), T(test_deadline),
		T(test_the_server_is_not_trusted), T(test_too_many), T(test_one_operation_for_many), T(test_min_time),
		T(test_of_others), T(test_adoption), T(test_found_ours_by_eexist), T(test_list_and_close),
		T(test_close_under_way), T(test_close_that_fails), T(test_expiry), T(test_client_keys), T(test_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
