/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "obs/audit.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/util.h"
#include "obs/audit_internal.h"

#define LINKS_FIRST 64			/* bytes */

struct audit *audit_new(time_t since)
{
	struct audit *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	memset(a->pair_heads, 0xff, sizeof(a->pair_heads));
	a->unused = AUDIT_NONE;
	audit_holders_init(&a->clients);
	audit_holders_init(&a->nets);
	a->since = (uint32_t)since;
	return a;
}

void audit_free(struct audit *a)
{
	struct audit_name *next;

	for (size_t i = 0; a && i < NAME_BUCKETS; i++) {
		for (struct audit_name *n = a->names[i]; n; n = next) {
			next = n->next;
			free(n->links);
			free(n);
		}
	}
	free(a);
}

/* A name costs what it takes as text, in the file and on the control socket, besides its memory. */
static uint32_t text_size(const struct name *n)
{
	char text[NAME_TEXT];

	return (uint32_t)strlen(name_text(n, text));
}

static struct audit_name *name_find(const struct audit *a, const struct name *name, uint64_t hash)
{
	struct audit_name *n = a->names[hash % NAME_BUCKETS];

	while (n && (n->hash != hash || n->len != name->len || memcmp(n->wire, name->wire, n->len)))
		n = n->next;
	return n;
}

static struct audit_name *name_new(struct audit *a, const struct name *name, uint64_t hash)
{
	struct audit_name **head = &a->names[hash % NAME_BUCKETS], *n = calloc(1, sizeof(*n) + name->len);

	if (!n)
		return NULL;
	n->hash = hash;
	n->pairs = AUDIT_NONE;
	n->len = name->len;
	n->labels = name->labels;
	memcpy(n->wire, name->wire, name->len);
	n->charge = (uint32_t)sizeof(*n) + name->len + text_size(name);
	n->next = *head;
	*head = n;
	a->n_names++;
	a->bytes += n->charge;
	return n;
}

static void name_drop(struct audit *a, struct audit_name *n)
{
	struct audit_name **link = &a->names[n->hash % NAME_BUCKETS];

	while (*link != n)
		link = &(*link)->next;
	*link = n->next;
	a->n_names--;
	a->bytes -= n->charge;
	free(n->links);
	free(n);
}

/* The client of a name's first pair pays for the name. */
static void pay(struct audit *a, const struct audit_name *n, int64_t by)
{
	if (n->pairs != AUDIT_NONE)
		audit_client_bytes(a, a->pairs[n->pairs].client, by);
}

static uint32_t *pair_head(struct audit *a, uint64_t hash, uint32_t client)
{
	return &a->pair_heads[hash_more(hash, &client, sizeof(client)) % PAIR_BUCKETS];
}

static uint32_t pair_find(struct audit *a, const struct audit_name *n, uint32_t client)
{
	uint32_t i = *pair_head(a, n->hash, client);

	while (i != AUDIT_NONE && (a->pairs[i].name != n || a->pairs[i].client != client))
		i = a->pairs[i].next;
	return i;
}

static uint32_t pair_new(struct audit *a, struct audit_name *n, uint32_t client)
{
	uint32_t *head = pair_head(a, n->hash, client), i = a->unused;

	if (i != AUDIT_NONE)
		a->unused = a->pairs[i].next;
	else
		i = a->top++;
	a->pairs[i] = (struct audit_pair){
		.name = n, .client = client, .next = *head, .older = n->pairs, .newer = AUDIT_NONE,
	};
	*head = i;
	pay(a, n, -(int64_t)n->charge);
	if (n->pairs != AUDIT_NONE)
		a->pairs[n->pairs].newer = i;
	n->pairs = i;
	a->n_pairs++;
	audit_client_pairs(a, client, 1);
	pay(a, n, n->charge);
	return i;
}

static void pair_drop(struct audit *a, uint32_t i)
{
	struct audit_pair *p = &a->pairs[i];
	struct audit_name *n = p->name;
	uint32_t *link = pair_head(a, n->hash, p->client);

	while (*link != i)
		link = &a->pairs[*link].next;
	*link = p->next;
	pay(a, n, -(int64_t)n->charge);
	if (p->older != AUDIT_NONE)
		a->pairs[p->older].newer = p->newer;
	*(p->newer != AUDIT_NONE ? &a->pairs[p->newer].older : &n->pairs) = p->older;
	pay(a, n, n->charge);
	if (n->pairs == AUDIT_NONE)
		name_drop(a, n);
	audit_client_pairs(a, p->client, -1);
	p->name = NULL;
	p->next = a->unused;
	a->unused = i;
	a->n_pairs--;
}

static bool make_room(struct audit *a, uint32_t keep, const struct audit_name *name)
{
	uint32_t victim = audit_victim(a, keep, name);

	if (victim == AUDIT_NONE)
		return false;
	pair_drop(a, victim);
	a->dropped++;
	return true;
}

