/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/util.h"
#include "dns/answer.h"
#include "dns/wire.h"
#include "fuzz.h"

/* The input as a client's message: every reply that is made of it without an upstream is read again. */

static struct answer answer;
static uint8_t out[WIRE_MAX];

/* OPT of a reply, or NULL; the records before it are counted. Every byte belongs to one of them. */
static const uint8_t *find_opt(const uint8_t *msg, size_t len, size_t off, unsigned *others)
{
	unsigned n = bytes_u16(msg + 6) + bytes_u16(msg + 8) + bytes_u16(msg + 10);
	const uint8_t *opt = NULL;

	*others = 0;
	while (n--) {
		bool root = off < len && !msg[off];

		CHECK(!opt && !name_skip(msg, len, &off) && len - off >= 10);
		if (root && bytes_u16(msg + off) == TYPE_OPT)
			opt = msg + off;
		else
			(*others)++;
		off += 10u + bytes_u16(msg + off + 8);
		CHECK(off <= len);
	}
	CHECK(off == len);
	return opt;
}

static void check_ede(const uint8_t *opt, const struct wire_ede *ede)
{
	size_t len = bytes_u16(opt + 8), text;

	if (!len)
		return;
	CHECK(ede && ede->code != EDE_NONE && len >= 6);
	CHECK(bytes_u16(opt + 10) == 15 && bytes_u16(opt + 12) == len - 4 && bytes_u16(opt + 14) == ede->code);
	text = len - 6;
	CHECK(!text || (ede->text && text == strlen(ede->text) && !memcmp(opt + 16, ede->text, text)));
}

/* What holds of every reply. Gives whether it was cut to an empty one. */
static bool check_reply(const struct wire_query *q, size_t len, size_t limit, unsigned rcode, const struct wire_ede *ede,
			unsigned want)
{
	uint16_t flags = bytes_u16(out + 2);
	bool cut = flags & WIRE_TC;
	const uint8_t *opt;
	unsigned others;

	CHECK(len >= WIRE_HEADER && len <= limit);
	CHECK(bytes_u16(out) == q->id && (flags & WIRE_QR) && (flags & WIRE_RA) && !(flags & (WIRE_AA | WIRE_AD)));
	CHECK(!((flags ^ q->flags) & (0x7800 | WIRE_RD | WIRE_CD)));
	CHECK((flags & WIRE_RCODE) == (rcode & WIRE_RCODE));
	CHECK(bytes_u16(out + 4) == (q->question_len ? 1 : 0));
	CHECK(!memcmp(out + WIRE_HEADER, q->msg + WIRE_HEADER, q->question_len));
	opt = find_opt(out, len, WIRE_HEADER + (size_t)q->question_len, &others);
	CHECK(!opt == !q->edns);
	if (opt) {
		CHECK(bytes_u16(opt + 2) == WIRE_UDP_SIZE && opt[4] == rcode >> 4 && opt[5] == 0);
		CHECK(bytes_u16(opt + 6) == (q->dnssec_ok ? 0x8000 : 0));
		check_ede(opt, ede);
	}
	CHECK(others == (cut ? 0 : want));
	if (q->question_len)
		CHECK(!answer_parse(&answer, out, len) && answer.n == others && answer.rcode == (opt ? rcode : rcode & 15));
	return cut;
}

static void check_short(const struct wire_query *q)
{
	static const unsigned rcodes[] = { RCODE_FORMERR, RCODE_SERVFAIL, RCODE_NOTIMP, RCODE_REFUSED, RCODE_BADVERS };
	static const struct wire_ede edes[] = {
		{ EDE_NONE, "unseen" }, { EDE_BLOCKED, NULL }, { EDE_OTHER, "the firewall did not take it" },
	};
	static const size_t caps[] = { 20, 60, 512, WIRE_UDP_SIZE, WIRE_MAX };
	size_t bare = WIRE_HEADER + (size_t)q->question_len + (q->edns ? 11 : 0);

	for (unsigned i = 0; i < ARRAY_SIZE(rcodes) * ARRAY_SIZE(caps); i++) {
		const struct wire_ede *ede = i % 4 ? &edes[i % 3] : NULL;
		size_t cap = caps[i / ARRAY_SIZE(rcodes)], len;
		unsigned rcode = rcodes[i % ARRAY_SIZE(rcodes)];
		uint8_t *exact = malloc(cap);

		CHECK(exact);
		len = wire_short(exact, cap, q, rcode, ede);
		CHECK(!len == (bare > cap) && len <= cap);
		if (len) {
			memcpy(out, exact, len);
			CHECK(!check_reply(q, len, cap, rcode, ede, 0));
		}
		free(exact);
	}
}

