/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/answer.h"

#include <errno.h>
#include <string.h>

#include "dns/answer_rdata.h"

#define SOA_MINIMUM 4			/* bytes at the end of its rdata */
#define RRSIG_SIGNER 18			/* where in its rdata */

/* OPT says what is about the message, and is no record of it. */
static int take_opt(struct answer *a, const struct answer_rr *rr, uint32_t ttl)
{
	if (a->edns || rr->section != ANSWER_AR || a->msg[rr->owner])
		return -EBADMSG;
	a->edns = true;
	a->rcode |= ttl >> 24 << 4;
	return 0;
}

/*
 * Owners that are nothing but a pointer, as most are, and lead where an earlier one led or stood: they need not be read
 * again.
 */
#define OWNERS 4

struct owners {
	uint16_t at[OWNERS];		/* where a name stands */
	uint64_t hash[OWNERS];
	unsigned n, next;
};

static bool known_owner(const struct owners *o, uint16_t at, uint64_t *hash)
{
	for (unsigned i = 0; i < o->n; i++) {
		if (o->at[i] == at) {
			*hash = o->hash[i];
			return true;
		}
	}
	return false;
}

static void know_owner(struct owners *o, uint16_t at, uint64_t hash)
{
	unsigned i = o->n < OWNERS ? o->n++ : o->next++ % OWNERS;

	o->at[i] = at;
	o->hash[i] = hash;
}

static int take_owner(const struct answer *a, size_t *off, struct owners *o, struct answer_rr *rr)
{
	struct name owner;

	if (*off >= a->len)
		return -EBADMSG;
	rr->owner = name_at(a->msg, a->len, *off);
	if (rr->owner != *off && known_owner(o, rr->owner, &rr->owner_hash)) {
		*off += 2;
		return 0;
	}
	if (name_read_case(&owner, a->msg, a->len, off, true))
		return -EBADMSG;
	name_fold(&owner);
	rr->owner_hash = name_hash(&owner);
	know_owner(o, rr->owner, rr->owner_hash);
	return 0;
}

static int take_record(struct answer *a, size_t *off, uint8_t section, struct owners *owners)
{
	struct answer_rr rr = { .section = section };
	const uint8_t *p;
	struct rd r;
	uint32_t ttl;

	if (take_owner(a, off, owners, &rr))
		return -EBADMSG;
	r = rd_init(a->msg + *off, a->len - *off);
	rr.type = rd_u16(&r);
	rr.class = rd_u16(&r);
	ttl = rd_u32(&r);
	rr.rdlen = rd_u16(&r);
	p = rd_take(&r, rr.rdlen);
	if (!p)
		return -EBADMSG;
	rr.rdata = (uint16_t)(p - a->msg);
	*off = (size_t)(r.p - a->msg);
	if (rr.type == TYPE_OPT)
		return take_opt(a, &rr, ttl);
	if (a->n == ANSWER_RRS || answer_rdata_check(rr.type, rr.class, a->msg, rr.rdata, rr.rdlen))
		return -EBADMSG;
	rr.ttl = ttl & 0x80000000 ? 0 : ttl;
	a->rr[a->n++] = rr;
	return 0;
}

int answer_parse(struct answer *a, const uint8_t *msg, size_t len)
{
	struct owners owners = { .n = 0 };
	size_t off = WIRE_HEADER;
	uint8_t section;
	unsigned n;

	/* With rdata at 65536 its offset would not fit, but there is none behind the last byte of 65535. */
	if (len < WIRE_HEADER || len > WIRE_MAX || bytes_u16(msg + 4) != 1)
		return -EBADMSG;
	a->msg = msg;
	a->len = len;
	a->flags = bytes_u16(msg + 2);
	a->rcode = a->flags & WIRE_RCODE;
	a->edns = false;
	a->n = 0;
	if (name_skip(msg, len, &off) || len - off < 4)
		return -EBADMSG;
	off += 4;
	for (section = ANSWER_AN; section <= ANSWER_AR; section++)
		for (n = bytes_u16(msg + 6 + 2 * section); n; n--)
			if (take_record(a, &off, section, &owners))
				return -EBADMSG;
	return 0;
}

bool answer_owner_is(const struct answer *a, const struct answer_rr *rr, const struct name *n)
{
	return name_is(n, a->msg, a->len, rr->owner);
}

int answer_target(const struct answer *a, const struct answer_rr *rr, struct name *target)
{
	size_t off = rr->rdata;

	switch (rr->type) {
	case TYPE_SRV:
		off += 6;
		break;
	case TYPE_CNAME:
	case TYPE_DNAME:
	case TYPE_NS:
	case TYPE_PTR:
		break;
	default:
		return -EINVAL;
	}
	return name_read(target, a->msg, (size_t)rr->rdata + rr->rdlen, &off);
}

int answer_soa_minimum(const struct answer *a, const struct answer_rr *rr, uint32_t *minimum)
{
	if (rr->type != TYPE_SOA || rr->rdlen < SOA_MINIMUM)
		return -EINVAL;
	*minimum = bytes_u32(a->msg + rr->rdata + rr->rdlen - SOA_MINIMUM);
	return 0;
}

uint16_t answer_rrsig_covers(const struct answer *a, const struct answer_rr *rr)
{
	return rr->type == TYPE_RRSIG && rr->rdlen >= 2 ? bytes_u16(a->msg + rr->rdata) : 0;
}

int answer_rrsig_signer(const struct answer *a, const struct answer_rr *rr, struct name *signer)
{
	size_t off = (size_t)rr->rdata + RRSIG_SIGNER;

	if (rr->type != TYPE_RRSIG || rr->rdlen <= RRSIG_SIGNER)
		return -EINVAL;
	return name_read(signer, a->msg, (size_t)rr->rdata + rr->rdlen, &off);
}
