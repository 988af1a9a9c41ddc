/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_UNIT_CHAIN_UTIL_H
#define TESTS_UNIT_CHAIN_UTIL_H

/*
 * Walks of chain_walk as text: records in, what would be sent on out; whatever the order of the records in the
 * packet, the same must come of it.
 */

#include "reply_text.h"

#include "policy/chain.h"
#include "policy_naive.h"

#define RECORDS 40

static struct snapshot *snap;
static struct answer answer;
static struct chain chain;
static unsigned families = EXPORT_BOTH;
static uint8_t out[WIRE_MAX];
static uint16_t ttls[ANSWER_TTLS];

static const char catalog[] =
	"[web]\nallow = www.ex.com *.ok.ex.com\nchain = *.edge.net\n"
	"[service]\nports = tcp/443 tcp/8443\ntypes = SRV\nallow = svc.ex.com\n"
	"[inside]\nprivate = yes\nallow = in.ex.com\n";

static const char config[] =
	"[cache]\nmin-ttl = 10s\nmax-ttl = 1000s\n"
	"[forward corp.test]\naddress = 10.0.0.1\nprivate = yes\n"
	"[forward far.test]\naddress = 10.0.0.1\n"
	"[profile default]\ncatalog = c\ntypes = A AAAA CNAME HTTPS SVCB DNAME\n"
	"[profile trusting]\nclients = 10.0.0.0/8\ncatalog = c\nchain = trust\n"
	"[profile four]\nclients = 10.1.0.0/16\ncatalog = c\naaaa = no\n"
	"[profile watched]\nclients = 10.2.0.0/16\ncatalog = c\nmode = audit\n";

static inline int setup(void **state)
{
	if (util_setup(state))
		return -1;
	util_text("c.ini", catalog);
	snap = snap_build(config, 1);
	return 0;
}

static inline int teardown(void **state)
{
	snapshot_release(snap);
	return util_teardown(state);
}

struct packet {
	ldns_rr *rr[RECORDS];
	ldns_pkt_section section[RECORDS];
	size_t n;
	ldns_rdf *qname;
	uint16_t qtype;
	ldns_pkt_rcode rcode;
};

/* Records by line, those of other sections behind "ns " and "ar "; "NXDOMAIN" and "SERVFAIL" stand for themselves. */
static inline void read_packet(struct packet *p, const char *qname, uint16_t qtype, const char *text)
{
	char *copy = strdup(text), *save = NULL;

	*p = (struct packet){ .qname = ldns_dname_new_frm_str(qname), .qtype = qtype };
	assert_non_null(p->qname);
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strcmp(line, "NXDOMAIN") || !strcmp(line, "SERVFAIL")) {
			p->rcode = *line == 'N' ? LDNS_RCODE_NXDOMAIN : LDNS_RCODE_SERVFAIL;
			continue;
		}
		p->section[p->n] = !strncmp(line, "ns ", 3) ? LDNS_SECTION_AUTHORITY :
				   !strncmp(line, "ar ", 3) ? LDNS_SECTION_ADDITIONAL : LDNS_SECTION_ANSWER;
		if (p->section[p->n] != LDNS_SECTION_ANSWER)
			line += 3;
		if (ldns_rr_new_frm_str(&p->rr[p->n], line, 0, NULL, NULL) != LDNS_STATUS_OK)
			fail_msg("ldns does not take: %s", line);
		assert_true(++p->n < RECORDS);
	}
	free(copy);
}

static inline void free_packet(struct packet *p)
{
	for (size_t i = 0; i < p->n; i++)
		ldns_rr_free(p->rr[i]);
	ldns_rdf_deep_free(p->qname);
}

static inline uint8_t *write_packet(const struct packet *p, size_t *len)
{
	ldns_pkt *pkt = ldns_pkt_query_new(ldns_rdf_clone(p->qname), p->qtype, LDNS_RR_CLASS_IN, LDNS_QR | LDNS_RD);
	uint8_t *wire = NULL;

	assert_non_null(pkt);
	ldns_pkt_set_rcode(pkt, p->rcode);
	for (size_t i = 0; i < p->n; i++)
		assert_true(ldns_pkt_push_rr(pkt, p->section[i], ldns_rr_clone(p->rr[i])));
	assert_int_equal(ldns_pkt2wire(&wire, pkt, len), LDNS_STATUS_OK);
	ldns_pkt_free(pkt);
	return wire;
}

