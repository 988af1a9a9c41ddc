/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef STATE_STATS_H
#define STATE_STATS_H

/* Counters of one worker: a plain array that only its thread touches, with a table of names. */

#include <stdint.h>

enum counter {
	STAT_UDP, STAT_TCP, STAT_FOREIGN_CLIENT, STAT_MALFORMED, STAT_REFUSED,
	STAT_LOCAL, STAT_CACHED, STAT_STALE, STAT_RESOLVED, STAT_NODATA, STAT_BLOCKED, STAT_BLOCKED_CHAIN,
	STAT_AUDITED, STAT_FAILED, STAT_SHED, STAT_JOINED,
	STAT_HELD, STAT_WARM_RENEWED, STAT_HOLD_FAILED,
	STAT_UP_SENT, STAT_UP_TCP, STAT_UP_TIMEOUT, STAT_UP_ERROR, STAT_UP_BAD, STAT_UP_FOREIGN, STAT_UP_FILTERED,
	STAT_EVENTS_LOST,
	STAT_COUNT,
};

struct stats {
	uint64_t n[STAT_COUNT];
};

struct stat_info {
	const char *name, *help;
};

extern const struct stat_info stat_info[STAT_COUNT];

static inline void stat_add(struct stats *s, enum counter which)
{
	s->n[which]++;
}

/* Adds b to a. */
void stats_sum(struct stats *a, const struct stats *b);

#endif
