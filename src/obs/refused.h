/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef OBS_REFUSED_H
#define OBS_REFUSED_H

/*
 * The names most refused: what an admin reads to learn what a machine still
 * needs. A bounded table; a new name takes the place of one that was refused least.
 */

#include <time.h>

#include "base/addr.h"
#include "dns/name.h"

#define REFUSED_NAMES 8192

struct refused;

struct refused_entry {
	struct name name;
	struct name link;		/* of the last refusal; len 0: the name itself is not listed */
	struct addr client;		/* who was refused last, */
	time_t time;			/* and when */
	uint64_t count;
};

struct refused *refused_new(void);
void refused_free(struct refused *r);
/* times: how many refusals this one stands for. */
void refused_add(struct refused *r, const struct name *name, const struct addr *client, const struct name *link,
		 time_t when, unsigned times);
/* The most refused first, n of them into out (malloc); NULL without memory. */
struct refused_entry *refused_top(const struct refused *r, size_t *n);

#endif
