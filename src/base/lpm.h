/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_LPM_H
#define BASE_LPM_H

/* Longest-prefix map: built once into sorted ranges, looked up by bisection. */

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"

#define LPM_NONE UINT32_MAX

struct lpm;

struct lpm_rule {
	struct prefix prefix;
	uint32_t value;		/* not LPM_NONE */
};

/*
 * The map lives in `a`; the rules may be in any order; of the same prefix
 * twice the later wins. NULL when memory is short.
 */
struct lpm *lpm_build(struct arena *a, const struct lpm_rule *rules, size_t n);
/* The value of the longest prefix that holds addr, or LPM_NONE. */
uint32_t lpm_find(const struct lpm *m, const struct addr *addr);

#endif
