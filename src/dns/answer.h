/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DNS_ANSWER_H
#define DNS_ANSWER_H

/*
 * An upstream's reply as a table of records that point into its bytes, and
 * the writing of a new message from those that were found good. The table is
 * the caller's scratch memory, one a worker.
 *
 * Every reply is composed anew from what was kept: one way instead of two, and no
 * byte of another section, owner or type can slip through.
 */

#include "dns/wire.h"

#define ANSWER_RRS 4096			/* more records than fit 64 KiB in practice: more is malformed */

enum answer_section { ANSWER_AN, ANSWER_NS, ANSWER_AR };

struct answer_rr {
	uint64_t owner_hash;		/* name_hash of the owner: to tell most names apart without reading them */
	uint16_t owner;			/* offset in the message, of one and the same spelling the same (see name_at) */
	uint16_t type, class;
	uint16_t rdata, rdlen;
	uint8_t section;
	uint32_t ttl;			/* as RFC 2181 8: with the top bit set it is 0 */
	const uint8_t *subst;		/* other rdata to write instead (subst_len), or NULL */
	uint16_t subst_len;
};

struct answer {
	const uint8_t *msg;
	size_t len;
	uint16_t flags;
	unsigned rcode;			/* with the upper bits from OPT */
	bool edns;
	size_t n;
	struct answer_rr rr[ANSWER_RRS];
};

/*
 * Reads the records of a reply that wire_match took: every section to its count, names
 * and lengths checked, the rdata of the types whose rdata holds names too.
 * OPT is not in the table. -EBADMSG.
 */
must_check int answer_parse(struct answer *a, const uint8_t *msg, size_t len);

bool answer_owner_is(const struct answer *a, const struct answer_rr *rr, const struct name *n);
/* The name that rdata of CNAME, DNAME, NS, PTR begins with, or SRV's target. */
must_check int answer_target(const struct answer *a, const struct answer_rr *rr, struct name *target);
/* MINIMUM of an SOA. */
must_check int answer_soa_minimum(const struct answer *a, const struct answer_rr *rr, uint32_t *minimum);
/* The type an RRSIG covers; 0 if rdata is too short. */
uint16_t answer_rrsig_covers(const struct answer *a, const struct answer_rr *rr);
/* The zone that made an RRSIG (RFC 4034 3.1.7). */
must_check int answer_rrsig_signer(const struct answer *a, const struct answer_rr *rr, struct name *signer);

/* What compose is to write: indices into rr in the order they should stand, answer section first. */
struct answer_keep {
	uint16_t index;
	uint8_t section;
	uint32_t ttl;
};

#define ANSWER_TTLS 4096

/*
 * Writes a stored answer (see wire_restore): id 0, flags QR and RA, the question, the kept
 * records with compressed owners; names in rdata are compressed in CNAME, NS, PTR, SOA and
 * MX and written out elsewhere (RFC 3597 4). Owners and rdata may take over the question's
 * case. ttl_offsets gets an offset a record. Gives the length, or -EMSGSIZE
 * when cap is too small (or what was kept cannot be read, which answer_parse rules out).
 */
must_check int answer_compose(const struct answer *a, const struct name *qname, uint16_t qtype, unsigned rcode,
			      const struct answer_keep *keep, size_t n, uint8_t *out, size_t cap,
			      uint16_t *ttl_offsets);

#endif
