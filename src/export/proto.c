/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/proto.h"

#include <errno.h>

#include "base/util.h"

#define TTL_MAX 0x7fffffffu		/* RFC 2181 8 */
#define ERRNO_MAX 4095			/* the kernel's */

static uint64_t get_u64(struct rd *r)
{
	uint64_t high = rd_u32(r);

	return high << 32 | rd_u32(r);
}

static bool get_bool(struct rd *r)
{
	uint8_t v = rd_u8(r);

	if (v > 1)
		r->bad = true;
	return v == 1;
}

static int32_t get_err(struct rd *r)
{
	int32_t err = (int32_t)rd_u32(r);

	if (err > 0 || err < -ERRNO_MAX)
		r->bad = true;
	return r->bad ? 0 : err;
}

static struct addr get_addr(struct rd *r)
{
	struct addr a = { .len = rd_u8(r) };
	const uint8_t *p = rd_take(r, a.len);

	if (a.len && a.len != 4 && a.len != 16)
		r->bad = true;
	if (r->bad)
		return (struct addr){ 0 };
	memcpy(a.b, p, a.len);
	if (a.len == 16)
		a.scope = rd_u32(r);
	return a;
}

/* One that must be there. */
static struct addr get_some_addr(struct rd *r)
{
	struct addr a = get_addr(r);

	if (!a.len)
		r->bad = true;
	return a;
}

/* The next `len` bytes must be one name and nothing else. */
static void read_name(struct rd *r, struct name *n, size_t len)
{
	const uint8_t *p = rd_take(r, len);
	size_t off = 0;

	n->len = n->labels = 0;
	if (!len || r->bad)
		return;
	if (name_read_case(n, p, len, &off, false) || off != len) {
		n->len = n->labels = 0;
		r->bad = true;
	}
	name_fold(n);
}

/* len 0: none. */
static void get_name(struct rd *r, struct name *n)
{
	read_name(r, n, rd_u8(r));
}

static void get_some_name(struct rd *r, struct name *n)
{
	get_name(r, n);
	if (!n->len)
		r->bad = true;
}

static const uint8_t *get_bytes(struct rd *r, uint16_t *len, size_t max)
{
	const uint8_t *p;

	*len = rd_u16(r);
	if (*len > max)
		r->bad = true;
	p = rd_take(r, *len);
	if (!p)
		*len = 0;
	return p;
}

static bool chain_ok(const uint8_t *p, size_t len)
{
	size_t off = 0;
	struct name n;

	while (off < len)
		if (name_read_case(&n, p, len, &off, false))
			return false;
	return true;
}

/* Names one behind the other, each whole. */
static const uint8_t *get_chain(struct rd *r, uint16_t *len)
{
	const uint8_t *p = get_bytes(r, len, PROTO_CHAIN);

	if (p && chain_ok(p, *len))
		return p;
	r->bad = true;
	*len = 0;
	return NULL;
}

/* Text without a NUL in it into a buffer of cap bytes, with one behind it. */
static uint16_t get_text(struct rd *r, char *text, size_t cap)
{
	uint16_t len;
	const uint8_t *p = get_bytes(r, &len, cap - 1);

	if (p && memchr(p, '\0', len))
		r->bad = true;
	if (r->bad)
		len = 0;
	if (len)
		memcpy(text, p, len);
	text[len] = '\0';
	return len;
}

static size_t get_ports(struct rd *r, struct conf_port ports[PROTO_PORTS])
{
	size_t n = rd_u16(r);

	if (n > PROTO_PORTS)
		r->bad = true;
	for (size_t i = 0; !r->bad && i < n; i++) {
		ports[i].proto = rd_u8(r);
		ports[i].port = rd_u16(r);
		if ((ports[i].proto != IPPROTO_TCP && ports[i].proto != IPPROTO_UDP) || !ports[i].port)
			r->bad = true;
	}
	return r->bad ? 0 : n;
}

/* What is behind the last field belongs to nothing. */
static int over(const struct rd *r)
{
	return r->bad || rd_left(r) ? -EBADMSG : 0;
}

