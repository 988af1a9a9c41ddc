/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "dns/answer.h"

static struct answer answer, again;
static struct answer_keep keep[ANSWER_RRS];
static uint16_t ttls[ANSWER_TTLS];
static uint8_t msg[WIRE_MAX], out[WIRE_MAX];

static void put_name(struct wr *w, const char *text)
{
	struct name n;

	assert_int_equal(name_from_text(&n, text, strlen(text)), 0);
	wr_bytes(w, n.wire, n.len);
}

/* A record of uncompressed names: rdata is `rdata` and then, if not NULL, the name `target`. */
static void put(struct wr *w, const char *owner, uint16_t type, const char *rdata, size_t len, const char *target)
{
	uint8_t *at;
	size_t begin;

	put_name(w, owner);
	wr_u16(w, type);
	wr_u16(w, CLASS_IN);
	wr_u32(w, 300);
	at = wr_room(w, 2);
	begin = wr_len(w);
	wr_bytes(w, rdata, len);
	if (target)
		put_name(w, target);
	bytes_put_u16(at, (uint16_t)(wr_len(w) - begin));
	wire_count(w, 0);
}

static struct wr start(const char *qname, uint16_t type)
{
	struct wr w = wr_init(msg, sizeof(msg));

	wr_bytes(&w, "\0\1\x85\xb3\0\1\0\0\0\0\0\0", 12);	/* AA, RD, RA, AD, CD, NXDOMAIN */
	put_name(&w, qname);
	wr_u16(&w, type);
	wr_u16(&w, CLASS_IN);
	return w;
}

static int compose(struct wr *w, const char *qname, uint16_t qtype, size_t cap)
{
	struct name n;
	size_t i;

	assert_false(w->bad);
	assert_int_equal(answer_parse(&answer, msg, wr_len(w)), 0);
	assert_int_equal(name_from_text(&n, qname, strlen(qname)), 0);
	for (i = 0; i < answer.n; i++)
		keep[i] = (struct answer_keep){ (uint16_t)i, ANSWER_AN, 7 };
	return answer_compose(&answer, &n, qtype, RCODE_NXDOMAIN, keep, answer.n, out, cap, ttls);
}

#define EXPECT(len, bytes) do { \
	assert_int_equal(len, sizeof(bytes) - 1); \
	assert_memory_equal(out, bytes, sizeof(bytes) - 1); \
} while (0)

#define QUESTION "\3www\2ex\3com\0\0\1\0\1"
#define RR(type, len) "\0" type "\0\1\0\0\0\7\0" len

static void chain(void **state)
{
	struct wr w = start("www.ex.com", TYPE_A);

	put(&w, "www.ex.com", TYPE_CNAME, "", 0, "a.cdn.net");
	put(&w, "a.cdn.net", TYPE_CNAME, "", 0, "b.cdn.net");
	put(&w, "b.cdn.net", TYPE_A, "\1\2\3\4", 4, NULL);
	put(&w, "b.cdn.net", TYPE_A, "\1\2\3\5", 4, NULL);
	put(&w, "ex.com", TYPE_SRV, "\0\1\0\2\0\3", 6, "b.cdn.net");
	put(&w, "com", TYPE_MX, "\0\1", 2, "m.ex.com");
	EXPECT(compose(&w, "www.ex.com", TYPE_A, sizeof(out)), "\0\0\x80\x83\0\1\0\6\0\0\0\0" QUESTION
	       "\xc0\x0c" RR("\5", "\x0b") "\1a\3cdn\3net\0"		/* at 28, rdata at 40 */
	       "\xc0\x28" RR("\5", "\4") "\1b\xc0\x2a"			/* at 51, rdata at 63 */
	       "\xc0\x3f" RR("\1", "\4") "\1\2\3\4"
	       "\xc0\x3f" RR("\1", "\4") "\1\2\3\5"
	       "\xc0\x10" RR("\x21", "\x11") "\0\1\0\2\0\3\1b\3cdn\3net\0"	/* RFC 2782: not compressed */
	       "\xc0\x13" RR("\x0f", "\6") "\0\1\1m\xc0\x10");
	assert_int_equal(ttls[0], 34);
	assert_int_equal(ttls[1], 57);
}

