/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/records.h"

#include <errno.h>

#include "policy/nametab.h"

#define CNAME_LINKS 16

struct records {
	struct nametab *names;
	struct record_set *sets;
	size_t n;
};

struct source {
	struct record record;
	unsigned line;
};

static int parse_all(struct arena *a, const struct conf *c, struct source *src, struct diag_list *d)
{
	char why[256];
	int n = 0, err;

	for (size_t i = 0; i < c->n_records; i++) {
		err = record_parse(&src[n].record, a, c->records[i].text, why, sizeof(why));
		if (err == -ENOMEM)
			return err;
		if (err < 0) {
			diag_error(d, c->path, c->records[i].line,
				   "record: %s (write it as in a zone file: NAME TTL IN TYPE DATA)", why);
			continue;
		}
		src[n++].line = c->records[i].line;
	}
	return n;
}

/* Puts the records of each owner side by side. */
static bool gather(struct records *r, struct arena *a, const struct source *src, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t at = nametab_find(r->names, &src[i].record.owner);

		if (at == NAMETAB_NONE) {
			at = (uint32_t)r->n++;
			r->sets[at].name = src[i].record.owner;
			nametab_put(r->names, &r->sets[at].name, at);
		}
		r->sets[at].n++;
	}
	for (size_t i = 0; i < r->n; i++) {
		r->sets[i].v = arena_array(a, r->sets[i].n, sizeof(*r->sets[i].v));
		if (!r->sets[i].v)
			return false;
		r->sets[i].n = 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct record_set *set = &r->sets[nametab_find(r->names, &src[i].record.owner)];

		set->v[set->n++] = src[i].record;
	}
	return true;
}

static void link_cname(struct records *r, const struct source *src, const char *path, struct diag_list *d)
{
	struct record_set *set = &r->sets[nametab_find(r->names, &src->record.owner)];
	struct name target;
	size_t off = 0;
	char owner[NAME_TEXT], text[NAME_TEXT];

	name_text(&src->record.owner, owner);
	if (set->n > 1) {
		diag_error(d, path, src->line, "record: %s has a CNAME and other records; a CNAME stands alone", owner);
		return;
	}
	if (name_read(&target, src->record.rdata, src->record.rdlen, &off) < 0)
		return;
	set->cname = records_find(r, &target);
	if (!set->cname)
		diag_error(d, path, src->line, "record: the CNAME of %s leads to %s, which has no record here", owner,
			   name_text(&target, text));
}

static void refuse_loops(const struct records *r, const struct source *src, size_t n, const char *path,
			 struct diag_list *d)
{
	char text[NAME_TEXT];

	for (size_t i = 0; i < n; i++) {
		const struct record_set *set = records_find(r, &src[i].record.owner);
		unsigned links = 0;

		while (set->cname && links++ < CNAME_LINKS)
			set = set->cname;
		if (set->cname)
			diag_error(d, path, src[i].line, "record: the CNAMEs of %s go in a circle",
				   name_text(&src[i].record.owner, text));
	}
}

const struct records *records_build(struct arena *a, const struct conf *c, struct diag_list *d)
{
	struct records *r = arena_alloc(a, sizeof(*r));
	struct source *src = arena_array(a, c->n_records + 1, sizeof(*src));
	int n;

	if (!r || !src || !(r->names = nametab_new(a, c->n_records)) ||
	    !(r->sets = arena_array(a, c->n_records + 1, sizeof(*r->sets))))
		return NULL;
	n = parse_all(a, c, src, d);
	if (n < 0 || !gather(r, a, src, (size_t)n))
		return NULL;
	for (int i = 0; i < n; i++) {
		if (src[i].record.type == TYPE_CNAME)
			link_cname(r, &src[i], c->path, d);
	}
	refuse_loops(r, src, (size_t)n, c->path, d);
	return r;
}

const struct record_set *records_find(const struct records *r, const struct name *n)
{
	uint32_t i = nametab_find(r->names, n);

	return i == NAMETAB_NONE ? NULL : &r->sets[i];
}

static void write_record(struct wr *w, const struct record *rec, bool of_question)
{
	if (of_question) {
		wire_record(w, rec->type, rec->rdata, rec->rdlen, rec->ttl);
		return;
	}
	wr_bytes(w, rec->owner.wire, rec->owner.len);
	wr_u16(w, rec->type);
	wr_u16(w, CLASS_IN);
	wr_u32(w, rec->ttl);
	wr_u16(w, rec->rdlen);
	wr_bytes(w, rec->rdata, rec->rdlen);
	wire_count(w, 0);
}

size_t records_answer(const struct record_set *set, const struct wire_query *q, uint32_t ttl, uint8_t *out,
		      size_t cap, size_t limit)
{
	struct wr w = wr_init(out, cap);
	const struct record_set *first = set;
	bool found = false;

	wire_begin(&w, q, RCODE_NOERROR);
	while (set->cname && q->qtype != TYPE_CNAME) {
		write_record(&w, &set->v[0], set == first);
		set = set->cname;
	}
	for (size_t i = 0; i < set->n; i++) {
		if (set->v[i].type != q->qtype)
			continue;
		write_record(&w, &set->v[i], set == first);
		found = true;
	}
	if (!found)
		wire_soa(&w, &set->name, ttl);
	return wire_end(&w, q, RCODE_NOERROR, NULL, limit);
}
