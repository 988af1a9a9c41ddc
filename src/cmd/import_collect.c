/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/import_read.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/util.h"

void import_complain(struct import *im, const char *text, size_t len, const char *why)
{
	char shown[PATTERN_SHOWN];

	im->bad = true;
	fprintf(im->err, "%s:%u: error: %s: %s\n", im->file, im->line, pattern_shown(text, len, shown), why);
}

static int by_port(const void *a, const void *b)
{
	const struct conf_port *x = a, *y = b;

	return x->proto != y->proto ? x->proto - y->proto : x->port - y->port;
}

/* In one form, so that what opens the same ports is one group. */
static struct import_ports settled(const struct import_ports *ports)
{
	struct import_ports p = { .v = { { IPPROTO_TCP, 80 }, { IPPROTO_TCP, 443 } }, .n = 2 };

	if (!ports->n)
		return p;
	memcpy(p.v, ports->v, ports->n * sizeof(*p.v));
	qsort(p.v, ports->n, sizeof(*p.v), by_port);
	p.n = 0;
	for (unsigned i = 0; i < ports->n; i++)
		if (!i || by_port(&p.v[i], &p.v[p.n - 1]))
			p.v[p.n++] = p.v[i];
	return p;
}

static bool same_ports(const struct import_ports *a, const struct import_ports *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (by_port(&a->v[i], &b->v[i]))
			return false;
	return true;
}

/* Field by field: a port has padding. */
static uint64_t key_hash(const char *area, const struct import_ports *p)
{
	uint64_t h = hash_bytes(area, strlen(area));

	for (unsigned i = 0; i < p->n; i++) {
		uint32_t port = (uint32_t)p->v[i].proto << 16 | p->v[i].port;

		h = hash_more(h, &port, sizeof(port));
	}
	return h;
}

/* The slot of a group, or the free one where it would be. */
static uint32_t *slot(const struct import *im, const char *area, const struct import_ports *p)
{
	size_t i;

	for (i = key_hash(area, p) & (im->index_cap - 1); im->index[i]; i = (i + 1) & (im->index_cap - 1)) {
		const struct import_group *g = &im->groups[im->index[i] - 1];

		if (!strcmp(g->area, area) && same_ports(&g->ports, p))
			break;
	}
	return &im->index[i];
}

/* Room for one more group in both arrays. */
static bool grow_groups(struct import *im)
{
	struct import_group *v;
	uint32_t *index;
	size_t cap;

	if (im->n_groups < im->groups_cap)
		return true;
	cap = im->groups_cap ? im->groups_cap * 2 : 16;
	v = reallocarray(im->groups, cap, sizeof(*v));
	if (v)
		im->groups = v;
	index = v ? calloc(cap * 2, sizeof(*index)) : NULL;
	if (!index) {
		im->starved = true;
		return false;
	}
	im->groups_cap = cap;
	free(im->index);
	im->index = index;
	im->index_cap = cap * 2;
	for (size_t i = 0; i < im->n_groups; i++)
		*slot(im, im->groups[i].area, &im->groups[i].ports) = (uint32_t)(i + 1);
	return true;
}

struct import_group *import_group(struct import *im, const char *area, const struct import_ports *ports)
{
	struct import_ports p = settled(ports);
	uint32_t *at;
	char *text;

	if (!grow_groups(im))
		return NULL;
	at = slot(im, area, &p);
	if (*at)
		return &im->groups[*at - 1];
	text = arena_text(im->a, area, strlen(area));
	if (!text) {
		im->starved = true;
		return NULL;
	}
	im->groups[im->n_groups] = (struct import_group){ .area = text, .ports = p };
	*at = (uint32_t)++im->n_groups;
	return &im->groups[im->n_groups - 1];
}

/* Keeps copies. */
static void add(struct import *im, struct import_group *g, const char *text, size_t len, unsigned row,
		const char *note, bool read)
{
	struct import_entry e = { .row = row, .read = read };

	if (g->n == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 16;
		struct import_entry *v = reallocarray(g->entries, cap, sizeof(*v));

		if (!v) {
			im->starved = true;
			return;
		}
		g->entries = v;
		g->cap = cap;
	}
	e.text = arena_text(im->a, text, len);
	if (note)
		e.note = arena_text(im->a, note, strlen(note));
	if (!e.text || (note && !e.note))
		im->starved = true;
	else
		g->entries[g->n++] = e;
}

void import_keep(struct import *im, struct import_group *g, const char *text, size_t len, unsigned row,
		 const char *note)
{
	char why[PATTERN_WHY], buf[256];
	struct pattern p;

	if (!pattern_parse(&p, text, len, why, sizeof(why))) {
		pattern_text(p.wire, p.dot, buf);
		add(im, g, buf, strlen(buf), row, note, true);
	} else if (row) {
		import_reject(im, g, text, len, row, why);
	} else {
		import_complain(im, text, len, why);
	}
}

void import_reject(struct import *im, struct import_group *g, const char *text, size_t len, unsigned row,
		   const char *why)
{
	import_complain(im, text, len, why);
	add(im, g, text, len, row, why, false);
}

void import_free(struct import *im)
{
	for (size_t i = 0; i < im->n_groups; i++)
		free(im->groups[i].entries);
	free(im->groups);
	free(im->index);
}
