/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_REPLY_H
#define CORE_REPLY_H

/* The replies that clients see. None of these allocates. (I4) All give the length; 0: say nothing. */

#include "policy/snapshot.h"
#include "state/rcache.h"

struct reply_room {
	uint8_t *out;
	size_t cap;
	size_t limit;			/* see wire_end */
};

/* As the profile's `block` says. `link`: the name where a chain left the catalogue, or NULL. */
size_t reply_block(const struct snapshot *s, const struct profile *p, const struct wire_query *q,
		   const struct name *link, struct reply_room room);
/* The name may be asked for, but there is nothing of this type for this client. why: text for the EDE, or NULL. */
#define REPLY_FILTERED "what there was may not pass"
size_t reply_nodata(const struct snapshot *s, const struct wire_query *q, const char *why, struct reply_room room);
size_t reply_failure(const struct wire_query *q, const struct wire_ede *ede, struct reply_room room);
/* RFC 8482 4.2 */
size_t reply_any(const struct wire_query *q, uint32_t ttl, struct reply_room room);

struct reply_stored {
	const uint8_t *wire;
	const uint16_t *ttls;
	size_t len, n_ttls;
	uint32_t age;			/* seconds since it was stored */
	uint32_t floor, ceil;		/* of every TTL; ceil goes before floor */
	struct wire_ede ede;
};

#define STALE_TTL 30			/* RFC 8767 4 */

/* A cached answer as it is to be given now; `stale`: past its time. */
struct reply_stored reply_of_entry(const struct rcache_entry *e, uint64_t now_ms, bool stale);
size_t reply_stored(const struct reply_stored *r, const struct wire_query *q, struct reply_room room);

#endif
