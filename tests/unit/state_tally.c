/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snap_util.h"

#include <malloc.h>

#include "policy_naive.h"
#include "state/tally.h"

#define CLIENTS 700

static struct naive_random random_state = { 3 };

static unsigned draw(unsigned n)
{
	return naive_below(&random_state, n);
}

static void make_client(struct addr *a, unsigned i)
{
	uint8_t b[16] = { 0 };

	bytes_put_u32(b, i / 3);
	*a = i % 3 ? addr_v6(b) : addr_v4(b);
	/* the same link-local address on two interfaces is two clients */
	if (i % 3 == 2)
		a->scope = 2;
}

/* Against counters in an array, in phases that fill and empty the table. */
static void test_random(void **state)
{
	static struct addr client[CLIENTS];
	static unsigned count[CLIENTS];
	unsigned refused = 0, total = 0, most = 0;

	for (unsigned i = 0; i < CLIENTS; i++)
		make_client(&client[i], i);
	for (unsigned round = 0; round < 20; round++) {
		struct tally *t = tally_new();
		unsigned n = 1 + draw(CLIENTS);

		assert_non_null(t);
		memset(count, 0, sizeof(count));
		total = 0;
		for (unsigned step = 0; step < 20000; step++) {
			unsigned i = draw(n), limit = draw(2) ? 0 : 1 + draw(5);

			if (draw(100) < (step / 2000 % 2 ? 30u : 70u)) {
				bool ok = tally_take(t, &client[i], limit);

				assert_int_equal(ok, !limit || count[i] < limit);
				count[i] += ok;
				total += ok;
				refused += !ok;
			} else {
				tally_give(t, &client[i]);
				total -= count[i] > 0;
				count[i] -= count[i] > 0;
			}
			most = MAX(most, total);
		}
		/* what each holds: one more than that is refused, and none fewer */
		for (unsigned i = 0; i < CLIENTS; i++) {
			if (!count[i])
				continue;
			assert_false(tally_take(t, &client[i], count[i]));
			assert_true(tally_take(t, &client[i], count[i] + 1));
		}
		tally_free(t);
	}
	assert_true(refused > 1000 && most > CLIENTS);
}

static void test_limits(void **state)
{
	struct addr a = snap_addr("10.0.0.1"), b = snap_addr("::ffff:10.0.0.1"), c = snap_addr("fe80::1"), d = c;
	struct tally *t = tally_new();

	d.scope = 9;
	tally_give(t, &a);
	assert_true(tally_take(t, &a, 1));
	assert_false(tally_take(t, &a, 1));
	assert_true(tally_take(t, &b, 1));
	assert_true(tally_take(t, &c, 1));
	assert_true(tally_take(t, &d, 1));
	assert_false(tally_take(t, &d, 1));
	tally_give(t, &a);
	tally_give(t, &a);
	assert_true(tally_take(t, &a, 2));
	assert_true(tally_take(t, &a, 2));
	assert_false(tally_take(t, &a, 2));
	for (unsigned i = 0; i < 100000; i++)
		assert_true(tally_take(t, &b, 0));
	tally_free(t);
	tally_free(NULL);
}

/* Many that come and go one by one leave nothing behind, neither in the table nor of its size. */
static void test_passing(void **state)
{
	struct tally *t = tally_new();
	struct mallinfo2 before = mallinfo2(), after;
	struct addr a;

	for (unsigned i = 0; i < 300000; i++) {
		make_client(&a, i);
		assert_true(tally_take(t, &a, 1));
		assert_false(tally_take(t, &a, 1));
		tally_give(t, &a);
	}
	after = mallinfo2();
	assert_int_equal(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd);
	for (unsigned i = 0; i < 3000; i++) {
		make_client(&a, i);
		assert_true(tally_take(t, &a, 1));
	}
	for (unsigned i = 0; i < 3000; i++) {
		make_client(&a, i);
		assert_false(tally_take(t, &a, 1));
		tally_give(t, &a);
		assert_true(tally_take(t, &a, 1));
		tally_give(t, &a);
	}
	tally_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random), cmocka_unit_test(test_limits), cmocka_unit_test(test_passing),
	};

	return cmocka_run_group_tests_name("state_tally", tests, NULL, NULL);
}
