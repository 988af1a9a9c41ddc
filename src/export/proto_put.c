/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "export/proto.h"

#include "base/util.h"

static void put_u64(struct wr *w, uint64_t v)
{
	wr_u32(w, (uint32_t)(v >> 32));
	wr_u32(w, (uint32_t)v);
}

/* Its length, and behind 16 bytes the scope. */
static void put_addr(struct wr *w, const struct addr *a)
{
	wr_u8(w, a->len);
	wr_bytes(w, a->b, a->len);
	if (a->len == 16)
		wr_u32(w, a->scope);
}

static void put_bytes(struct wr *w, const void *p, size_t len, size_t max)
{
	if (len > max)
		w->bad = true;
	wr_u16(w, (uint16_t)len);
	wr_bytes(w, p, len);
}

static void put_text(struct wr *w, const char *text, size_t cap)
{
	put_bytes(w, text, strnlen(text, cap), cap - 1);
}

static void put_name(struct wr *w, const struct name *n)
{
	wr_u8(w, n->len);
	wr_bytes(w, n->wire, n->len);
}

static void put_ports(struct wr *w, const struct conf_port *ports, size_t n)
{
	if (n > PROTO_PORTS)
		w->bad = true;
	wr_u16(w, (uint16_t)n);
	for (size_t i = 0; !w->bad && i < n; i++) {
		wr_u8(w, ports[i].proto);
		wr_u16(w, ports[i].port);
	}
}

/* The head, whose length is filled in by end(). */
static uint8_t *begin(struct wr *w, enum proto_type type)
{
	uint8_t *head = w->p;

	wr_u8(w, (uint8_t)type);
	wr_u32(w, 0);
	return head;
}

static void end(struct wr *w, uint8_t *head)
{
	if (w->bad)
		w->p = head;
	else
		bytes_put_u32(head + 1, (uint32_t)(w->p - head - PROTO_HEAD));
}

void proto_put_hold(struct wr *w, const struct proto_hold *h)
{
	uint8_t *head = begin(w, PROTO_HOLD);

	wr_u32(w, h->seq);
	put_u64(w, h->layout);
	put_u64(w, h->exports);
	put_u64(w, h->profile);
	wr_u32(w, h->ttl);
	put_addr(w, &h->client);
	put_name(w, &h->name);
	put_bytes(w, h->chain, h->chain_len, PROTO_CHAIN);
	put_bytes(w, h->file, h->file_len, PROTO_FILE - 1);
	wr_u32(w, h->line);
	put_ports(w, h->ports, h->n_ports);
	if (h->n_addrs > PROTO_ADDRS)
		w->bad = true;
	wr_u16(w, (uint16_t)h->n_addrs);
	for (size_t i = 0; !w->bad && i < h->n_addrs; i++)
		put_addr(w, &h->addrs[i]);
	end(w, head);
}

void proto_put_held(struct wr *w, const struct proto_held *h)
{
	uint8_t *head = begin(w, PROTO_HELD);

	wr_u32(w, h->seq);
	wr_u32(w, (uint32_t)h->err);
	put_u64(w, h->until_us);
	wr_u32(w, h->epoch);
	wr_u8(w, h->by_client);
	end(w, head);
}

void proto_put_lease(struct wr *w, const struct proto_lease *l)
{
	uint8_t *head = begin(w, PROTO_LEASE);

	wr_u16(w, l->export);
	put_text(w, l->set, sizeof(l->set));
	put_addr(w, &l->addr);
	put_addr(w, &l->client);
	wr_u8(w, l->proto);
	wr_u16(w, l->port);
	wr_u32(w, l->seconds);
	put_name(w, &l->name);
	put_bytes(w, l->chain, l->chain_len, sizeof(l->chain));
	put_text(w, l->file, sizeof(l->file));
	wr_u32(w, l->line);
	end(w, head);
}

void proto_put_set(struct wr *w, const struct proto_set *s)
{
	const uint64_t counts[] = { s->leases, s->foreign, s->added, s->renewed, s->deleted, s->failed, s->lost,
				    s->refilled };
	uint8_t *head = begin(w, PROTO_SET);

	wr_u16(w, s->export);
	put_text(w, s->set, sizeof(s->set));
	put_text(w, s->kind, sizeof(s->kind));
	wr_u8(w, s->six);
	wr_u8(w, s->present);
	wr_u8(w, s->by_client);
	wr_u8(w, s->breaker);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		put_u64(w, counts[i]);
	wr_u32(w, (uint32_t)s->err);
	wr_u32(w, s->err_age);
	end(w, head);
}

void proto_put_review(struct wr *w, const struct proto_review *r)
{
	uint8_t *head = begin(w, PROTO_REVIEW);

	wr_u32(w, r->id);
	put_u64(w, r->profile);
	put_name(w, &r->name);
	end(w, head);
}

void proto_put_verdict(struct wr *w, const struct proto_verdict *v)
{
	uint8_t *head = begin(w, PROTO_VERDICT);

	wr_u32(w, v->id);
	wr_u8(w, v->ok);
	put_u64(w, v->exports);
	put_ports(w, v->ports, v->n_ports);
	end(w, head);
}

void proto_put_prepared(struct wr *w, int32_t err, uint64_t layout, const char *text)
{
	uint8_t *head = begin(w, PROTO_PREPARED);
	size_t len = strnlen(text, PROTO_TEXT);

	if (len == PROTO_TEXT)
		len--;
	wr_u32(w, (uint32_t)err);
	put_u64(w, layout);
	put_bytes(w, text, len, PROTO_TEXT - 1);
	end(w, head);
}

void proto_put_count(struct wr *w, enum proto_type type, uint64_t n)
{
	uint8_t *head = begin(w, type);

	put_u64(w, n);
	end(w, head);
}

void proto_put_address(struct wr *w, enum proto_type type, const struct addr *a)
{
	uint8_t *head = begin(w, type);

	put_addr(w, a ? a : &(struct addr){ 0 });
	end(w, head);
}

void proto_put_bare(struct wr *w, enum proto_type type)
{
	end(w, begin(w, type));
}
