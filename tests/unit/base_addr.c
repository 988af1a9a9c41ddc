/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "base/util.h"

static void addresses(void **state)
{
	static const struct { const char *in, *out; } good[] = {
		{ "192.0.2.1", "192.0.2.1" }, { "0.0.0.0", "0.0.0.0" }, { "255.255.255.255", "255.255.255.255" },
		{ "::", "::" }, { "::1", "::1" }, { "2001:DB8::00ff", "2001:db8::ff" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" }, { "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
		{ "::102:304", "::102:304" }, { "::1.2.0.0", "::102:0" }, { "64:ff9b::1.2.3.4", "64:ff9b::102:304" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "fe80::1%1", "fe80::1%1" }, { "fe80::1%lo", "fe80::1%1" }, { "febf::1%7", "febf::1%7" },
		{ "fe80::1", "fe80::1" },
	};
	static const char *const bad[] = {
		"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "0x7f.1", "1.2.3.-4", ":",
		":::", "1::2::3", "12345::", "g::", "::1%", "::1%lo", "2001:db8::1%1", "1.2.3.4%1", "fe80::1%nosuchif0",
		"fe80::1%0", "fec0::1%1", "fe7f::1%1", "fe80::1%aaaaaaaaaaaaaaaaaaaaaaaaaa", "[::1]", "::1/64", "fe80::1%4294967297", "localhost",
		"1111:2222:3333:4444:5555:6666:255.255.255.2555555555",
	};
	char buf[ADDR_TEXT];
	struct addr a, again;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(addr_parse(&a, good[i].in, strlen(good[i].in)), 0);
		assert_string_equal(addr_text(&a, buf), good[i].out);
		assert_int_equal(addr_parse(&again, buf, strlen(buf)), 0);
		assert_true(addr_equal(&a, &again));
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (addr_parse(&a, bad[i], strlen(bad[i])) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
	/* The length rules, not a NUL; and a NUL is no end. */
	assert_int_equal(addr_parse(&a, "1.2.3.45", 7), 0);
	assert_string_equal(addr_text(&a, buf), "1.2.3.4");
	assert_int_equal(addr_parse(&a, "1.2.3.4\0", 8), -EINVAL);
}

static void endpoints(void **state)
{
	static const char *const bad[] = {
		"1.2.3.4@", "1.2.3.4@0", "1.2.3.4@65536", "1.2.3.4@+53", "1.2.3.4@053", "@53", "1.2.3.4@53@53", "1.2.3.4:53",
		"1.2.3.4@5 ", "1.2.3.4@99999999999999999999", "",
	};
	struct sockaddr_storage ss;
	struct endpoint e, back;
	char buf[ADDR_TEXT];
	size_t i;

	assert_int_equal(endpoint_parse(&e, "9.9.9.9", 7, 53), 0);
	assert_string_equal(endpoint_text(&e, buf), "9.9.9.9@53");
	assert_int_equal(endpoint_to_sockaddr(&e, &ss), sizeof(struct sockaddr_in));
	assert_int_equal(ntohs(((struct sockaddr_in *)&ss)->sin_port), 53);
	assert_int_equal(endpoint_from_sockaddr(&back, (struct sockaddr *)&ss), 0);
	assert_true(endpoint_equal(&e, &back));
	assert_int_equal(endpoint_parse(&e, "fe80::2%1@65535", 15, 53), 0);
	assert_string_equal(endpoint_text(&e, buf), "fe80::2%1@65535");
	assert_int_equal(endpoint_to_sockaddr(&e, &ss), sizeof(struct sockaddr_in6));
	assert_int_equal(((struct sockaddr_in6 *)&ss)->sin6_scope_id, 1);
	assert_int_equal(endpoint_from_sockaddr(&back, (struct sockaddr *)&ss), 0);
	assert_true(endpoint_equal(&e, &back));
	back.addr.scope = 2;
	assert_false(endpoint_equal(&e, &back));
	back = e;
	back.port--;
	assert_false(endpoint_equal(&e, &back));
	ss.ss_family = AF_UNIX;
	assert_int_equal(endpoint_from_sockaddr(&back, (struct sockaddr *)&ss), -EAFNOSUPPORT);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (endpoint_parse(&e, bad[i], strlen(bad[i]), 53) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
	/* The longest there is must fit ADDR_TEXT. */
	memset(e.addr.b, 0xff, 16);
	e.addr.len = 16;
	e.addr.b[0] = 0xfe;
	e.addr.b[1] = 0xaf;
	e.addr.scope = UINT32_MAX;
	e.port = 65535;
	assert_string_equal(endpoint_text(&e, buf), "feaf:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295@65535");
}

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(&p, text, strlen(text)), 0);
	return p;
}

static bool has(const char *net, const char *text)
{
	struct prefix p = prefix(net);
	struct addr a;

	assert_int_equal(addr_parse(&a, text, strlen(text)), 0);
	return prefix_has(&p, &a);
}

static void prefixes(void **state)
{
	static const struct { const char *in; int err; } bad[] = {
		{ "10.0.0.1/8", -EDOM }, { "10.0.0.0/33", -EINVAL }, { "::/129", -EINVAL }, { "10.0.0.0/", -EINVAL },
		{ "10.0.0.0/08", -EINVAL }, { "10.0.0.0/-1", -EINVAL }, { "/8", -EINVAL }, { "fe80::%1/10", -EINVAL },
		{ "2001:db8::1/127", -EDOM }, { "128.0.0.0/0", -EDOM }, { "", -EINVAL },
	};
	struct prefix p;
	char buf[ADDR_TEXT];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(prefix_parse(&p, bad[i].in, strlen(bad[i].in)), bad[i].err);
	p = prefix("10.0.0.0/8");
	assert_string_equal(prefix_text(&p, buf), "10.0.0.0/8");
	p = prefix("10.0.0.1");
	assert_int_equal(p.bits, 32);
	assert_string_equal(prefix_text(&p, buf), "10.0.0.1");
	p = prefix("fe80::/10");
	assert_string_equal(prefix_text(&p, buf), "fe80::/10");
	assert_true(has("10.0.0.0/8", "10.255.255.255"));
	assert_false(has("10.0.0.0/8", "11.0.0.0"));
	assert_true(has("172.16.0.0/12", "172.31.255.255"));
	assert_false(has("172.16.0.0/12", "172.32.0.0"));
	assert_true(has("0.0.0.0/0", "255.1.2.3"));
	assert_false(has("0.0.0.0/0", "::1"));
	assert_false(has("::/0", "1.2.3.4"));
	assert_true(has("::/0", "ffff::"));
	assert_true(has("::1", "::1"));
	assert_false(has("::1", "::2"));
	assert_true(has("fe80::/10", "febf::1%1"));
	assert_false(has("fe80::/10", "fec0::1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses), cmocka_unit_test(endpoints), cmocka_unit_test(prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
