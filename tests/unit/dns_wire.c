/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "dns/wire.h"

/* Header, "WwW.Example" A IN; counts: question, answer, authority, additional. */
#define HEAD(flags, qd, an, ns, ar) "\x12\x34" flags "\0" qd "\0" an "\0" ns "\0" ar
#define QUESTION "\3WwW\7Example\0\0\1\0\1"
#define QLEN 17
#define OPT(size, ext, version, flags, rdlen) "\0\0\x29" size ext version flags rdlen

static uint8_t *copy;

/* A copy of its own size, so that the sanitizer sees every byte read beyond. */
static enum wire_parse parse(struct wire_query *q, const void *msg, size_t len)
{
	free(copy);
	copy = malloc(len + !len);
	assert_non_null(copy);
	memcpy(copy, msg, len);
	return wire_parse_query(q, copy, len);
}

#define PARSE(q, msg) parse(q, msg, sizeof(msg) - 1)

static void good(void **state)
{
	struct wire_query q;

	assert_int_equal(PARSE(&q, HEAD("\1\x30", "\1", "\0", "\0", "\0") QUESTION), WIRE_OK);
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.flags, 0x0130);
	assert_int_equal(q.qtype, 1);
	assert_int_equal(q.qclass, 1);
	assert_int_equal(q.question_len, QLEN);
	assert_int_equal(q.qname.labels, 2);
	assert_memory_equal(q.qname.wire, "\3www\7example", 13);
	assert_false(q.edns);
	assert_int_equal(q.udp_size, 512);
	assert_int_equal(wire_limit(&q, false), 512);
	assert_int_equal(wire_limit(&q, true), 65535);
	/* An unknown option and unknown flags are passed over. */
	assert_int_equal(PARSE(&q, HEAD("\1\0", "\1", "\0", "\0", "\1") QUESTION
			       OPT("\x10\0", "\0", "\0", "\xff\xff", "\0\6") "\0\x64\0\2ab"), WIRE_OK);
	assert_true(q.edns);
	assert_true(q.dnssec_ok);
	assert_int_equal(q.udp_size, 1232);
	assert_int_equal(PARSE(&q, HEAD("\1\0", "\1", "\0", "\0", "\1") QUESTION
			       OPT("\0\x64", "\0", "\0", "\x7f\xff", "\0\0")), WIRE_OK);
	assert_false(q.dnssec_ok);
	assert_int_equal(q.udp_size, 512);
	assert_int_equal(PARSE(&q, HEAD("\1\0", "\1", "\0", "\0", "\1") QUESTION
			       OPT("\3\xe8", "\0", "\0", "\0\0", "\0\0")), WIRE_OK);
	assert_int_equal(q.udp_size, 1000);
	/* Another version, whatever its options look like. */
	assert_int_equal(PARSE(&q, HEAD("\1\0", "\1", "\0", "\0", "\1") QUESTION
			       OPT("\4\xd0", "\0", "\1", "\0\0", "\0\1") "x"), WIRE_OK);
	assert_int_equal(q.edns_version, 1);
	/* OPT behind an authority record, as in IXFR, and between others (one of them TSIG). */
	assert_int_equal(PARSE(&q, HEAD("\1\0", "\1", "\0", "\1", "\3") QUESTION "\xc0\x0c\0\6\0\1\0\0\0\0\0\1x"
			       "\1a\0\0\1\0\1\0\0\0\0\0\0" OPT("\4\xd0", "\0", "\0", "\0\0", "\0\0")
			       "\0\0\xfa\0\xff\0\0\0\0\0\0"), WIRE_OK);
	assert_true(q.edns);
}

