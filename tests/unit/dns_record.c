/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "dns/record.h"
#include "dns/types.h"

static void good(void **state)
{
	static const struct { const char *in, *owner; uint16_t type; uint32_t ttl; const char *rdata; } want[] = {
		{ "wsus.corp.Example.com. 300 IN A 10.0.0.5", "wsus.corp.example.com", TYPE_A, 300, "10.0.0.5" },
		{ "a A 1.2.3.4", "a", TYPE_A, 3600, "1.2.3.4" },
		{ "a.b\tIN\t60\tAAAA\tfd00::1 ; a comment", "a.b", TYPE_AAAA, 60, "fd00::1" },
		{ "a 1h30m a 1.2.3.4", "a", TYPE_A, 5400, "1.2.3.4" },
		{ "a 0 CNAME B.c", "a", TYPE_CNAME, 0, "B.c." },
		{ "a 2147483647 MX 10 m", "a", TYPE_MX, INT32_MAX, "10 m." },
		{ "_x._tcp.a SRV 1 2 443 t.b.", "_x._tcp.a", TYPE_SRV, 3600, "1 2 443 t.b." },
		{ "a TXT \"two words\" three", "a", TYPE_TXT, 3600, "\"two words\" \"three\"" },
		{ "a HTTPS 1 . alpn=h2,h3 ipv4hint=1.2.3.4", "a", TYPE_HTTPS, 3600, "1 . alpn=h2,h3 ipv4hint=1.2.3.4" },
		{ "a SOA n. m. 1 2 3 4 5", "a", TYPE_SOA, 3600, "n. m. 1 2 3 4 5" },
		{ "a TYPE1234 \\# 2 abcd", "a", 1234, 3600, "\\# 2 abcd" },
		{ "*.a PTR x.y", "\\042.a", TYPE_PTR, 3600, "x.y." },
	};
	struct arena *a = arena_new(1 << 20);
	char why[100], buf[200];
	struct record r;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		if (record_parse(&r, a, want[i].in, why, sizeof(why)))
			fail_msg("%s: %s", want[i].in, why);
		assert_string_equal(name_text(&r.owner, buf), want[i].owner);
		assert_int_equal(r.type, want[i].type);
		assert_int_equal(r.ttl, want[i].ttl);
		assert_string_equal(record_rdata_text(r.type, r.rdata, r.rdlen, buf, sizeof(buf)), want[i].rdata);
	}
	assert_int_equal(record_parse(&r, a, "a A 10.0.0.5", why, sizeof(why)), 0);
	assert_int_equal(r.rdlen, 4);
	assert_memory_equal(r.rdata, "\x0a\0\0\5", 4);
	arena_free(a);
}

static void bad(void **state)
{
	static const char *const texts[] = {
		"", " ", " A 1.2.3.4", "@ A 1.2.3.4", "$ORIGIN a.", "; comment", "a", "a A", "a IN A", "a 300 IN", "a A 1.2.3",
		"a A 1.2.3.4 5", "a AAAA 1.2.3.4", "a CNAME b c", "a CH A 1.2.3.4", "a 5 HS A 1.2.3.4", "a CLASS3 TXT x",
		"a ANY A 1.2.3.4", "a 2147483648 A 1.2.3.4", "a 99999999999 A 1.2.3.4", "a 300x A 1.2.3.4",
		"a 5m5 CH A 1.2.3.4", "a 5 60 A 1.2.3.4", "a IN IN A 1.2.3.4", "a 5 IN 6 A 1.2.3.4", "a 1hh A 1.2.3.4", "a FOO 1", "a..b A 1.2.3.4", "a ( A 1.2.3.4 )", "a OPT \\# 0",
		"a TYPE255 \\# 0", "a TYPE0 \\# 0", "a A \\# 3 010203", "a A 1.2.3.4\nb A 1.2.3.5", "a TYPE65 \\# 3 0001c0",
		"a HTTPS 1 . mandatory=ipv4hint",
		"1234567890123456789012345678901234567890123456789012345678901234.a A 1.2.3.4",
	};
	struct arena *a = arena_new(1 << 20);
	struct record r;
	char why[100];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		why[0] = '\0';
		if (record_parse(&r, a, texts[i], why, sizeof(why)) != -EINVAL)
			fail_msg("taken: %s", texts[i]);
		assert_in_range(strlen(why), 5, 98);
	}
	arena_free(a);
	a = arena_new(2);
	assert_int_equal(record_parse(&r, a, "a A 1.2.3.4", why, sizeof(why)), -ENOMEM);
	arena_free(a);
}

static void text(void **state)
{
	uint8_t big[1000];
	char buf[64];

	assert_string_equal(record_rdata_text(TYPE_A, (const uint8_t *)"\1\2\3", 3, buf, sizeof(buf)), "\\# 3 010203");
	assert_string_equal(record_rdata_text(TYPE_TXT, (const uint8_t *)"\4\33[2J", 5, buf, sizeof(buf)), "\"\\027[2J\"");
	assert_string_equal(record_rdata_text(1234, NULL, 0, buf, sizeof(buf)), "\\# 0");
	memset(big, 7, sizeof(big));
	record_rdata_text(1234, big, sizeof(big), buf, sizeof(buf));
	assert_int_equal(strlen(buf), 63);
	assert_string_equal(buf + 58, "07...");
	assert_string_equal(record_rdata_text(TYPE_A, (const uint8_t *)"\1\2\3\4", 4, buf, 7), "1.2...");
	assert_string_equal(record_rdata_text(TYPE_A, (const uint8_t *)"\1\2\3\4", 4, buf, 1), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(good), cmocka_unit_test(bad), cmocka_unit_test(text) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
