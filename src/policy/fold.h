/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_FOLD_H
#define POLICY_FOLD_H

/*
 * Names that were seen into patterns, as few as the evidence supports. Each label is read as words, numbers
 * and random parts ("a767": a word and a number). Position by position from the left, names that
 * differ in one label only, and there in numbers or random parts only, become one pattern with a star for
 * each part that differs:
 *
 *   FOLD_NUMBERS	names that differ in a number, two of them being enough
 *   FOLD_RANDOM	names that differ in a random part, three
 *   FOLD_SCHEME	different names with labels of one shape, in places of one shape, make all of those a star
 *   FOLD_MANY		names below one that is itself below its registrable domain, whatever they look like
 *
 * What would take names of more than one registrable domain is never made (pattern_anybody): there
 * the names stay as they are.
 *
 * One client must not open a zone to all by names of its choosing. FOLD_MANY, and a star for all below a
 * registrable domain, need their number of names from whichever client is left out: names that it alone asked
 * for do not count. How long it took does not matter: who is patient is no better a witness.
 */

#include "policy/pattern.h"

#define FOLD_NUMBERS 2
#define FOLD_RANDOM 3
#define FOLD_SCHEME 3
#define FOLD_MANY 16

#define FOLD_SEVERAL UINT32_MAX

enum fold_how { FOLD_AS_SEEN, FOLD_BY_NUMBER, FOLD_BY_RANDOM, FOLD_BY_MANY };

struct fold_pattern {
	char text[256];
	uint32_t names;			/* how many of them it stands for */
	uint8_t how;			/* enum fold_how, the widest step of it */
};

struct fold {
	/*
	 * None of which takes all that another does; in a domain of a thousand and more only those that stand
	 * for most names are compared with the others.
	 */
	struct fold_pattern *v;
	size_t n;
	uint32_t *of;			/* of each name its pattern */
};

/*
 * names: n different ones as text, lower case, each a good pattern. links: names of chains, whose
 * places are of one shape already where they are equal but for one label ("e1.dscd.akamaiedge.net",
 * "e2.g.akamaiedge.net"), as operators name their maps. only: of each name the number of the client that
 * alone asked for it, or FOLD_SEVERAL; NULL: several did for all. 0 or -ENOMEM.
 */
must_check int fold_names(struct fold *f, const char *const *names, size_t n, const uint32_t *only, bool links);
void fold_free(struct fold *f);

/* The part of the text that is the registrable domain of what it takes; all of it where that is a suffix itself. */
const char *fold_domain(const char *text);
/* The shape of a label or a name: numbers as #, random parts as ?; out has room for len + 1. */
void fold_shape(const char *text, size_t len, char *out);

#endif