static void malformed(void **state)
{
	static const struct { const char *msg; size_t len; uint16_t question; bool edns; } bad[] = {
#define BAD(msg, question, edns) { msg, sizeof(msg) - 1, question, edns }
		BAD(HEAD("\1\0", "\0", "\0", "\0", "\0"), 0, false),
		BAD(HEAD("\1\0", "\0", "\0", "\0", "\0") QUESTION, 0, false),
		BAD(HEAD("\1\0", "\2", "\0", "\0", "\0") QUESTION QUESTION, 0, false),
		BAD(HEAD("\1\0", "\1", "\0", "\0", "\0"), 0, false),
		BAD(HEAD("\1\0", "\1", "\0", "\0", "\0") "\3www\xc0\x0c\0\1\0\1", 0, false),
		BAD(HEAD("\1\0", "\1", "\0", "\0", "\0") "\xc0\x0c\0\1\0\1", 0, false),
		BAD(HEAD("\1\0", "\1", "\0", "\0", "\0") "\xc0\x00\0\1\0\1", 0, false),
		BAD(HEAD("\1\0", "\1", "\0", "\0", "\0") "\x41" "aaa\0\0\1\0\1", 0, false),
		BAD(HEAD("\1\0", "\1", "\0", "\0", "\0") "\x80\0\0\1\0\1", 0, false),
		BAD(HEAD("\1\0", "\1", "\1", "\0", "\0") QUESTION "\xc0\x0c\0\1\0\1\0\0\0\0\0\4abcd", QLEN, false),
		BAD(HEAD("\1\0", "\1", "\0", "\1", "\0") QUESTION, QLEN, false),
		BAD(HEAD("\1\0", "\1", "\0", "\0", "\2") QUESTION OPT("\4\xd0", "\0", "\0", "\0\0", "\0\0"), QLEN, true),
		/* two OPTs, one not the root's, one in the authority section, options that run out */
		BAD(HEAD("\1\0", "\1", "\0", "\0", "\2") QUESTION OPT("\4\xd0", "\0", "\0", "\0\0", "\0\0")
		    OPT("\4\xd0", "\0", "\0", "\0\0", "\0\0"), QLEN, true),
		BAD(HEAD("\1\0", "\1", "\0", "\0", "\1") QUESTION "\1a" OPT("\4\xd0", "\0", "\0", "\0\0", "\0\0"),
		    QLEN, false),
		BAD(HEAD("\1\0", "\1", "\0", "\1", "\0") QUESTION OPT("\4\xd0", "\0", "\0", "\0\0", "\0\0"), QLEN, false),
		BAD(HEAD("\1\0", "\1", "\0", "\0", "\1") QUESTION OPT("\4\xd0", "\0", "\0", "\0\0", "\0\3") "\0\1\0",
		    QLEN, true),
		BAD(HEAD("\1\0", "\1", "\0", "\0", "\1") QUESTION OPT("\4\xd0", "\0", "\0", "\0\0", "\0\5") "\0\1\0\2x",
		    QLEN, true),
		BAD(HEAD("\1\0", "\1", "\0", "\0", "\1") QUESTION OPT("\4\xd0", "\0", "\0", "\0\0", "\0\1"), QLEN, false),
		/* additional owner: a pointer to itself, forward */
		BAD(HEAD("\1\0", "\1", "\0", "\0", "\1") QUESTION "\xc0\x1d\0\1\0\1\0\0\0\0\0\0", QLEN, false),
		BAD(HEAD("\1\0", "\1", "\0", "\0", "\1") QUESTION "\xc0\x1e\0\1\0\1\0\0\0\0\0\0", QLEN, false),
	};
	struct wire_query q;
	uint8_t out[600];
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (parse(&q, bad[i].msg, bad[i].len) != WIRE_FORMERR)
			fail_msg("taken: number %zu", i);
		assert_int_equal(q.question_len, bad[i].question);
		assert_int_equal(q.edns, bad[i].edns);
		/* What was read suffices for a reply: nothing of it may be left from before. */
		len = wire_short(out, sizeof(out), &q, RCODE_FORMERR, NULL);
		assert_int_equal(len, 12 + bad[i].question + (bad[i].edns ? 11 : 0));
		assert_memory_equal(out, "\x12\x34\x81\x81\0", 5);
		assert_int_equal(out[5], bad[i].question ? 1 : 0);
	}
	assert_int_equal(PARSE(&q, HEAD("\x81\0", "\1", "\0", "\0", "\0") QUESTION), WIRE_DROP);
	assert_int_equal(PARSE(&q, HEAD("\x29\0", "\1", "\0", "\0", "\0") "rubbish"), WIRE_NOTIMP);
	assert_int_equal(WIRE_OPCODE(q.flags), 5);
	len = wire_short(out, sizeof(out), &q, RCODE_NOTIMP, NULL);
	assert_int_equal(len, 12);
	assert_memory_equal(out, "\x12\x34\xa9\x84\0\0\0\0\0\0\0\0", 12);
}

