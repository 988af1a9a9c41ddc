/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/wire.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"

#define QUESTION (0xc000 + WIRE_HEADER)	/* a pointer to the question's name */
#define OPT_FIXED 11			/* an OPT record without options */
#define OPT_EDE 15
#define EDNS_DO 0x8000
#define UDP_MIN 512

/* Where the header's fields are. */
enum { AT_FLAGS = 2, AT_QD = 4, AT_AN = 6, AT_NS = 8, AT_AR = 10 };

static enum wire_parse parse_question(struct wire_query *q, size_t len, size_t *off)
{
	const uint8_t *msg = q->msg;
	size_t pos = WIRE_HEADER;

	if (bytes_u16(msg + AT_QD) != 1 || name_read_case(&q->qname, msg, len, &pos, false) || len - pos < 4)
		return WIRE_FORMERR;
	name_fold(&q->qname);
	q->qtype = bytes_u16(msg + pos);
	q->qclass = bytes_u16(msg + pos + 2);
	pos += 4;
	q->question_len = (uint16_t)(pos - WIRE_HEADER);
	*off = pos;
	return WIRE_OK;
}

/* Options are not looked at, but must be whole. */
static bool options_whole(struct rd r)
{
	while (rd_left(&r)) {
		rd_u16(&r);
		rd_take(&r, rd_u16(&r));
		if (r.bad)
			return false;
	}
	return true;
}

static enum wire_parse parse_opt(struct wire_query *q, bool additional, bool root, const uint8_t *fixed,
				 struct rd rdata)
{
	uint16_t size = bytes_u16(fixed + 2);

	if (!additional || !root || q->edns)
		return WIRE_FORMERR;
	q->edns = true;
	q->edns_version = fixed[5];
	q->dnssec_ok = bytes_u16(fixed + 6) & EDNS_DO;
	q->udp_size = (uint16_t)MAX(UDP_MIN, MIN(size, WIRE_UDP_SIZE));
	/* Another version's options may look different: that is answered by BADVERS, not FORMERR. */
	return q->edns_version || options_whole(rdata) ? WIRE_OK : WIRE_FORMERR;
}

static enum wire_parse parse_records(struct wire_query *q, size_t len, size_t off)
{
	const uint8_t *msg = q->msg;
	unsigned ns = bytes_u16(msg + AT_NS), n = ns + bytes_u16(msg + AT_AR), i;

	for (i = 0; i < n; i++) {
		struct rd r, rdata = { 0 };
		const uint8_t *fixed, *p;
		bool root = off < len && !msg[off];
		uint16_t rdlen;

		if (name_skip(msg, len, &off))
			return WIRE_FORMERR;
		r = rd_init(msg + off, len - off);
		fixed = rd_take(&r, 8);
		rdlen = rd_u16(&r);
		p = rd_take(&r, rdlen);
		if (!p)
			return WIRE_FORMERR;
		rdata = rd_init(p, rdlen);
		if (bytes_u16(fixed) == TYPE_OPT && parse_opt(q, i >= ns, root, fixed, rdata) != WIRE_OK)
			return WIRE_FORMERR;
		off = (size_t)(r.p - msg);
	}
	return WIRE_OK;
}

enum wire_parse wire_parse_query(struct wire_query *q, const uint8_t *msg, size_t len)
{
	enum wire_parse r;
	size_t off;

	if (len < WIRE_HEADER)
		return WIRE_DROP;
	q->msg = msg;
	q->id = bytes_u16(msg);
	q->flags = bytes_u16(msg + AT_FLAGS);
	q->qtype = q->qclass = q->question_len = 0;
	q->qname.len = 1;
	q->qname.labels = 0;
	q->qname.wire[0] = 0;
	q->edns = q->dnssec_ok = false;
	q->edns_version = 0;
	q->udp_size = UDP_MIN;
	if (q->flags & WIRE_QR)
		return WIRE_DROP;
	if (WIRE_OPCODE(q->flags) != OPCODE_QUERY)
		return WIRE_NOTIMP;
	r = parse_question(q, len, &off);
	if (r != WIRE_OK)
		return r;
	if (bytes_u16(msg + AT_AN))
		return WIRE_FORMERR;
	/* Most questions end here or hold one OPT. */
	return parse_records(q, len, off);
}

