/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "dns/svcb.h"

/* rdata stands behind some bytes of message and before others: neither may be read. */
static uint8_t msg[600];
static size_t rdlen;

#define OFF 20

static int parse(struct svcb *s, const char *rdata, size_t len)
{
	memset(msg, 0x5a, sizeof(msg));
	memcpy(msg + OFF, rdata, len);
	rdlen = len;
	return svcb_parse(s, msg, OFF, len);
}

#define PARSE(s, text) parse(s, text, sizeof(text) - 1)

#define NAME "\0\1\3FOO\0"		/* priority 1, foo. */

static void good(void **state)
{
	struct svcb s;

	assert_int_equal(PARSE(&s, NAME), 0);
	assert_int_equal(s.priority, 1);
	assert_memory_equal(s.target.wire, "\3foo", 5);
	assert_int_equal(s.port, 0);
	assert_null(s.hint4);
	assert_null(s.hint6);
	assert_int_equal(PARSE(&s, "\0\0\0"), 0);
	assert_int_equal(s.priority, 0);
	assert_int_equal(s.target.labels, 0);
	assert_int_equal(PARSE(&s, NAME "\0\0\0\4\0\1\0\4" "\0\1\0\6\2h2\2h3" "\0\2\0\0" "\0\3\0\2\x01\xbb"
				   "\0\4\0\10\1\2\3\4\5\6\7\10" "\0\5\0\1x"
				   "\0\6\0\20aaaaaaaaaaaaaaaa" "\x12\x34\0\0"), 0);
	assert_int_equal(s.port, 443);
	assert_int_equal(s.hint4_len, 8);
	assert_memory_equal(s.hint4, "\1\2\3\4\5\6\7\10", 8);
	assert_int_equal(s.hint6_len, 16);
	assert_true(s.hint6 > msg && s.hint6 < msg + OFF + rdlen);
	assert_true(s.mandatory4);
	assert_false(s.mandatory6);
	assert_int_equal(PARSE(&s, NAME "\0\0\0\2\0\6" "\0\6\0\20aaaaaaaaaaaaaaaa"), 0);
	assert_true(s.mandatory6);
	assert_false(s.mandatory4);
	/* AliasMode's hints are reported too: they would leave with it. */
	assert_int_equal(PARSE(&s, "\0\0\3foo\0" "\0\4\0\4\1\2\3\4"), 0);
	assert_int_equal(s.hint4_len, 4);
}

static void malformed(void **state)
{
	static const struct { const char *rdata; size_t len; } bad[] = {
#define BAD(text) { text, sizeof(text) - 1 }
		BAD(""), BAD("\0\1"), BAD("\0\1\3fo"), BAD("\0\1\xc0\0"), BAD("\0\1\100\0"),
		BAD(NAME "\0"), BAD(NAME "\0\7\0"), BAD(NAME "\0\7\0\1"),
		BAD(NAME "\0\3\0\2\0\1\0\1\0\3\2h2"),			/* keys descend */
		BAD(NAME "\0\3\0\2\0\1\0\3\0\2\0\1"),			/* twice */
		BAD(NAME "\0\0\0\0"),					/* mandatory: empty, */
		BAD(NAME "\0\0\0\1\0" "\0\3\0\2\0\1"),			/* half a key, */
		BAD(NAME "\0\0\0\2\0\3"),				/* absent, */
		BAD(NAME "\0\0\0\2\0\0"),				/* itself, */
		BAD(NAME "\0\0\0\4\0\3\0\3" "\0\3\0\2\0\1"),		/* twice, */
		BAD(NAME "\0\0\0\4\0\3\0\1" "\0\1\0\3\2h2\0\3\0\2\0\1"),	/* descending */
		BAD(NAME "\0\1\0\0"), BAD(NAME "\0\1\0\1\0"), BAD(NAME "\0\1\0\3\3h2"), BAD(NAME "\0\1\0\4\2h2\0"),
		BAD(NAME "\0\2\0\1x"), BAD(NAME "\0\3\0\0"), BAD(NAME "\0\3\0\1\1"), BAD(NAME "\0\3\0\3\1\2\3"),
		BAD(NAME "\0\4\0\0"), BAD(NAME "\0\4\0\3\1\2\3"), BAD(NAME "\0\4\0\5\1\2\3\4\5"),
		BAD(NAME "\0\6\0\0"), BAD(NAME "\0\6\0\4\1\2\3\4"),
		BAD("\0\0\3foo\0" "\0\3\0\2\0\1\0\1\0\3\2h2"),		/* AliasMode is held to it too */
	};
	static const char whole[] = NAME "\0\1\0\3\2h2" "\0\3\0\2\0\1" "\0\4\0\4\1\2\3\4";
	struct svcb s;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse(&s, bad[i].rdata, bad[i].len) != -EBADMSG)
			fail_msg("taken: number %zu", i);
	assert_int_equal(PARSE(&s, whole), 0);
	for (i = 0; i < sizeof(whole) - 1; i++)
		/* Between two parameters it is whole. */
		assert_int_equal(parse(&s, whole, i), i == 7 || i == 14 || i == 20 ? 0 : -EBADMSG);
}

static bool drop_odd(void *ctx, const struct addr *a)
{
	(*(unsigned *)ctx)++;
	return a->b[a->len - 1] & 1;
}

static void strip(void **state)
{
	static const char mixed[] = NAME "\0\1\0\3\2h2" "\0\4\0\14\1\2\3\4\5\6\7\7\1\1\1\2"
				    "\0\6\0\20aaaaaaaaaaaaaaaa" "\0\7\0\1x";
	static const char want[] = NAME "\0\1\0\3\2h2" "\0\4\0\10\1\2\3\4\1\1\1\2" "\0\7\0\1x";
	static const char even[] = NAME "\0\6\0\20aaaaaaaaaaaaaaab";
	uint8_t out[200];
	unsigned calls = 0;
	struct svcb s;

	assert_int_equal(PARSE(&s, mixed), 0);
	assert_int_equal(svcb_strip(out, rdlen, msg, OFF, rdlen, drop_odd, &calls), sizeof(want) - 1);
	assert_memory_equal(out, want, sizeof(want) - 1);
	assert_int_equal(calls, 4);
	assert_int_equal(svcb_parse(&s, out, 0, sizeof(want) - 1), 0);
	assert_int_equal(PARSE(&s, even), 0);
	assert_int_equal(svcb_strip(out, rdlen, msg, OFF, rdlen, drop_odd, &calls), sizeof(even) - 1);
	assert_memory_equal(out, even, sizeof(even) - 1);
	assert_int_equal(svcb_strip(out, rdlen - 1, msg, OFF, rdlen, drop_odd, &calls), 0);
	assert_int_equal(svcb_strip(out, sizeof(out), msg, OFF, rdlen - 1, drop_odd, &calls), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good), cmocka_unit_test(malformed), cmocka_unit_test(strip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