/* Cut at every byte: never OK, never a byte read beyond. */
static void truncated(void **state)
{
	static const char msg[] = HEAD("\1\0", "\1", "\0", "\1", "\2") QUESTION "\xc0\x0c\0\6\0\1\0\0\0\0\0\1x"
		"\1a\0\0\1\0\1\0\0\0\0\0\0" OPT("\4\xd0", "\0", "\0", "\0\0", "\0\6") "\0\x64\0\2ab";
	struct wire_query q;
	size_t i;

	for (i = 0; i < sizeof(msg) - 1; i++)
		assert_int_equal(parse(&q, msg, i), i < 12 ? WIRE_DROP : WIRE_FORMERR);
	assert_int_equal(parse(&q, msg, i), WIRE_OK);
	for (i = 12; i < 29; i++)
		assert_int_equal(parse(&q, HEAD("\1\0", "\1", "\0", "\0", "\0") QUESTION, i), WIRE_FORMERR);
}

static void query(struct wire_query *q, bool edns)
{
	static const char with[] = HEAD("\1\x10", "\1", "\0", "\0", "\1") QUESTION OPT("\4\xd0", "\0", "\0", "\x80\0", "\0\0");

	if (edns)
		assert_int_equal(parse(q, with, sizeof(with) - 1), WIRE_OK);
	else
		assert_int_equal(PARSE(q, HEAD("\1\x10", "\1", "\0", "\0", "\0") QUESTION), WIRE_OK);
}

static void replies(void **state)
{
	const struct wire_ede ede = { 15, "not listed" }, none = { EDE_NONE, "unseen" };
	struct wire_query q;
	uint8_t out[600];
	struct name zone;
	struct wr w;
	size_t len;

	query(&q, true);
	w = wr_init(out, sizeof(out));
	wire_begin(&w, &q, RCODE_NXDOMAIN);
	wire_soa(&w, &q.qname, 60);
	len = wire_end(&w, &q, RCODE_NXDOMAIN, &ede, 512);
	assert_int_equal(len, 29 + 12 + 38 + 11 + 16);
	assert_memory_equal(out, "\x12\x34\x81\x93\0\1\0\0\0\1\0\1" QUESTION, 29);
	assert_memory_equal(out + 29, "\xc0\x0c\0\6\0\1\0\0\0\x3c\0\x26\xc0\x0c\6nobody\7invalid\0"
			    "\0\0\0\1\0\0\x0e\x10\0\0\4\xb0\0\x09\x3a\x80\0\0\0\x3c", 50);
	assert_memory_equal(out + 79, "\0\0\x29\4\xd0\0\0\x80\0\0\x10\0\x0f\0\x0c\0\x0fnot listed", 27);
	/* A SOA of a parent points into the question, that of a stranger and of the root is written. */
	w = wr_init(out, sizeof(out));
	wire_begin(&w, &q, 0);
	assert_int_equal(name_from_text(&zone, "example", 7), 0);
	wire_soa(&w, &zone, 60);
	assert_memory_equal(out + 29, "\xc0\x10\0\6\0\1\0\0\0\x3c\0\x26\xc0\x10\6n", 16);
	w.p = out + 29;
	assert_int_equal(name_from_text(&zone, "xample", 6), 0);
	wire_soa(&w, &zone, 60);
	assert_memory_equal(out + 29, "\6xample\0\0\6\0\1\0\0\0\x3c\0\x26\xc0\x1d\6n", 22);
	w.p = out + 29;
	wire_soa(&w, &name_root, 60);
	assert_memory_equal(out + 29, "\0\0\6\0\1\0\0\0\x3c\0\x25\0\6nobody", 18);
	w.p = out + 29;
	memset(out + 6, 0, 6);
	wire_record(&w, TYPE_A, (const uint8_t *)"\0\0\0\0", 4, 7);
	wire_record(&w, TYPE_A, (const uint8_t *)"\1\0\0\0", 4, 7);
	len = wire_end(&w, &q, RCODE_BADVERS, &none, 1232);
	assert_memory_equal(out + 6, "\0\2\0\0\0\1", 6);
	assert_memory_equal(out + 29, "\xc0\x0c\0\1\0\1\0\0\0\7\0\4\0\0\0\0", 16);
	assert_memory_equal(out + 61, "\0\0\x29\4\xd0\1\0\x80\0\0\0", 11);
	assert_int_equal(len, 72);
}