void wire_begin(struct wr *w, const struct wire_query *q, unsigned rcode)
{
	uint16_t copied = q->flags & (0x7800 | WIRE_RD | WIRE_CD);

	wr_u16(w, q->id);
	wr_u16(w, (uint16_t)(WIRE_QR | WIRE_RA | copied | (rcode & WIRE_RCODE)));
	wr_u16(w, q->question_len ? 1 : 0);
	wr_u16(w, 0);
	wr_u32(w, 0);
	wr_bytes(w, q->msg + WIRE_HEADER, q->question_len);
}

void wire_count(struct wr *w, unsigned section)
{
	uint8_t *at = w->base + AT_AN + 2 * section;

	if (!w->bad)
		bytes_put_u16(at, (uint16_t)(bytes_u16(at) + 1));
}

/* Where in the message the question's name goes on with `zone`; 0: nowhere. */
static size_t question_suffix(const struct wr *w, const struct name *zone)
{
	size_t pos = WIRE_HEADER, len = wr_len(w);

	if (len <= WIRE_HEADER || !bytes_u16(w->base + AT_QD))
		return 0;
	for (; w->base[pos]; pos += w->base[pos] + 1u)
		if (name_is(zone, w->base, len, pos))
			return pos;
	return 0;
}

void wire_soa(struct wr *w, const struct name *zone, uint32_t ttl)
{
	static const uint8_t rname[] = "\6nobody\7invalid";
	size_t owner = w->bad ? 0 : question_suffix(w, zone);
	uint8_t *rdlen;
	size_t begin;

	if (owner) {
		wr_u16(w, (uint16_t)(0xc000 | owner));
	} else {
		owner = wr_len(w);
		wr_bytes(w, zone->wire, zone->len);
	}
	wr_u16(w, TYPE_SOA);
	wr_u16(w, CLASS_IN);
	wr_u32(w, ttl);
	rdlen = wr_room(w, 2);
	begin = wr_len(w);
	if (zone->labels)
		wr_u16(w, (uint16_t)(0xc000 | owner));
	else
		wr_u8(w, 0);
	wr_bytes(w, rname, sizeof(rname));
	wr_u32(w, 1);
	wr_u32(w, 3600);
	wr_u32(w, 1200);
	wr_u32(w, 604800);
	wr_u32(w, ttl);
	if (w->bad)
		return;
	bytes_put_u16(rdlen, (uint16_t)(wr_len(w) - begin));
	wire_count(w, 1);
}

void wire_record(struct wr *w, uint16_t type, const uint8_t *rdata, size_t rdlen, uint32_t ttl)
{
	wr_u16(w, QUESTION);
	wr_u16(w, type);
	wr_u16(w, CLASS_IN);
	wr_u32(w, ttl);
	wr_u16(w, (uint16_t)rdlen);
	wr_bytes(w, rdata, rdlen);
	wire_count(w, 0);
}

static void write_opt(struct wr *w, const struct wire_query *q, unsigned rcode, const struct wire_ede *ede,
		      size_t room)
{
	size_t text = ede && ede->text ? strlen(ede->text) : 0;
	bool with_ede = ede && ede->code != EDE_NONE && room >= OPT_FIXED + 6;

	if (room < OPT_FIXED + 6 + text)
		text = 0;
	wr_u8(w, 0);
	wr_u16(w, TYPE_OPT);
	wr_u16(w, WIRE_UDP_SIZE);
	wr_u8(w, (uint8_t)(rcode >> 4));
	wr_u8(w, 0);
	wr_u16(w, q->dnssec_ok ? EDNS_DO : 0);
	wr_u16(w, (uint16_t)(with_ede ? 6 + text : 0));
	if (with_ede) {
		wr_u16(w, OPT_EDE);
		wr_u16(w, (uint16_t)(2 + text));
		wr_u16(w, ede->code);
		wr_bytes(w, ede->text, text);
	}
	wire_count(w, 2);
}

