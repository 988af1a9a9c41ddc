/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_RECORDS_H
#define POLICY_RECORDS_H

/* [records]: names that are answered from the configuration. */

#include "conf/conf.h"
#include "dns/record.h"
#include "dns/wire.h"

struct records;

/* The records of one owner, in the order written. */
struct record_set {
	struct name name;
	struct record *v;
	size_t n;
	const struct record_set *cname;	/* where its CNAME leads: then it has one record only */
};

/* Parses them all; what is wrong goes to d. NULL without memory. */
const struct records *records_build(struct arena *a, const struct conf *c, struct diag_list *d);
/* NULL: no record of that name. */
const struct record_set *records_find(const struct records *r, const struct name *n);
/* Writes the answer; a negative one bears an SOA with `ttl`. `limit` as for wire_end. Gives the length. */
size_t records_answer(const struct record_set *set, const struct wire_query *q, uint32_t ttl, uint8_t *out,
		      size_t cap, size_t limit);

#endif