/* A negative answer of each zone above the name, in less and less room. */
static void check_soa(const struct wire_query *q)
{
	static const struct wire_ede ede = { EDE_BLOCKED, "a.link.example" };
	size_t bare = WIRE_HEADER + (size_t)q->question_len + (q->edns ? 11 : 0);

	for (unsigned i = 0; i <= q->qname.labels + 1u; i++) {
		static const struct name other = { .len = 5, .labels = 1, .wire = "\3org" };
		struct name zone = other;
		size_t limit = i % 3 ? wire_limit(q, i % 2) : 60u + i, len;
		struct wr w = wr_init(out, sizeof(out));
		uint32_t minimum;

		if (i <= q->qname.labels)
			name_parent(&zone, &q->qname, i);
		wire_begin(&w, q, RCODE_NXDOMAIN);
		wire_soa(&w, &zone, 60 + i);
		len = wire_end(&w, q, RCODE_NXDOMAIN, &ede, limit);
		CHECK(!len == (bare > limit));
		if (!len || check_reply(q, len, limit, RCODE_NXDOMAIN, &ede, 1) || !q->question_len)
			continue;
		CHECK(answer.rr[0].type == TYPE_SOA && answer.rr[0].section == ANSWER_NS && answer.rr[0].ttl == 60 + i);
		CHECK(answer_owner_is(&answer, &answer.rr[0], &zone));
		CHECK(!answer_soa_minimum(&answer, &answer.rr[0], &minimum) && minimum == 60 + i);
	}
}

/* Addresses until they do not fit. */
static void check_records(const struct wire_query *q)
{
	for (unsigned n = 0; n < 100; n = 2 * n + 1) {
		struct wr w = wr_init(out, 900);
		size_t limit = wire_limit(q, false), len;

		wire_begin(&w, q, RCODE_NOERROR);
		for (unsigned i = 0; i < n; i++)
			wire_record(&w, TYPE_A, (const uint8_t *)"\300\0\2\1", 4, i);
		len = wire_end(&w, q, RCODE_NOERROR, NULL, limit);
		CHECK(len && len <= MIN(limit, 900u));
		if (check_reply(q, len, limit, RCODE_NOERROR, NULL, n))
			continue;
		for (unsigned i = 0; i < n; i++)
			CHECK(answer_owner_is(&answer, &answer.rr[i], &q->qname) && answer.rr[i].ttl == i);
	}
}

/* Our own question about the name, and what a good upstream says to it; then the stored answer for this client. */
static void check_upstream(const struct wire_query *q)
{
	uint8_t msg[WIRE_QUERY_MAX], bits[NAME_MAX_WIRE / 8 + 1];
	struct name sent = q->qname;
	uint16_t at = (uint16_t)(WIRE_HEADER + sent.len + 10);
	struct wire_query back;
	struct wr w = wr_init(msg, sizeof(msg));
	size_t len;

	for (size_t i = 0; i < sizeof(bits); i++)
		bits[i] = (uint8_t)(q->id * (i + 1));
	wire_shuffle_case(&sent, bits);
	len = wire_question(msg, 7, &sent, q->qtype, q->dnssec_ok);
	CHECK(len <= sizeof(msg) && wire_parse_query(&back, msg, len) == WIRE_OK);
	CHECK(name_equal(&back.qname, &q->qname) && back.qtype == q->qtype && back.qclass == CLASS_IN && back.edns);
	CHECK(back.dnssec_ok == q->dnssec_ok && back.udp_size == WIRE_UDP_SIZE && (back.flags & WIRE_RD));
	CHECK(wire_match(msg, len, 7, &sent, q->qtype) == WIRE_FOREIGN);
	msg[2] |= 0x80;
	CHECK(wire_match(msg, len, 7, &sent, q->qtype) == WIRE_MATCH);
	CHECK(wire_match(msg, len, 8, &sent, q->qtype) == WIRE_FOREIGN);
	CHECK(wire_match(msg, len, 7, &q->qname, q->qtype) ==
	      (memcmp(sent.wire, q->qname.wire, sent.len) ? WIRE_WRONG_CASE : WIRE_MATCH));
	wr_bytes(&w, "\0\0\x80\x80\0\1\0\1\0\0\0\0", 12);
	wr_bytes(&w, q->qname.wire, q->qname.len);
	wr_u16(&w, q->qtype);
	wr_u16(&w, CLASS_IN);
	wr_bytes(&w, "\xc0\x0c\0\x63\0\1\0\0\1\0\0\0", 12);
	if (w.bad || q->qclass != CLASS_IN)
		return;
	len = wr_len(&w);
	at = (uint16_t)(len - 6);
	wire_restore(out, msg, len, q, &at, 1, 100, 0, 120);
	CHECK(!answer_parse(&answer, out, len) && answer.n == 1 && answer.rr[0].ttl == 120);
	wire_restore(out, msg, len, q, &at, 1, 300, 1, 120);
	CHECK(!answer_parse(&answer, out, len) && answer.rr[0].ttl == 1 && bytes_u16(out) == q->id);
	CHECK(answer.flags == (WIRE_QR | WIRE_RA | (q->flags & (WIRE_RD | WIRE_CD))));
	CHECK(!memcmp(out + WIRE_HEADER, q->msg + WIRE_HEADER, q->question_len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_query q;
	enum wire_parse r = wire_parse_query(&q, data, size);

	if (r == WIRE_DROP) {
		CHECK(size < WIRE_HEADER || data[2] & 0x80);
		return 0;
	}
	CHECK(q.udp_size >= 512 && q.udp_size <= WIRE_UDP_SIZE && q.question_len <= size - WIRE_HEADER);
	check_short(&q);
	if (r != WIRE_OK)
		return 0;
	CHECK(q.question_len == q.qname.len + 4);
	check_soa(&q);
	check_records(&q);
	check_upstream(&q);
	return 0;
}
