/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ldns/ldns.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "dns/answer_rdata.h"
#include "fuzz.h"
#include "policy/chain.h"
#include "policy/grant.h"

/*
 * The first byte: bits 0 and 1 the profile, 2 DO, 3 the walk that goes on, 4 no IPv4, 5 no IPv6. The rest is an upstream's reply to the
 * question it bears, read, judged, written anew and read again.
 */

static struct answer answer, again, third;
static struct chain chain;
static struct grant grant;
static struct answer_keep all[ANSWER_RRS];
static uint16_t ttls[ANSWER_TTLS], ttls3[ANSWER_TTLS];
static uint8_t out[WIRE_MAX], out3[WIRE_MAX];
static struct snapshot *snap;

static const char catalog[] =
	"[web]\nallow = .ex.com *.windowsupdate.com *.microsoft.com\nchain = *.edge.net *.delivery.microsoft.com\n"
	"  *.footprint.net *.trafficmanager.net *.akamai.net\n"
	"[service]\nports = tcp/443\nprivate = yes\ntypes = SRV MX TXT DNAME\nallow = *.svc.ex.com\n";
static const char config[] =
	"[server]\nsandbox = off\n[forward corp.test]\naddress = 10.0.0.1\nprivate = yes\n"
	"[catalog c]\nfile = c.ini\n[profile default]\ncatalog = c\n"
	"[profile trusting]\nclients = 10.0.0.0/8\ncatalog = c\nchain = trust\n"
	"[profile four]\nclients = 10.1.0.0/16\ncatalog = c\naaaa = no\n"
	"[profile watched]\nclients = 10.2.0.0/16\ncatalog = c\nmode = audit\n";

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	CHECK(f && fputs(text, f) >= 0 && !fclose(f));
}

static void release(void)
{
	snapshot_release(snap);
}

static void set_up(void)
{
	char folder[] = "/tmp/postern-fuzz-XXXXXX", conf[64], ini[64];
	struct diag_list *d = diag_new();

	CHECK(d && mkdtemp(folder));
	snprintf(conf, sizeof(conf), "%s/conf", folder);
	snprintf(ini, sizeof(ini), "%s/c.ini", folder);
	write_file(conf, config);
	write_file(ini, catalog);
	snap = snapshot_build(&(struct snapshot_options){ .path = conf, .path_written = true, .generation = 1 }, d);
	if (!snap)
		diag_print(d, stderr);
	CHECK(snap && !unlink(conf) && !unlink(ini) && !rmdir(folder) && !atexit(release));
	diag_free(d);
}

/* ------------------------------------------------ rdata */

/* Rdata with its names written out and in lower case; gives the length. `plain`: none may be compressed (RFC 3597 4). */
static size_t flat(const struct answer *a, const struct answer_rr *rr, bool plain, uint8_t *to)
{
	const uint8_t *msg = rr->subst ? rr->subst : a->msg;
	size_t off = rr->subst ? 0 : rr->rdata, end = off + (rr->subst ? rr->subst_len : rr->rdlen);
	const char *shape = answer_rdata_shape(rr->type, rr->class);
	struct wr w = wr_init(to, 2 * WIRE_MAX);

	for (; shape && *shape && off < end; shape++) {
		int len = answer_rdata_field(*shape, msg, off, end);
		size_t pos = off;
		struct name n;

		CHECK(len >= 0);
		if (*shape == 'n' || *shape == 'u') {
			CHECK(!name_read_case(&n, msg, end, &pos, !plain) && pos == off + (size_t)len);
			name_fold(&n);
			wr_bytes(&w, n.wire, n.len);
		} else {
			wr_bytes(&w, msg + off, (size_t)len);
		}
		off += (size_t)len;
	}
	wr_bytes(&w, msg + off, end - off);
	CHECK(!w.bad);
	return wr_len(&w);
}

/* ------------------------------------------------ against ldns */

/* Types of which ldns and we know every field. (ldns 1.8 loses its way behind a SINK, and reads compressed names in TKEY.) */
static bool known_to_both(const struct answer *a)
{
	static const uint16_t types[] = { 1, 2, 5, 6, 12, 14, 15, 16, 17, 18, 21, 26, 28, 33, 35, 36, 39, 43, 46, 48, 64, 65 };
	size_t k;

	for (size_t i = 0; i < a->n; i++) {
		for (k = 0; k < ARRAY_SIZE(types) && types[k] != a->rr[i].type; k++)
			continue;
		if (k == ARRAY_SIZE(types) || a->rr[i].class != CLASS_IN)
			return false;
	}
	return true;
}

static const ldns_rr *nth(const ldns_pkt *p, size_t i)
{
	ldns_rr_list *lists[] = { ldns_pkt_answer(p), ldns_pkt_authority(p), ldns_pkt_additional(p) };

	for (size_t k = 0; k < 3; i -= ldns_rr_list_rr_count(lists[k++]))
		if (i < ldns_rr_list_rr_count(lists[k]))
			return ldns_rr_list_rr(lists[k], i);
	return NULL;
}

