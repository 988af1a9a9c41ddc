/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_FOLD_INTERNAL_H
#define POLICY_FOLD_INTERNAL_H

/* Shared by fold.c (what becomes one pattern) and fold_cover.c (what another takes already). */

#include <string.h>

#include "policy/fold.h"

#define SHAPE_MAX 256

/* A pattern in the making. */
struct fold_entry {
	char text[256];
	uint32_t into;			/* the entry that took it, or itself */
	uint32_t names;
	uint32_t only;			/* who alone asked for all of it, or FOLD_SEVERAL */
	uint8_t how;
	bool scheme;			/* its label is one of a scheme */
	uint8_t at, end;		/* the label at hand */
	uint8_t domain;			/* length of its registrable domain, which no pattern touches */
	char shape[64], place[SHAPE_MAX];
};

struct fold_work {
	struct fold_entry *all;
	struct fold_entry **live;
	size_t n;
	bool links;
};

static inline const char *fold_domain_of(const struct fold_entry *e)
{
	return e->text + strlen(e->text) - e->domain;
}

static inline bool fold_alive(const struct fold_work *w, const struct fold_entry *e)
{
	return e->into == (uint32_t)(e - w->all);
}

/* The first of the run becomes the pattern, and takes the others. */
void fold_take(struct fold_entry *const *run, size_t n, const char *text, enum fold_how how);
/* Drops from the living what another took. */
void fold_compact(struct fold_work *w);
/* Joins what is taken by the pattern of another. -ENOMEM. */
must_check int fold_cover(struct fold_work *w);

#endif
