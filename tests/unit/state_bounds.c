/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snap_util.h"

#include <malloc.h>

#include "policy_naive.h"
#include "state/bounds.h"

#define KEYS 400

static struct naive_random random_state = { 5 };

static unsigned draw(unsigned n)
{
	return naive_below(&random_state, n);
}

/* Neighbours differ in one part only. */
static struct bounds_key make_key(unsigned i)
{
	uint8_t b[16] = { 0 };
	struct bounds_key k = { .answer = 1 + (i & 1), .ports = i >> 1 & 1 };

	bytes_put_u32(b, i >> 4);
	k.client = i >> 2 & 1 ? addr_v6(b) : addr_v4(b);
	/* the same link-local address on two interfaces is two clients */
	k.client.scope = k.client.len == 16 ? i >> 3 & 1 : 0;
	return k;
}

/* The number of the first key that is the same: IPv4 has no scope. */
static unsigned same_as(unsigned i)
{
	return i >> 2 & 1 ? i : i & ~8u;
}

/* Against an array: it may forget, but gives nothing that was not put last. */
static void test_random(void **state)
{
	static struct { uint64_t until; uint32_t epoch; } model[KEYS];
	struct bounds *b = bounds_new(256);
	unsigned found = 0, forgotten = 0, other_epoch = 0;

	assert_non_null(b);
	for (unsigned round = 0; round < 50000; round++) {
		unsigned i = same_as(draw(KEYS)), epoch = 1 + round / 20000;
		struct bounds_key k = make_key(i);
		uint64_t now = round, got;

		if (draw(3) == 0) {
			model[i].until = now + 1 + draw(2000);
			model[i].epoch = epoch;
			bounds_put(b, &k, epoch, model[i].until, now);
			/* what was just put stays */
			assert_int_equal(bounds_find(b, &k, epoch), model[i].until);
			continue;
		}
		got = bounds_find(b, &k, epoch);
		if (model[i].epoch != epoch) {
			assert_int_equal(got, 0);
			other_epoch += model[i].epoch > 0;
			continue;
		}
		assert_true(got == 0 || got == model[i].until);
		found += got > 0;
		forgotten += got == 0;
	}
	assert_true(found > 5000 && forgotten > 500 && other_epoch > 50);
	bounds_free(b);
}

/* What is over, or of an epoch that is over, gives way before what is not; then what ends first. */
static void test_gives_way(void **state)
{
	struct bounds *b = bounds_new(8);
	struct bounds_key k[10];

	assert_non_null(b);
	for (unsigned i = 0; i < 10; i++)
		k[i] = (struct bounds_key){ .answer = i + 1, .client = addr_v4((uint8_t[]){ 10, 0, 0, 1 }) };
	/* all of one row */
	for (unsigned i = 0; i < 8; i++)
		bounds_put(b, &k[i], 2, 1000 - i * 10, 0);
	bounds_put(b, &k[5], 2, 500, 0);
	assert_int_equal(bounds_find(b, &k[5], 2), 500);
	bounds_put(b, &k[8], 2, 2000, 0);
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(bounds_find(b, &k[i], 2) > 0, i != 5);
	/* time goes on: one that is over goes */
	bounds_put(b, &k[5], 2, 3000, 935);
	assert_int_equal(bounds_find(b, &k[7], 2), 0);
	assert_int_equal(bounds_find(b, &k[5], 2), 3000);
	/* another epoch: what is of the old one goes first, however long it would have been good for */
	bounds_put(b, &k[9], 3, 940, 936);
	for (unsigned i = 0; i < 7; i++)
		bounds_put(b, &k[i], 3, 5000, 936);
	assert_int_equal(bounds_find(b, &k[9], 3), 940);
	assert_int_equal(bounds_find(b, &k[9], 2), 0);
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(bounds_find(b, &k[i], 2), 0);
	bounds_free(b);
	bounds_free(NULL);
}

/* Of a million clients it keeps what it has room for, and takes no memory beyond it. */
static void test_bounded(void **state)
{
	struct bounds *b = bounds_new(65536);
	struct mallinfo2 before = mallinfo2();
	unsigned kept = 0;

	assert_non_null(b);
	for (unsigned i = 0; i < 1000000; i++) {
		uint8_t v4[4];

		bytes_put_u32(v4, i);
		bounds_put(b, &(struct bounds_key){ 1, 1, addr_v4(v4) }, 1, 1000, 0);
	}
	assert_int_equal(mallinfo2().uordblks, before.uordblks);
	for (unsigned i = 0; i < 1000000; i++) {
		uint8_t v4[4];

		bytes_put_u32(v4, i);
		kept += bounds_find(b, &(struct bounds_key){ 1, 1, addr_v4(v4) }, 1) > 0;
	}
	assert_true(kept > 60000 && kept <= 65536);
	bounds_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random), cmocka_unit_test(test_gives_way), cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests_name("state_bounds", tests, NULL, NULL);
}
