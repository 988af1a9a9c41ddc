/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "chain_util.h"

/* Through the walk that uses it. */

static void test_services(void **state)
{
#define H(data) "svc.ex.com. 60 IN HTTPS " data "\n"
#define S(data) "svc.ex.com. 60 IN SRV " data "\n"
#define SAME(profile, type, rr) { profile, "svc.ex.com", type, rr, "pass 60\nNOERROR\n" rr }
#define GONE(profile, type, rr) { profile, "svc.ex.com", type, rr, "pass negative filtered 1000\nNOERROR\n" }
#define CUT(profile, rr, left) { profile, "svc.ex.com", TYPE_HTTPS, rr, "pass 60\nNOERROR\n" left }
	static const struct example table[] = {
		SAME("default", TYPE_HTTPS, H("1 . alpn=h2")),
		SAME("default", TYPE_HTTPS, H("1 svc.ex.com. alpn=h2")),
		SAME("default", TYPE_HTTPS, H("1 x.edge.net. port=8443 ipv4hint=192.0.2.1")),
		SAME("default", TYPE_HTTPS, H("0 x.edge.net.")),
		SAME("default", TYPE_HTTPS, H("0 .")),
		GONE("default", TYPE_HTTPS, H("1 evil.org.")),
		GONE("default", TYPE_HTTPS, H("0 evil.org.")),
		SAME("trusting", TYPE_HTTPS, H("1 evil.org.")),
		GONE("default", TYPE_HTTPS, H("1 . port=80")),
		GONE("trusting", TYPE_HTTPS, H("1 . port=80")),
		{ "default", "svc.ex.com", TYPE_HTTPS, H("1 . alpn=h2") H("2 evil.org. alpn=h2"),
		  "pass filtered 60\nNOERROR\n" H("1 . alpn=h2") },
		CUT("default", H("1 . alpn=h2 ipv4hint=10.0.0.1,192.0.2.1"), H("1 . alpn=h2 ipv4hint=192.0.2.1")),
		CUT("default", H("1 . alpn=h2 ipv4hint=10.0.0.1 ipv6hint=2001:db8::1"), H("1 . alpn=h2 ipv6hint=2001:db8::1")),
		CUT("four", H("1 . alpn=h2 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1"), H("1 . alpn=h2 ipv4hint=192.0.2.1")),
		GONE("default", TYPE_HTTPS, H("1 . mandatory=ipv4hint ipv4hint=10.0.0.1")),
		CUT("default", H("1 . mandatory=ipv4hint ipv4hint=10.0.0.1,192.0.2.1"),
		    H("1 . mandatory=ipv4hint ipv4hint=192.0.2.1")),
		/* parameters of an alias mean nothing, and yet must not carry private addresses out */
		CUT("default", H("0 x.edge.net. ipv4hint=10.0.0.1"), H("0 x.edge.net.")),
		SAME("default", TYPE_SRV, S("1 2 443 x.edge.net.")),
		SAME("default", TYPE_SRV, S("1 2 8443 svc.ex.com.")),
		SAME("default", TYPE_SRV, S("1 2 80 .")),
		GONE("default", TYPE_SRV, S("1 2 80 x.edge.net.")),
		GONE("default", TYPE_SRV, S("1 2 443 evil.org.")),
		{ "default", "a.corp.test", TYPE_SRV, "a.corp.test. 60 IN SRV 1 2 389 b.corp.test.\n",
		  "pass 60\nNOERROR\na.corp.test. 60 IN SRV 1 2 389 b.corp.test.\n" },
		{ "default", "a.corp.test", TYPE_SRV, "a.corp.test. 60 IN SRV 1 2 389 evil.org.\n",
		  "pass negative filtered 1000\nNOERROR\n" },
	};

	check_all(table, ARRAY_SIZE(table), false);
}

/* Hints of a family that no set takes go as private ones do. */
static void test_families(void **state)
{
#define ALL "1 . alpn=h2 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1"
	static const struct example four[] = {
		CUT("default", H(ALL), H("1 . alpn=h2 ipv4hint=192.0.2.1")),
		SAME("default", TYPE_HTTPS, H("1 . alpn=h2")),
		CUT("default", H("1 . alpn=h2 ipv4hint=10.0.0.1 ipv6hint=2001:db8::1"), H("1 . alpn=h2")),
		GONE("default", TYPE_HTTPS, H("1 . mandatory=ipv6hint ipv6hint=2001:db8::1")),
		SAME("default", TYPE_HTTPS, H("1 . mandatory=ipv4hint ipv4hint=192.0.2.1")),
		SAME("default", TYPE_SRV, S("1 2 443 x.edge.net.")),
	};
	static const struct example six[] = {
		CUT("default", H(ALL), H("1 . alpn=h2 ipv6hint=2001:db8::1")),
		CUT("four", H(ALL), H("1 . alpn=h2")),
		GONE("default", TYPE_HTTPS, H("1 . mandatory=ipv4hint ipv4hint=192.0.2.1")),
	};
	static const struct example none[] = { CUT("default", H(ALL), H("1 . alpn=h2")) };

	families = 1 << EXPORT_V4;
	check_all(four, ARRAY_SIZE(four), false);
	families = 1 << EXPORT_V6;
	check_all(six, ARRAY_SIZE(six), false);
	families = 0;
	check_all(none, ARRAY_SIZE(none), false);
	families = EXPORT_BOTH;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_services), cmocka_unit_test(test_families) };

	return cmocka_run_group_tests_name("policy_svcfilter", tests, setup, teardown);
}
