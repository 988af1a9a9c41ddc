/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/svcfilter.h"

#include "dns/svcb.h"

/*
 * Nothing but the entry opens a port. A name for which nothing is opened at all has none to hold the record
 * against: one of a forward zone, or that an answer from there led to, or that only audit mode lets through.
 */
static bool port_ok(const struct svcfilter *f, uint16_t port)
{
	const struct catalog *c = f->snapshot->catalog;
	const uint64_t *bits = f->verdict->attrs.ports;

	if (!(bits[0] | bits[1] | bits[2] | bits[3]))
		return true;
	for (size_t i = 0; i < c->n_ports; i++) {
		if (bits[i / 64] >> i % 64 & 1 && c->ports[i].port == port)
			return true;
	}
	return false;
}

/* Of one family there is a hint, and none of it may stay. */
static bool all_dropped(const struct svcfilter *f, const uint8_t *hint, size_t len, size_t size)
{
	for (size_t i = 0; i + size <= len; i += size) {
		struct addr a = size == 4 ? addr_v4(hint + i) : addr_v6(hint + i);

		if (!f->drop(f->ctx, &a))
			return false;
	}
	return len > 0;
}

static bool any_dropped(const struct svcfilter *f, const uint8_t *hint, size_t len, size_t size)
{
	for (size_t i = 0; i + size <= len; i += size) {
		struct addr a = size == 4 ? addr_v4(hint + i) : addr_v6(hint + i);

		if (f->drop(f->ctx, &a))
			return true;
	}
	return false;
}

/* AliasMode has no parameters: those there all the same must be ignored (RFC 9460 2.4.2), and do not leave. */
static bool alias(struct svcfilter *f, const struct answer *a, struct answer_rr *rr, size_t len, bool *changed)
{
	if (rr->rdlen == len)
		return true;
	if (f->cap < len)
		return false;
	memcpy(f->room, a->msg + rr->rdata, len);
	rr->subst = f->room;
	rr->subst_len = (uint16_t)len;
	*changed = true;
	return true;
}

static bool pass_svcb(struct svcfilter *f, const struct answer *a, struct answer_rr *rr, bool *changed)
{
	struct svcb s;

	if (svcb_parse(&s, a->msg, rr->rdata, rr->rdlen) < 0) {
		f->why = "malformed service record taken out";
		return false;
	}
	if (s.priority && s.port && !port_ok(f, s.port)) {
		f->why = "service record with another port taken out";
		return false;
	}
	if (s.priority && ((s.mandatory4 && all_dropped(f, s.hint4, s.hint4_len, 4)) ||
			   (s.mandatory6 && all_dropped(f, s.hint6, s.hint6_len, 16)))) {
		f->why = "service record whose mandatory hint may not pass taken out";
		return false;
	}
	/* last, because the target of a record that may pass is a learned name */
	if (s.target.labels && !name_equal(&s.target, f->at) && !f->judge(f->ctx, &s.target, rr->ttl)) {
		f->why = "service record with an unlisted target taken out";
		return false;
	}
	if (!s.priority)
		return alias(f, a, rr, 2u + s.target.len, changed);
	if (!any_dropped(f, s.hint4, s.hint4_len, 4) && !any_dropped(f, s.hint6, s.hint6_len, 16))
		return true;
	rr->subst_len = (uint16_t)svcb_strip(f->room, f->cap, a->msg, rr->rdata, rr->rdlen, f->drop, f->ctx);
	rr->subst = f->room;
	*changed = true;
	return rr->subst_len > 0;
}

static bool pass_srv(struct svcfilter *f, const struct answer *a, const struct answer_rr *rr)
{
	struct name target;

	if (answer_target(a, rr, &target) < 0) {
		f->why = "malformed service record taken out";
		return false;
	}
	if (!target.labels)
		return true;
	if (!port_ok(f, bytes_u16(a->msg + rr->rdata + 4))) {
		f->why = "service record with another port taken out";
		return false;
	}
	if (!f->judge(f->ctx, &target, rr->ttl)) {
		f->why = "service record with an unlisted target taken out";
		return false;
	}
	return true;
}

bool svcfilter_pass(struct svcfilter *f, const struct answer *a, struct answer_rr *rr, bool *changed)
{
	return rr->type == TYPE_SRV ? pass_srv(f, a, rr) : pass_svcb(f, a, rr, changed);
}