int64_t audit_pair_get(struct audit *a, const struct name *name, const struct addr *addr)
{
	struct addr plain = *addr;
	uint64_t hash = hash_bytes(name->wire, name->len);
	struct audit_name *n = name_find(a, name, hash);
	uint32_t client, i;

	plain.scope = 0;
	client = audit_client_find(a, &plain);
	if (n && client != AUDIT_NONE && (i = pair_find(a, n, client)) != AUDIT_NONE)
		return i;
	/* A name that lost its last pair here would come back without its types and links. */
	while ((a->n_pairs == AUDIT_PAIRS || a->bytes >= AUDIT_BYTES) && make_room(a, AUDIT_NONE, n))
		continue;
	if (a->n_pairs == AUDIT_PAIRS || (!n && !(n = name_new(a, name, hash))))
		return -1;
	/* what gave way may have taken it with it */
	client = audit_client_find(a, &plain);
	return pair_new(a, n, client != AUDIT_NONE ? client : audit_client_new(a, &plain));
}

struct audit_pair *audit_pair_at(struct audit *a, uint32_t i)
{
	return &a->pairs[i];
}

void audit_note_type(struct audit_name *n, uint16_t type, uint8_t outcomes)
{
	for (unsigned i = 0; i < n->n_types; i++) {
		if (n->types[i].type == type) {
			n->types[i].outcomes |= outcomes;
			return;
		}
	}
	/* of more than these nobody would write an entry */
	if (n->n_types < AUDIT_TYPES)
		n->types[n->n_types++] = (struct audit_type){ type, outcomes };
}

static bool has_link(const struct audit_name *n, const struct name *link)
{
	for (uint32_t off = 0, end = 0; off < n->links_len; off = end) {
		while (n->links[end])
			end += n->links[end] + 1u;
		end++;
		if (end - off == link->len && !memcmp(n->links + off, link->wire, link->len))
			return true;
	}
	return false;
}

static bool add_link(struct audit_name *n, const struct name *link)
{
	uint32_t need = n->links_len + link->len, cap = MAX(n->links_cap, LINKS_FIRST);
	uint8_t *more = n->links;

	while (cap < need)
		cap *= 2;
	if (n->n_links == AUDIT_LINKS || (cap != n->links_cap && !(more = realloc(more, cap)))) {
		n->more_links = true;
		return false;
	}
	n->links = more;
	n->links_cap = cap;
	memcpy(n->links + n->links_len, link->wire, link->len);
	n->links_len = need;
	n->n_links++;
	return true;
}

void audit_note_links(struct audit *a, struct audit_name *n, const uint8_t *links, size_t len, uint32_t keep)
{
	uint32_t grown = -n->links_cap;
	struct name link;
	size_t off = 0;

	while (off < len && name_read(&link, links, len, &off) == 0) {
		if (!has_link(n, &link) && add_link(n, &link))
			grown += text_size(&link);
	}
	grown += n->links_cap;
	if (!grown)
		return;
	n->charge += grown;
	a->bytes += grown;
	pay(a, n, grown);
	while (a->bytes > AUDIT_BYTES && make_room(a, keep, NULL))
		continue;
}

void audit_add(struct audit *a, const struct event *e, time_t when)
{
	int64_t i = audit_pair_get(a, &e->name, &e->client);
	uint32_t now = (uint32_t)when;
	struct audit_pair *p;

	if (i < 0) {
		a->dropped++;
		return;
	}
	p = &a->pairs[i];
	p->first = p->count ? MIN(p->first, now) : now;
	p->last = MAX(p->last, now);
	p->count += p->count < UINT32_MAX;
	p->reasons |= (uint16_t)(1u << e->reason);
	audit_note_type(p->name, e->type, (uint8_t)(1u << e->outcome));
	if (e->path_len)
		audit_note_links(a, p->name, e->path, e->path_len, (uint32_t)i);
}

void audit_usage(const struct audit *a, struct audit_usage *u)
{
	*u = (struct audit_usage){
		.names = a->n_names, .pairs = a->n_pairs, .clients = a->clients.n, .bytes = a->bytes,
		.limit = AUDIT_BYTES, .dropped = a->dropped, .since = a->since,
	};
}

void audit_set_dropped(struct audit *a, uint64_t dropped)
{
	a->dropped = dropped;
}

void audit_each(const struct audit *a, void (*each)(void *ctx, const struct audit_name *n), void *ctx)
{
	for (size_t i = 0; i < NAME_BUCKETS; i++) {
		for (const struct audit_name *n = a->names[i]; n; n = n->next)
			each(ctx, n);
	}
}

void audit_name(const struct audit_name *n, struct name *out)
{
	out->len = n->len;
	out->labels = n->labels;
	memcpy(out->wire, n->wire, n->len);
}

const struct audit_pair *audit_pair(const struct audit *a, uint32_t i)
{
	return &a->pairs[i];
}

const struct addr *audit_client(const struct audit *a, const struct audit_pair *p)
{
	return &a->clients.at[p->client].addr;
}
