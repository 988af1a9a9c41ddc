/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_SPECIAL_H
#define POLICY_SPECIAL_H

/*
 * Special names (RFC 6761, 6303, 6762, 7686, 7793, 8375, 8880, 9462): answered
 * here, never sent upstream.
 */

#include "dns/wire.h"
#include "policy/nametab.h"

enum special_kind {
	SPECIAL_NXDOMAIN,		/* the zone is empty */
	SPECIAL_NODATA,			/* every name in it has nothing */
	SPECIAL_LOCALHOST,		/* 127.0.0.1 and ::1, below it too */
	SPECIAL_PTR_LOCALHOST,
	SPECIAL_IPV4ONLY,		/* RFC 8880 7.1 */
	SPECIAL_PTR_IPV4ONLY,
	SPECIAL_CANARY,			/* NXDOMAIN where no entry has it, whatever `block` says */
};

struct special {
	struct name zone;
	enum special_kind kind;
	bool exact;			/* the name alone, not what is below it */
};

struct specials;

/* NULL without memory. */
const struct specials *special_build(struct arena *a);
/* The special zone that n is in, canaries excepted; NULL: none. */
const struct special *special_find(const struct specials *s, const struct name *n);
const struct special *special_canary(const struct specials *s, const struct name *n);
/* Writes the answer; `ttl` is its TTL, and of a negative one's SOA. `limit` as for wire_end. Gives the length. */
size_t special_answer(const struct special *s, const struct wire_query *q, uint32_t ttl, uint8_t *out, size_t cap,
		      size_t limit);

#endif
