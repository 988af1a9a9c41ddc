/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reply.h"

#include <ctype.h>
#include <ldns/ldns.h>
#include <stdlib.h>

#define SHUFFLE_MAX 6			/* 720 orders */

static bool record_read(struct record_wire *r, const char *text)
{
	ldns_rr *rr = NULL;
	ldns_status s = ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL);

	if (s == LDNS_STATUS_OK)
		s = ldns_rr2wire(&r->wire, rr, LDNS_SECTION_ANSWER, &r->len);
	ldns_rr_free(rr);
	if (s == LDNS_STATUS_OK)
		return true;
	fake_fault("%s: %s", text, ldns_get_errorstr_by_id(s));
	return false;
}

bool records_read(struct records *r, char **block, size_t n)
{
	char line[LINE_MAX_LEN];
	unsigned section = 0;

	r->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (!vars_expand(line, block[i])) {
			fake_fault("%s: no such variable", block[i]);
			return false;
		}
		if (!line[0] || line[0] == '#')
			continue;
		if (!strcmp(line, "authority") || !strcmp(line, "additional")) {
			section = line[1] == 'u' ? 1 : 2;
			continue;
		}
		if (r->n == RECORDS_MAX || !record_read(&r->v[r->n], line))
			return false;
		r->v[r->n++].section = section;
	}
	return true;
}

void records_free(struct records *r)
{
	while (r->n)
		free(r->v[--r->n].wire);
}

static void shuffle_section(struct record_wire *v, size_t n)
{
	unsigned orders = 1, k;

	for (unsigned i = 2; i <= n; i++)
		orders *= i;
	k = choices_take(orders);
	for (size_t i = n; i > 1; i--) {
		struct record_wire swap = v[i - 1];

		v[i - 1] = v[k % i];
		v[k % i] = swap;
		k /= (unsigned)i;
	}
}

void records_shuffle(struct records *r)
{
	for (size_t begin = 0, end; begin < r->n; begin = end) {
		for (end = begin; end < r->n && r->v[end].section == r->v[begin].section; end++)
			continue;
		if (end - begin > SHUFFLE_MAX)
			fake_fault("more than %d records to shuffle", SHUFFLE_MAX);
		else
			shuffle_section(r->v + begin, end - begin);
	}
}

int hex_read(uint8_t *out, size_t cap, const char *text)
{
	size_t n = 0;

	for (;;) {
		unsigned byte;

		text += strspn(text, " \t");
		if (!*text)
			return (int)n;
		if (n == cap || !isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
		    sscanf(text, "%2x", &byte) != 1)
			return -1;
		out[n++] = (uint8_t)byte;
		text += 2;
	}
}

/* Turns the first letter's case. */
static void turn_case(uint8_t *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (isalpha(name[i])) {
			name[i] ^= 0x20;
			return;
		}
	}
}

static bool put_question(struct wr *w, const struct exchange *x, const struct upstream_reply *u)
{
	size_t end = WIRE_HEADER;
	struct name other;
	uint16_t type;

	if (name_skip(x->msg, x->len, &end) < 0) {
		fake_fault("the question that was sent has no name");
		return false;
	}
	if (u->question && name_from_text(&other, u->question, strlen(u->question)) < 0) {
		fake_fault("%s is no name", u->question);
		return false;
	}
	if (u->question)
		wr_bytes(w, other.wire, other.len);
	else
		wr_bytes(w, x->msg + WIRE_HEADER, end - WIRE_HEADER);
	if (u->wrong_case && !w->bad)
		turn_case(w->base + WIRE_HEADER, end - WIRE_HEADER);
	type = bytes_u16(x->msg + end);
	if (u->qtype && type_parse(&type, u->qtype, strlen(u->qtype)) < 0) {
		fake_fault("%s is no type", u->qtype);
		return false;
	}
	wr_u16(w, type);
	wr_u16(w, CLASS_IN);
	return true;
}

/* An owner that is the question's name is a pointer to it, as servers write it. */
static void put_record(struct wr *w, const struct record_wire *r, const struct name *qname)
{
	size_t end = 0;

	if (!name_is(qname, r->wire, r->len, 0) || name_skip(r->wire, r->len, &end) < 0) {
		wr_bytes(w, r->wire, r->len);
		return;
	}
	wr_u16(w, 0xc000 + WIRE_HEADER);
	wr_bytes(w, r->wire + end, r->len - end);
}

static bool put_raw(struct wr *w, const struct upstream_reply *u)
{
	uint8_t raw[2048];
	int n = hex_read(raw, sizeof(raw), u->raw);

	if (n < 0) {
		fake_fault("%s: no hex digits", u->raw);
		return false;
	}
	wr_bytes(w, raw, (size_t)n);
	bytes_put_u16(w->base + 6, (uint16_t)u->claims);
	return true;
}

static void put_opt(struct wr *w, unsigned upper_rcode)
{
	wr_u8(w, 0);
	wr_u16(w, TYPE_OPT);
	wr_u16(w, 4096);
	wr_u32(w, (uint32_t)upper_rcode << 24);
	wr_u16(w, 0);
	wire_count(w, 2);
}

size_t reply_build(uint8_t *out, size_t cap, const struct exchange *x, const struct upstream_reply *u,
		   const struct records *r)
{
	struct wr w = wr_init(out, cap);
	struct name qname;
	size_t off = WIRE_HEADER;

	if (name_read(&qname, x->msg, x->len, &off) < 0)
		return 0;
	wr_u16(&w, u->wrong_id ? x->id ^ 1 : x->id);
	wr_u16(&w, (uint16_t)((u->no_qr ? 0 : WIRE_QR) | WIRE_RD | WIRE_RA | u->flags | (u->rcode & WIRE_RCODE)));
	wr_u16(&w, u->no_question ? 0 : 1);
	wr_u16(&w, 0);
	wr_u32(&w, 0);
	if (!u->no_question && !put_question(&w, x, u))
		return 0;
	if (u->raw && !put_raw(&w, u))
		return 0;
	for (size_t i = 0; i < r->n; i++) {
		if (u->compress)
			put_record(&w, &r->v[i], &qname);
		else
			wr_bytes(&w, r->v[i].wire, r->v[i].len);
		wire_count(&w, r->v[i].section);
	}
	if (u->opt)
		put_opt(&w, u->upper_rcode);
	if (w.bad)
		fake_fault("the reply is longer than %zu bytes", cap);
	return w.bad ? 0 : wr_len(&w);
}
