/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef OBS_EVENT_H
#define OBS_EVENT_H

/*
 * What happened to a question, from a worker to the main thread: through a
 * ring of bytes with one writer and one reader. Writing copies a name or two and formats
 * nothing (I4); what does not fit is counted.
 */

#include "base/addr.h"
#include "dns/name.h"
#include "policy/chain.h"

enum event_verdict { EVENT_ALLOWED, EVENT_BLOCKED, EVENT_AUDITED, EVENT_FAILED };

/* What upstream had to say, where it was asked for this and audit mode wants to know. */
enum event_outcome {
	EVENT_UNKNOWN,			/* from the cache: it was told before */
	EVENT_FOUND,
	EVENT_NODATA,
	EVENT_NXDOMAIN,
	EVENT_FILTERED,			/* nothing was left that may pass */
	EVENT_UNANSWERED,		/* nothing that counts */
};

#define EVENT_PATH (CHAIN_TARGETS * NAME_MAX_WIRE)

struct event {
	struct addr client;
	uint32_t generation;		/* of the snapshot that entry and profile belong to */
	uint32_t entry;			/* or ENTRY_NONE */
	uint16_t profile, type;
	uint16_t weight;		/* how many it stands for: 1, or it is a sample of many refusals */
	uint8_t verdict;		/* enum event_verdict */
	uint8_t reason;			/* enum reason */
	uint8_t outcome;		/* enum event_outcome, of EVENT_AUDITED */
	uint16_t path_len;
	uint32_t us;			/* how long it took, 0 where answered at once */
	struct name name;
	struct name link;		/* len 0: none */
	const uint8_t *path;		/* of EVENT_AUDITED: all that the answer led to, path_len bytes of names in wire form */
};

struct event_ring;

#define EVENT_RING_BYTES (1 << 20)

struct event_ring *event_ring_new(void);
void event_ring_free(struct event_ring *r);
/*
 * Writer. -ENOSPC when it is full, 1 when the ring was empty before or has become half full: then
 * the reader wants to be woken; else 0.
 */
int event_put(struct event_ring *r, const struct event *e);
/* Reader. False when it is empty. The path is copied into room, of EVENT_PATH bytes; NULL: passed over. */
bool event_get(struct event_ring *r, struct event *e, uint8_t *room);

#endif