/* The same record, in ldns' wire form and ours; names' case is not looked at. */
static void check_rdata(const ldns_rr *rr, const struct answer *a, const struct answer_rr *ours)
{
	static uint8_t mine[2 * WIRE_MAX];
	size_t len, n = flat(a, ours, false, mine), off = 0;
	struct name owner;
	uint8_t *wire;

	CHECK(ldns_rr2wire(&wire, rr, LDNS_SECTION_ANSWER, &len) == LDNS_STATUS_OK);
	CHECK(!name_read(&owner, wire, len, &off) && answer_owner_is(a, ours, &owner));
	CHECK(len == off + 10 + n);
	for (size_t i = 0; i < n; i++)
		CHECK(name_lower(wire[off + 10 + i]) == name_lower(mine[i]));
	free(wire);
}

static void check_ldns(const struct answer *a)
{
	ldns_pkt *p = NULL;
	ldns_status s = ldns_wire2pkt(&p, a->msg, a->len);

	if (s != LDNS_STATUS_OK)
		fprintf(stderr, "ldns: %s\n", ldns_get_errorstr_by_id(s));
	CHECK(s == LDNS_STATUS_OK);
	for (size_t i = 0; i < a->n; i++) {
		const ldns_rr *rr = nth(p, i);

		CHECK(rr && ldns_rr_get_type(rr) == a->rr[i].type && ldns_rr_get_class(rr) == a->rr[i].class);
		CHECK((ldns_rr_ttl(rr) & 0x80000000 ? 0 : ldns_rr_ttl(rr)) == a->rr[i].ttl);
		check_rdata(rr, a, &a->rr[i]);
	}
	CHECK(!nth(p, a->n));
	ldns_pkt_free(p);
}

/* ------------------------------------------------ the message written anew */

static void check_same(const struct answer_keep *k, size_t i)
{
	static uint8_t one[2 * WIRE_MAX], two[2 * WIRE_MAX];
	const struct answer_rr *was = &answer.rr[k->index], *is = &again.rr[i];
	struct name owner;
	size_t off = was->owner, len = flat(&answer, was, false, one);

	CHECK(is->type == was->type && is->class == was->class && is->section == k->section && is->ttl == k->ttl);
	CHECK(!name_read(&owner, answer.msg, answer.len, &off) && answer_owner_is(&again, is, &owner));
	CHECK(flat(&again, is, !answer_rdata_compressible(is->type), two) == len && !memcmp(one, two, len));
	CHECK(bytes_u32(again.msg + ttls[i]) == k->ttl);
}

static void check_compose(const struct name *qname, uint16_t qtype)
{
	int len = answer_compose(&answer, qname, qtype, chain.rcode, chain.keep, chain.n_keep, out, sizeof(out), ttls), n;
	bool made = false;

	/* a message near the limit may grow over it: names of SRV and the like are written out */
	CHECK(len > 0 || answer.len > 2000);
	if (len < 0)
		return;
	CHECK(answer_compose(&answer, qname, qtype, chain.rcode, chain.keep, chain.n_keep, out3, (size_t)len - 1, ttls3) < 0);
	CHECK(!answer_parse(&again, out, (size_t)len) && again.n == chain.n_keep && !again.edns);
	CHECK(wire_match(out, (size_t)len, 0, qname, qtype) == WIRE_MATCH);
	for (size_t i = 0; i < again.n; i++) {
		check_same(&chain.keep[i], i);
		made |= answer.rr[chain.keep[i].index].subst != NULL;
		all[i] = (struct answer_keep){ (uint16_t)i, again.rr[i].section, again.rr[i].ttl };
	}
	if (known_to_both(&again))
		check_ldns(&again);
	/* written once more it is the same to the byte, but for a CNAME made from a DNAME, which is not compressed */
	n = answer_compose(&again, qname, qtype, chain.rcode, all, again.n, out3, sizeof(out3), ttls3);
	CHECK(made ? n > 0 && n <= len : n == len && !memcmp(out, out3, (size_t)len));
	CHECK(!answer_parse(&third, out3, (size_t)n) && third.n == again.n);
}

/* ------------------------------------------------ what may pass */

static bool private_ok(const struct chain_ask *ask)
{
	return ask->verdict->attrs.private || snapshot_upstream(snap, ask->verdict->upstream)->private;
}

/* A catalogue's entry has it, or it is of the one forward zone, and so was the question. */
static bool target_ok(const struct chain_ask *ask, const struct name *target)
{
	static const struct name zone = { .len = 11, .labels = 2, .wire = "\4corp\4test" };
	struct match m;

	catalog_find(snap->catalog, &ask->profile->choice, target, &m);
	return m.allow != ENTRY_NONE || m.chain != ENTRY_NONE || (name_under(ask->qname, &zone) && name_under(target, &zone));
}

