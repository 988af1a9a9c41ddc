/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "book_util.h"

static struct exports later;
static struct conf_export later_v[4];
static struct conf later_conf;

static void prepare_later(size_t n)
{
	later_conf = conf;
	later = (struct exports){ later_v, n, 88 };
	assert_int_equal(book_prepare(book, &later_conf, &later, guard, diags), 0);
}

static struct fake_set *fake_named(const char *name)
{
	for (size_t i = 0; i < FAKE_SETS; i++) {
		if (fake.sets[i].set && strstr(fake.sets[i].set->what, name))
			return &fake.sets[i];
	}
	return NULL;
}

static void test_shared_sets(void **state)
{
	unsigned epoch;

	util_begin();
	util_ask("a.example", "192.0.2.1 2001:db8::1", 300);
	book_run(book);
	/* the new one has the IPv4 set in another place, and another grace; and no IPv6 set */
	later_v[0] = util_export("two", "new", "", KEY_ADDRESS);
	later_v[1] = util_export("one", "four", "", KEY_ADDRESS);
	later_v[1].grace = 10;
	prepare_later(2);
	assert_null(book_layout_gone(book));
	epoch = util_epoch();
	book_commit(book);
	assert_true(util_epoch() > epoch);
	assert_int_equal(atomic_load(&page.layout), 88);
	book_run(book);
	assert_int_equal(fake_named("four")->n, 1);
	assert_int_equal(fake_named("six")->n, 0);	/* emptied of ours */
	/* a query that began before still gets what it had */
	answers.n = 0;
	util_ask("a.example", "2001:db8::1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
	util_pass(80 * CLOCK_S);
	assert_null(fake_named("six"));
	assert_ptr_equal(book_layout_gone(book), &conf);
	assert_null(book_layout_gone(book));
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, -ESTALE);
	assert_int_equal(fake_named("four")->n, 1);
}

static void test_abort_and_errors(void **state)
{
	util_begin();
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	later_v[0] = util_export("two", "new", "six", KEY_ADDRESS);
	prepare_later(1);
	assert_non_null(fake_named("new"));
	/* one that waits in the configuration that goes is answered */
	util_layout = 88;
	fake.hold_acks = true;
	util_ask("b.example", "192.0.2.9", 300);
	book_run(book);
	util_layout = 0;
	answers.n = 0;
	book_abort(book);
	assert_int_equal(answers.n, 1);
	assert_int_equal(answers.last.err, -ESTALE);
	assert_null(fake_named("new"));
	assert_ptr_equal(book_layout_gone(book), &later_conf);
	later_v[0].set[0].name = "wrong";
	later = (struct exports){ later_v, 1, 88 };
	assert_int_equal(book_prepare(book, &later_conf, &later, guard, diags), -EINVAL);
	assert_int_equal(diag_errors(diags), 1);
	assert_ptr_equal(book_layout_gone(book), &later_conf);
	assert_int_equal(fake_named("four")->n, 1);
	fake.hold_acks = false;
	fake.n_waiting = 0;
}

