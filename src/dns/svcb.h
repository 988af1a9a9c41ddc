/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DNS_SVCB_H
#define DNS_SVCB_H

/* SVCB and HTTPS rdata (RFC 9460 2.2): target, port, address hints; a copy with hints taken out. */

#include "base/addr.h"
#include "dns/name.h"

struct svcb {
	uint16_t priority;		/* 0: AliasMode */
	struct name target;		/* the root stands for the owner in ServiceMode, "no service" in AliasMode */
	uint16_t port;			/* 0: none given */
	const uint8_t *hint4, *hint6;	/* into the message, NULL: none */
	uint16_t hint4_len, hint6_len;	/* bytes */
	bool mandatory4, mandatory6;	/* `mandatory` names the hint: the record is void without it */
};

/*
 * Checks the whole rdata of msg at off: lengths, ascending keys (2.2), hints
 * of whole addresses, an uncompressed target. Clients ignore the parameters
 * of AliasMode (2.4.2), but they are checked and reported all the same:
 * their hints would be sent on. -EBADMSG.
 */
must_check int svcb_parse(struct svcb *s, const uint8_t *msg, size_t off, size_t rdlen);
/*
 * Writes the rdata without the hint addresses that `drop` says; a hint of
 * which none is left goes as a whole. Gives the new length (cap >= rdlen), 0 when
 * it is malformed.
 */
size_t svcb_strip(uint8_t *out, size_t cap, const uint8_t *msg, size_t off, size_t rdlen,
		  bool (*drop)(void *ctx, const struct addr *hint), void *ctx);

#endif