static void cutting(void **state)
{
	const struct wire_ede ede = { 15, "not listed" };
	uint8_t room[70], out[600];
	struct wire_query q;
	struct wr w;
	size_t limit, len;

	/* Whatever the limit, the reply keeps it; OPT goes before records, and an error's text goes first. */
	query(&q, true);
	for (limit = 0; limit < 120; limit++) {
		w = wr_init(out, sizeof(out));
		wire_begin(&w, &q, 0);
		wire_record(&w, TYPE_A, (const uint8_t *)"\1\2\3\4", 4, 7);
		len = wire_end(&w, &q, 0, &ede, limit);
		if (limit < 29 + 11)
			assert_int_equal(len, 0);
		else if (limit < 29 + 11 + 6)
			assert_int_equal(len, 29 + 11);
		else if (limit < 29 + 11 + 16)
			assert_int_equal(len, 29 + 17);
		else if (limit < 29 + 16 + 11)
			assert_int_equal(len, 29 + 27);
		else if (limit < 29 + 16 + 17)
			assert_int_equal(len, 29 + 16 + 11);
		else if (limit < 29 + 16 + 27)
			assert_int_equal(len, 29 + 16 + 17);
		else
			assert_int_equal(len, 29 + 16 + 27);
		assert_true(!len || !(out[2] & 2) == (limit >= 29 + 16 + 11));
		assert_true(!len || out[7] == (limit >= 29 + 16 + 11));
		assert_true(!len || out[11] == 1);
	}
	/* The buffer's end counts like a limit. */
	w = wr_init(room, 39);
	wire_begin(&w, &q, 0);
	assert_int_equal(wire_end(&w, &q, 0, &ede, 512), 0);
	w = wr_init(room, 55);
	wire_begin(&w, &q, 0);
	assert_int_equal(wire_end(&w, &q, 0, &ede, 512), 46);
	query(&q, false);
	w = wr_init(room, 40);
	wire_begin(&w, &q, 0);
	wire_record(&w, TYPE_A, (const uint8_t *)"\1\2\3\4", 4, 7);
	wire_soa(&w, &q.qname, 1);
	assert_int_equal(wire_end(&w, &q, 0, &ede, 512), 29);
	assert_memory_equal(room, "\x12\x34\x83\x90\0\1\0\0\0\0\0\0" QUESTION, 29);
	assert_int_equal(wire_short(room, 28, &q, 0, NULL), 0);
	assert_int_equal(wire_short(room, 29, &q, RCODE_REFUSED, &ede), 29);
}

static void question(void **state)
{
	uint8_t out[WIRE_QUERY_MAX], bits[NAME_MAX_WIRE / 8 + 1] = { 0xaa, 0x1 };
	struct wire_query q;
	struct name n;
	char longest[253];
	size_t i;

	assert_int_equal(name_from_text(&n, "abcdefg.hi-jk", 13), 0);
	wire_shuffle_case(&n, bits);
	assert_memory_equal(n.wire, "\7AbCdEfG\5hi-jk", 15);
	memset(bits, 0xff, sizeof(bits));
	wire_shuffle_case(&n, bits);
	assert_memory_equal(n.wire, "\7ABCDEFG\5HI-JK", 15);
	assert_int_equal(wire_question(out, 0xabcd, &n, TYPE_AAAA, true), 12 + 15 + 4 + 11);
	assert_memory_equal(out, "\xab\xcd\1\0\0\1\0\0\0\0\0\1\7ABCDEFG\5HI-JK\0\0\x1c\0\1\0\0\x29\4\xd0\0\0\x80\0\0\0", 42);
	assert_int_equal(wire_parse_query(&q, out, 42), WIRE_OK);
	assert_true(q.edns && q.dnssec_ok);
	for (i = 0; i < sizeof(longest); i++)
		longest[i] = i % 2 ? '.' : 'a';
	assert_int_equal(name_from_text(&n, longest, sizeof(longest)), 0);
	assert_int_equal(wire_question(out, 1, &n, TYPE_A, false), WIRE_QUERY_MAX);
	assert_int_equal(wire_parse_query(&q, out, WIRE_QUERY_MAX), WIRE_OK);
	assert_false(q.dnssec_ok);
}

