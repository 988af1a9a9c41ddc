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

static uint32_t share(const struct audit_client *c)
{
	return (uint32_t)MAX((uint64_t)c->pairs * SHARE_WHOLE / AUDIT_PAIRS,
			     (uint64_t)c->bytes * SHARE_WHOLE / AUDIT_BYTES);
}

/* Keeps the list of those that hold much, so that the one that holds most is found at once. */
static void weigh(struct audit *a, uint32_t client)
{
	struct audit_client *c = &a->clients[client];
	bool heavy = share(c) >= SHARE_HEAVY;

	if (heavy == c->heavy || (heavy && a->n_heavy == HEAVY_MAX))
		return;
	c->heavy = heavy;
	if (heavy) {
		a->heavy[a->n_heavy++] = client;
		return;
	}
	for (size_t i = 0; i < a->n_heavy; i++) {
		if (a->heavy[i] == client)
			a->heavy[i] = a->heavy[--a->n_heavy];
	}
}

static uint32_t bucket(const struct addr *addr)
{
	return (uint32_t)(hash_bytes(addr->b, addr->len) % CLIENT_BUCKETS);
}

uint32_t audit_client_find(const struct audit *a, const struct addr *addr)
{
	uint32_t i = a->client_heads[bucket(addr)];

	while (i != AUDIT_NONE && !addr_equal(&a->clients[i].addr, addr))
		i = a->clients[i].next;
	return i;
}

/* There are as many places as pairs, and none has a place without a pair. */
uint32_t audit_client_new(struct audit *a, const struct addr *addr)
{
	uint32_t *head = &a->client_heads[bucket(addr)], i = a->clients_unused;

	if (i != AUDIT_NONE)
		a->clients_unused = a->clients[i].next;
	else
		i = a->clients_top++;
	a->clients[i] = (struct audit_client){ .addr = *addr, .next = *head };
	*head = i;
	a->n_clients++;
	return i;
}

static void client_drop(struct audit *a, uint32_t client)
{
	struct audit_client *c = &a->clients[client];
	uint32_t *link = &a->client_heads[bucket(&c->addr)];

	while (*link != client)
		link = &a->clients[*link].next;
	*link = c->next;
	c->next = a->clients_unused;
	a->clients_unused = client;
	a->n_clients--;
}

void audit_client_pairs(struct audit *a, uint32_t client, int by)
{
	a->clients[client].pairs += (uint32_t)by;
	weigh(a, client);
	if (!a->clients[client].pairs)
		client_drop(a, client);
}

void audit_client_bytes(struct audit *a, uint32_t client, int64_t by)
{
	a->clients[client].bytes += (uint32_t)by;
	weigh(a, client);
}

static uint64_t worth(const struct audit_pair *p)
{
	return p->last + (uint64_t)(32 - __builtin_clz(p->count | 1)) * DOUBLING_S;
}

static uint32_t heaviest(const struct audit *a)
{
	uint32_t most = AUDIT_NONE;

	for (size_t i = 0; i < a->n_heavy; i++) {
		if (most == AUDIT_NONE || share(&a->clients[a->heavy[i]]) > share(&a->clients[most]))
			most = a->heavy[i];
	}
	return most;
}

uint32_t audit_victim(struct audit *a, uint32_t keep)
{
	uint32_t client = heaviest(a), worst = AUDIT_NONE;
	unsigned looked = 0;

	for (uint32_t n = 0; n < AUDIT_PAIRS && looked < SAMPLE; n++) {
		uint32_t i = a->hand = (a->hand + STRIDE) % AUDIT_PAIRS;
		const struct audit_pair *p = &a->pairs[i];

		if (i >= a->top || !p->name || i == keep || (client != AUDIT_NONE && p->client != client))
			continue;
		looked++;
		if (worst == AUDIT_NONE || worth(p) < worth(&a->pairs[worst]))
			worst = i;
	}
	return worst;
}
