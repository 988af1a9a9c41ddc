/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <strings.h>

#include "script.h"

#define RECORDS_MAX 256
#define EDE_OPTION 15

static bool wrong(const char *what, unsigned long got, unsigned long want)
{
	if (got == want)
		return false;
	fake_fault("%s is %lu, not %lu", what, got, want);
	return true;
}

static ldns_pkt *read_packet(const uint8_t *msg, size_t len)
{
	ldns_pkt *p = NULL;
	ldns_status s = ldns_wire2pkt(&p, msg, len);

	if (s == LDNS_STATUS_OK)
		return p;
	fake_fault("the reply is malformed: %s", ldns_get_errorstr_by_id(s));
	return NULL;
}

static size_t question_len(const uint8_t *msg, size_t len)
{
	size_t off = WIRE_HEADER;

	if (len < WIRE_HEADER || !bytes_u16(msg + 4) || name_skip(msg, len, &off) < 0 || len - off < 4)
		return 0;
	return off + 4 - WIRE_HEADER;
}

static bool header_ok(const struct asked *q)
{
	uint16_t in = bytes_u16(q->msg + 2), out = bytes_u16(q->reply + 2);
	size_t n = question_len(q->reply, q->reply_len);

	if (wrong("the id", bytes_u16(q->reply), bytes_u16(q->msg)) || wrong("QR", out >> 15, 1) ||
	    wrong("the opcode", WIRE_OPCODE(out), WIRE_OPCODE(in)) || wrong("AA", out & WIRE_AA, 0) ||
	    wrong("RD", out & WIRE_RD, in & WIRE_RD) || wrong("CD", out & WIRE_CD, in & WIRE_CD) ||
	    wrong("RA", out & WIRE_RA, WIRE_RA))
		return false;
	if (q->reply_len > q->limit) {
		fake_fault("%zu bytes to a client that takes %zu", q->reply_len, q->limit);
		return false;
	}
	if (n && (WIRE_HEADER + n > q->len || memcmp(q->reply + WIRE_HEADER, q->msg + WIRE_HEADER, n))) {
		fake_fault("the question in the reply is not the one that was asked, byte by byte");
		return false;
	}
	return true;
}

static bool on_chain(const ldns_rdf *owner, ldns_rdf **chain, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (ldns_dname_compare(owner, chain[i]) == 0)
			return true;
	}
	return false;
}

/* Each record stands behind the link that leads to its owner. */
static bool chain_ok(const ldns_pkt *p)
{
	const ldns_rr_list *an = ldns_pkt_answer(p);
	const ldns_rr_list *qd = ldns_pkt_question(p);
	ldns_rdf *chain[RECORDS_MAX];
	size_t n = 0;

	if (!ldns_rr_list_rr_count(qd))
		return true;
	chain[n++] = ldns_rr_owner(ldns_rr_list_rr(qd, 0));
	for (size_t i = 0; i < ldns_rr_list_rr_count(an) && n < RECORDS_MAX; i++) {
		const ldns_rr *rr = ldns_rr_list_rr(an, i);
		bool dname = ldns_rr_get_type(rr) == LDNS_RR_TYPE_DNAME;
		bool ok = dname ? ldns_dname_is_subdomain(chain[n - 1], ldns_rr_owner(rr))
				: on_chain(ldns_rr_owner(rr), chain, n);
		ldns_rr_type covered = LDNS_RR_TYPE_NULL;

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_RRSIG)
			covered = ldns_rdf2rr_type(ldns_rr_rrsig_typecovered(rr));
		if (!ok && covered != LDNS_RR_TYPE_DNAME) {
			char *text = ldns_rr2str(rr);

			fake_fault("a record that the chain does not lead to: %s", text);
			free(text);
			return false;
		}
		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_CNAME)
			chain[n++] = ldns_rr_rdf(rr, 0);
	}
	return true;
}

/* EDNS where the client sent it, and DO as it had it (RFC 3225 3). */
static bool edns_ok(const struct asked *q, const ldns_pkt *reply)
{
	ldns_pkt *p = NULL;
	bool edns = false, dnssec_ok = false;

	if (ldns_wire2pkt(&p, q->msg, q->len) == LDNS_STATUS_OK) {
		edns = ldns_pkt_edns(p);
		dnssec_ok = ldns_pkt_edns_do(p);
	}
	ldns_pkt_free(p);
	if (wrong("EDNS", ldns_pkt_edns(reply), edns) || !edns)
		return !edns && !ldns_pkt_edns(reply);
	return !wrong("DO", ldns_pkt_edns_do(reply), dnssec_ok) &&
	       !wrong("the EDNS version", ldns_pkt_edns_version(reply), 0) &&
	       !wrong("the EDNS size", ldns_pkt_edns_udp_size(reply), WIRE_UDP_SIZE);
}

