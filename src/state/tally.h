/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef STATE_TALLY_H
#define STATE_TALLY_H

/* How much of something each client holds now; clients that hold nothing take no room. */

#include "base/addr.h"

struct tally;

struct tally *tally_new(void);
void tally_free(struct tally *t);
/* One more for the client, unless it holds `limit` already (0: no limit) or memory is short: false. */
must_check bool tally_take(struct tally *t, const struct addr *client, unsigned limit);
void tally_give(struct tally *t, const struct addr *client);

#endif
