/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CORE_LIVE_H
#define CORE_LIVE_H

/* One question through the same machinery that serves, without serving: for `explain --live`. */

#include "core/query.h"

/*
 * Asks upstream as a client of the profile would and calls done as query_ask does, before it
 * returns. 0, or -errno when the machinery could not be set up (done was not called).
 */
must_check int live_ask(struct snapshot *s, const struct profile *p, const struct verdict *v,
			const struct name *qname, uint16_t qtype, query_done_fn *done, void *ctx);

#endif