/* The commonest of the private addresses; the whole list is the guard's own test. */
static bool private(const uint8_t *a4)
{
	return a4[0] == 10 || a4[0] == 127 || (a4[0] == 192 && a4[1] == 168);
}

static void check_record(const struct chain_ask *ask, const struct answer_rr *rr, uint8_t section)
{
	bool trust = ask->profile->trust || ask->judge_all;
	struct name target;
	struct addr addr;

	CHECK(rr->class == CLASS_IN);
	if (section != ANSWER_AN)
		return;
	if (rr->type == TYPE_CNAME && !trust && !rr->subst) {
		CHECK(!answer_target(&answer, rr, &target));
		CHECK(target_ok(ask, &target));
	}
	if (rr->type == TYPE_A || rr->type == TYPE_AAAA) {
		CHECK(rr->type == ask->qtype && answer_owner_is(&answer, rr, &chain.end));
		addr = rr->type == TYPE_A ? addr_v4(answer.msg + rr->rdata) : addr_v6(answer.msg + rr->rdata);
		CHECK(private_ok(ask) || (!guard_private(snap->guard, &addr) && !(addr.len == 4 && private(addr.b))));
	}
	CHECK(rr->type == TYPE_CNAME || rr->type == TYPE_DNAME || rr->type == TYPE_RRSIG || rr->type == ask->qtype);
}

static void check_chain(const struct chain_ask *ask)
{
	CHECK(chain.outcome == CHAIN_PASS || ask->judge_all);
	CHECK(chain.n_keep <= answer.n && chain.n_targets <= CHAIN_TARGETS && chain.scratch_len <= sizeof(chain.scratch));
	for (size_t i = 0; i < chain.n_keep; i++) {
		const struct answer_keep *k = &chain.keep[i];

		CHECK(k->index < answer.n && k->section <= ANSWER_NS && (!i || k->section >= k[-1].section));
		CHECK(k->ttl >= snap->conf->cache.min_ttl && k->ttl <= snap->conf->cache.max_ttl);
		CHECK(k->section == answer.rr[k->index].section);
		check_record(ask, &answer.rr[k->index], k->section);
	}
}

/* Of what leaves every address is known, and of a family that may be given. */
static void check_grant(const struct chain_ask *ask)
{
	grant_clear(&grant);
	grant_answer(&grant, &again);
	CHECK(!grant.full && grant.n <= GRANT_ADDRS);
	for (size_t i = 0; i < grant.n; i++) {
		CHECK(ask->families >> export_family(&grant.addrs[i]) & 1);
		CHECK(grant.addrs[i].len == 4 || ask->profile->aaaa || ask->qtype == TYPE_AAAA);
		CHECK(private_ok(ask) || !guard_private(snap->guard, &grant.addrs[i]));
	}
}

/* ------------------------------------------------ one input */

/* What was asked; false where the reply answers nothing of ours. */
static bool read_question(const uint8_t *data, size_t size, struct name *qname, uint16_t *qtype)
{
	size_t off = WIRE_HEADER;
	struct name spelt;

	if (size < WIRE_HEADER || name_read_case(&spelt, data, size, &off, false) || size - off < 4)
		return false;
	*qname = spelt;
	name_fold(qname);
	*qtype = bytes_u16(data + off);
	if (wire_match(data, size, bytes_u16(data), &spelt, *qtype) != WIRE_MATCH)
		return false;
	CHECK(wire_match(data, size, (uint16_t)~bytes_u16(data), &spelt, *qtype) == WIRE_FOREIGN);
	CHECK(wire_match(data, size, bytes_u16(data), qname, *qtype) != WIRE_FOREIGN);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct name qname;
	struct verdict v;
	struct chain_ask ask = { .verdict = &v, .qname = &qname };

	if (!snap)
		set_up();
	if (size < 1 || !read_question(data + 1, size - 1, &qname, &ask.qtype))
		return 0;
	if (answer_parse(&answer, data + 1, size - 1))
		return 0;
	if (known_to_both(&answer))
		check_ldns(&answer);
	ask.snapshot = snap;
	ask.profile = &snap->profiles[data[0] & 3];
	ask.dnssec_ok = data[0] & 4;
	ask.judge_all = data[0] & 8;
	ask.families = EXPORT_BOTH & ~(data[0] >> 4);
	decide(snap, ask.profile, &qname, ask.qtype, &v);
	chain_walk(&ask, &answer, &chain);
	if (chain.outcome == CHAIN_PASS || (ask.judge_all && chain.outcome == CHAIN_BLOCKED)) {
		check_chain(&ask);
		check_compose(&qname, ask.qtype);
		check_grant(&ask);
	}
	return 0;
}
