/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "dns/answer.h"
#include "dns/answer_rdata.h"

/* How many names already written are looked at: an answer's owners repeat or follow the chain. */
#define KNOWN 8
#define POINTER_MAX 0x3fff

struct compose {
	struct wr w;
	const struct answer *a;
	uint16_t known[KNOWN];		/* where names begin; the first is the question */
	uint16_t source[KNOWN];		/* where they stand in the upstream's message: to know them without reading */
	unsigned n_known, next;
};

static void remember(struct compose *c, size_t off, uint16_t source)
{
	unsigned i;

	if (off > POINTER_MAX)
		return;
	if (c->n_known < KNOWN) {
		i = c->n_known++;
	} else {
		/* The question stays; of the others the oldest goes. */
		i = 1 + c->next;
		c->next = (c->next + 1) % (KNOWN - 1);
	}
	c->known[i] = (uint16_t)off;
	c->source[i] = source;
}

static bool same_label(const uint8_t *a, const uint8_t *b)
{
	unsigned i;

	if (a[0] != b[0])
		return false;
	for (i = 1; i <= a[0]; i++)
		if (name_lower(a[i]) != name_lower(b[i]))
			return false;
	return true;
}

/* Where in our own message the labels of the name at off begin; their number. */
static unsigned label_starts(const uint8_t *msg, size_t off, uint16_t starts[NAME_MAX_LABELS])
{
	unsigned n = 0;

	for (;;) {
		if (msg[off] >= 0xc0) {
			off = (size_t)(msg[off] & 0x3f) << 8 | msg[off + 1];
			continue;
		}
		if (!msg[off])
			return n;
		starts[n++] = (uint16_t)off;
		off += msg[off] + 1u;
	}
}

/* How many of n's labels, counted from its end, the name at off shares; *where is the place to point to. */
static unsigned shared_labels(const struct compose *c, const struct name *n, const uint8_t *offsets, size_t off,
			      uint16_t *where)
{
	uint16_t starts[NAME_MAX_LABELS];
	unsigned have = label_starts(c->w.base, off, starts), same = 0;

	while (same < have && same < n->labels &&
	       same_label(n->wire + offsets[n->labels - 1 - same], c->w.base + starts[have - 1 - same])) {
		same++;
		*where = starts[have - same];
	}
	return same;
}

/* Writes n, which stands at `source` upstream, its end as a pointer where that end was written before. */
static void write_name(struct compose *c, const struct name *n, uint16_t source, bool compress)
{
	uint8_t offsets[NAME_MAX_LABELS + 1];
	unsigned best = 0, i, begin = (unsigned)wr_len(&c->w);
	uint16_t where = 0, pointer = 0;

	name_offsets(n, offsets);
	for (i = 0; compress && i < c->n_known && best < n->labels; i++) {
		unsigned same = shared_labels(c, n, offsets, c->known[i], &where);

		if (same > best && where <= POINTER_MAX) {
			best = same;
			pointer = where;
		}
	}
	wr_bytes(&c->w, n->wire, offsets[n->labels - best]);
	if (best)
		wr_u16(&c->w, (uint16_t)(0xc000 | pointer));
	else
		wr_u8(&c->w, 0);
	if (!c->w.bad && n->labels && best < n->labels)
		remember(c, begin, source);
}

static void write_rdata(struct compose *c, const struct answer_rr *rr)
{
	const char *shape = answer_rdata_shape(rr->type, rr->class);
	size_t off = rr->rdata, end = off + rr->rdlen;
	bool compress = answer_rdata_compressible(rr->type);

	if (rr->subst) {
		wr_bytes(&c->w, rr->subst, rr->subst_len);
		return;
	}
	for (; shape && *shape && off < end; shape++) {
		int len = answer_rdata_field(*shape, c->a->msg, off, end);
		size_t pos = off;
		struct name n;

		if (len < 0 || (*shape == 'n' && name_read_case(&n, c->a->msg, end, &pos, true))) {
			c->w.bad = true;
			return;
		}
		if (*shape == 'n')
			write_name(c, &n, name_at(c->a->msg, end, off), compress);
		else
			wr_bytes(&c->w, c->a->msg + off, (size_t)len);
		off += (size_t)len;
	}
	wr_bytes(&c->w, c->a->msg + off, end - off);
}

static void write_owner(struct compose *c, const struct answer_rr *rr, const struct name *qname)
{
	size_t off = rr->owner;
	struct name n;

	for (unsigned i = 0; i < c->n_known; i++) {
		if (c->source[i] == rr->owner) {
			wr_u16(&c->w, (uint16_t)(0xc000 | c->known[i]));
			return;
		}
	}
	if (answer_owner_is(c->a, rr, qname) && qname->labels) {
		wr_u16(&c->w, 0xc000 | WIRE_HEADER);
		return;
	}
	if (name_read_case(&n, c->a->msg, c->a->len, &off, true))
		c->w.bad = true;
	else
		write_name(c, &n, rr->owner, true);
}

static void write_record(struct compose *c, const struct answer_rr *rr, const struct name *qname, uint32_t ttl,
			 uint16_t *ttl_offset)
{
	size_t begin;
	uint8_t *at;

	write_owner(c, rr, qname);
	wr_u16(&c->w, rr->type);
	wr_u16(&c->w, rr->class);
	*ttl_offset = (uint16_t)wr_len(&c->w);
	wr_u32(&c->w, ttl);
	at = wr_room(&c->w, 2);
	begin = wr_len(&c->w);
	write_rdata(c, rr);
	if (!c->w.bad)
		bytes_put_u16(at, (uint16_t)(wr_len(&c->w) - begin));
}

int answer_compose(const struct answer *a, const struct name *qname, uint16_t qtype, unsigned rcode,
		   const struct answer_keep *keep, size_t n, uint8_t *out, size_t cap, uint16_t *ttl_offsets)
{
	struct compose c = { .w = wr_init(out, MIN(cap, WIRE_MAX)), .a = a };
	uint16_t counts[3] = { 0 };
	size_t i;

	wr_u16(&c.w, 0);
	wr_u16(&c.w, (uint16_t)(WIRE_QR | WIRE_RA | (rcode & WIRE_RCODE)));
	wr_u16(&c.w, 1);
	wr_bytes(&c.w, counts, sizeof(counts));
	wr_bytes(&c.w, qname->wire, qname->len);
	wr_u16(&c.w, qtype);
	wr_u16(&c.w, CLASS_IN);
	remember(&c, WIRE_HEADER, WIRE_HEADER);
	for (i = 0; i < n && !c.w.bad; i++) {
		write_record(&c, &a->rr[keep[i].index], qname, keep[i].ttl, &ttl_offsets[i]);
		counts[keep[i].section]++;
	}
	if (c.w.bad)
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(counts); i++)
		bytes_put_u16(out + 6 + 2 * i, counts[i]);
	return (int)wr_len(&c.w);
}
