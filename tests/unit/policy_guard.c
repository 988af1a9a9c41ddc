/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "snap_util.h"

static struct arena *arena;
static const struct guard *guard;

static int setup(void **state)
{
	static const struct conf_prefixes none;

	arena = arena_new(1 << 20);
	guard = arena ? guard_build(arena, &none) : NULL;
	return guard ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(arena);
	return 0;
}

static void expect(const struct guard *g, const char *text, bool private)
{
	struct addr a = snap_addr(text);

	if (guard_private(g, &a) != private)
		fail_msg("%s should be %s", text, private ? "private" : "public");
}

/* The first and last address of each range of SPEC 5, and the neighbours that are not in it (or in the next one). */
static const struct { const char *first, *last, *before, *after; } ranges4[] = {
	{ "0.0.0.0", "0.255.255.255", NULL, "1.0.0.0" },
	{ "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0" },
	{ "100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0" },
	{ "127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0" },
	{ "169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0" },
	{ "172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0" },
	{ "192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0" },
	{ "192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0" },
	{ "198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0" },
	{ "224.0.0.0", "239.255.255.255", "223.255.255.255", NULL },
	{ "240.0.0.0", "255.255.255.255", NULL, NULL },
}, ranges6[] = {
	{ "::", "::1", NULL, "::100:0" },
	{ "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::" },
	{ "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL },
	{ "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL },
	{ "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, NULL },
};

static void test_ranges(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(ranges4) + ARRAY_SIZE(ranges6); i++) {
		const size_t four = ARRAY_SIZE(ranges4);
		const char *const edge[] = {
			i < four ? ranges4[i].first : ranges6[i - four].first,
			i < four ? ranges4[i].last : ranges6[i - four].last,
			i < four ? ranges4[i].before : ranges6[i - four].before,
			i < four ? ranges4[i].after : ranges6[i - four].after,
		};

		for (size_t k = 0; k < ARRAY_SIZE(edge); k++)
			if (edge[k])
				expect(guard, edge[k], k < 2);
	}
}

static void test_public(void **state)
{
	static const char *const public[] = {
		"8.8.8.8", "192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "2606:4700::1111", "2000::", "1.1.1.1",
		"2001:1::a00:1", "64:ff9b:2::a00:1", "64:ff9a::a00:1", "2003:a00:1::", "100::a00:1", "::1:a00:1:0:0",
		"::fffe:10.0.0.1", "::1:ffff:10.0.0.1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(public); i++)
		expect(guard, public[i], false);
}

/* Puts v4 into the place that each form has for it. */
static void carried(const struct guard *g, const char *text, bool private)
{
	static const struct { const char *prefix; unsigned at; bool inverted; } forms[] = {
		{ "::ffff:0:0", 12, false }, { "::", 12, false }, { "64:ff9b::", 12, false },
		{ "64:ff9b:1::", 12, false }, { "64:ff9b:1:abcd:1:2::", 12, false }, { "2002::", 2, false },
		{ "2002:0:0:ffff::1", 2, false }, { "2001::ffff:ffff", 4, false }, { "2001:0:808:808::", 12, true },
	};
	struct addr v4 = snap_addr(text);
	char buf[ADDR_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct addr a = snap_addr(forms[i].prefix);

		/* the other half of Teredo is the client's, inverted: here a public one */
		if (forms[i].at == 4)
			memcpy(a.b + 12, "\xf7\xf7\xf7\xf7", 4);
		for (unsigned k = 0; k < 4; k++)
			a.b[forms[i].at + k] = forms[i].inverted ? (uint8_t)~v4.b[k] : v4.b[k];
		if (guard_private(g, &a) != private)
			fail_msg("%s, which carries %s, should be %s", addr_text(&a, buf), text,
				 private ? "private" : "public");
	}
}

static void test_carried(void **state)
{
	static const char *const public[] = {
		"8.8.8.8", "1.0.0.0", "9.255.255.255", "11.0.0.0", "172.32.0.0", "192.0.2.1", "223.255.255.255",
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges4); i++) {
		/* ::0.0.0.0 and ::0.0.0.1 are private as what they are; the rest of 0/8 as what it carries */
		carried(guard, ranges4[i].first, true);
		carried(guard, ranges4[i].last, true);
	}
	for (size_t i = 0; i < ARRAY_SIZE(public); i++)
		carried(guard, public[i], false);
}

static void test_more(void **state)
{
	static const char *const text[] = { "203.0.113.0/24", "2001:db8::/32", "2606:4700::1111", "2002:808:808::/48" };
	struct conf_prefix v[ARRAY_SIZE(text)] = { 0 };
	struct conf_prefixes more = { v, ARRAY_SIZE(text), 1 };
	const struct guard *g;

	for (size_t i = 0; i < ARRAY_SIZE(text); i++)
		assert_int_equal(prefix_parse(&v[i].prefix, text[i], strlen(text[i])), 0);
	g = guard_build(arena, &more);
	assert_non_null(g);
	carried(g, "203.0.113.7", true);
	carried(g, "10.0.0.1", true);
	expect(g, "203.0.113.7", true);
	expect(g, "203.0.112.255", false);
	expect(g, "203.0.114.0", false);
	expect(g, "2001:db8:1::1", true);
	expect(g, "2001:db7:ffff::", false);
	expect(g, "2606:4700::1111", true);
	expect(g, "2606:4700::1112", false);
	expect(g, "2002:808:808::1", true);
	expect(g, "2002:808:809::1", false);
	expect(g, "192.168.1.1", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges), cmocka_unit_test(test_public), cmocka_unit_test(test_carried),
		cmocka_unit_test(test_more),
	};

	return cmocka_run_group_tests_name("policy_guard", tests, setup, teardown);
}
