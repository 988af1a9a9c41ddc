/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef STATE_LEASE_OPENER_H
#define STATE_LEASE_OPENER_H

/*
 * Who opened a lease: a name asked for, by which entry and over which chain. One opener stands behind all the
 * leases of its answer, and is counted by them.
 */

#include "conf/conf.h"
#include "state/lease_slots.h"

#define OPENER_CHAIN 1024		/* bytes of a chain that are kept, whole names */

/* As it is asked for. */
struct opener_of {
	uint64_t profile;		/* 0: not known, adopted */
	const char *text;		/* its name, escaped; "": not known */
	const uint8_t *chain;
	size_t chain_len;
	const char *file;
	size_t file_len;
	uint32_t line;
	const struct conf_port *ports;
	size_t n_ports;
};

struct opener {
	struct slot slot;
	uint32_t refs;
	uint32_t line;
	uint64_t profile;
	uint8_t *bytes;			/* text with its NUL, then the chain */
	uint16_t text_len, chain_len;
	uint32_t file, ports;		/* shared blobs; 0: none */
	/* Of the review under way or the last. */
	uint32_t reviewed;		/* its number */
	uint32_t ports_ok;
	uint64_t exports_ok;		/* 0: it may not go on */
};

struct openers {
	struct slots all, blobs;
	size_t bytes;			/* malloc'd beside the slots */
};

void openers_init(struct openers *os);
void openers_free(struct openers *os);
/* Its number, with a count for the caller; 0 without memory. */
must_check uint32_t opener_take(struct openers *os, const struct opener_of *of);
void opener_keep(struct openers *os, uint32_t id);
void opener_drop(struct openers *os, uint32_t id);
/* NULL: not a number in use. */
struct opener *opener_at(const struct openers *os, uint32_t id);
static inline const char *opener_text(const struct opener *o)
{
	return (const char *)o->bytes;
}
static inline const uint8_t *opener_chain(const struct opener *o)
{
	return o->bytes + o->text_len + 1;
}
const char *opener_file(const struct openers *os, const struct opener *o, size_t *len);
const struct conf_port *opener_ports(const struct openers *os, const struct opener *o, size_t *n);
/* What a review said of it. -ENOMEM. */
must_check int opener_judge(struct openers *os, struct opener *o, uint32_t review, uint64_t exports,
			    const struct conf_port *ports, size_t n);
const struct conf_port *opener_ports_ok(const struct openers *os, const struct opener *o, size_t *n);

#endif