static inline int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of text in order; the caller frees. */
static inline char *sorted(char *text)
{
	char *line[RECORDS + 4], *save = NULL, *all = calloc(1, strlen(text) + 2);
	size_t n = 0;

	assert_non_null(all);
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		line[n++] = l;
	qsort(line, n, sizeof(*line), by_text);
	for (size_t i = 0; i < n; i++)
		strcat(strcat(all, line[i]), "\n");
	free(text);
	return all;
}

static inline void put_outcome(FILE *f)
{
	char buf[NAME_TEXT];

	if (chain.outcome == CHAIN_BAD)
		fprintf(f, "bad: %s\n", chain.why);
	else if (chain.outcome == CHAIN_BLOCKED)
		fprintf(f, "blocked: %s\n", name_text(&chain.link, buf));
	else
		fprintf(f, "pass%s%s", chain.negative ? " negative" : "", chain.filtered ? " filtered" : "");
	if (chain.outcome == CHAIN_PASS)
		fprintf(f, " %u\n", chain.min_ttl);
}

/* Walks the packet, and gives what came of it, with the records that would be sent on; the caller frees. */
static inline char *walk(const struct packet *p, const char *profile, bool judge_all, bool dnssec_ok)
{
	struct verdict v;
	char *text = NULL, *reply, *qtext = ldns_rdf2str(p->qname);
	struct name qname = snap_name(qtext);
	struct chain_ask ask = {
		.snapshot = snap, .profile = snap_profile(snap, profile), .verdict = &v, .qname = &qname,
		.qtype = p->qtype, .families = families, .judge_all = judge_all, .dnssec_ok = dnssec_ok,
	};
	size_t len, size;
	uint8_t *wire = write_packet(p, &len);
	FILE *f = open_memstream(&text, &size);
	int n;

	decide(snap, ask.profile, &qname, p->qtype, &v);
	assert_int_equal(v.kind, VERDICT_UPSTREAM);
	assert_int_equal(answer_parse(&answer, wire, len), 0);
	chain_walk(&ask, &answer, &chain);
	put_outcome(f);
	if (chain.outcome == CHAIN_PASS || (judge_all && chain.outcome == CHAIN_BLOCKED)) {
		n = answer_compose(&answer, &qname, p->qtype, chain.rcode, chain.keep, chain.n_keep, out, sizeof(out),
				   ttls);
		assert_true(n > 0);
		reply = reply_text(out, (size_t)n);
		fputs(reply, f);
		free(reply);
	}
	fclose(f);
	free(wire);
	free(qtext);
	return text;
}

/* Whatever the order of the records, the same comes of it. */
static inline void permute(struct packet *p, const char *profile, bool dnssec_ok, const char *want)
{
	char *first = sorted(strdup(want));
	struct naive_random r = { 5 };

	for (unsigned round = 0; round < 30; round++) {
		char *got;

		for (size_t i = p->n; i > 1; i--) {
			size_t k = naive_below(&r, (unsigned)i);
			ldns_rr *rr = p->rr[k];
			ldns_pkt_section s = p->section[k];

			p->rr[k] = p->rr[i - 1];
			p->section[k] = p->section[i - 1];
			p->rr[i - 1] = rr;
			p->section[i - 1] = s;
		}
		got = sorted(walk(p, profile, false, dnssec_ok));
		assert_string_equal(got, first);
		free(got);
	}
	free(first);
}

struct example {
	const char *profile, *qname;
	uint16_t qtype;
	const char *text, *want;
};

static inline void check_all(const struct example *e, size_t n, bool dnssec_ok)
{
	for (size_t i = 0; i < n; i++) {
		struct packet p;
		char *got;

		read_packet(&p, e[i].qname, e[i].qtype, e[i].text);
		got = walk(&p, e[i].profile, false, dnssec_ok);
		if (strcmp(got, e[i].want))
			fail_msg("%zu: %s as %s:\n%sexpected:\n%s", i, e[i].qname, e[i].profile, got, e[i].want);
		free(got);
		permute(&p, e[i].profile, dnssec_ok, e[i].want);
		free_packet(&p);
	}
}

#endif
