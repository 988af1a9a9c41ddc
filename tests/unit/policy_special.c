/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reply_text.h"

static struct arena *arena;
static const struct specials *specials;

static int setup(void **state)
{
	arena = arena_new(1 << 20);
	specials = arena ? special_build(arena) : NULL;
	return specials ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(arena);
	return 0;
}

/* zone NULL: not special. */
static void expect_zone(const char *name, const char *zone)
{
	struct name n = snap_name(name);
	const struct special *s = special_find(specials, &n);
	char buf[NAME_TEXT];

	if (!zone != !s || (s && strcmp(name_text(&s->zone, buf), zone)))
		fail_msg("%s: in %s, expected %s", name, s ? buf : "none", zone ? zone : "none");
}

#define NIBBLES "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa"

static void test_find(void **state)
{
	static const struct { const char *name, *zone; } table[] = {
		{ "localhost", "localhost" }, { "a.b.localhost", "localhost" }, { "localhost.com", NULL },
		{ "notlocalhost", NULL }, { "test", "test" }, { "www.test", "test" }, { "x.invalid", "invalid" },
		{ "x.onion", "onion" }, { "printer.local", "local" }, { "home.arpa", "home.arpa" },
		{ "nas.home.arpa", "home.arpa" }, { "arpa", NULL }, { "in-addr.arpa", NULL }, { ".", NULL },
		{ "_dns.resolver.arpa", "resolver.arpa" }, { "resolver.arpa", "resolver.arpa" },
		{ "ipv4only.arpa", "ipv4only.arpa" }, { "x.ipv4only.arpa", NULL },
		{ "5.0.168.192.in-addr.arpa", "168.192.in-addr.arpa" }, { "168.192.in-addr.arpa", "168.192.in-addr.arpa" },
		{ "167.192.in-addr.arpa", NULL }, { "1.2.3.10.in-addr.arpa", "10.in-addr.arpa" },
		{ "1.0.0.127.in-addr.arpa", "1.0.0.127.in-addr.arpa" }, { "2.0.0.127.in-addr.arpa", "127.in-addr.arpa" },
		{ "x.1.0.0.127.in-addr.arpa", "127.in-addr.arpa" },
		{ "170.0.0.192.in-addr.arpa", "170.0.0.192.in-addr.arpa" },
		{ "171.0.0.192.in-addr.arpa", "171.0.0.192.in-addr.arpa" },
		{ "172.0.0.192.in-addr.arpa", "0.0.192.in-addr.arpa" }, { "1.0.192.in-addr.arpa", NULL },
		{ "15.172.in-addr.arpa", NULL }, { "16.172.in-addr.arpa", "16.172.in-addr.arpa" },
		{ "1.1.31.172.in-addr.arpa", "31.172.in-addr.arpa" }, { "32.172.in-addr.arpa", NULL },
		{ "63.100.in-addr.arpa", NULL }, { "64.100.in-addr.arpa", "64.100.in-addr.arpa" },
		{ "9.127.100.in-addr.arpa", "127.100.in-addr.arpa" }, { "128.100.in-addr.arpa", NULL },
		{ "1.254.169.in-addr.arpa", "254.169.in-addr.arpa" }, { "1.0.in-addr.arpa", "0.in-addr.arpa" },
		{ "19.198.in-addr.arpa", "19.198.in-addr.arpa" }, { "20.198.in-addr.arpa", NULL },
		{ "255.255.255.255.in-addr.arpa", "255.255.255.255.in-addr.arpa" }, { "254.255.255.255.in-addr.arpa", NULL },
		{ "0." NIBBLES, "0." NIBBLES }, { "1." NIBBLES, "1." NIBBLES }, { "2." NIBBLES, NULL },
		{ "a.d.f.ip6.arpa", "d.f.ip6.arpa" }, { "c.f.ip6.arpa", "c.f.ip6.arpa" }, { "f.ip6.arpa", NULL },
		{ "e.f.ip6.arpa", NULL }, { "7.e.f.ip6.arpa", NULL }, { "0.8.e.f.ip6.arpa", "8.e.f.ip6.arpa" },
		{ "b.e.f.ip6.arpa", "b.e.f.ip6.arpa" }, { "c.e.f.ip6.arpa", NULL },
		{ "1.8.b.d.0.1.0.0.2.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa" },
		{ "use-application-dns.net", NULL }, { "mask.icloud.com", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		expect_zone(table[i].name, table[i].zone);
}

static void test_canary(void **state)
{
	static const struct { const char *name; bool canary; } table[] = {
		{ "use-application-dns.net", true }, { "mask.icloud.com", true }, { "mask-h2.icloud.com", true },
		{ "x.mask.icloud.com", false }, { "icloud.com", false }, { "localhost", false }, { ".", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct name n = snap_name(table[i].name);

		assert_int_equal(special_canary(specials, &n) != NULL, table[i].canary);
	}
}

static void answer(const char *name, uint16_t type, size_t limit, const char *want)
{
	uint8_t msg[WIRE_QUERY_MAX], out[WIRE_MAX];
	struct name n = snap_name(name);
	const struct special *s = special_find(specials, &n);
	struct wire_query q;

	if (!s)
		s = special_canary(specials, &n);
	assert_non_null(s);
	snap_question(&q, msg, name, type, false);
	reply_expect(out, special_answer(s, &q, 60, out, sizeof(out), limit), want);
}

#define SOA(zone) "ns " zone " 60 IN SOA " zone " nobody.invalid. 1 3600 1200 604800 60\n"

static void test_answer(void **state)
{
	answer("a.localhost", TYPE_A, 512, "NOERROR\na.localhost. 60 IN A 127.0.0.1\n");
	answer("localhost", TYPE_AAAA, 512, "NOERROR\nlocalhost. 60 IN AAAA ::1\n");
	answer("localhost", TYPE_MX, 512, "NOERROR\n" SOA("localhost."));
	answer("www.test", TYPE_A, 512, "NXDOMAIN\n" SOA("test."));
	answer("test", TYPE_A, 512, "NOERROR\n" SOA("test."));
	answer("1.0.168.192.in-addr.arpa", TYPE_PTR, 512, "NXDOMAIN\n" SOA("168.192.in-addr.arpa."));
	answer("_dns.resolver.arpa", TYPE_SVCB, 512, "NOERROR\n" SOA("resolver.arpa."));
	answer("mask.icloud.com", TYPE_AAAA, 512, "NXDOMAIN\n" SOA("mask.icloud.com."));
	answer("1.0.0.127.in-addr.arpa", TYPE_PTR, 512,
	       "NOERROR\n1.0.0.127.in-addr.arpa. 60 IN PTR localhost.\n");
	answer("1.0.0.127.in-addr.arpa", TYPE_A, 512, "NOERROR\n" SOA("1.0.0.127.in-addr.arpa."));
	answer("1." NIBBLES, TYPE_PTR, 512, "NOERROR\n1." NIBBLES ". 60 IN PTR localhost.\n");
	answer("170.0.0.192.in-addr.arpa", TYPE_PTR, 512,
	       "NOERROR\n170.0.0.192.in-addr.arpa. 60 IN PTR ipv4only.arpa.\n");
	answer("ipv4only.arpa", TYPE_A, 512,
	       "NOERROR\nipv4only.arpa. 60 IN A 192.0.0.170\nipv4only.arpa. 60 IN A 192.0.0.171\n");
	answer("ipv4only.arpa", TYPE_AAAA, 512, "NOERROR\n" SOA("ipv4only.arpa."));
	answer("ipv4only.arpa", TYPE_A, 62, "NOERROR TC\n");
	answer("ipv4only.arpa", TYPE_A, 63,
	       "NOERROR\nipv4only.arpa. 60 IN A 192.0.0.170\nipv4only.arpa. 60 IN A 192.0.0.171\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find), cmocka_unit_test(test_canary), cmocka_unit_test(test_answer),
	};

	return cmocka_run_group_tests_name("policy_special", tests, setup, teardown);
}