/* The root has nothing to point to; labels that only look alike at their end are none. */
static void edges(void **state)
{
	struct wr w = start(".", TYPE_NS);

	put(&w, ".", TYPE_NS, "", 0, "a.root");
	put(&w, ".", TYPE_NS, "", 0, ".");
	EXPECT(compose(&w, ".", TYPE_NS, sizeof(out)), "\0\0\x80\x83\0\1\0\2\0\0\0\0\0\0\2\0\1"
	       "\0" RR("\2", "\x08") "\1a\4root\0" "\0" RR("\2", "\1") "\0");
	w = start("www.ex.com", TYPE_A);
	put(&w, "wwww.ex.com", TYPE_A, "\1\2\3\4", 4, NULL);
	put(&w, "w\\003com", TYPE_A, "\1\2\3\4", 4, NULL);
	put(&w, "w.ex.com", TYPE_A, "\1\2\3\4", 4, NULL);
	EXPECT(compose(&w, "www.ex.com", TYPE_A, sizeof(out)), "\0\0\x80\x83\0\1\0\3\0\0\0\0" QUESTION
	       "\4wwww\xc0\x10" RR("\1", "\4") "\1\2\3\4" "\5w\3com\0" RR("\1", "\4") "\1\2\3\4"
	       "\1w\xc0\x10" RR("\1", "\4") "\1\2\3\4");
}

/* Sections, other rdata put in place, and records left out. */
static void chosen(void **state)
{
	struct answer_keep some[] = { { 2, ANSWER_AN, 9 }, { 1, ANSWER_NS, 8 }, { 0, ANSWER_AR, 7 } };
	struct wr w = start("www.ex.com", TYPE_A);
	struct name n;
	int len;

	put(&w, "www.ex.com", TYPE_A, "\1\2\3\4", 4, NULL);
	put(&w, "ex.com", TYPE_NS, "", 0, "ns.ex.com");
	put(&w, "www.ex.com", TYPE_HTTPS, "\0\1\0\0\4\0\4\1\2\3\4", 11, NULL);
	put(&w, "www.ex.com", TYPE_A, "\1\2\3\5", 4, NULL);
	assert_int_equal(answer_parse(&answer, msg, wr_len(&w)), 0);
	answer.rr[2].subst = (const uint8_t *)"\0\1\0";
	answer.rr[2].subst_len = 3;
	assert_int_equal(name_from_text(&n, "www.ex.com", 10), 0);
	len = answer_compose(&answer, &n, TYPE_HTTPS, 0, some, 3, out, sizeof(out), ttls);
	EXPECT(len, "\0\0\x80\x80\0\1\0\1\0\1\0\1\3www\2ex\3com\0\0\x41\0\1"
	       "\xc0\x0c\0\x41\0\1\0\0\0\x09\0\3\0\1\0" "\xc0\x10\0\2\0\1\0\0\0\x08\0\5\2ns\xc0\x10"
	       "\xc0\x0c\0\1\0\1\0\0\0\7\0\4\1\2\3\4");
	/* No record at all is an answer too. */
	assert_int_equal(answer_compose(&answer, &n, TYPE_A, 0, some, 0, out, sizeof(out), ttls), 28);
	assert_int_equal(answer_compose(&answer, &n, TYPE_A, 0, some, 0, out, 27, ttls), -EMSGSIZE);
	assert_int_equal(answer_compose(&answer, &n, TYPE_A, 0, some, 1, out, 42, ttls), -EMSGSIZE);
	assert_int_equal(answer_compose(&answer, &n, TYPE_A, 0, some, 1, out, 43, ttls), 43);
}

/* Beyond 16 KiB no pointer reaches: names there are written out, and stay right. */
static void big(void **state)
{
	struct wr w = start("www.ex.com", TYPE_A);
	static char text[256] = "\377";
	char owner[40];
	size_t i, off;
	int len;

	for (i = 0; i < 150; i++) {
		snprintf(owner, sizeof(owner), "n%zu.zone%zu.test", i, i / 3);
		put(&w, owner, TYPE_TXT, text, sizeof(text), NULL);
		put(&w, owner, TYPE_NS, "", 0, owner);
	}
	len = compose(&w, "www.ex.com", TYPE_A, sizeof(out));
	assert_true(len > 0x8000);
	assert_true((size_t)len < wr_len(&w));
	assert_int_equal(answer_parse(&again, out, (size_t)len), 0);
	assert_int_equal(again.n, 300);
	for (i = 0; i < 300; i++) {
		struct name n, target;

		off = answer.rr[i].owner;
		assert_int_equal(name_read(&n, msg, answer.len, &off), 0);
		assert_true(answer_owner_is(&again, &again.rr[i], &n));
		assert_int_equal(again.rr[i].type, answer.rr[i].type);
		assert_int_equal(again.rr[i].ttl, 7);
		if (again.rr[i].type == TYPE_NS) {
			assert_int_equal(answer_target(&again, &again.rr[i], &target), 0);
			assert_true(name_equal(&n, &target));
		}
	}
	for (i = 0; i < (size_t)len; i += 997)
		assert_int_equal(compose(&w, "www.ex.com", TYPE_A, i), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain), cmocka_unit_test(edges), cmocka_unit_test(chosen), cmocka_unit_test(big),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
