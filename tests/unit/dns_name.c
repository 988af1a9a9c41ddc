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
#include "dns/name.h"

static struct name name(const char *text)
{
	struct name n;

	if (name_from_text(&n, text, strlen(text)))
		fail_msg("not taken: %s", text);
	return n;
}

static void text(void **state)
{
	static const struct { const char *in, *out; } good[] = {
		{ ".", "." }, { "a", "a" }, { "WWW.Example.COM.", "www.example.com" }, { "a\\.b.c", "a\\046b.c" },
		{ "a\\046b.c", "a\\046b.c" }, { "\\000.x", "\\000.x" }, { "\\a\\*.x", "a\\042.x" }, { "*.x", "\\042.x" },
		{ "_dmarc.a-b", "_dmarc.a-b" }, { "a b", "a\\032b" }, { "\\065", "a" }, { "\\255\\\\", "\\255\\092" },
		{ "123456789012345678901234567890123456789012345678901234567890abc.x",
		  "123456789012345678901234567890123456789012345678901234567890abc.x" },
	};
	static const char *const bad[] = {
		"", "..", ".a", "a..b", "a..", "\\", "a\\", "\\25", "\\256", "\\2x5", "\\25.",
		"123456789012345678901234567890123456789012345678901234567890abcd.x",
	};
	char buf[NAME_TEXT], again[NAME_TEXT];
	struct name n, back;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		n = name(good[i].in);
		assert_string_equal(name_text(&n, buf), good[i].out);
		back = name(buf);
		assert_true(name_equal(&n, &back));
		assert_string_equal(name_text(&back, again), buf);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (name_from_text(&n, bad[i], strlen(bad[i])) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
	n = name("a.bc");
	assert_int_equal(n.len, 6);
	assert_int_equal(n.labels, 2);
	assert_memory_equal(n.wire, "\1a\2bc", 6);
	n = name(".");
	assert_true(name_equal(&n, &name_root));
}

/* 127 labels and 255 bytes are the most there is; a byte more is refused, with a final dot or without. */
static void longest(void **state)
{
	char in[600], buf[NAME_TEXT];
	uint8_t offsets[NAME_MAX_LABELS + 1];
	struct name n;
	size_t i;

	for (i = 0; i < 127; i++)
		memcpy(in + 2 * i, "a.", 2);
	assert_int_equal(name_from_text(&n, in, 253), 0);
	assert_int_equal(n.len, 255);
	assert_int_equal(n.labels, 127);
	name_offsets(&n, offsets);
	assert_int_equal(offsets[127], 254);
	assert_int_equal(name_from_text(&n, in, 254), 0);
	assert_int_equal(n.len, 255);
	memcpy(in + 254, "a.", 2);
	assert_int_equal(name_from_text(&n, in, 255), -EINVAL);
	assert_int_equal(name_from_text(&n, in, 256), -EINVAL);
	in[253] = 'a';
	assert_int_equal(name_from_text(&n, in, 254), -EINVAL);
	/* Every byte escaped: the text's room must do. */
	memset(n.wire, 1, sizeof(n.wire));
	n.wire[0] = n.wire[64] = n.wire[128] = 63;
	n.wire[192] = 61;
	n.wire[254] = 0;
	n.len = 255;
	n.labels = 4;
	assert_int_equal(strlen(name_text(&n, buf)), 250 * 4 + 3);
}

/* Messages of the tests stand behind a header of 12 bytes, whose bytes would make names too. */
static uint8_t msg[600];

static size_t put(const char *bytes, size_t len)
{
	memset(msg, 0, sizeof(msg));
	memcpy(msg + 12, bytes, len);
	return 12 + len;
}

static void read_ok(size_t len, size_t off, const char *want, size_t behind)
{
	char buf[NAME_TEXT];
	size_t pos = off, skip = off;
	struct name n;

	assert_int_equal(name_read(&n, msg, len, &pos), 0);
	assert_string_equal(name_text(&n, buf), want);
	assert_int_equal(pos, behind);
	assert_int_equal(name_skip(msg, len, &skip), 0);
	assert_int_equal(skip, behind);
	assert_true(name_is(&n, msg, len, off));
}

/* off counts from behind the header */
static void read_bad(const char *bytes, size_t n, size_t off)
{
	size_t len = put(bytes, n), pos = 12 + off;
	uint8_t *exact = malloc(len);
	struct name name;

	assert_non_null(exact);
	memcpy(exact, msg, len);
	assert_int_equal(name_read(&name, exact, len, &pos), -EBADMSG);
	assert_false(name_is(&name_root, exact, len, 12 + off));
	free(exact);
}

static void reading(void **state)
{
	/*                           12   16   19 20    22       24        26   28       30 */
	static const char bytes[] = "\3WwW\2ex\0" "\1a\xc0\20" "\xc0\24" "\1b\xc0\24" "\0";
	size_t pos, len = put(bytes, sizeof(bytes) - 1);
	struct name n;

	read_ok(len, 12, "www.ex", 20);
	read_ok(len, 20, "a.ex", 24);
	read_ok(len, 24, "a.ex", 26);
	read_ok(len, 26, "b.a.ex", 30);
	read_ok(len, 30, ".", 31);
	pos = 12;
	assert_int_equal(name_read_case(&n, msg, len, &pos, false), 0);
	assert_memory_equal(n.wire, "\3WwW\2ex", 8);
	name_fold(&n);
	assert_memory_equal(n.wire, "\3www\2ex", 8);
	pos = 20;
	assert_int_equal(name_read_case(&n, msg, len, &pos, false), -EBADMSG);
	/* Loops, pointers forward, to themselves and into the header, other kinds of label, and ends. */
	read_bad("\xc0\14", 2, 0);
	read_bad("\1a\xc0\14", 4, 0);
	read_bad("\1a\xc0\16", 4, 0);
	read_bad("\xc0\16\0", 3, 0);
	read_bad("\1a\xc0\20\xc0\16", 6, 4);
	read_bad("\xc0\16\xc0\14", 4, 2);
	read_bad("\xc0\0", 2, 0);
	read_bad("\xc0\13", 2, 0);
	read_bad("\100\0", 2, 0);
	read_bad("\200\0", 2, 0);
	read_bad("\1", 1, 0);
	read_bad("\1a", 2, 0);
	read_bad("\2a", 2, 0);
	read_bad("\0\xc0", 2, 1);
	read_bad("", 0, 0);
	read_bad("\0", 1, 1);
}

static void skipping(void **state)
{
	static const struct { const char *bytes; size_t len; } bad[] = {
		{ "\xc0\14", 2 }, { "\xc0\15", 2 }, { "\1a\xc0\20\0", 5 }, { "\1a\xc0\14", 4 }, { "\xc0\13", 2 },
		{ "\xc0", 1 }, { "\1a", 2 }, { "\1", 1 }, { "\100\0", 2 }, { "\200\0", 2 }, { "", 0 },
	};
	size_t i, pos, len;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		len = put(bad[i].bytes, bad[i].len);
		pos = 12;
		assert_int_equal(name_skip(msg, len, &pos), -EBADMSG);
	}
}