bool judge_always(const struct asked *q)
{
	ldns_pkt *p;
	bool ok;

	if (q->reply_len < WIRE_HEADER) {
		fake_fault("a reply without a header");
		return false;
	}
	if (!header_ok(q) || !(p = read_packet(q->reply, q->reply_len)))
		return false;
	ok = chain_ok(p) && (q->raw || edns_ok(q, p));
	if (ok && ldns_pkt_tc(p) && (ldns_pkt_ancount(p) || ldns_pkt_nscount(p))) {
		fake_fault("a truncated reply that is not empty");
		ok = false;
	}
	ldns_pkt_free(p);
	return ok;
}

/* The one EDE option: its code, and its text into buf; -1: none. */
static int ede_of(const ldns_pkt *p, char *buf, size_t cap)
{
	ldns_rdf *data = ldns_pkt_edns_data(p);
	struct rd r = rd_init(data ? ldns_rdf_data(data) : NULL, data ? ldns_rdf_size(data) : 0);
	int code = -1;

	buf[0] = '\0';
	while (rd_left(&r) && !r.bad) {
		uint16_t option = rd_u16(&r), len = rd_u16(&r);
		const uint8_t *v = rd_take(&r, len);

		if (option != EDE_OPTION || !v || len < 2)
			continue;
		code = bytes_u16(v);
		snprintf(buf, cap, "%.*s", len - 2, (const char *)v + 2);
	}
	if (r.bad)
		fake_fault("options that do not fit their OPT record");
	return code;
}

/* As text, in lower case but where the script wants the letters themselves. */
static char *line_of(ldns_rr *rr, bool exact)
{
	char *text;
	size_t len;

	if (!exact)
		ldns_rr2canonical(rr);
	text = ldns_rr2str(rr);
	len = text ? strlen(text) : 0;
	while (len && strchr(" \n", text[len - 1]))
		text[--len] = '\0';
	return text;
}

/* Lines of both sides: "SECTION RECORD". */
struct lines {
	char *v[RECORDS_MAX];
	size_t n;
};

static void add_line(struct lines *l, unsigned section, ldns_rr *rr, bool exact)
{
	char *text = line_of(rr, exact), *line;

	if (l->n == RECORDS_MAX || !text || asprintf(&line, "%u %s", section, text) < 0)
		abort();
	l->v[l->n++] = line;
	free(text);
}

static void free_lines(struct lines *l)
{
	while (l->n)
		free(l->v[--l->n]);
}

static void lines_of_packet(struct lines *l, const ldns_pkt *p, bool exact)
{
	const ldns_rr_list *sections[] = { ldns_pkt_answer(p), ldns_pkt_authority(p), ldns_pkt_additional(p) };

	for (unsigned s = 0; s < 3; s++) {
		for (size_t i = 0; i < ldns_rr_list_rr_count(sections[s]); i++)
			add_line(l, s, ldns_rr_list_rr(sections[s], i), exact);
	}
}

static bool lines_of_block(struct lines *l, char **block, size_t n, bool exact)
{
	char line[LINE_MAX_LEN];
	unsigned section = 0;

	for (size_t i = 0; i < n; i++) {
		ldns_rr *rr = NULL;

		if (!vars_expand(line, block[i])) {
			fake_fault("%s: no such variable", block[i]);
			return false;
		}
		if (!line[0] || line[0] == '#')
			continue;
		if (!strcmp(line, "authority") || !strcmp(line, "additional")) {
			section = line[1] == 'u' ? 1 : 2;
			continue;
		}
		if (ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL) != LDNS_STATUS_OK) {
			fake_fault("%s: no record", line);
			return false;
		}
		add_line(l, section, rr, exact);
		ldns_rr_free(rr);
	}
	return true;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* As sets: that the chain stands in order is checked for every reply. */
static bool same_records(struct lines *got, struct lines *want)
{
	size_t g = 0, w = 0;
	bool same = true;

	qsort(got->v, got->n, sizeof(char *), by_text);
	qsort(want->v, want->n, sizeof(char *), by_text);
	while (g < got->n || w < want->n) {
		int c = g == got->n ? 1 : w == want->n ? -1 : strcmp(got->v[g], want->v[w]);

		if (c)
			fake_fault("%s: %s", c < 0 ? "not expected" : "missing", c < 0 ? got->v[g] : want->v[w]);
		same &= !c;
		g += c <= 0;
		w += c >= 0;
	}
	return same;
}

/* The SOA of our own making: alone in its section, TTL and minimum the same. */
static bool own_soa(ldns_pkt *p, unsigned long ttl)
{
	const ldns_rr_list *ns = ldns_pkt_authority(p);
	const ldns_rr *rr;

	if (ldns_rr_list_rr_count(ns) != 1 || ldns_rr_get_type(rr = ldns_rr_list_rr(ns, 0)) != LDNS_RR_TYPE_SOA) {
		fake_fault("the authority section is not one SOA");
		return false;
	}
	if (wrong("the SOA's TTL", ldns_rr_ttl(rr), ttl) ||
	    wrong("its minimum", ldns_rdf2native_int32(ldns_rr_rdf(rr, 6)), ttl))
		return false;
	ldns_rr_list_deep_free(ldns_pkt_authority(p));
	ldns_pkt_set_authority(p, ldns_rr_list_new());
	return true;
}