/* What worked before and is wrong now closes itself, and nothing else. */
static void test_forgiven(void **state)
{
	exports_v[0].set[0].name = "wrong";
	book_forgive(book);
	util_begin();
	assert_int_equal(diag_errors(diags), 0);
	assert_int_equal(diag_warnings(diags), 1);
	util_ask("a.example", "2001:db8::1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, -EINVAL);
	util_pass(3 * CLOCK_S);
	assert_true(fake.probes > 3);
	fake_come(fake_named("wrong"));
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(answers.last.err, 0);
	/* once */
	later_v[0] = util_export("two", "wrong", "six", KEY_ADDRESS);
	later_v[0].set[0].table = "other";
	later = (struct exports){ later_v, 1, 88 };
	assert_int_equal(book_prepare(book, &later_conf, &later, guard, diags), -EINVAL);
}

static struct proto_verdict verdict_of(const struct proto_review *r, bool ok, uint16_t port)
{
	struct proto_verdict v = { .id = r->id, .ok = ok, .exports = 1, .ports = { { IPPROTO_TCP, port } }, .n_ports = 1 };

	return v;
}

static void review(const char *denied, uint16_t port, unsigned expected)
{
	struct proto_review r;
	char text[NAME_TEXT];
	unsigned n = 0;

	book_review_start(book);
	while (book_review_next(book, &r)) {
		struct proto_verdict v = verdict_of(&r, strcmp(name_text(&r.name, text), denied), port);

		assert_int_equal(r.profile, 5);
		book_review_verdict(book, &v);
		n++;
	}
	assert_int_equal(n, expected);
}

static void test_review(void **state)
{
	unsigned epoch;

	util_begin();
	util_ask("a.example", "192.0.2.1 192.0.2.2", 300);
	util_ask("b.example", "192.0.2.2 192.0.2.3", 300);
	book_run(book);
	review("a.example", 443, 2);
	epoch = util_epoch();
	/* what another still holds stays */
	assert_int_equal(book_review_end(book), 1);
	assert_true(util_epoch() > epoch);
	book_run(book);
	assert_null(util_element(0, "192.0.2.1"));
	assert_non_null(util_element(0, "192.0.2.2"));
	assert_non_null(util_element(0, "192.0.2.3"));
	/* an opener whose own time is over holds nothing */
	util_ask("a.example", "192.0.2.3", 3000);
	book_run(book);
	util_pass(700 * CLOCK_S);
	review("a.example", 443, 2);
	assert_int_equal(book_review_end(book), 1);
	book_run(book);
	assert_null(util_element(0, "192.0.2.3"));
}

static void test_review_of_ports(void **state)
{
	struct shape_fields f = { 0 };

	exports_v[0].key = KEY_SERVICE;
	util_begin();
	util_ask("a.example", "192.0.2.1", 300);
	book_run(book);
	assert_int_equal(fake.sets[0].n, 2);
	review("", 443, 1);
	assert_int_equal(book_review_end(book), 1);
	book_run(book);
	assert_int_equal(fake.sets[0].n, 1);
	shape_fields(&fake.sets[0].set->shape, fake.sets[0].v[0].key, &f);
	assert_int_equal(f.port, 443);
}

/* A comment has no room for all of a long name: what it has is another one, which nobody could judge. */
static void test_review_of_a_name_cut_short(void **state)
{
	struct addr cut = util_addr("192.0.2.1"), whole = util_addr("192.0.2.2");
	struct proto_review r;
	char comment[128];

	memset(comment, 'a', sizeof(comment));
	comment[63] = '.';
	comment[127] = '\0';
	fake.sets[0].set = &(struct sink_set){ .shape = { .family = 4 } };
	fake_put(&fake.sets[0], cut.b, util_now() + 1000 * CLOCK_S, true, comment);
	fake_put(&fake.sets[0], whole.b, util_now() + 1000 * CLOCK_S, true, "b.example");
	util_begin();
	book_review_start(book);
	assert_true(book_review_next(book, &r));
	assert_int_equal(r.name.len, sizeof("b.example") + 1);
	book_review_verdict(book, &(struct proto_verdict){ .id = r.id });
	assert_false(book_review_next(book, &r));
	assert_int_equal(book_review_end(book), 1);
	book_run(book);
	assert_non_null(util_element(0, "192.0.2.1"));
	assert_null(util_element(0, "192.0.2.2"));
}

static void test_follow(void **state)
{
	struct addr client = util_addr("10.0.0.9"), a = util_addr("192.0.2.1"), other = util_addr("192.0.2.2");
	uint64_t end;

	exports_v[0].follow_max = 1000;
	util_begin();
	util_ask("a.example", "192.0.2.1", 60);
	book_run(book);
	assert_false(book_follows(book));
	exports_v[0].follow = true;
	assert_true(book_follows(book));
	assert_int_equal(book_follow_window_us(book), 30 * CLOCK_S);
	end = util_element(0, "192.0.2.1")->end;
	book_flow(book, &client, &a, 6, 443);		/* not near its end yet */
	book_flow(book, &client, &other, 6, 443);	/* no lease */
	book_run(book);
	assert_int_equal(fake.renews, 0);
	util_pass(340 * CLOCK_S);
	/* it goes on while the flow is told of, but not for ever */
	for (int i = 0; i < 60; i++) {
		book_flow(book, &client, &a, 6, 443);
		util_pass(30 * CLOCK_S);
		if (util_element(0, "192.0.2.1"))
			assert_true(util_element(0, "192.0.2.1")->end <= end + 1001 * CLOCK_S);
		if (i < 30)
			assert_non_null(util_element(0, "192.0.2.1"));
	}
	assert_null(util_element(0, "192.0.2.1"));
	assert_true(fake.renews > 10);
	assert_int_equal(book->leases, 0);
	assert_false(book_follows(book));
}

static unsigned rows;

static void count_set(void *ctx, const struct proto_set *s)
{
	struct proto_set *sum = ctx;

	assert_string_equal(s->kind, "fake");
	assert_int_equal(s->six, rows++ % 2);
	assert_string_equal(s->set, s->six ? "inet fake six" : "inet fake four");
	sum->leases += s->leases;
	sum->foreign += s->foreign;
	sum->added += s->added;
	sum->lost += s->lost;
	sum->refilled += s->refilled;
	sum->present = s->present;
	sum->breaker = MAX(sum->breaker, s->breaker);
	sum->err = s->err ? s->err : sum->err;
}

static void test_status(void **state)
{
	struct proto_set sum = { 0 };
	struct addr a = util_addr("192.0.2.3");

	util_begin();
	fake_put(&fake.sets[0], a.b, SINK_EVER, false, "admin");
	util_ask("a.example", "192.0.2.1 192.0.2.2 192.0.2.3", 300);
	book_run(book);
	a = util_addr("192.0.2.1");
	fake_take(&fake.sets[0], a.b);
	fake.ev->removed(fake.ctx, fake.sets[0].set, a.b);
	book_run(book);
	fake.err = -EPERM;
	util_ask("a.example", "192.0.2.7", 300);
	book_run(book);
	book_sets(book, count_set, &sum);
	assert_int_equal(rows, 2);
	assert_int_equal(sum.leases, 2);
	assert_int_equal(sum.foreign, 1);
	assert_int_equal(sum.added, 3);
	assert_int_equal(sum.lost, 1);
	assert_int_equal(sum.refilled, 1);
	assert_int_equal(sum.breaker, 1);
	assert_int_equal(sum.err, -EPERM);
}

#define T(t) cmocka_unit_test_setup_teardown(t, util_setup, util_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_shared_sets), T(test_abort_and_errors), T(test_forgiven), T(test_review), T(test_review_of_ports),
		T(test_review_of_a_name_cut_short), T(test_follow),
		T(test_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
