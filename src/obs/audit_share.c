/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/hash.h"
#include "base/util.h"
#include "obs/audit_internal.h"

#define SAMPLE 32			/* pairs looked at for one that gives way */
#define SHARE_WHOLE 1000
#define SHARE_HEAVY (SHARE_WHOLE / 8)
#define DOUBLING_S (4 * 86400)
/* Odd, so that the hand comes by every pair; wide, so that those looked at lie far apart: neighbours are alike. */
#define STRIDE 40503
#define NET_BYTES 8			/* of an IPv6 address, the rest is the machine's to choose */

static uint32_t share(const struct audit_client *c)
{
	return (uint32_t)MAX((uint64_t)c->pairs * SHARE_WHOLE / AUDIT_PAIRS,
			     (uint64_t)c->bytes * SHARE_WHOLE / AUDIT_BYTES);
}

/* Keeps the list of those that hold much, so that the one that holds most is found at once. */
static void weigh(struct audit_holders *h, uint32_t holder)
{
	struct audit_client *c = &h->at[holder];
	bool heavy = share(c) >= SHARE_HEAVY;

	if (heavy == c->heavy || (heavy && h->n_heavy == HEAVY_MAX))
		return;
	c->heavy = heavy;
	if (heavy) {
		h->heavy[h->n_heavy++] = holder;
		return;
	}
	for (size_t i = 0; i < h->n_heavy; i++) {
		if (h->heavy[i] == holder)
			h->heavy[i] = h->heavy[--h->n_heavy];
	}
}

static uint32_t bucket(const struct addr *addr)
{
	return (uint32_t)(hash_bytes(addr->b, addr->len) % CLIENT_BUCKETS);
}

void audit_holders_init(struct audit_holders *h)
{
	memset(h->heads, 0xff, sizeof(h->heads));
	h->unused = AUDIT_NONE;
}

static uint32_t holder_find(const struct audit_holders *h, const struct addr *addr)
{
	uint32_t i = h->heads[bucket(addr)];

	while (i != AUDIT_NONE && !addr_equal(&h->at[i].addr, addr))
		i = h->at[i].next;
	return i;
}

static uint32_t holder_new(struct audit_holders *h, const struct addr *addr)
{
	uint32_t *head = &h->heads[bucket(addr)], i = h->unused;

	if (i != AUDIT_NONE)
		h->unused = h->at[i].next;
	else
		i = h->top++;
	h->at[i] = (struct audit_client){ .addr = *addr, .next = *head, .net = AUDIT_NONE };
	*head = i;
	h->n++;
	return i;
}

static void holder_drop(struct audit_holders *h, uint32_t holder)
{
	struct audit_client *c = &h->at[holder];
	uint32_t *link = &h->heads[bucket(&c->addr)];

	while (*link != holder)
		link = &h->at[*link].next;
	*link = c->next;
	c->next = h->unused;
	h->unused = holder;
	h->n--;
}

static void holder_pairs(struct audit_holders *h, uint32_t holder, int by)
{
	h->at[holder].pairs += (uint32_t)by;
	weigh(h, holder);
	if (!h->at[holder].pairs)
		holder_drop(h, holder);
}

static void holder_bytes(struct audit_holders *h, uint32_t holder, int64_t by)
{
	h->at[holder].bytes += (uint32_t)by;
	weigh(h, holder);
}

uint32_t audit_client_find(const struct audit *a, const struct addr *addr)
{
	return holder_find(&a->clients, addr);
}

uint32_t audit_client_new(struct audit *a, const struct addr *addr)
{
	uint32_t i = holder_new(&a->clients, addr), net;
	struct addr prefix = *addr;

	if (prefix.len == 16)
		memset(prefix.b + NET_BYTES, 0, sizeof(prefix.b) - NET_BYTES);
	net = holder_find(&a->nets, &prefix);
	a->clients.at[i].net = net != AUDIT_NONE ? net : holder_new(&a->nets, &prefix);
	return i;
}

void audit_client_pairs(struct audit *a, uint32_t client, int by)
{
	holder_pairs(&a->nets, a->clients.at[client].net, by);
	holder_pairs(&a->clients, client, by);
}

void audit_client_bytes(struct audit *a, uint32_t client, int64_t by)
{
	holder_bytes(&a->nets, a->clients.at[client].net, by);
	holder_bytes(&a->clients, client, by);
}

static uint64_t worth(const struct audit_pair *p)
{
	return p->last + (uint64_t)(32 - __builtin_clz(p->count | 1)) * DOUBLING_S;
}

/* Of those that hold much the one that holds most, of that network or (AUDIT_NONE) of all; AUDIT_NONE: there is none. */
static uint32_t heaviest(const struct audit_holders *h, uint32_t net)
{
	uint32_t most = AUDIT_NONE;

	for (size_t i = 0; i < h->n_heavy; i++) {
		const struct audit_client *c = &h->at[h->heavy[i]];

		if ((net == AUDIT_NONE || c->net == net) && (most == AUDIT_NONE || share(c) > share(&h->at[most])))
			most = h->heavy[i];
	}
	return most;
}

uint32_t audit_victim(struct audit *a, uint32_t keep, const struct audit_name *name)
{
	uint32_t net = heaviest(&a->nets, AUDIT_NONE), worst = AUDIT_NONE;
	uint32_t client = net != AUDIT_NONE ? heaviest(&a->clients, net) : AUDIT_NONE;
	unsigned looked = 0;

	for (uint32_t n = 0; n < AUDIT_PAIRS && looked < SAMPLE; n++) {
		uint32_t i = a->hand = (a->hand + STRIDE) % AUDIT_PAIRS;
		const struct audit_pair *p = &a->pairs[i];

		if (i >= a->top || !p->name || i == keep || (client != AUDIT_NONE && p->client != client) ||
		    (net != AUDIT_NONE && a->clients.at[p->client].net != net))
			continue;
		if (p->name == name && p->older == AUDIT_NONE && p->newer == AUDIT_NONE)
			continue;
		looked++;
		if (worst == AUDIT_NONE || worth(p) < worth(&a->pairs[worst]))
			worst = i;
	}
	return worst;
}
