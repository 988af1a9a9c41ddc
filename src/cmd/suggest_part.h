/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CMD_SUGGEST_PART_H
#define CMD_SUGGEST_PART_H

/* Shared by suggest_entries.c (what was asked for), suggest_links.c (what it led to), suggest_bound.c and the printing. */

#include "cmd/suggest.h"

/* An entry for each pattern that n different names become; only: see fold_names; of[i] is that of names[i]. -ENOMEM. */
must_check int suggest_fold(struct suggest *s, size_t *cap, const char *const *names, const uint32_t *only, size_t n,
			    enum role role, uint32_t *of);
/* The chain entries for what the names of the others led to. -ENOMEM. */
must_check int suggest_links(struct suggest *s, size_t *cap);
/* A link as it was seen, that one name alone leads to: such stand together, in the order of the chain. */
bool suggest_single_link(const struct suggestion *v);
/* The types that a's group has to name, with something before and between them; NULL without memory. */
const char *suggest_types(const struct suggest *s, const struct asked *a, const char *before, const char *between);

/* By registrable domain, then text: pointers to entries. */
int suggest_by_domain(const void *pa, const void *pb);
/* Gives the allow entries that are not to be written their fate. -ENOMEM. */
must_check int suggest_weigh(struct suggest *s);
/* No more entries of one domain than can be looked at, among those from `first` on. -ENOMEM. */
must_check int suggest_bound(struct suggest *s, size_t first);
/* The comments at the end. */
void suggest_left(const struct suggest *s, FILE *out);
/* What an entry stands for; "s" or nothing; "DAY" or "DAY to DAY"; the client or how many. */
void suggest_evidence(const struct suggestion *v, FILE *out);
const char *suggest_plural(uint64_t n);
void suggest_days(FILE *out, uint32_t first, uint32_t last);
size_t suggest_count_fate(const struct suggest *s, enum fate fate);

#endif
