/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DNS_WIRE_H
#define DNS_WIRE_H

/*
 * DNS messages as bytes: reading a client's question, writing replies, and
 * the patches that turn a stored answer into a reply. Nothing here allocates.
 */

#include "dns/name.h"
#include "dns/types.h"

#define WIRE_HEADER 12
#define WIRE_UDP_SIZE 1232		/* our EDNS buffer size, both ways */
#define WIRE_MAX 65535

#define WIRE_QR 0x8000
#define WIRE_OPCODE(flags) ((flags) >> 11 & 15)
#define WIRE_AA 0x0400
#define WIRE_TC 0x0200
#define WIRE_RD 0x0100
#define WIRE_RA 0x0080
#define WIRE_AD 0x0020
#define WIRE_CD 0x0010
#define WIRE_RCODE 0x000f

/* A client's question. `msg` stays the caller's and must outlive it. */
struct wire_query {
	const uint8_t *msg;
	uint16_t id, flags;
	uint16_t qtype, qclass;
	uint16_t question_len;		/* bytes of the question section behind the header; 0: none could be read */
	struct name qname;
	bool edns, dnssec_ok;
	uint8_t edns_version;
	uint16_t udp_size;		/* what the client takes over UDP: 512 to WIRE_UDP_SIZE */
};

enum wire_parse {
	WIRE_OK,
	WIRE_DROP,			/* no header, or a response: say nothing */
	WIRE_FORMERR,
	WIRE_NOTIMP,			/* another opcode; only id, flags are valid */
};

/*
 * Parses a request: one question, whose name must not be compressed; no
 * records in the answer section; at most one OPT, owned by the root
 * (RFC 6891 6.1.1). After FORMERR what was read before the fault is valid.
 */
must_check enum wire_parse wire_parse_query(struct wire_query *q, const uint8_t *msg, size_t len);

/* An extended DNS error (RFC 8914) to go with a reply; code EDE_NONE: none. */
struct wire_ede {
	uint16_t code;
	const char *text;		/* or NULL */
};

/*
 * Replies are written in this order into a wr over the caller's buffer:
 * begin, records, end. begin writes header and the client's question as it was
 * spelt; end adds OPT if the client sent EDNS, and cuts what exceeds `limit` to an
 * empty answer with TC (SPEC 4: a truncated answer is empty); so it does with
 * what did not fit the buffer (w->bad).
 * The length is returned; 0 when not even the question fits (say nothing).
 */
void wire_begin(struct wr *w, const struct wire_query *q, unsigned rcode);
/* Counts up the section's count: 0 answer, 1 authority, 2 additional. */
void wire_count(struct wr *w, unsigned section);
/* SOA of `zone` in the authority section (RFC 2308, RFC 6303 3), TTL and minimum `ttl`. */
void wire_soa(struct wr *w, const struct name *zone, uint32_t ttl);
/* A record of the question's name, in the answer section. */
void wire_record(struct wr *w, uint16_t type, const uint8_t *rdata, size_t rdlen, uint32_t ttl);
/* `rcode` is the one given to begin: its upper bits go into OPT. */
size_t wire_end(struct wr *w, const struct wire_query *q, unsigned rcode, const struct wire_ede *ede, size_t limit);

/* What fits to this client: over TCP 65535, else its EDNS size. */
static inline size_t wire_limit(const struct wire_query *q, bool tcp)
{
	return tcp ? WIRE_MAX : q->udp_size;
}

/* begin and end: a reply without records. */
size_t wire_short(uint8_t *out, size_t cap, const struct wire_query *q, unsigned rcode, const struct wire_ede *ede);

/*
 * Our question to an upstream: RD set, EDNS with WIRE_UDP_SIZE, DO as told.
 * `name` is taken in its own case. Room: WIRE_QUERY_MAX. Gives the length.
 */
#define WIRE_QUERY_MAX (WIRE_HEADER + NAME_MAX_WIRE + 4 + 11)
size_t wire_question(uint8_t *out, uint16_t id, const struct name *name, uint16_t qtype, bool dnssec_ok);
/* Sets each letter's case by coin (draft-vixie-dnsext-dns0x20). `bits`: NAME_MAX_WIRE / 8 + 1 random bytes. */
void wire_shuffle_case(struct name *name, const uint8_t *bits);

enum wire_match {
	WIRE_MATCH,
	WIRE_FOREIGN,			/* not the answer to this question */
	WIRE_WRONG_CASE,		/* would be, but for the case of the name */
};

/* Holds a reply against the question sent: QR, opcode, id, one question, its name (in this case), type, class IN. */
must_check enum wire_match wire_match(const uint8_t *msg, size_t len, uint16_t id, const struct name *sent,
				      uint16_t qtype);

/*
 * A stored answer is a message without OPT whose TTLs are the original ones.
 * Copies it into out (room for len), with the client's id, flags and question
 * spelling, and each TTL (offsets ttls[n]) less `age` seconds, at least `floor`, at most `ceil`.
 */
void wire_restore(uint8_t *out, const uint8_t *stored, size_t len, const struct wire_query *q,
		  const uint16_t *ttls, size_t n, uint32_t age, uint32_t floor, uint32_t ceil);

#endif