static void matches(void **state)
{
	static const char reply[] = "\xab\xcd\x81\x80\0\1\0\0\0\0\0\0\3wWw\2ex\0\0\1\0\1";
	static const struct { unsigned at; char value; } change[] = {
		{ 0, 0 }, { 1, 0 }, { 2, 1 }, { 2, '\x91' }, { 4, 1 }, { 5, 0 }, { 5, 2 }, { 13, 'v' }, { 16, 3 }, { 19, 1 },
		{ 20, 1 }, { 21, 2 }, { 22, 1 }, { 23, 3 },
	};
	struct name sent = { .len = 8, .labels = 2, .wire = "\3wWw\2ex" };
	uint8_t msg[sizeof(reply) - 1];
	size_t i;

	for (i = 0; i < sizeof(msg); i++) {
		memcpy(msg, reply, sizeof(msg));
		assert_int_equal(wire_match(msg, i, 0xabcd, &sent, TYPE_A), WIRE_FOREIGN);
	}
	assert_int_equal(wire_match(msg, sizeof(msg), 0xabcd, &sent, TYPE_A), WIRE_MATCH);
	assert_int_equal(wire_match(msg, sizeof(msg), 0xabce, &sent, TYPE_A), WIRE_FOREIGN);
	assert_int_equal(wire_match(msg, sizeof(msg), 0xabcd, &sent, TYPE_AAAA), WIRE_FOREIGN);
	for (i = 0; i < ARRAY_SIZE(change); i++) {
		memcpy(msg, reply, sizeof(msg));
		msg[change[i].at] = (uint8_t)change[i].value;
		if (wire_match(msg, sizeof(msg), 0xabcd, &sent, TYPE_A) != WIRE_FOREIGN)
			fail_msg("taken with byte %u changed", change[i].at);
	}
	memcpy(msg, reply, sizeof(msg));
	msg[13] = 'W';
	assert_int_equal(wire_match(msg, sizeof(msg), 0xabcd, &sent, TYPE_A), WIRE_WRONG_CASE);
}

static void restores(void **state)
{
	static const char stored[] = "\0\0\x80\xa3\0\1\0\3\0\0\0\0\3www\7example\0\0\1\0\1"
		"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4aaaa" "\xc0\x0c\0\1\0\1\0\0\0\5\0\4bbbb" "\xc0\x0c\0\1\0\1\0\1\0\0\0\4cccc";
	const uint16_t ttls[] = { 35, 51, 67 };
	uint8_t out[sizeof(stored) - 1];
	struct wire_query q;

	query(&q, false);
	wire_restore(out, (const uint8_t *)stored, sizeof(out), &q, ttls, 3, 100, 10, 3600);
	assert_memory_equal(out, "\x12\x34\x81\x93\0\1\0\3\0\0\0\0" QUESTION, 29);
	assert_memory_equal(out + 29, "\xc0\x0c\0\1\0\1\0\0\0\xc8\0\4aaaa" "\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4bbbb"
			    "\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4cccc", 48);
	/* AD only for one who asked: with DO, or with AD. */
	query(&q, true);
	wire_restore(out, (const uint8_t *)stored, sizeof(out), &q, ttls, 3, 0, 0, UINT32_MAX);
	assert_int_equal(out[3], 0xb3);
	assert_memory_equal(out + 29, stored + 29, 48);
	query(&q, false);
	q.flags = WIRE_AD;
	wire_restore(out, (const uint8_t *)stored, sizeof(out), &q, ttls, 3, 0, 0, UINT32_MAX);
	assert_int_equal(out[2], 0x80);
	assert_int_equal(out[3], 0xa3);
}

static int release(void **state)
{
	free(copy);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good), cmocka_unit_test(malformed), cmocka_unit_test(truncated),
		cmocka_unit_test(replies), cmocka_unit_test(cutting), cmocka_unit_test(question),
		cmocka_unit_test(matches), cmocka_unit_test(restores),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
