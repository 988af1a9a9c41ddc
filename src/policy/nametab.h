/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_NAMETAB_H
#define POLICY_NAMETAB_H

/* A map from names to numbers, built once: found whole, or by the longest name above. */

#include "base/arena.h"
#include "dns/name.h"

#define NAMETAB_NONE UINT32_MAX

struct nametab;

/* Room for at most n names. NULL without memory. */
struct nametab *nametab_new(struct arena *a, size_t n);
/* name must live as long as the table; the same name again replaces its value. */
void nametab_put(struct nametab *t, const struct name *name, uint32_t value);
uint32_t nametab_find(const struct nametab *t, const struct name *name);
/* The value of the longest name that `name` is or is below; NAMETAB_NONE. */
uint32_t nametab_find_above(const struct nametab *t, const struct name *name);

#endif
