/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_PATTERN_H
#define POLICY_PATTERN_H

/*
 * One pattern of SPEC 3. Compiled form: the labels in wire form, lower case,
 * where '*' (which no label may hold otherwise) is a star, and a flag for the leading
 * dot. Matching is by wire labels.
 */

#include "dns/name.h"

#define PATTERN_WHY 512			/* room for any reason */
#define PATTERN_SHOWN 512

struct pattern {
	bool dot;			/* ".example.com": the name itself and all below */
	uint8_t stars;
	uint8_t len;			/* of wire, root label included */
	uint8_t labels;
	uint8_t wire[NAME_MAX_WIRE];
};

/* Parses and checks text; -EINVAL with what is wrong and what would be right in why (unless whylen is 0). */
must_check int pattern_parse(struct pattern *p, const char *text, size_t len, char *why, size_t whylen);
/* A text that was refused, printable, cut where it is endless; buf of PATTERN_SHOWN bytes, which is returned. */
const char *pattern_shown(const char *text, size_t len, char *buf);
/* The rule itself: the index uses it for what its keys do not settle, the tests hold the index against it. */
bool pattern_match(const struct pattern *p, const struct name *n);
/* As pattern_match, on the stored form. */
bool pattern_match_wire(const uint8_t *wire, bool dot, const struct name *n);
/* As written in lower case, without a final dot; buf of 256 bytes. */
const char *pattern_text(const uint8_t *wire, bool dot, char *buf);
/* More specific first (SPEC 3: no star before star, then the longer text right of the last star). <0, 0, >0 */
int pattern_compare(const uint8_t *a, bool adot, const uint8_t *b, bool bdot);
/*
 * One of the names that a stored pattern takes, such that whatever takes it takes all that the pattern does;
 * `below`: of those below it (for a leading dot). False where none fits into a name.
 */
must_check bool pattern_sample(struct name *n, const uint8_t *wire, bool below);
/* [anybody]: takes names of more than one registrable domain. */
bool pattern_anybody(const struct pattern *p);
/* Every name that `narrow` takes, `wide` takes too (may say no where it is hard to tell). */
bool pattern_covers(const struct pattern *wide, const struct pattern *narrow);

#endif