size_t wire_end(struct wr *w, const struct wire_query *q, unsigned rcode, const struct wire_ede *ede, size_t limit)
{
	size_t opt = q->edns ? OPT_FIXED : 0, bare = WIRE_HEADER + q->question_len;

	limit = MIN(limit, (size_t)(w->end - w->base));
	if (bare + opt > limit)
		return 0;
	if (w->bad || wr_len(w) + opt > limit) {
		w->bad = false;
		w->p = w->base + bare;
		w->base[AT_FLAGS] |= WIRE_TC >> 8;
		memset(w->base + AT_AN, 0, 6);
	}
	if (q->edns)
		write_opt(w, q, rcode, ede, limit - wr_len(w));
	return wr_len(w);
}

size_t wire_short(uint8_t *out, size_t cap, const struct wire_query *q, unsigned rcode, const struct wire_ede *ede)
{
	struct wr w = wr_init(out, cap);

	wire_begin(&w, q, rcode);
	return wire_end(&w, q, rcode, ede, cap);
}

size_t wire_question(uint8_t *out, uint16_t id, const struct name *name, uint16_t qtype, bool dnssec_ok)
{
	uint8_t *p = out + WIRE_HEADER + name->len;

	memset(out, 0, WIRE_HEADER);
	bytes_put_u16(out, id);
	bytes_put_u16(out + AT_FLAGS, WIRE_RD);
	bytes_put_u16(out + AT_QD, 1);
	bytes_put_u16(out + AT_AR, 1);
	memcpy(out + WIRE_HEADER, name->wire, name->len);
	bytes_put_u16(p, qtype);
	bytes_put_u16(p + 2, CLASS_IN);
	p[4] = 0;
	bytes_put_u16(p + 5, TYPE_OPT);
	bytes_put_u16(p + 7, WIRE_UDP_SIZE);
	bytes_put_u32(p + 9, dnssec_ok ? EDNS_DO : 0);
	bytes_put_u16(p + 13, 0);
	return (size_t)(p - out) + 4 + OPT_FIXED;
}

void wire_shuffle_case(struct name *name, const uint8_t *bits)
{
	unsigned i;

	/* Length bytes are no letters. */
	for (i = 0; i < name->len; i++) {
		uint8_t c = name_lower(name->wire[i]);

		if (c >= 'a' && c <= 'z' && bits[i / 8] >> i % 8 & 1)
			c &= (uint8_t)~0x20;
		name->wire[i] = c;
	}
}

enum wire_match wire_match(const uint8_t *msg, size_t len, uint16_t id, const struct name *sent, uint16_t qtype)
{
	size_t behind = WIRE_HEADER + (size_t)sent->len;
	uint16_t flags;

	if (len < behind + 4 || bytes_u16(msg) != id)
		return WIRE_FOREIGN;
	flags = bytes_u16(msg + AT_FLAGS);
	if (!(flags & WIRE_QR) || WIRE_OPCODE(flags) != OPCODE_QUERY || bytes_u16(msg + AT_QD) != 1)
		return WIRE_FOREIGN;
	if (bytes_u16(msg + behind) != qtype || bytes_u16(msg + behind + 2) != CLASS_IN)
		return WIRE_FOREIGN;
	if (!memcmp(msg + WIRE_HEADER, sent->wire, sent->len))
		return WIRE_MATCH;
	return name_is(sent, msg, len, WIRE_HEADER) ? WIRE_WRONG_CASE : WIRE_FOREIGN;
}

void wire_restore(uint8_t *out, const uint8_t *stored, size_t len, const struct wire_query *q, const uint16_t *ttls,
		  size_t n, uint32_t age, uint32_t floor, uint32_t ceil)
{
	uint16_t flags = bytes_u16(stored + AT_FLAGS);
	size_t i;

	memcpy(out, stored, len);
	/* RFC 6840 5.8: AD says something only to one who asked for it. */
	if (!q->dnssec_ok && !(q->flags & WIRE_AD))
		flags &= (uint16_t)~WIRE_AD;
	bytes_put_u16(out, q->id);
	bytes_put_u16(out + AT_FLAGS, flags | (q->flags & (WIRE_RD | WIRE_CD)));
	memcpy(out + WIRE_HEADER, q->msg + WIRE_HEADER, q->question_len);
	for (i = 0; i < n; i++) {
		uint32_t ttl = bytes_u32(out + ttls[i]);

		ttl = ttl > age ? ttl - age : 0;
		bytes_put_u32(out + ttls[i], MIN(MAX(ttl, floor), ceil));
	}
}
