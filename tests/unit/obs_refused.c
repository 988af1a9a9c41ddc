/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snap_util.h"

#include "obs/refused.h"

static struct refused *table;

static int setup(void **state)
{
	table = refused_new();
	return table ? 0 : -1;
}

static int teardown(void **state)
{
	refused_free(table);
	return 0;
}

static void add(const char *name, const char *client, const char *link, time_t when)
{
	struct name n = snap_name(name), l = { 0 };
	struct addr a = snap_addr(client);

	if (link)
		l = snap_name(link);
	refused_add(table, &n, &a, &l, when, 1);
}

static void expect(const struct refused_entry *e, const char *name, uint64_t count, const char *client, const char *link,
		   time_t when)
{
	char buf[NAME_TEXT];

	assert_string_equal(name_text(&e->name, buf), name);
	assert_int_equal(e->count, count);
	assert_string_equal(addr_text(&e->client, buf), client);
	assert_string_equal(e->link.len ? name_text(&e->link, buf) : "-", link);
	assert_int_equal(e->time, when);
}

static void test_order(void **state)
{
	struct refused_entry *top;
	size_t n;

	top = refused_top(table, &n);
	assert_non_null(top);
	assert_int_equal(n, 0);
	free(top);
	for (unsigned i = 0; i < 5; i++)
		add("often.example.com", "10.0.0.1", NULL, 100 + i);
	add("twice.example.com", "10.0.0.1", "bad.example.org", 100);
	add("twice.example.com", "10.0.0.2", NULL, 101);
	add("old.example.com", "10.0.0.3", NULL, 90);
	add("b.example.com", "10.0.0.3", NULL, 95);
	add("a.example.com", "fd00::1", "bad.example.org", 95);
	top = refused_top(table, &n);
	assert_int_equal(n, 5);
	expect(&top[0], "often.example.com", 5, "10.0.0.1", "-", 104);
	/* client and link are those of the last time */
	expect(&top[1], "twice.example.com", 2, "10.0.0.2", "-", 101);
	/* of equals the later first, then by name */
	expect(&top[2], "a.example.com", 1, "fd00::1", "bad.example.org", 95);
	expect(&top[3], "b.example.com", 1, "10.0.0.3", "-", 95);
	expect(&top[4], "old.example.com", 1, "10.0.0.3", "-", 90);
	free(top);
}

/* A flood of names that are refused once does not wash away those that are refused often. */
static void test_bound(void **state)
{
	struct refused_entry *top;
	char text[64];
	unsigned often = 0;
	size_t n;

	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "often%u.example.com", i);
		for (unsigned k = 0; k < 3; k++)
			add(text, "10.0.0.1", NULL, 1);
	}
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(text, sizeof(text), "n%u.example.com", i);
		add(text, "10.0.0.2", NULL, 2 + i);
	}
	top = refused_top(table, &n);
	assert_int_equal(n, REFUSED_NAMES);
	for (size_t i = 0; i < n; i++) {
		often += top[i].count == 3;
		assert_true(top[i].count == 3 || top[i].count == 1);
		assert_true(!i || top[i].count <= top[i - 1].count);
	}
	assert_int_equal(often, 200);
	/* of those refused once the oldest went: what is left is of the second half */
	assert_true(top[n - 1].time > 2);
	free(top);
	add("n99999.example.com", "10.0.0.2", NULL, 200000);
	free(top = refused_top(table, &n));
	assert_int_equal(n, REFUSED_NAMES);
	refused_free(NULL);
}

/* Who comes in the place of another begins at one. */
static void test_replaced(void **state)
{
	struct refused_entry *top;
	char text[64];
	uint64_t sum = 0;
	size_t n;

	for (unsigned i = 0; i < 3 * REFUSED_NAMES; i++) {
		snprintf(text, sizeof(text), "n%u.example.com", i);
		for (unsigned k = 0; k <= i % 2; k++)
			add(text, "10.0.0.2", NULL, 1);
	}
	top = refused_top(table, &n);
	for (size_t i = 0; i < n; i++) {
		char buf[NAME_TEXT];

		assert_int_equal(top[i].count, 1 + strtoul(name_text(&top[i].name, buf) + 1, NULL, 10) % 2);
		sum += top[i].count;
	}
	assert_true(sum > n && n <= REFUSED_NAMES);
	free(top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replaced, setup, teardown),
	};

	return cmocka_run_group_tests_name("obs_refused", tests, NULL, NULL);
}
