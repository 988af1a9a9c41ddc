/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/util.h"
#include "core/query_internal.h"
#include "dns/svcb.h"

/*
 * Answers of [records] whose addresses the firewall has to take first: composed and
 * cached like those of an upstream, so that they are held and counted down like them.
 */

static bool missing(void *ctx, const struct addr *addr)
{
	const struct query *q = ctx;

	return !(view_families(q->view) >> export_family(addr) & 1);
}

/* The question as the plainest of clients would ask it. */
static size_t write_question(const struct query *q, uint8_t *msg)
{
	struct wr w = wr_init(msg, WIRE_HEADER + NAME_MAX_WIRE + 4);

	memset(wr_room(&w, WIRE_HEADER), 0, WIRE_HEADER);
	wr_bytes(&w, q->qname.wire, q->qname.len);
	wr_u16(&w, q->qtype);
	wr_u16(&w, CLASS_IN);
	bytes_put_u16(msg + 4, 1);
	return wr_len(&w) - WIRE_HEADER;
}

static size_t write_records(struct query *q, uint8_t *out, size_t cap)
{
	uint8_t msg[WIRE_HEADER + NAME_MAX_WIRE + 4];
	struct wire_query plain = {
		.msg = msg, .qtype = q->qtype, .qclass = CLASS_IN, .question_len = (uint16_t)write_question(q, msg),
		.qname = q->qname, .udp_size = WIRE_UDP_SIZE,
	};

	return records_answer(q->verdict.record, &plain, q->snapshot->conf->cache.block_ttl, out, cap, cap);
}

/* A record that says it needs a hint which may not stay is of no use (RFC 9460 8). */
static bool void_without(const struct query *q, const struct answer_rr *rr)
{
	unsigned families = view_families(q->view);
	struct svcb s;

	return svcb_parse(&s, q->w->answer.msg, rr->rdata, rr->rdlen) < 0 ||
	       (s.mandatory4 && !(families >> EXPORT_V4 & 1)) || (s.mandatory6 && !(families >> EXPORT_V6 & 1));
}

/* Whether the record may stand in the answer; its hints may be changed. */
static bool passes(struct query *q, struct answer_rr *rr)
{
	const struct answer *a = &q->w->answer;
	struct chain *c = &q->w->chain;
	struct addr addr;

	switch (rr->type) {
	case TYPE_A:
	case TYPE_AAAA:
		addr = rr->type == TYPE_A ? addr_v4(a->msg + rr->rdata) : addr_v6(a->msg + rr->rdata);
		return !missing(q, &addr);
	case TYPE_HTTPS:
	case TYPE_SVCB:
		if (void_without(q, rr))
			return false;
		rr->subst = c->scratch + c->scratch_len;
		rr->subst_len = (uint16_t)svcb_strip(c->scratch + c->scratch_len, sizeof(c->scratch) - c->scratch_len,
						     a->msg, rr->rdata, rr->rdlen, missing, q);
		c->scratch_len += rr->subst_len;
		return rr->subst_len > 0;
	default:
		return true;
	}
}

/* As chain_walk does for what comes from outside. TTLs are at most what the agent takes of any answer. */
static void sift(struct query *q)
{
	const struct conf_cache *cc = &q->snapshot->conf->cache;
	struct answer *a = &q->w->answer;
	struct chain *c = &q->w->chain;

	c->outcome = CHAIN_PASS;
	c->rcode = a->rcode;
	c->negative = true;
	c->filtered = false;
	c->why = NULL;
	c->link.len = 0;
	c->n_keep = c->n_targets = c->scratch_len = 0;
	c->min_ttl = c->soa_ttl = cc->max_ttl;
	for (size_t i = 0; i < a->n; i++) {
		uint32_t ttl = MIN(a->rr[i].ttl, cc->max_ttl);

		if (!passes(q, &a->rr[i])) {
			c->filtered = true;
			continue;
		}
		c->negative &= a->rr[i].type != q->qtype;
		c->min_ttl = MIN(c->min_ttl, ttl);
		c->keep[c->n_keep++] = (struct answer_keep){ (uint16_t)i, a->rr[i].section, ttl };
	}
}

void query_record(struct query *q)
{
	struct worker *w = q->w;
	size_t len = write_records(q, w->message, sizeof(w->message));
	int n = -1;

	if (len && answer_parse(&w->answer, w->message, len) == 0) {
		sift(q);
		n = answer_compose(&w->answer, &q->qname, q->qtype, w->chain.rcode, w->chain.keep, w->chain.n_keep,
				   w->composed, sizeof(w->composed), w->ttls);
	}
	if (n < 0)
		query_refuse(q, "more records than fit");
	else if (w->chain.filtered && w->chain.negative)
		query_end_filtered(q, &w->chain, MIN(w->chain.min_ttl, q->snapshot->conf->cache.block_ttl));
	else
		query_end_answer(q, &w->chain, (size_t)n);
}