struct expected {
	const char *rcode, *text;
	bool tc, ad, any, exact;
	long soa, ede;
};

static bool read_expected(struct expected *e, char **words, int n)
{
	*e = (struct expected){ .rcode = n ? words[0] : "", .text = "", .soa = -1, .ede = -1 };
	for (int i = 1; i < n; i++) {
		const char *value = i + 1 < n ? words[i + 1] : "";

		if (!strcmp(words[i], "tc"))
			e->tc = true;
		else if (!strcmp(words[i], "ad"))
			e->ad = true;
		else if (!strcmp(words[i], "any"))
			e->any = true;
		else if (!strcmp(words[i], "exact"))
			e->exact = true;
		else if (!strcmp(words[i], "soa"))
			e->soa = atol(value), i++;
		else if (!strcmp(words[i], "ede"))
			e->ede = atol(value), i++;
		else if (!strcmp(words[i], "text") || !strcmp(words[i], "link"))
			e->text = value, i++;
		else {
			fake_fault("%s: no such word", words[i]);
			return false;
		}
	}
	return true;
}

static const char *rcode_of(const ldns_pkt *p)
{
	unsigned rcode = ldns_pkt_get_rcode(p) | (ldns_pkt_edns(p) ? ldns_pkt_edns_extended_rcode(p) << 4 : 0);

	return rcode == RCODE_BADVERS ? "BADVERS" : rcode_text(rcode);
}

static bool meets(ldns_pkt *p, const struct expected *e)
{
	char text[512];
	int ede = ede_of(p, text, sizeof(text));

	if (strcmp(rcode_of(p), e->rcode)) {
		fake_fault("the code is %s, not %s", rcode_of(p), e->rcode);
		return false;
	}
	if (ede != e->ede || strcmp(text, e->text)) {
		fake_fault("the extended error is %d \"%s\", not %ld \"%s\"", ede, text, e->ede, e->text);
		return false;
	}
	return !wrong("TC", ldns_pkt_tc(p), e->tc) && !wrong("AD", ldns_pkt_ad(p), e->ad) &&
	       (e->soa < 0 || own_soa(p, (unsigned long)e->soa));
}

static void show(const struct asked *q)
{
	ldns_pkt *p = NULL;

	if (ldns_wire2pkt(&p, q->reply, q->reply_len) == LDNS_STATUS_OK)
		ldns_pkt_print(stderr, p);
	ldns_pkt_free(p);
}

bool judge_answer(const struct asked *q, char **words, int n, char **block, size_t n_block)
{
	struct lines got = { .n = 0 }, want = { .n = 0 };
	ldns_pkt *p = read_packet(q->reply, q->reply_len);
	struct expected e;
	bool ok;

	if (!p)
		return false;
	ok = read_expected(&e, words, n) && meets(p, &e);
	if (ok && !e.any) {
		lines_of_packet(&got, p, e.exact);
		ok = lines_of_block(&want, block, n_block, e.exact) && same_records(&got, &want);
	}
	if (!ok)
		show(q);
	free_lines(&got);
	free_lines(&want);
	ldns_pkt_free(p);
	return ok;
}

bool judge_sent(const struct exchange *x, bool dnssec_ok)
{
	ldns_pkt *p = NULL;
	bool ok;

	if (ldns_wire2pkt(&p, x->msg, x->len) != LDNS_STATUS_OK) {
		fake_fault("the question that was sent upstream is malformed");
		return false;
	}
	ok = !wrong("QR upstream", ldns_pkt_qr(p), 0) && !wrong("RD upstream", ldns_pkt_rd(p), 1) &&
	     !wrong("CD upstream", ldns_pkt_cd(p), 0) && !wrong("AD upstream", ldns_pkt_ad(p), 0) &&
	     !wrong("the number of questions upstream", ldns_pkt_qdcount(p), 1) &&
	     !wrong("the number of records upstream", ldns_pkt_ancount(p) + ldns_pkt_nscount(p), 0) &&
	     !wrong("EDNS upstream", ldns_pkt_edns(p), 1) &&
	     !wrong("the EDNS size upstream", ldns_pkt_edns_udp_size(p), WIRE_UDP_SIZE) &&
	     !wrong("DO upstream", ldns_pkt_edns_do(p), dnssec_ok) &&
	     !wrong("options upstream", ldns_pkt_edns_data(p) ? ldns_rdf_size(ldns_pkt_edns_data(p)) : 0, 0);
	ldns_pkt_free(p);
	return ok;
}
