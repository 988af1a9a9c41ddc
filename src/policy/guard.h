/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef POLICY_GUARD_H
#define POLICY_GUARD_H

/* What counts as a private address (SPEC 5, the list at its end), in every form an IPv6 address can carry one. */

#include "base/addr.h"
#include "base/arena.h"
#include "conf/conf.h"

struct guard;

/* The built-in ranges and `more` ([server] private). NULL without memory. */
const struct guard *guard_build(struct arena *a, const struct conf_prefixes *more);
bool guard_private(const struct guard *g, const struct addr *addr);

#endif
