/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CMD_SUGGEST_PART_H
#define CMD_SUGGEST_PART_H

/* Shared by suggest_entries.c (what was asked for), suggest_links.c (what it led to) and suggest_print.c. */

#include "cmd/suggest.h"

/* One more entry; NULL without memory. Those before it may move. */
struct suggestion *suggest_add(struct suggest *s, size_t *cap, const char *pattern, enum role role);
/* An entry for each pattern that n different names become; of[i] is that of names[i]. -ENOMEM. */
must_check int suggest_fold(struct suggest *s, size_t *cap, const char *const *names, size_t n, enum role role,
			    uint32_t *of);
/* The chain entries for what the names of the others led to. -ENOMEM. */
must_check int suggest_links(struct suggest *s, size_t *cap);
/* A link as it was seen, that one name alone leads to: such stand together, in the order of the chain. */
bool suggest_single_link(const struct suggestion *v);
/* The types that a's group has to name, with something before and between them; NULL without memory. */
const char *suggest_types(const struct suggest *s, const struct asked *a, const char *before, const char *between);

#endif