int proto_next(struct rd *msg, enum proto_type *type, struct rd *body)
{
	const uint8_t *p;
	uint8_t number;
	uint32_t len;

	if (!msg->bad && !rd_left(msg))
		return 0;
	number = rd_u8(msg);
	len = rd_u32(msg);
	p = rd_take(msg, len);
	if (!p || number < PROTO_HOLD || number > PROTO_END)
		return -EBADMSG;
	*type = (enum proto_type)number;
	*body = rd_init(p, len);
	switch (*type) {
	case PROTO_PREPARE:
	case PROTO_COMMIT:
	case PROTO_ABORT:
	case PROTO_STATUS:
	case PROTO_END:
		return len ? -EBADMSG : 1;
	default:
		return 1;
	}
}

int proto_get_hold(struct rd *body, struct proto_hold *h, struct proto_room *room)
{
	h->seq = rd_u32(body);
	h->layout = get_u64(body);
	h->exports = get_u64(body);
	h->profile = get_u64(body);
	h->ttl = rd_u32(body);
	h->client = get_some_addr(body);
	get_some_name(body, &h->name);
	h->chain = get_chain(body, &h->chain_len);
	h->file_len = get_text(body, room->file, sizeof(room->file));
	h->file = room->file;
	h->line = rd_u32(body);
	h->n_ports = get_ports(body, room->ports);
	h->ports = room->ports;
	h->n_addrs = rd_u16(body);
	if (!h->n_ports || !h->n_addrs || h->n_addrs > PROTO_ADDRS || h->ttl > TTL_MAX)
		body->bad = true;
	for (size_t i = 0; !body->bad && i < h->n_addrs; i++)
		room->addrs[i] = get_some_addr(body);
	h->addrs = room->addrs;
	return over(body);
}

int proto_get_held(struct rd *body, struct proto_held *h)
{
	h->seq = rd_u32(body);
	h->err = get_err(body);
	h->until_us = get_u64(body);
	h->epoch = rd_u32(body);
	h->by_client = get_bool(body);
	return over(body);
}

int proto_get_lease(struct rd *body, struct proto_lease *l)
{
	const uint8_t *chain;

	l->export = rd_u16(body);
	get_text(body, l->set, sizeof(l->set));
	l->addr = get_some_addr(body);
	l->client = get_addr(body);
	l->proto = rd_u8(body);
	l->port = rd_u16(body);
	l->seconds = rd_u32(body);
	get_name(body, &l->name);
	chain = get_chain(body, &l->chain_len);
	if (l->chain_len)
		memcpy(l->chain, chain, l->chain_len);
	get_text(body, l->file, sizeof(l->file));
	l->line = rd_u32(body);
	if (l->export >= EXPORTS_MAX)
		body->bad = true;
	return over(body);
}

int proto_get_set(struct rd *body, struct proto_set *s)
{
	uint64_t *counts[] = { &s->leases, &s->foreign, &s->added, &s->renewed, &s->deleted, &s->failed, &s->lost,
			       &s->refilled };

	s->export = rd_u16(body);
	get_text(body, s->set, sizeof(s->set));
	get_text(body, s->kind, sizeof(s->kind));
	s->six = get_bool(body);
	s->present = get_bool(body);
	s->by_client = get_bool(body);
	s->breaker = rd_u8(body);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		*counts[i] = get_u64(body);
	s->err = get_err(body);
	s->err_age = rd_u32(body);
	if (s->export >= EXPORTS_MAX || s->breaker > 2)
		body->bad = true;
	return over(body);
}

int proto_get_review(struct rd *body, struct proto_review *r)
{
	r->id = rd_u32(body);
	r->profile = get_u64(body);
	get_some_name(body, &r->name);
	return over(body);
}

int proto_get_verdict(struct rd *body, struct proto_verdict *v)
{
	v->id = rd_u32(body);
	v->ok = get_bool(body);
	v->exports = get_u64(body);
	v->n_ports = get_ports(body, v->ports);
	return over(body);
}

int proto_get_prepared(struct rd *body, int32_t *err, uint64_t *layout, char *text, size_t cap)
{
	const uint8_t *p;
	uint16_t len;

	*err = get_err(body);
	*layout = get_u64(body);
	p = get_bytes(body, &len, PROTO_TEXT - 1);
	if (p && memchr(p, '\0', len))
		body->bad = true;
	if (body->bad || !cap)
		return -EBADMSG;
	if (len > cap - 1)
		len = (uint16_t)(cap - 1);
	memcpy(text, p, len);
	text[len] = '\0';
	return over(body);
}

int proto_get_count(struct rd *body, uint64_t *n)
{
	*n = get_u64(body);
	return over(body);
}

int proto_get_address(struct rd *body, struct addr *a)
{
	*a = get_addr(body);
	return over(body);
}
