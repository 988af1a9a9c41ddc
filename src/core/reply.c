/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/reply.h"

/* Unlisted names are negative from the root on: an owner that every name is below. */
static size_t negative(const struct wire_query *q, unsigned rcode, uint32_t ttl, const struct wire_ede *ede,
		       struct reply_room room)
{
	struct wr w = wr_init(room.out, room.cap);

	wire_begin(&w, q, rcode);
	wire_soa(&w, &name_root, ttl);
	return wire_end(&w, q, rcode, ede, room.limit);
}

static size_t sinkhole(const struct profile *p, const struct wire_query *q, uint32_t ttl, const struct wire_ede *ede,
		       struct reply_room room)
{
	const struct addr *a = q->qtype == TYPE_A ? &p->sinkhole4 : q->qtype == TYPE_AAAA ? &p->sinkhole6 : NULL;
	struct wr w = wr_init(room.out, room.cap);

	if (!a || !a->len)
		return negative(q, RCODE_NOERROR, ttl, ede, room);
	wire_begin(&w, q, RCODE_NOERROR);
	wire_record(&w, q->qtype, a->b, a->len, ttl);
	return wire_end(&w, q, RCODE_NOERROR, ede, room.limit);
}

size_t reply_block(const struct snapshot *s, const struct profile *p, const struct wire_query *q,
		   const struct name *link, struct reply_room room)
{
	uint32_t ttl = s->conf->cache.block_ttl;
	struct wire_ede ede = { EDE_BLOCKED, NULL };
	char text[NAME_TEXT];
	struct wr w;

	if (link && link->len)
		ede.text = name_text(link, text);
	switch (p->block) {
	case BLOCK_NXDOMAIN:
		return negative(q, RCODE_NXDOMAIN, ttl, &ede, room);
	case BLOCK_NODATA:
		return negative(q, RCODE_NOERROR, ttl, &ede, room);
	case BLOCK_SINKHOLE:
		return sinkhole(p, q, ttl, &ede, room);
	case BLOCK_REFUSED:
		w = wr_init(room.out, room.cap);
		wire_begin(&w, q, RCODE_REFUSED);
		return wire_end(&w, q, RCODE_REFUSED, &ede, room.limit);
	case BLOCK_DROP:
		return 0;
	}
	return 0;
}

size_t reply_nodata(const struct snapshot *s, const struct wire_query *q, const char *why, struct reply_room room)
{
	struct wire_ede ede = { EDE_BLOCKED, why };

	return negative(q, RCODE_NOERROR, s->conf->cache.block_ttl, &ede, room);
}

size_t reply_failure(const struct wire_query *q, const struct wire_ede *ede, struct reply_room room)
{
	struct wr w = wr_init(room.out, room.cap);

	wire_begin(&w, q, RCODE_SERVFAIL);
	return wire_end(&w, q, RCODE_SERVFAIL, ede, room.limit);
}

size_t reply_any(const struct wire_query *q, uint32_t ttl, struct reply_room room)
{
	static const uint8_t hinfo[] = "\x07RFC8482";	/* CPU "RFC8482", and the NUL is an empty OS */
	struct wr w = wr_init(room.out, room.cap);

	wire_begin(&w, q, RCODE_NOERROR);
	wire_record(&w, TYPE_HINFO, hinfo, sizeof(hinfo), ttl);
	return wire_end(&w, q, RCODE_NOERROR, NULL, room.limit);
}

struct reply_stored reply_of_entry(const struct rcache_entry *e, uint64_t now_ms, bool stale)
{
	struct reply_stored r = {
		.wire = rcache_wire(e), .ttls = e->ttls, .len = e->len, .n_ttls = e->n_ttls,
		.age = (uint32_t)((now_ms - e->stored) / 1000), .ceil = UINT32_MAX, .ede.code = EDE_NONE,
	};

	if (stale) {
		r.floor = r.ceil = STALE_TTL;
		r.ede.code = (bytes_u16(r.wire + 2) & WIRE_RCODE) == RCODE_NXDOMAIN ? EDE_STALE_NXDOMAIN : EDE_STALE;
	}
	return r;
}

size_t reply_stored(const struct reply_stored *r, const struct wire_query *q, struct reply_room room)
{
	unsigned rcode = bytes_u16(r->wire + 2) & WIRE_RCODE;
	struct wr w = wr_init(room.out, room.cap);

	if (r->len > room.limit || r->len > room.cap) {
		wire_begin(&w, q, rcode);
		w.bad = true;
		return wire_end(&w, q, rcode, &r->ede, room.limit);
	}
	wire_restore(room.out, r->wire, r->len, q, r->ttls, r->n_ttls, r->age, r->floor, r->ceil);
	w.p += r->len;
	return wire_end(&w, q, rcode, &r->ede, room.limit);
}
