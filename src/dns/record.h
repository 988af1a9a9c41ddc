/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DNS_RECORD_H
#define DNS_RECORD_H

/*
 * Records between text and wire, through ldns, whose knowledge of every type's
 * presentation form we would not want to write again. Not for the fast path.
 */

#include "base/arena.h"
#include "dns/name.h"

struct record {
	struct name owner;
	uint16_t type;
	uint32_t ttl;
	uint16_t rdlen;
	uint8_t *rdata;			/* uncompressed */
};

/*
 * One record in zone-file syntax (RFC 1035 5), class IN, TTL given or 3600.
 * rdata lives in `a`. -EINVAL with a reason in why (whylen bytes), -ENOMEM.
 */
must_check int record_parse(struct record *r, struct arena *a, const char *text, char *why, size_t whylen);
/* Presentation form of rdata, e.g. for `explain --live`; buf is always a string. */
const char *record_rdata_text(uint16_t type, const uint8_t *rdata, size_t rdlen, char *buf, size_t cap);

#endif