static void read_length(void **state)
{
	struct name n;
	size_t pos, i;

	/* 63 + 63 + 63 + 61: 255 bytes in all. */
	memset(msg, 'a', sizeof(msg));
	msg[0] = msg[64] = msg[128] = 63;
	msg[192] = 61;
	msg[254] = 0;
	pos = 0;
	assert_int_equal(name_read(&n, msg, sizeof(msg), &pos), 0);
	assert_int_equal(n.len, 255);
	pos = 0;
	assert_int_equal(name_skip(msg, sizeof(msg), &pos), 0);
	msg[192] = 62;
	msg[255] = 0;
	pos = 0;
	assert_int_equal(name_read(&n, msg, sizeof(msg), &pos), -EBADMSG);
	assert_int_equal(name_skip(msg, sizeof(msg), &pos), -EBADMSG);
	/* A chain of labels each with a pointer to the one before: short pieces, and too long in the end. */
	msg[12] = 0;
	for (i = 0; i < 128; i++) {
		size_t at = 13 + 4 * i, to = i ? at - 4 : 12;

		msg[at] = 1;
		msg[at + 1] = 'a';
		msg[at + 2] = (uint8_t)(0xc0 | to >> 8);
		msg[at + 3] = (uint8_t)to;
	}
	pos = 13 + 4 * 126;
	assert_int_equal(name_read(&n, msg, sizeof(msg), &pos), 0);
	assert_int_equal(n.len, 255);
	assert_int_equal(pos, 13 + 4 * 127);
	assert_int_equal(name_read(&n, msg, sizeof(msg), &pos), -EBADMSG);
}

/* On random bytes: what is read ends in the message, is whole, and reads again as itself. */
#define LEN 64

