/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snap_util.h"

#include "policy_naive.h"

#define NAMES 400

static struct arena *arena;

static int setup(void **state)
{
	arena = arena_new((size_t)64 << 20);
	return arena ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(arena);
	return 0;
}

static void expect(const struct nametab *t, const char *name, uint32_t exact, uint32_t above)
{
	struct name n = snap_name(name);

	if (nametab_find(t, &n) != exact || nametab_find_above(t, &n) != above)
		fail_msg("%s: %u and %u, expected %u and %u", name, nametab_find(t, &n), nametab_find_above(t, &n), exact,
			 above);
}

static void test_table(void **state)
{
	const uint32_t none = NAMETAB_NONE;
	struct name names[] = { snap_name("example.com"), snap_name("a.b.example.com"), snap_name("net") };
	struct name again = snap_name("example.com"), more = snap_name("org");
	struct nametab *t = nametab_new(arena, ARRAY_SIZE(names));

	assert_non_null(t);
	expect(t, "example.com", none, none);
	for (uint32_t i = 0; i < ARRAY_SIZE(names); i++)
		nametab_put(t, &names[i], i);
	expect(t, "example.com", 0, 0);
	expect(t, "b.example.com", none, 0);
	expect(t, "a.b.example.com", 1, 1);
	expect(t, "x.y.a.b.example.com", none, 1);
	expect(t, "notexample.com", none, none);
	expect(t, "com", none, none);
	expect(t, ".", none, none);
	expect(t, "net", 2, 2);
	expect(t, "example.net", none, 2);
	expect(t, "example\\.com", none, none);
	expect(t, "x.example\\003com", none, none);
	nametab_put(t, &again, 7);
	expect(t, "b.example.com", none, 7);
	/* it is full, and stays as it is */
	nametab_put(t, &more, 9);
	expect(t, "org", none, none);
	expect(t, "net", 2, 2);
}

static void test_root(void **state)
{
	struct name sub = snap_name("example.com");
	struct nametab *t = nametab_new(arena, 2), *empty = nametab_new(arena, 0);

	nametab_put(t, &name_root, 3);
	expect(t, ".", 3, 3);
	expect(t, "anything.at.all", NAMETAB_NONE, 3);
	nametab_put(t, &sub, 4);
	expect(t, "www.example.com", NAMETAB_NONE, 4);
	expect(t, "www.example.org", NAMETAB_NONE, 3);
	nametab_put(empty, &sub, 4);
	expect(empty, "example.com", NAMETAB_NONE, NAMETAB_NONE);
	expect(empty, ".", NAMETAB_NONE, NAMETAB_NONE);
}

static void test_deep(void **state)
{
	struct name deep = { .len = 255, .labels = 127 }, zone, child;
	struct nametab *t = nametab_new(arena, 2);

	for (unsigned i = 0; i < 127; i++) {
		deep.wire[2 * i] = 1;
		deep.wire[2 * i + 1] = (uint8_t)('a' + i % 26);
	}
	name_parent(&zone, &deep, 63);
	assert_int_equal(zone.labels, 64);
	name_parent(&child, &deep, 1);
	nametab_put(t, &zone, 1);
	assert_int_equal(nametab_find_above(t, &deep), 1);
	nametab_put(t, &deep, 2);
	assert_int_equal(nametab_find_above(t, &deep), 2);
	assert_int_equal(nametab_find(t, &deep), 2);
	assert_int_equal(nametab_find_above(t, &child), 1);
	assert_int_equal(nametab_find(t, &child), NAMETAB_NONE);
}

static uint32_t naive_find(const struct name *names, const uint32_t *values, size_t n, const struct name *q)
{
	for (size_t i = n; i-- > 0;)
		if (name_equal(&names[i], q))
			return values[i];
	return NAMETAB_NONE;
}

static uint32_t naive_above(const struct name *names, const uint32_t *values, size_t n, const struct name *q)
{
	struct name at;

	for (unsigned skip = 0; skip <= q->labels; skip++) {
		uint32_t v;

		name_parent(&at, q, skip);
		v = naive_find(names, values, n, &at);
		if (v != NAMETAB_NONE)
			return v;
	}
	return NAMETAB_NONE;
}

/* Small names over a small alphabet, so that many are above others; tables of every filling. */
static void test_random(void **state)
{
	static struct name names[NAMES];
	static uint32_t values[NAMES];
	struct naive_random r = { 11 };
	unsigned hits = 0;

	for (unsigned round = 0; round < 200; round++) {
		size_t n = naive_below(&r, 1 + NAMES * (round % 10) / 10);
		struct nametab *t = nametab_new(arena, n);

		assert_non_null(t);
		for (size_t i = 0; i < n; i++) {
			naive_name(&r, &names[i]);
			values[i] = naive_below(&r, 1000);
			nametab_put(t, &names[i], values[i]);
		}
		for (unsigned k = 0; k < 300; k++) {
			struct name q;
			uint32_t above;

			naive_name(&r, &q);
			above = naive_above(names, values, n, &q);
			assert_int_equal(nametab_find(t, &q), naive_find(names, values, n, &q));
			assert_int_equal(nametab_find_above(t, &q), above);
			hits += above != NAMETAB_NONE;
		}
	}
	assert_true(hits > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table), cmocka_unit_test(test_root), cmocka_unit_test(test_deep),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("policy_nametab", tests, setup, teardown);
}
