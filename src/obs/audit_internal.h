/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef OBS_AUDIT_INTERNAL_H
#define OBS_AUDIT_INTERNAL_H

/* Shared by audit.c (names and pairs) and audit_share.c (clients, and who gives way). */

#include "obs/audit.h"

#define NAME_BUCKETS 16384
#define PAIR_BUCKETS 65536
#define CLIENT_BUCKETS 4096
#define HEAVY_MAX 20			/* more there cannot be: eight by pairs, eight by bytes, one that grows */

/* Clients, or networks. There are as many places as pairs, and none is taken without a pair. */
struct audit_holders {
	uint32_t heads[CLIENT_BUCKETS];
	struct audit_client at[AUDIT_PAIRS];		/* touched as far as `top` only */
	uint32_t top, unused;
	uint32_t heavy[HEAVY_MAX];
	size_t n_heavy, n;
};

struct audit {
	struct audit_name *names[NAME_BUCKETS];
	uint32_t pair_heads[PAIR_BUCKETS];
	struct audit_pair pairs[AUDIT_PAIRS];		/* touched as far as `top` only */
	uint32_t top, unused;				/* of pairs */
	struct audit_holders clients, nets;
	uint32_t hand;					/* where the last pair was looked at to give way */
	size_t n_names, n_pairs, bytes;
	uint64_t dropped;
	uint32_t since;
};

/* Empty. */
void audit_holders_init(struct audit_holders *h);
/* A client without a scope, or AUDIT_NONE; made where there is none. */
uint32_t audit_client_find(const struct audit *a, const struct addr *addr);
uint32_t audit_client_new(struct audit *a, const struct addr *addr);
/* What it and its network hold: a pair more or less (the last one takes the holder with it), bytes more or less. */
void audit_client_pairs(struct audit *a, uint32_t client, int by);
void audit_client_bytes(struct audit *a, uint32_t client, int64_t by);
/* The pair that gives way next, or AUDIT_NONE; but not `keep`, nor the last pair of `name` (NULL: of any). */
uint32_t audit_victim(struct audit *a, uint32_t keep, const struct audit_name *name);

#endif
