/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REPLAY_REPLY_H
#define REPLAY_REPLY_H

/* What a script lets an upstream say. */

#include "fake.h"
#include "script.h"

#define RECORDS_MAX 256

/* Records as the script writes them, in wire form, by section. */
struct records {
	struct record_wire {
		uint8_t *wire;
		size_t len;
		unsigned section;
	} v[RECORDS_MAX];
	size_t n;
};

/* "authority" and "additional" alone on a line lead over. Says what is wrong; false. */
bool records_read(struct records *r, char **block, size_t n);
void records_free(struct records *r);

struct upstream_reply {
	unsigned rcode;
	uint16_t flags;			/* besides QR, RD and RA */
	bool wrong_id, wrong_case, no_qr, no_question, compress, opt;
	unsigned upper_rcode;		/* in OPT */
	const char *question, *qtype;	/* others than were asked; NULL: the same */
	const char *raw;		/* hex to put behind the question, with counts that say `claims` answers */
	unsigned claims;
};

/* Builds the reply to x; gives its length, 0 when it cannot (said). */
size_t reply_build(uint8_t *out, size_t cap, const struct exchange *x, const struct upstream_reply *u,
		   const struct records *r);
/* Puts the records of each section into the order that this run has chosen. */
void records_shuffle(struct records *r);

/* Bytes of hex digits, which may be spaced; -1 when they are none. */
int hex_read(uint8_t *out, size_t cap, const char *text);

#endif
