/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DNS_ZONEFILE_H
#define DNS_ZONEFILE_H

/*
 * A zone file (RFC 1035 5) read record by record, each with the line on which it begins; what a record says is
 * read by ldns. A record that cannot be read is told, and reading goes on behind it.
 */

#include <stdio.h>

#include "dns/name.h"
#include "dns/types.h"

#define ZONEFILE_RECORD 65536		/* bytes of one record's text, its lines together */

struct zonefile;

struct zonefile_record {
	struct name owner;
	uint16_t type;
	struct name target;		/* of a CNAME or DNAME; else the root */
};

must_check int zonefile_open(struct zonefile **z, FILE *in);	/* 0 or -ENOMEM; `in` stays the caller's */
void zonefile_close(struct zonefile *z);			/* NULL is allowed */
/*
 * 1; 0 at the end; -EINVAL: what begins on zonefile_line cannot be read, for the reason zonefile_why, and the
 * next call goes on; -ENOMEM, or -errno when reading failed.
 */
must_check int zonefile_next(struct zonefile *z, struct zonefile_record *r);
unsigned zonefile_line(const struct zonefile *z);
const char *zonefile_why(const struct zonefile *z);
/* The record as written, its lines joined, without comments and a bracket's marks. */
const char *zonefile_text(const struct zonefile *z, size_t *len);
/*
 * What names without a final dot are below: the $ORIGIN last said, else the owner of a SOA before. A file that has
 * said neither is below zonefile_unnamed, a name that no zone has.
 */
const struct name *zonefile_origin(const struct zonefile *z);
extern const struct name zonefile_unnamed;

#endif