static void random_bytes(void **state)
{
	static const uint8_t pick[] = { 0, 1, 2, 3, 0xc0, 0xc0, 'A', 'b', 0x40, 63 };
	uint32_t seed = 7, taken = 0;
	uint8_t bytes[NAME_MAX_WIRE];
	int round;

	for (round = 0; round < 300000; round++) {
		size_t i, pos, skip, again = 0, start;
		struct name n, copy;

		for (i = 0; i < LEN; i++) {
			seed = seed * 1664525 + 1013904223;
			msg[i] = seed >> 28 ? pick[(seed >> 16) % sizeof(pick)] : (uint8_t)(seed >> 20 & 0x3f);
		}
		start = pos = skip = seed >> 26;
		if (name_read(&n, msg, LEN, &pos))
			continue;
		taken++;
		assert_int_equal(name_skip(msg, LEN, &skip), 0);
		assert_int_equal(skip, pos);
		assert_in_range(pos, start + 1, LEN);
		assert_true(name_is(&n, msg, LEN, start));
		memcpy(bytes, n.wire, n.len);
		assert_int_equal(name_read(&copy, bytes, n.len, &again), 0);
		assert_true(name_equal(&n, &copy));
		assert_int_equal(copy.labels, n.labels);
		assert_true(name_hash(&n) == name_hash(&copy));
	}
	assert_true(taken > 10000);
}

static bool under(const char *a, const char *b)
{
	struct name n = name(a), zone = name(b);

	return name_under(&n, &zone);
}

static void relations(void **state)
{
	struct name a = name("a.b.c"), b;

	assert_true(under("a.b.c", "b.c"));
	assert_true(under("a.b.c", "a.b.c"));
	assert_true(under("a.b.c", "."));
	assert_true(under(".", "."));
	assert_false(under("b.c", "a.b.c"));
	assert_false(under("ab.c", "b.c"));
	assert_false(under("a\\.b.c", "b.c"));
	/* "\1b" stands in the last bytes of the first label as well: bytes alone do not make a suffix. */
	assert_false(under("x\\001b", "b"));
	name_parent(&b, &a, 1);
	assert_int_equal(b.labels, 2);
	assert_true(under("b.c", "b.c") && !memcmp(b.wire, "\1b\1c", 5));
	name_parent(&a, &a, 2);
	assert_memory_equal(a.wire, "\1c", 3);
	name_parent(&a, &a, 9);
	assert_true(name_equal(&a, &name_root));
	a = name("MiXed");
	assert_true(name_is(&a, (const uint8_t *)"\5mIXED", 7, 0));
	assert_false(name_is(&a, (const uint8_t *)"\5mIXEE", 7, 0));
	assert_false(name_is(&a, (const uint8_t *)"\5mIXED\1x", 9, 0));
	assert_false(name_is(&a, (const uint8_t *)"\5mIXED", 6, 0));
}

static int replace(const char *n, const char *suffix, const char *target, const char *want)
{
	struct name a = name(n), s = name(suffix), t = name(target), out;
	char buf[NAME_TEXT];
	int err = name_replace(&out, &a, &s, &t);

	if (!err) {
		assert_string_equal(name_text(&out, buf), want);
		a = name(want);
		assert_int_equal(a.labels, out.labels);
		assert_true(name_equal(&a, &out));
	}
	return err;
}

static void replaces(void **state)
{
	struct name n, root = name_root, target;
	char in[256];
	size_t i;

	assert_int_equal(replace("a.b.example.com", "example.com", "x.net", "a.b.x.net"), 0);
	assert_int_equal(replace("a.com", ".", "x.net", "a.com.x.net"), 0);
	assert_int_equal(replace("a.com", "com", ".", "a"), 0);
	assert_int_equal(replace("a.com", "net", "x", ""), -EINVAL);
	for (i = 0; i < 127; i++)
		memcpy(in + 2 * i, "a.", 2);
	assert_int_equal(name_from_text(&n, in, 250), 0);
	target = name("abcd");
	assert_int_equal(name_replace(&n, &n, &root, &target), -ENAMETOOLONG);
	target = name("abc");
	assert_int_equal(name_replace(&n, &n, &root, &target), 0);
	assert_int_equal(n.len, 255);
	target = name("a");
	assert_int_equal(name_replace(&n, &n, &root, &target), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text), cmocka_unit_test(longest), cmocka_unit_test(reading), cmocka_unit_test(skipping),
		cmocka_unit_test(read_length), cmocka_unit_test(random_bytes), cmocka_unit_test(relations),
		cmocka_unit_test(replaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
